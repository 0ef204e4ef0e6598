"""What each experiment is given in the studio: its text and word, and the settings of the library as they are.

Settings that are files on the command line take no path here: a concept or a dream is named by the run that made it, a corpus
index by the name it was offered under, and sentences are pasted.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from textdream.configs import (
    ClassifyConfig,
    ConceptConfig,
    CorpusTopConfig,
    DiagnoseConfig,
    DreamConfig,
    FillMaskConfig,
    NeuronsConfig,
    ReconstructConfig,
    ShiftAuditConfig,
    ShiftConfig,
    SimilarConfig,
    TargetConfig,
    TokenSearchConfig,
)

RUN_ID = r"^[0-9]{8}-[0-9]{6}-[a-z0-9]{6}$"
LONGEST_TEXT, LONGEST_SENTENCES, LONGEST_SETTING = 20_000, 200_000, 2_000
"""Characters of a text, of pasted sentences, and of any other setting."""

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
RunId = Annotated[str, Field(pattern=RUN_ID, max_length=40)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Form(BaseModel):
    """Settings of one experiment. What is not known is refused, and so are numbers in quotes."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        strict=True,
        allow_inf_nan=False,
        frozen=True,
        str_max_length=LONGEST_SETTING,
    )


class DreamForm(Form):
    """Find the text that a neuron, layer, direction or output responds to most."""

    text: Text = ""
    """The text to start from; may be empty with a random start."""
    target: TargetConfig = TargetConfig()
    search: DreamConfig = DreamConfig()


class TokenSearchForm(Form):
    """Try every token of the vocabulary at one position, or at several; the best and the worst."""

    text: Text = ""
    """The text in which tokens are replaced."""
    target: TargetConfig = TargetConfig()
    search: TokenSearchConfig = TokenSearchConfig()


class SimilarForm(Form):
    """Show the nearest tokens in embedding space, and the activation with each in place."""

    text: Text = ""
    """The text in which tokens are replaced."""
    target: TargetConfig = TargetConfig()
    search: SimilarConfig = SimilarConfig()


class DiagnoseForm(Form):
    """Say why a dream failed: tokens lost in annealing, rough neighbourhoods, or the gap between mixtures and tokens."""

    text: Text = ""
    """A text that is annealed first; or a dream in its place."""
    dream: RunId | None = None
    """The run of a dream that is to be explained, in place of a text and a target."""
    target: TargetConfig = TargetConfig()
    search: DiagnoseConfig = DiagnoseConfig()


class FillMaskForm(Form):
    """Show what the model predicts behind a mask, or as the next token."""

    text: Text = ""
    """The text; it may hold the mask token."""
    word: str | None = None
    """The word that is predicted, in place of the position."""
    position: str | None = None
    """Token position that is predicted; default: the text's own mask, in causal models what comes next."""
    search: FillMaskConfig = FillMaskConfig()


class ReconstructForm(Form):
    """Rebuild the text from each layer's activation of it."""

    text: Text = ""
    """The text whose activations are rebuilt."""
    search: ReconstructConfig = ReconstructConfig()


class ConceptFitForm(Form):
    """Find the vector between two words at every layer, and whether it is more than chance."""

    model_config = ConfigDict(str_max_length=LONGEST_SENTENCES)

    text: str = ""
    """For swap: the sentences, one a line; or sotu: speeches at hand."""
    search: ConceptConfig = ConceptConfig()


class ConceptClassifyForm(Form):
    """Say to which of a concept's two words a word in a sentence belongs, at every layer."""

    concept: RunId | None = None
    """The run that fitted the concept."""
    text: Text = ""
    """The sentence."""
    word: str | None = None
    """The word that is classified."""
    position: int | None = None
    """Its token position, in place of the word."""
    search: ClassifyConfig = ClassifyConfig()


class ShiftForm(Form):
    """Move one word's activation along a concept, and rebuild the text from that."""

    text: Text = ""
    """The text in which a word's activation is moved."""
    search: ShiftConfig = ShiftConfig()


class ShiftAuditForm(Form):
    """Find the other words that change with a word, along a concept more than along random directions."""

    model_config = ConfigDict(str_max_length=LONGEST_SENTENCES)

    search: ShiftAuditConfig = ShiftAuditConfig()


class NeuronsForm(Form):
    """Find the neurons that a word, here, excites most for what they do elsewhere."""

    text: Text = ""
    """The text."""
    word: str | None = None
    """The word whose neurons are looked for."""
    position: str | None = None
    """Its token position, in place of the word."""
    search: NeuronsConfig = NeuronsConfig()


class CorpusTopForm(Form):
    """Show the sentences of a corpus that excite a neuron most and least."""

    index: Name | None = None
    """The corpus index."""
    search: CorpusTopConfig = CorpusTopConfig()


class _Request(Form):
    model: Name = "minilm"
    """One of the models at hand."""


class DreamRequest(_Request):
    """A dream."""

    experiment: Literal["dream"]
    settings: DreamForm


class TokenSearchRequest(_Request):
    """A token search."""

    experiment: Literal["token-search"]
    settings: TokenSearchForm


class SimilarRequest(_Request):
    """Neighbours of a token."""

    experiment: Literal["similar"]
    settings: SimilarForm


class DiagnoseRequest(_Request):
    """A diagnosis."""

    experiment: Literal["diagnose"]
    settings: DiagnoseForm


class FillMaskRequest(_Request):
    """Predictions."""

    experiment: Literal["fill-mask"]
    settings: FillMaskForm


class ReconstructRequest(_Request):
    """A reconstruction."""

    experiment: Literal["reconstruct"]
    settings: ReconstructForm


class ConceptFitRequest(_Request):
    """A concept to fit."""

    experiment: Literal["concept-fit"]
    settings: ConceptFitForm


class ConceptClassifyRequest(_Request):
    """A word to classify."""

    experiment: Literal["concept-classify"]
    settings: ConceptClassifyForm


class ShiftRequest(_Request):
    """A shift."""

    experiment: Literal["shift"]
    settings: ShiftForm


class ShiftAuditRequest(_Request):
    """Shifts to audit."""

    experiment: Literal["shift-audit"]
    settings: ShiftAuditForm


class NeuronsRequest(_Request):
    """Neurons of a word."""

    experiment: Literal["neurons"]
    settings: NeuronsForm


class CorpusTopRequest(_Request):
    """Sentences of a corpus."""

    experiment: Literal["corpus-top"]
    settings: CorpusTopForm


Request = Annotated[
    DreamRequest
    | TokenSearchRequest
    | SimilarRequest
    | DiagnoseRequest
    | FillMaskRequest
    | ReconstructRequest
    | ConceptFitRequest
    | ConceptClassifyRequest
    | ShiftRequest
    | ShiftAuditRequest
    | NeuronsRequest
    | CorpusTopRequest,
    Field(discriminator="experiment"),
]
"""What POST /api/runs takes."""
REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


class TokensRequest(Form):
    """A text to be seen as the model sees it."""

    model: Name = "minilm"
    text: Text
