"""`textdream corpus top` and `neurons`: what an index says of a unit, and which units of it a word excites."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from textdream.cli.app import MODEL, SEARCH, app
from textdream.cli.common import Flat, Output, OutputConfig, Text, check_output, console, finish, load_model
from textdream.cli.corpus import corpus
from textdream.configs import CorpusTopConfig, ModelConfig, NeuronsConfig

if TYPE_CHECKING:
    from textdream.model import Model


@dataclass(frozen=True)
class IndexModelConfig:
    """The model of an index, and where it runs."""

    model: str | None = None
    """The model, if it is not found by the name in the index."""
    device: str = "cpu"
    """cpu, cuda, cuda:1 or mps."""


@dataclass(frozen=True)
class TopFlags(CorpusTopConfig):
    """The same, with a flag that needs no number."""

    random_direction: Annotated[int | bool | None, Parameter(negative="")] = None
    """Show a random direction of the index in place of the neuron (the first, or this one): what does chance look like?"""

    @property
    def config(self) -> CorpusTopConfig:
        """The settings that the library takes."""
        first = {True: 0, False: None}
        number = self.random_direction
        chosen = first[number] if isinstance(number, bool) else number
        return CorpusTopConfig(**{**vars(self), "random_direction": chosen})


IndexModel = Annotated[IndexModelConfig, Flat, Parameter(group=MODEL)]


@corpus.command
def top(
    folder: Annotated[Path, Parameter(name="dir", help="An index, made by `textdream corpus index`.")],
    *,
    config: Annotated[TopFlags, Flat, Parameter(group=SEARCH)] = TopFlags(),
    model: IndexModel = IndexModelConfig(),
    output: Output = OutputConfig(),
) -> int:
    """Show the sentences of a corpus that excite a neuron most and least.

    A worked example:

    ```
    textdream corpus top sotu-index --layer 4 --neuron 138
    ```

    Every token is shaded by its activation, and the one that counts stands in brackets.
    `--direction he-she.safetensors` in place of `--neuron` scans the corpus once more along a concept.
    """
    check_output(output, {"--direction": config.direction})
    from textdream.experiments.corpus_top import corpus_top

    loaded = load_indexed(folder, model)
    if config.direction is not None:
        from textdream.report.progress import LiveProgress

        with LiveProgress(console()) as live:
            result = corpus_top(
                loaded, folder, config.config, lambda done, total: live.update("scanning the corpus", done, total)
            )
    else:
        with console().status("reading the index …"):
            result = corpus_top(loaded, folder, config.config)
    finish(result, output)
    return 0


@app.command
def neurons(
    text: Text,
    *,
    word: Annotated[str | None, Parameter(help="The word whose neurons are looked for.", group=SEARCH)] = None,
    position: Annotated[str | None, Parameter(help="Its token position, in place of --word.", group=SEARCH)] = None,
    config: Annotated[NeuronsConfig, Flat, Parameter(group=SEARCH)] = NeuronsConfig(),
    model: IndexModel = IndexModelConfig(),
    output: Output = OutputConfig(),
) -> int:
    """Find the neurons that a word, here, excites most for what they do elsewhere.

    A worked example:

    ```
    textdream neurons "he compressed his temples with his hands ." \\
        --word hands --index sotu-index
    ```

    Most unusual first: by the share of the corpus's tokens that excite the neuron less, then by z-score.
    """
    check_output(output)
    from textdream.experiments.neurons import neurons as run
    from textdream.experiments.setting import position_from

    place = position_from(position)
    loaded = load_indexed(config.index, model)
    with console().status("measuring …"):
        result = run(loaded, text, config, word=word, position=place)
    finish(result, output)
    return 0


def load_indexed(folder: str | Path | None, config: IndexModelConfig) -> Model:
    """The model that was given, else the one that the index names."""
    from textdream.corpus.index import Index
    from textdream.errors import InputError

    if folder is None:
        raise InputError("no index was given", "a folder made by `textdream corpus index`", "give --index")
    name = config.model or Index.open(folder).manifest.model.name
    return load_model(ModelConfig(name, config.device))
