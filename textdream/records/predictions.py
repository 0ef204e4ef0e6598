"""What a model predicts at one position."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from textdream.records.result import BareSample, Index, Record, Result


class TokenProbability(Record):
    """A token and the probability that the model gives it."""

    id: Index
    token: str
    """Empty where the model has a row that its tokenizer has no token for."""
    probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    """Softmax over all of the vocabulary, of logits in float32."""


class RankedProbability(TokenProbability):
    """A token that was asked for, wherever it stands."""

    rank: Annotated[int, Field(ge=1)]
    """1 for the most probable; one more than the tokens that are more probable."""


class FillMaskResult(Result):
    """The probabilities over the vocabulary at one position of a text."""

    type: Literal["fill_mask"] = "fill_mask"
    start: BareSample
    """As the model read it: with the mask, where one is predicted."""
    position: Index
    """Of a next token that the text does not have yet: one past its last."""
    predicts: Literal["masked", "next"]
    """The token behind the mask, from both sides; or the next one, from what stands before it."""
    tokens: list[TokenProbability]
    """Most probable first."""
    given: RankedProbability | None = None
    """The token that the text has there; null where it has a mask or nothing."""
    asked: list[RankedProbability]
    """The tokens that were asked for, most probable first."""
