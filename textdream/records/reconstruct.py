"""Texts rebuilt from the activations of layers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from textdream.records.manifest import CorpusFile
from textdream.records.result import BareSample, Index, OrUnknown, Record, Result, Sha256, Target

Mark = Literal["right", "near", "wrong", "special"]
Loss = Annotated[FiniteFloat, Field(ge=0)]


class Substitute(Record):
    """A token put in at one position, and how far that moves the layer's activation."""

    id: Index
    token: str
    change: Loss
    """Mean squared difference of the target's activation, in float32."""


class Synonyms(Record):
    """What a layer treats alike at one position: the tokens whose substitution changes its activation least."""

    position: Index
    token: str
    """The one that the text has there."""
    tokens: list[Substitute]
    """Of all allowed tokens, least change first."""


class Rival(Record):
    """The text nearest to the target, of those that differ from the best in one token and were tried."""

    position: Index
    id: Index
    token: str
    loss: Loss


class LensInfo(Record):
    """What the linear lens was fitted on."""

    corpus: CorpusFile
    sha256: Sha256
    """Of the token ids."""
    texts: Index
    tokens: Index


class LossStep(Record):
    """One step on the way to an activation, as PAIR's files have them."""

    step: Index
    tokens: list[str]
    loss: Loss
    """Mean squared error of the activation of `tokens`, the heaviest of the mixture."""
    soft_loss: Loss | None = None
    """Of the mixture; never a result."""
    temperature: FiniteFloat | None = None
    weights: list[FiniteFloat] | None = None
    """Of each of the `tokens` in the mixture."""


class LayerReconstruction(Record):
    """The text that gives the activation of one layer."""

    layer: Index
    best: BareSample
    exact: bool
    """Whether the loss is float32 noise for these very tokens: at most `floor`. In imported files, which have no floor:
    whether they are the tokens of the text given."""
    accuracy: Annotated[FiniteFloat, Field(ge=0, le=1)]
    """Share of the ordinary tokens that are those of the text given."""
    loss: Loss
    """Mean squared error of the best text's activation from the target, in float32."""
    seconds: OrUnknown[Annotated[FiniteFloat, Field(ge=0)]]
    evaluations: OrUnknown[Index]
    """Real texts (of `sipit`: next tokens) evaluated, each precision counted."""
    gradients: OrUnknown[Index]
    """Backward passes."""
    floor: OrUnknown[Loss]
    """The loss that rounding alone may make: four times the mean squared difference of float32 from float64 for these tokens."""
    rival: Rival | None = None
    """Of the texts that differ from an exact one in one token (its neighbours in embedding space), the nearest to the target.
    If its loss is not above the floor, the activation does not tell the two apart (`ambiguous`)."""
    marks: list[Mark]
    """For each position: the token is right, near (one of the ten nearest embeddings to the right one), wrong or special.
    Imported files do not know which are near: they are wrong there."""
    method: Literal["hybrid", "sipit", "anneal"]
    restarts: Index = 0
    tried: list[Index] | None = None
    """Of `sipit`: tokens tried at each ordinary position."""
    last: BareSample | None = None
    """Of `anneal`: the text of the last step, which PAIR reported."""
    last_loss: Loss | None = None
    finished: bool = True
    """Whether the search came to its end; false where it was interrupted."""
    synonyms: list[Synonyms] | None = None
    steps: list[LossStep] | None = None
    """How the text came to be; only in imported files."""

    @property
    def ambiguous(self) -> bool:
        """Whether the rival's loss is float32 noise too: the text is exact up to that token."""
        return self.rival is not None and self.floor is not None and self.rival.loss <= self.floor

    @model_validator(mode="after")
    def _one_mark_a_token(self) -> LayerReconstruction:
        if len(self.marks) != len(self.best.tokens):
            raise ValueError(f"{len(self.marks)} marks but {len(self.best.tokens)} tokens")
        return self


class ReconstructResult(Result):
    """The text back from each layer's activation of it; the search saw the activation, not the text."""

    type: Literal["reconstruct"] = "reconstruct"
    start: BareSample
    """The text whose activations were rebuilt."""
    target: Target
    """Site, position, neuron and head that the search was given; null means all."""
    layers: list[LayerReconstruction]
    lens: LensInfo | None = None
    interrupted: bool = False
