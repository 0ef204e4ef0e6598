"""What commands share: their parameters, loading a model, and writing or printing what came of it."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

from cyclopts import Parameter

from textdream.cli.app import MODEL, OUTPUT, TARGET
from textdream.cli.interrupt import check as check_interrupt
from textdream.configs import ModelConfig, TargetConfig
from textdream.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from textdream.model import Model

Kept = TypeVar("Kept")
Text = Annotated[str, Parameter(help="The text to start from, in quotes.")]
Flat = Parameter(name="*")


@dataclass(frozen=True)
class PlainOutputConfig:
    """Where what is no result kind of its own goes."""

    out: Path | None = None
    """Write the result to this file."""
    json: Annotated[bool, Parameter(negative="")] = False
    """Print the result as JSON on standard output, and nothing else there."""


@dataclass(frozen=True)
class OutputConfig(PlainOutputConfig):
    """Where a result goes."""

    html: Path | None = None
    """Write a page that draws the result, offline, to this file."""


Model_ = Annotated[ModelConfig, Flat, Parameter(group=MODEL)]
Target = Annotated[TargetConfig, Flat, Parameter(group=TARGET)]
PlainOutput = Annotated[PlainOutputConfig, Flat, Parameter(group=OUTPUT)]
Output = Annotated[OutputConfig, Flat, Parameter(group=OUTPUT)]
Seed = Annotated[int, Parameter(help="Accepted by every command; this one draws nothing.", show=False)]


def load_model(config: ModelConfig) -> Model:
    """The model, with a line on standard error while it loads."""
    with console().status(plain(f"loading {config.model} …")):
        from textdream.model import load

        loaded = load(config.model, device=config.device)
    check_interrupt()
    return loaded


def console(stderr: bool = True) -> Console:
    """Where words for people go: standard error, unless they are the result."""
    from rich.console import Console

    return Console(stderr=stderr)


def plain(text: str, dim: bool = False) -> Any:
    """Text of the user's or of a file's, in which rich sees no markup and the terminal no commands."""
    from rich.text import Text as RichText

    from textdream.report.readable import readable

    return RichText(readable(text), style="dim" if dim else "")


def check_output(output: PlainOutputConfig, read: Mapping[str, str | Path | None] | None = None) -> None:
    """Refuse a place that cannot be written, or is one of the files that are read: before the work, not after it."""
    html = output.html if isinstance(output, OutputConfig) else None
    check_places({"--out": output.out, "--html": html}, read or {})


def check_places(written: Mapping[str, Path | None], read: Mapping[str, str | Path | None]) -> None:
    """The same for any flags: no file is written twice, or over one that is read."""
    taken = {os.path.realpath(path): name for name, path in read.items() if path}
    for flag, path in written.items():
        if path is None:
            continue
        check_place(path, flag)
        if other := taken.get(os.path.realpath(path)):
            raise InputError(f"{other} and {flag} are both {path}", "two files", f"give another {flag}")
        taken[os.path.realpath(path)] = flag


def check_place(path: Path, flag: str) -> None:
    """Refuse one file that cannot be written, or that stands in an index."""
    from textdream.records import check_writable

    check_writable(path, flag)
    folder = path.resolve().parent
    if (folder / "sentences.parquet").exists() and (folder / "directions.safetensors").exists():
        raise InputError(f"{folder} is a corpus index", f"{flag} takes a file outside of it", "choose another folder")


def kept_result(output: OutputConfig, kind: type[Kept]) -> Kept | None:
    """The result at --out to go on from; None where there is no file yet.

    Raises
    ------
    InputError
        If --out was not given, or the file there is of another kind, or was imported.
    """
    from textdream.records import read_result

    if output.out is None:
        raise InputError("--resume was given without --out", "the file to go on from", "give it with --out")
    if not output.out.exists():
        return None
    found = read_result(output.out)
    imported, wanted = found.imported is not None, cast("Any", kind).model_fields["type"].default
    if not isinstance(found, kind):
        raise InputError(f"{output.out} is a {found.type}", f"a {wanted} to resume", "give another --out")
    if imported:
        given = f"{output.out} was imported from a file of PAIR's"
        raise InputError(given, "a run of textdream's own", "give another --out")
    return found


def finish(result: Any, output: OutputConfig) -> None:
    """Write and print a result. One that cannot be written is printed all the same, before the error."""
    written: list[Path] = []
    try:
        _write(result, output, written)
    finally:
        if output.json:
            _print_json(result.to_json())
        else:
            result.show()
            for path in written:
                console(stderr=False).print(plain(f" written to {path}", dim=True), soft_wrap=True)


def _write(result: Any, output: OutputConfig, written: list[Path]) -> None:
    from textdream.records import write_result, write_text

    if output.out is not None:
        write_result(result, output.out)
        written.append(output.out)
    if output.html is not None:
        from textdream.report.html import html

        write_text(output.html, html([result], [output.out.name if output.out else f"{result.type}.json"]))
        written.append(output.html)


def watch(search: Any, each: Callable[[Any], None] | None = None) -> bool:
    """Draw a search while it runs; whether Ctrl-C stopped it. With nothing found by then, Ctrl-C goes on its way.

    Parameters
    ----------
    search
        Yields `experiments.progress.Progress`, and has `found`.
    each
        Called with each step, for example to write down what there is.
    """
    from textdream.report.progress import LiveProgress

    with LiveProgress(console()) as live:
        try:
            for step in search:
                live.update(step.phase, step.done, step.total, step.news)
                if each is not None:
                    each(step)
        except KeyboardInterrupt:
            if not search.found:
                raise
            return True
    return False


def stopped(output: OutputConfig) -> int:
    """Say where what an interrupted search had found is; returns the exit code."""
    where = f"what was searched is in {output.out}" if output.out else "above is what was searched; --out would keep it"
    print(f"textdream: interrupted; {where}", file=sys.stderr)
    return 130


def finish_plain(data: dict[str, Any], drawing: Any, output: PlainOutputConfig) -> None:
    """Write and print what is no result kind of its own."""
    from textdream.records import write_text

    text = json.dumps(data, ensure_ascii=False, indent=1, default=str) + "\n"
    if output.out is not None:
        write_text(output.out, text)
    if output.json:
        _print_json(text)
    else:
        console(stderr=False).print(drawing, soft_wrap=True)


def _print_json(text: str) -> None:
    """JSON is UTF-8, whatever the terminal is set to."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(text)
