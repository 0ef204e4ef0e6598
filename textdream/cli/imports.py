"""`textdream import pair`: results of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from textdream.cli.app import MODEL, app
from textdream.cli.common import Output, OutputConfig, Seed, check_output, console, finish, plain

imports = App(name="import", help="Results of other programs as results of textdream.")
imports["--help"].group = app["--help"].group
app.command(imports)

DEFAULT = "minilm"
"""Its vocabulary is that of bert-base-uncased, which PAIR's files are of."""


@imports.command
def pair(
    file: Annotated[Path, Parameter(help="A result file of PAIR's text-dream.")],
    *,
    model: Annotated[
        str | None,
        Parameter(
            help="The model whose vocabulary gives the token ids; default: minilm, where the file's is uncased.",
            group=MODEL,
        ),
    ] = None,
    seed: Seed = 0,
    output: Output = OutputConfig(),
) -> int:
    """Read a result file of PAIR's text-dream (2019), to draw it and compare it.

    A worked example:

    ```
    textdream import pair dream.json --out pair-dream.json
    ```

    All six kinds are read: dream, token search, similar embeddings, reconstruction,
    shifted reconstruction and top words, alone or by layers and magnitudes. What a
    file does not say stays open; its values cannot be verified.
    """
    check_output(output, {"FILE": file})
    from textdream.errors import ModelError
    from textdream.model.vocabulary import vocabulary
    from textdream.records import read_pair, with_ids

    result = read_pair(file)
    name = result.model.name
    try:
        if model is not None or "uncased" in name or name == "unknown":
            result = with_ids(result, vocabulary(model or DEFAULT))
    except ModelError:
        if model is not None:
            raise
    if model is None and not result.start.ids:
        console().print(plain(f"no token ids: the vocabulary of {name} is not at hand (--model gives one)", dim=True))
    finish(result, output)
    return 0
