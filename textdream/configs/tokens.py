"""How the vocabulary is searched at one position, at several, or at two together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textdream.configs.check import check
from textdream.errors import InputError


@dataclass(frozen=True)
class TokenSearchConfig:
    """How the vocabulary is searched."""

    change: int | str | None = None
    """Positions at which tokens are tried, one at a time: one position, word, all, 3:9 (3 to 8, as in Python), or 2,5,7;
    default: the position that is read."""
    joint: bool = False
    """Try tokens at two positions together (--change 3,8), led by a beam."""
    beam: int = 4
    """For --joint: how many of the best tokens and pairs are followed."""
    top: int = 30
    """How many of the best and of the worst tokens are kept at each position, and of the best pairs."""
    seed: int = 0
    """Written into the result; nothing is drawn."""

    def __post_init__(self) -> None:
        check(self, 1, "top", "beam")
        if self.beam != TokenSearchConfig.beam and not self.joint:
            raise InputError(f"--beam {self.beam} was given without --joint", "both, or neither", "give --joint too")


@dataclass(frozen=True)
class SimilarConfig:
    """How neighbours in embedding space are chosen."""

    change: int | None = None
    """Position whose token's neighbours are tried; default: the position that is read."""
    metric: Literal["euclidean", "cosine"] = "euclidean"
    """Distance between token embeddings; cosine is 1 - cosine similarity."""
    top: int = 30
    """How many neighbours are kept, the token itself among them."""
    seed: int = 0
    """Written into the result; nothing is drawn."""

    def __post_init__(self) -> None:
        check(self, 1, "top")
