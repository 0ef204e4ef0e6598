"""Sentences of a corpus in a result."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat, model_validator

from textdream.records.result import Index, Record


class Sentence(Record):
    """A sentence of a corpus, and what the target does at one of its tokens."""

    sentence: Index
    """Its number in the index."""
    text: str
    """As the corpus has it."""
    ids: Annotated[list[Index], Field(min_length=1)]
    tokens: list[str]
    position: Index
    """Where the activation is read."""
    activation: FiniteFloat
    """The target's value at `position`, in float32."""

    @model_validator(mode="after")
    def _belongs_together(self) -> Sentence:
        if len(self.ids) != len(self.tokens):
            raise ValueError(f"{len(self.ids)} ids but {len(self.tokens)} tokens")
        if self.position >= len(self.ids):
            raise ValueError(f"position {self.position} of {len(self.ids)} tokens")
        return self


class ShadedSentence(Sentence):
    """A sentence with the target's value at each of its tokens."""

    activations: list[FiniteFloat]

    @model_validator(mode="after")
    def _one_value_a_token(self) -> ShadedSentence:
        if len(self.activations) != len(self.tokens):
            raise ValueError(f"{len(self.activations)} activations but {len(self.tokens)} tokens")
        return self
