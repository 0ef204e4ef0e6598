"""How an activation is shifted, and text rebuilt from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from textdream.configs.check import check
from textdream.errors import InputError

MOST, FURTHEST = 1001, 1e6
"""Magnitudes at most, and their size at most."""


@dataclass(frozen=True)
class ShiftConfig:
    """How an activation is shifted, and text rebuilt from it."""

    word: str | None = None
    """The word whose activation is shifted."""
    position: int | None = None
    """Its position, in place of the word."""
    concept: str | None = None
    """A concept file (`textdream concept fit`), along whose vectors the activation moves."""
    kind: Literal["mean_difference", "logistic"] = "mean_difference"
    """Which of the concept's vectors."""
    replace_with: str | None = None
    """In place of a concept: WORD/TEXT, whose activation of WORD in TEXT takes the place of the word's own."""
    layers: str = "all"
    """all (that the concept has), a range such as 0:6 (0 to 5, as in Python), or a list such as 2,5."""
    magnitudes: str = "-15:15:1"
    """From:to:step, both ends included, or a list such as -5,0,5."""
    unit: Literal["largest", "distance"] = "largest"
    """What magnitude 1 is: the vector divided by its largest entry, as PAIR had it, or the distance of the concept's two sets."""
    budget: float = 20.0
    """Seconds at most for each run."""
    evaluations: int | None = None
    """Texts evaluated at most for each run; unlike seconds, the same on every machine."""
    seed: int = 0
    """Seed of the restarts."""

    def __post_init__(self) -> None:
        check(self, 0, "seed", high=2**63 - 1)
        check(self, 0, "position")
        check(self, 1, "evaluations")
        check(self, 0, "budget", above=True)
        self.numbers  # noqa: B018 (refused here, before a model is loaded)

    def check_complete(self) -> None:
        """Raise InputError unless it is said what is shifted, and by what."""
        if (self.concept is None) == (self.replace_with is None):
            remedy = "give --concept FILE" if self.concept is None else "leave one out"
            raise InputError("--concept and --replace-with say what to shift by", "one of them", remedy)
        if (self.word is None) == (self.position is None):
            remedy = "give --word" if self.word is None else "leave one out"
            raise InputError("--word and --position say what is shifted", "one of them", remedy)

    @property
    def numbers(self) -> tuple[float, ...]:
        """The magnitudes, in the order given."""
        expected = f"numbers up to {FURTHEST:,.0f}: from:to:step such as -15:15:1, or a list such as -5,0,5"
        spread = ":" in self.magnitudes
        try:
            parts = [float(part) for part in re.split(":" if spread else ",", self.magnitudes)]
        except ValueError:
            raise InputError(f"--magnitudes {self.magnitudes!r} was given", expected, "give such") from None
        good = all(isfinite(part) and abs(part) <= FURTHEST for part in parts)
        if good and spread:
            good = len(parts) == 3 and parts[2] > 0 and parts[0] <= parts[1] and (parts[1] - parts[0]) / parts[2] < MOST
        if not good or len(parts) > MOST:
            raise InputError(f"--magnitudes {self.magnitudes!r} was given", expected, "give such")
        if not spread:
            return tuple(parts)
        low, high, step = parts
        return tuple(round(low + number * step, 9) for number in range(int((high - low) / step + 1e-9) + 1))
