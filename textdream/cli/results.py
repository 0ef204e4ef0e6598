"""`textdream verify` and `show`: what is done with a result file."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from textdream.cli.app import MODEL, OUTPUT, app
from textdream.cli.common import (
    PlainOutput,
    PlainOutputConfig,
    check_output,
    check_place,
    console,
    finish_plain,
    load_model,
    plain,
)
from textdream.configs import ModelConfig


@app.command
def verify(
    file: Annotated[Path, Parameter(help="A result file.")],
    *,
    model: Annotated[
        str | None, Parameter(help="The model, if it is not found by the name in the file.", group=MODEL)
    ] = None,
    device: Annotated[str, Parameter(help="cpu, cuda, cuda:1 or mps.", group=MODEL)] = "cpu",
    seed: Annotated[int, Parameter(help="Seed of the random replacements that a certificate is tried with.")] = 0,
    output: PlainOutput = PlainOutputConfig(),
) -> int:
    """Recompute every activation in a result file with a plain Hugging Face forward pass.

    Exits with 1 if anything differs.

    A worked example:

    ```
    textdream verify dream.json
    ```
    """
    check_output(output, {"FILE": file})
    from textdream.records import read_result

    read_result(file)
    from textdream.experiments.verify import verify as run

    loaded = load_model(ModelConfig(model, device)) if model else None
    report = run(file, loaded, device=device, seed=seed)
    data = {**dataclasses.asdict(report), "holds": report.holds}
    if report.holds:
        right = f"all {report.checked:,} activations are right (largest difference {report.largest_difference:.1e})"
        lines = [f"✓ {file}", f"  {right}"]
    else:
        lines = [f"✗ {file}", f"  not what the model gives: {len(report.mismatches)}"]
    lines += [f"  {m.where}: {m.reported} in the file, {m.found} by the model" for m in report.mismatches[:10]]
    if report.replacements and report.holds:
        lines.append(f"  certificate: none of {report.replacements} random replacements is better")
    if report.unchecked:
        lines.append(f"  not checked: {report.unchecked}")
    finish_plain(data, plain("\n".join(lines)), output)
    return 0 if report.holds else 1


@app.command
def show(
    *files: Annotated[Path, Parameter(help="Result files; several dreams are drawn side by side.")],
    html: Annotated[
        Path | None,
        Parameter(
            help="Write a page that draws them to this file: offline, several of any kind compared.", group=OUTPUT
        ),
    ] = None,
) -> int:
    """Draw a result file, or several dreams side by side; as a page, files of any kinds.

    A worked example:

    ```
    textdream show dream.json pair.json --html dreams.html
    ```
    """
    from textdream.errors import InputError
    from textdream.records import DreamResult, read_result, write_text
    from textdream.report.dreams import compare
    from textdream.report.html import html as page
    from textdream.report.readable import readable, visible

    if not files:
        raise InputError("no file was given", "one or more result files", "run: textdream show dream.json")
    if html is not None:
        check_place(html, "--html")
        if any(html.resolve() == file.resolve() for file in files):
            raise InputError(f"--html {html} is one of the files to draw", "another file", "give another --html")
    results = [read_result(file) for file in files]
    if html is not None:
        write_text(html, page(results, names(files)))
        console(stderr=False).print(plain(f" written to {html}", dim=True), soft_wrap=True)
        return 0
    if len(results) == 1:
        results[0].show()
        return 0
    for file, result in zip(files, results, strict=True):
        if not isinstance(result, DreamResult):
            raise InputError(
                f"{file} is a {result.type}", "dreams, to be drawn side by side", "show it alone, or give --html"
            )
    columns = [(visible(file.stem), readable(result)) for file, result in zip(files, results, strict=True)]
    console(stderr=False).print(compare(columns))
    return 0


def names(files: Sequence[Path]) -> list[str]:
    """What files are called on a page: by their names, with the folder where two have the same."""
    count = Counter(file.name for file in files)
    return [file.name if count[file.name] == 1 else f"{file.resolve().parent.name}/{file.name}" for file in files]
