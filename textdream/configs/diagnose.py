"""How a dream is diagnosed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textdream.configs.check import check


@dataclass(frozen=True)
class DiagnoseConfig:
    """How a dream is diagnosed; the first three are of the annealing that is run where a text is given."""

    free: str | None = None
    """Positions that may change: word (the one that is read), all, 3:9 (3 to 8, as in Python), or 2,5,7; default: word, or all
    others where that one is masked."""
    preset: Literal["pair", "pair-gumbel", "repaired"] = "pair"
    """PAIR's annealing, with or without Gumbel noise, or textdream's repaired one."""
    steps: int | None = None
    """Steps of the annealing, in place of its default."""
    context: Literal["end", "start"] = "end"
    """Where the best token of a position is looked for: in the text with which the method ended, or in the start text. Only in
    the first is it sure that the token would have raised what was reached; with one free position both are the same."""
    neighbours: int = 30
    """Nearest neighbours, and most activating tokens, that are compared."""
    controls: int = 20
    """Random tokens, at each position, that everything is compared with."""
    seed: int = 0
    """Seed of the annealing (of a text) and of the controls."""

    def __post_init__(self) -> None:
        check(self, 1, "steps", "neighbours", "controls")
        check(self, 0, "seed", high=2**63 - 1)
