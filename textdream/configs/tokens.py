"""How the vocabulary is searched at one position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textdream.configs.check import check


@dataclass(frozen=True)
class TokenSearchConfig:
    """How the vocabulary is searched at one position."""

    change: int | None = None
    """Position at which tokens are tried; default: the position that is read."""
    top: int = 30
    """How many of the best and of the worst tokens are kept."""
    seed: int = 0
    """Written into the result; the search is exact and draws nothing."""

    def __post_init__(self) -> None:
        check(self, 1, "top")


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
