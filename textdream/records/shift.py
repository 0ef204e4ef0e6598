"""Texts rebuilt from shifted activations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from textdream.records.reconstruct import Loss, LossStep
from textdream.records.result import BareSample, Index, OrUnknown, Record, Result, Sha256

ShiftMark = Literal["unchanged", "intended", "otherwise", "special"]
Distance = Annotated[FiniteFloat, Field(ge=0)]


class ShiftSource(Record):
    """The concept that an activation was moved along."""

    file: str
    sha256: OrUnknown[Sha256]
    kind: OrUnknown[str]
    positive: OrUnknown[str]
    """The word that positive magnitudes lead to."""
    negative: OrUnknown[str]


class ShiftDirection(Record):
    """What was added to the word's activation at magnitude 1."""

    layer: Index
    vector: list[FiniteFloat]


class ShiftRun(Record):
    """One shift at one layer, and the text that comes nearest to the shifted activation."""

    layer: Index
    magnitude: FiniteFloat | None
    """Null where the activation was replaced by another word's."""
    best: BareSample
    changed: list[Index]
    """Positions whose token differs from the start's."""
    marks: list[ShiftMark]
    """Intended: a change at the word to the token that the word the shift leads to has there: the concept's word of the
    magnitude's side, in the case of the word in the text, with or without a space before it; or the word whose activation was
    put in, as it is. Words are compared token by token, as far as both go where none has as many tokens. Otherwise: any other
    change. Special: a token that never changes."""
    distance: OrUnknown[Distance]
    """Euclidean distance of the best text's activation from the shifted one, over all positions: what no text found gives."""
    shifted: OrUnknown[Distance]
    """The same distance for the start text: how far the activation was shifted."""
    floor: OrUnknown[Distance]
    """The distance that float32 rounding alone may make."""
    evaluations: OrUnknown[Index]
    seconds: OrUnknown[Distance]
    loss: Loss | None = None
    """Mean squared error of the best text's activation, in imported files, which have no distance."""
    steps: list[LossStep] | None = None
    """How the text came to be; only in imported files."""


class ShiftResult(Result):
    """One word's activation moved, layer by layer and step by step, and the texts rebuilt from that."""

    type: Literal["shift"] = "shift"
    start: BareSample
    word: str | None
    positions: list[Index]
    """Where the word is: these activations were shifted."""
    concept: ShiftSource | None
    replacement: BareSample | None = None
    """The text that another word's activation was taken from."""
    replacement_positions: list[Index] | None = None
    unit: Literal["largest", "distance"]
    directions: list[ShiftDirection]
    """Empty in imported files."""
    runs: list[ShiftRun]
    interrupted: bool = False

    @model_validator(mode="after")
    def _has_one_source(self) -> ShiftResult:
        if (self.concept is None) == (self.replacement is None):
            raise ValueError("either a concept or a replacement")
        return self
