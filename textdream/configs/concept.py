"""Which sentences a concept is made of, and how its vectors are measured and used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textdream.configs.check import check

VectorKind = Literal["mean_difference", "logistic"]


@dataclass(frozen=True)
class ExamplesConfig:
    """The sentences of a concept: two files, pairs, or one file in which words are swapped."""

    positive: str | None = None
    """File of sentences with the one word (.txt, one a line; .jsonl, .parquet)."""
    negative: str | None = None
    """File of sentences with the other word."""
    pairs: str | None = None
    """File of minimal pairs: two sentences a line with a tab between, or a .jsonl with the fields positive and negative."""
    swap: str | None = None
    """Make minimal pairs from one file by swapping words, such as he=she,his=her,him=her; the first two are those read."""
    word_positive: str | None = None
    """The word that is read in the positive sentences (its first occurrence)."""
    word_negative: str | None = None
    """The word that is read in the negative sentences."""
    split: Literal["lines", "sentences"] = "lines"
    """What one sentence is: a line (or record), or what is found in prose."""
    field: str = "text"
    """Field of a .jsonl or .parquet file that holds the text."""
    most: int = 500
    """Sentences of each set that are used, drawn at random where there are more."""
    layers: str = "all"
    """all, a range such as 0:6 (0 to 5, as in Python), or a list such as 2,5."""
    seed: int = 0
    """Seed of every random choice."""

    def __post_init__(self) -> None:
        check(self, 2, "most")
        check(self, 0, "seed", high=2**63 - 1)


@dataclass(frozen=True)
class ConceptConfig(ExamplesConfig):
    """How a concept is fitted and held against its controls."""

    folds: int = 5
    """Parts of the sentences, each held out in turn; minimal pairs stay together."""
    repeats: int = 3
    """How often the parts are drawn anew."""
    controls: int = 20
    """Shuffles of the labels that every layer is held against; of random directions ten times as many."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, 2, "folds")
        check(self, 1, "repeats")
        check(self, 2, "controls")


@dataclass(frozen=True)
class ClassifyConfig:
    """How a word is classified."""

    kind: VectorKind = "mean_difference"
    """Which of the concept's vectors: the difference of the two means, or logistic regression's."""
    layers: str = "all"
    """all of the file, a range such as 0:6 (0 to 5, as in Python), or a list such as 2,5."""
    seed: int = 0
    """Written into the result; nothing is drawn."""
