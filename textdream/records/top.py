"""What a corpus says of one unit: sentences that excite it most and least, where it stands, whether that holds elsewhere."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from textdream.records.manifest import CorpusInfo
from textdream.records.result import Index, Record, Result, Target
from textdream.records.sentences import ShadedSentence

Share = Annotated[FiniteFloat, Field(ge=0, le=1)]


class Standing(Record):
    """A unit's activations over all tokens of a corpus, in the precision that the index was made in."""

    count: Index
    """Tokens seen."""
    mean: FiniteFloat
    sd: FiniteFloat
    minimum: FiniteFloat
    maximum: FiniteFloat
    top_share: Share | None
    """Share of the tokens at which it is the highest neuron of its site and layer; null for a direction of one's own."""
    units: Index
    """Neurons of its site and layer: by chance each would be the highest at one token in so many."""


class Histogram(Record):
    """How many tokens of a sample of the corpus have which activation: bins of equal width."""

    low: FiniteFloat
    high: FiniteFloat
    counts: list[Index]


class Band(Record):
    """A tenth of a unit's tokens, by activation, and a few of them drawn at random."""

    low: FiniteFloat
    high: FiniteFloat
    sentences: list[ShadedSentence]


class Measure(Record):
    """How alike the top tokens are in two corpora, between what one corpus says twice and what chance says."""

    value: FiniteFloat
    """Between the two corpora: the mean over their halves, so that as many tokens are compared as in `within`."""
    within: FiniteFloat
    """Between the halves of one corpus's top (ranks 1, 3, 5 … and 2, 4, 6 …), mean of the two corpora."""
    chance: FiniteFloat
    """Between this unit in the first corpus and other units in the second, mean."""
    percentile: Annotated[FiniteFloat, Field(ge=0, le=100)]
    """Share of those other units that agree less than the unit itself, in percent; ties count half."""


class Agreement(Record):
    """The same unit in a second corpus, and how much the two agree."""

    corpus: CorpusInfo
    standing: Standing
    sentences: list[ShadedSentence]
    tokens: Measure
    """Share of the tokens at the top positions that both corpora have: 1 - total variation between the two distributions."""
    embeddings: Measure
    """Cosine between the mean embeddings of the top tokens, each less the mean of the vocabulary."""
    others: Index
    """Other units of the site and layer that the control is made of."""
    text: str
    """The same in one sentence."""


class CorpusTopResult(Result):
    """The sentences of a corpus that excite a unit most and least."""

    type: Literal["corpus_top"] = "corpus_top"
    target: Target
    corpus: CorpusInfo
    standing: Standing
    sentences: list[ShadedSentence]
    """Best first, one occurrence a sentence."""
    least: list[ShadedSentence]
    """Lowest first."""
    quantiles: list[Band]
    """Ten bands, lowest first; without sentences unless they were asked for."""
    histogram: Histogram
    against: Agreement | None = None
