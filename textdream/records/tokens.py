"""Results that are lists of tokens at one position."""

from __future__ import annotations

from typing import Literal

from pydantic import FiniteFloat

from textdream.records.result import Index, Record, Result, Sample, Target


class TokenValue(Record):
    """A token at the searched position, and the target's value with it there."""

    id: Index
    token: str
    activation: FiniteFloat


class TokenSearchResult(Result):
    """Every token of the vocabulary at one position."""

    type: Literal["token_search"] = "token_search"
    target: Target
    start: Sample
    position: Index
    searched: Index
    """Tokens evaluated; special and unused ones are left out."""
    tokens: list[TokenValue]
    worst: list[TokenValue]


class NeighbourValue(TokenValue):
    """A token near the one at the position, in embedding space."""

    distance: FiniteFloat


class SimilarResult(Result):
    """The nearest tokens in embedding space, and the target's value with each."""

    type: Literal["similar"] = "similar"
    target: Target
    start: Sample
    position: Index
    metric: Literal["euclidean", "cosine"]
    furthest: FiniteFloat
    """The largest distance of any token, for scale."""
    tokens: list[NeighbourValue]
