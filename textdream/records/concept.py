"""A concept: two words in many sentences, vectors between them at every layer, and whether they are more than chance."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, FiniteFloat, model_validator

from textdream.records.result import BareSample, Index, KnownModel, Record, Result
from textdream.records.top import Share

CONCEPT_SCHEMA = "textdream.concept/1"
Kind = Literal["mean_difference", "logistic"]
KINDS: tuple[Kind, ...] = ("mean_difference", "logistic")


class ConceptWords(Record):
    """The word that is read in either set."""

    positive: str
    negative: str


class ConceptSentence(Record):
    """A sentence of one of the sets."""

    text: str
    ids: Annotated[list[Index], Field(min_length=1)]
    tokens: list[str]
    position: Index
    """Of the concept word: its first occurrence."""
    positive: bool
    group: Index
    """Sentences of one group, such as a minimal pair, are held out together."""

    @model_validator(mode="after")
    def _belongs_together(self) -> ConceptSentence:
        if len(self.ids) != len(self.tokens) or self.position >= len(self.ids):
            raise ValueError(f"position {self.position}, {len(self.ids)} ids and {len(self.tokens)} tokens")
        return self


class SetAside(Record):
    """Sentences that were not used, for one reason."""

    reason: str
    count: Index
    examples: list[str]
    """Where, and the beginning of the sentence: the first of them, or, of sentences without the word that they were given for,
    all (up to 1,000)."""


class VectorScore(Record):
    """How well one way of making a vector tells held-out sentences apart."""

    accuracy: Share
    """Of sentences that the vector was not made from; mean over the repeats of the cross-validation."""
    interval: Annotated[list[Share], Field(min_length=2, max_length=2)]
    """Wilson's 95 % interval of `accuracy`; a group counts as one observation."""
    shuffled: Share
    """The same accuracy for shuffled labels, mean over the draws."""
    shuffled_limit: Share
    """Their 95 % quantile."""
    agreement: FiniteFloat
    """Mean cosine between the vectors of any two folds of one cross-validation, mean over the repeats."""
    shuffled_agreement: FiniteFloat
    """The same for shuffled labels, mean over the draws."""
    better: bool
    """Whether the interval lies above the limits of both controls."""


class ConceptLayer(VectorScore):
    """One layer: the difference of means, logistic regression beside it, and the controls."""

    layer: Index
    random: Share
    """The same accuracy for random directions, mean over the draws."""
    random_limit: Share
    """Their 95 % quantile."""
    random_agreement: FiniteFloat
    """Mean cosine between any two of the random directions. They have no folds: this is what is left by chance, about 0."""
    distance: FiniteFloat
    """Between the means of the two sets."""
    logistic: VectorScore
    verdict: str
    """In a sentence."""


class ConceptResult(Result):
    """Vectors between two words, layer by layer, with what they are held against."""

    type: Literal["concept"] = "concept"
    words: ConceptWords
    site: Literal["resid_post"] = "resid_post"
    groups: Index
    """Sentences that have nothing in common; pairs, if all are pairs."""
    folds: Annotated[int, Field(ge=2)]
    """As used: no more than there are groups in either set."""
    repeats: Annotated[int, Field(ge=1)]
    """How often the folds were drawn."""
    controls: Annotated[int, Field(ge=1)]
    """Shuffles; of random directions there are ten times as many."""
    layers: list[ConceptLayer]
    set_aside: list[SetAside]
    sentences: list[ConceptSentence]
    """All that were used, so that everything above can be computed again."""
    interrupted: bool = False
    """Whether layers that were asked for are left."""


class VectorInfo(Record):
    """What belongs to one vector v of a concept file. Projections are x · v / |v|."""

    layer: Index
    kind: Kind
    threshold: FiniteFloat
    """Projection at which neither word is the likelier; score = projection - threshold."""
    scale: FiniteFloat
    """Distance between the means of the two sets along the vector."""
    slope: FiniteFloat
    """Platt's calibration: probability of the positive word = 1 / (1 + exp(-(slope · score + intercept)))."""
    intercept: FiniteFloat
    accuracy: Share
    better: bool


class FitState(Record):
    """What `--resume` needs of a concept file: of which fit it is, and the figures of the layers in it."""

    wanted: list[Index]
    """Layers that were asked for."""
    sentences: str
    """SHA-256 of them."""
    folds: int
    repeats: int
    controls: int
    measured: list[ConceptLayer]
    seconds: FiniteFloat | None = None
    """Spent so far; null in a finished file."""


class ConceptManifest(Record):
    """What a concept file says of itself. No time stands in a finished one: same sentences and settings give the same bytes."""

    schema_: Literal["textdream.concept/1"] = Field(default="textdream.concept/1", alias="schema")
    textdream: str
    model: KnownModel
    site: Literal["resid_post"] = "resid_post"
    layers: list[Index]
    words: ConceptWords
    vectors: list[VectorInfo]
    positive: Index
    """Sentences of that set."""
    negative: Index
    seed: int
    interrupted: bool = False
    """Whether layers that were asked for are left."""
    fit: FitState | None = None
    """Null in files of earlier versions."""

    model_config = ConfigDict(
        frozen=True, extra="allow", allow_inf_nan=False, protected_namespaces=(), populate_by_name=True
    )


class ClassifiedLayer(Record):
    """What one layer makes of a word."""

    layer: Index
    activation: FiniteFloat
    """Projection on the unit vector, in float32."""
    score: FiniteFloat
    """activation - threshold: above 0 it is nearer to the positive word."""
    probability: Share
    """Of the positive word, were both as frequent as in the sets (Platt's calibration)."""
    threshold: FiniteFloat
    scale: FiniteFloat
    slope: FiniteFloat
    intercept: FiniteFloat
    better: bool
    """Whether the vector was better than its controls."""
    vector: list[FiniteFloat]
    """The unit vector, so that the result can be checked without the file."""


class ClassifyResult(Result):
    """To which side of a concept a word in its sentence belongs, at every layer."""

    type: Literal["classify"] = "classify"
    words: ConceptWords
    site: Literal["resid_post"] = "resid_post"
    kind: Kind
    start: BareSample
    position: Index
    layers: list[ClassifiedLayer]
