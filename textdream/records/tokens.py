"""Results that are lists of tokens, at one position or at several."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from textdream.records.dream import Certificate
from textdream.records.result import Index, OrUnknown, Record, Result, Sample, Target


class TokenValue(Record):
    """A token at the searched position, and the target's value with it there."""

    id: OrUnknown[Index]
    token: str
    activation: FiniteFloat


class PositionTokens(Record):
    """The best and the worst tokens at one position of a map, each with the rest of the start text around it."""

    position: Index
    token: str
    """The one that the start text has there."""
    tokens: list[TokenValue]
    worst: list[TokenValue]


class PairValue(Record):
    """Two tokens put in together, and the target's value with both."""

    ids: Annotated[list[Index], Field(min_length=2, max_length=2)]
    """In the order of the positions."""
    tokens: list[str]
    activation: FiniteFloat


class TokenSearchResult(Result):
    """Every token of the vocabulary at one position, at several one after the other, or two positions together."""

    type: Literal["token_search"] = "token_search"
    target: Target
    start: Sample
    position: Index
    """The one searched; of several, the one that has the best token."""
    searched: OrUnknown[Index]
    """Tokens evaluated at each position; special and unused ones are left out."""
    tokens: list[TokenValue]
    """Best first, at `position`."""
    worst: list[TokenValue]
    best: Sample | None = None
    """The best text met: the start with one token replaced, or two if they were searched together."""
    positions: list[Index] | None = None
    """All that were to be searched."""
    map: list[PositionTokens] | None = None
    """Where several were searched: each that was finished, in the order of the text."""
    pairs: list[PairValue] | None = None
    """Where two were searched together: the best pairs that the beam met, best first. Not all pairs were evaluated."""
    pairs_searched: Index | None = None
    """Pairs that the beam evaluated: whole lines, one token held and every token tried at the other position."""
    certificate: Certificate | None = None
    """Of the best pair, once the beam has come to rest: neither of its tokens can be bettered given the other."""
    evaluations: Index | None = None
    """Texts evaluated, each precision counted."""
    interrupted: bool = False


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
    rank_correlation: FiniteFloat | None = None
    """Spearman's, over the neighbours without the token itself, of distance and difference of activation from it: near 1
    if tokens act the less alike the further they are, near 0 if distance says nothing."""
    tokens: list[NeighbourValue]
