"""What a corpus index says of itself: `manifest.json`, written last, so that a folder without it is half-written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from textdream.records.result import Index, KnownModel, Record, Sha256

CORPUS_SCHEMA = "textdream.corpus/1"


class CorpusFile(Record):
    """One input of a corpus."""

    name: str
    """The file's name, without its folder; or of a data set or package, with its version."""
    sha256: Sha256 | None = None
    """Null where the input is no file of this machine."""
    bytes: Index | None = None


class Skipped(Record):
    """Sentences that were left out, counted before duplicates are."""

    long: Index = 0
    """More tokens than the model takes."""
    unknown: Index = 0
    """Characters that the tokenizer does not know, or the text of a special token."""
    empty: Index = 0
    """No tokens at all."""


class CorpusInfo(Record):
    """The sentences that were scanned."""

    files: list[CorpusFile]
    sha256: Sha256
    """Of the different sentences in order of first appearance, each with a line feed."""
    sentences: Index
    """Different sentences: these are scanned."""
    duplicates: Index
    skipped: Skipped
    tokens: Index
    """Ordinary tokens: special ones are never counted."""


class Manifest(Record):
    """What was scanned, and how. No time stands here: the same model, corpus and settings give the same bytes."""

    schema_: Literal["textdream.corpus/1"] = Field(default="textdream.corpus/1", alias="schema")
    textdream: str
    model: KnownModel
    corpus: CorpusInfo
    sites: list[str]
    layers: list[Index]
    widths: dict[str, Index]
    """Neurons in each layer of a site."""
    k: Annotated[int, Field(ge=1)]
    """Sentences kept at either end of each neuron."""
    sample: Index
    """Tokens in the uniform sample that histogram, quantiles and bands are made of."""
    bins: Index
    directions: Index
    """Random directions at each (site, layer)."""
    seed: int
    split: str
    precision: str
    """In which the values were computed."""
    versions: dict[str, str]

    model_config = ConfigDict(
        frozen=True, extra="allow", allow_inf_nan=False, protected_namespaces=(), populate_by_name=True
    )

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"
