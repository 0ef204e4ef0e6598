"""Which units a word excites most, measured against a corpus."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from textdream.records.manifest import CorpusInfo
from textdream.records.result import BareSample, Index, Record, Result


class NeuronValue(Record):
    """A unit's activation at the word, and where that stands among its activations over the corpus."""

    site: str
    layer: Index
    neuron: Index
    activation: FiniteFloat
    """In float32."""
    z: FiniteFloat
    """(activation - mean) / standard deviation over all tokens of the corpus."""
    percentile: Annotated[FiniteFloat, Field(ge=0, le=100)]
    """At least this share of the sampled tokens excites it no more, in percent: by its histogram and its deciles."""


class NeuronsResult(Result):
    """The units that a word, in its text, excites most for what they do elsewhere."""

    type: Literal["neurons"] = "neurons"
    corpus: CorpusInfo
    start: BareSample
    position: Index
    measured: Index
    """Units of the index that were measured."""
    neurons: list[NeuronValue]
    """Most unusual first: by percentile, then by z."""
