"""What results say of sentences of a corpus, and of several units at once: ids, and the value of a unit at each position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from typing import Any

from textdream.experiments.reconstruct_claims import reconstruct_samples
from textdream.experiments.shift_claims import shift_samples
from textdream.records import (
    BareSample,
    CorpusTopResult,
    DreamResult,
    NeuronsResult,
    ReconstructResult,
    Sentence,
    ShadedSentence,
    ShiftResult,
    Target,
)


@dataclass(frozen=True)
class UnitClaim:
    """Values of one unit in one text."""

    ids: list[int]
    target: Target
    """A neuron or a direction; its own position does not count."""
    values: list[tuple[str, int, float]]
    """(where in the file, position, value reported)."""


def samples(result: Any) -> Iterator[tuple[str, BareSample]]:
    """Every sample in a result, and where it is."""
    for name, value in result:
        if isinstance(value, BareSample):
            yield name, value
    if isinstance(result, ReconstructResult):
        yield from reconstruct_samples(result)
    if isinstance(result, ShiftResult):
        yield from shift_samples(result)
    if isinstance(result, DreamResult) and result.baseline is not None:
        for number, start in enumerate(result.baseline.sentences):
            yield f"baseline.sentences.{number}.reached", start.reached


def sentences(result: Any) -> Iterator[tuple[str, Sentence]]:
    """Every sentence of a corpus in a result, and where it is."""
    groups: dict[str, Any] = {}
    if isinstance(result, CorpusTopResult):
        groups = {"sentences": result.sentences, "least": result.least}
        groups |= {f"quantiles.{number}.sentences": band.sentences for number, band in enumerate(result.quantiles)}
        if result.against is not None:
            groups["against.sentences"] = result.against.sentences
    elif isinstance(result, DreamResult) and result.baseline is not None:
        yield "baseline", result.baseline
        groups = {"baseline.sentences": result.baseline.sentences}
    for name, group in groups.items():
        for number, sentence in enumerate(group):
            yield f"{name}.{number}", sentence


def unit_claims(result: Any) -> Iterator[UnitClaim]:
    """Every activation in a result that is read elsewhere than its target says, or of another unit."""
    for where, sentence in sentences(result):
        values = [(f"{where}.activation", sentence.position, sentence.activation)]
        if isinstance(sentence, ShadedSentence):
            values += [(f"{where}.activations", place, value) for place, value in enumerate(sentence.activations)]
        yield UnitClaim(sentence.ids, result.target, values)
    if isinstance(result, DreamResult) and result.baseline is not None:
        for number, start in enumerate(result.baseline.sentences):
            value = f"baseline.sentences.{number}.reached", start.position, start.reached.activation
            yield UnitClaim(start.reached.ids, result.target, [value])
    if isinstance(result, NeuronsResult):
        for number, unit in enumerate(result.neurons):
            target = Target(kind="neuron", site=unit.site, layer=unit.layer, neuron=unit.neuron)
            yield UnitClaim(result.start.ids, target, [(f"neurons.{number}", result.position, unit.activation)])


def baseline_claims(result: DreamResult) -> Iterator[tuple[str, Any, Any]]:
    """(where, reported, as the activations in the file give it) of what a dream says of the corpus it was held against."""
    if result.baseline is None:
        return
    sign = -1.0 if result.minimise else 1.0
    best, bar = result.best.activation, result.baseline.activation
    highest = sign * max(sign * bar, sign * result.baseline.bound)
    # More than float32 can tell from none, as the optimisers have it.
    yield "baseline.beats", result.baseline.beats, sign * (best - highest) > 1e-5 * max(1.0, abs(highest))
    for number, start in enumerate(result.baseline.sentences):
        if sign * (start.activation - bar) > 1e-5 * max(1.0, abs(bar)):
            yield f"baseline.sentences.{number}", start.activation, f"no more than the best, {bar}"
        if sign * (start.reached.activation - best) > 1e-5 * max(1.0, abs(best)):
            yield f"baseline.sentences.{number}.reached", start.reached.activation, f"no more than the best, {best}"
    ratio = best / bar if sign * bar > 0 else None
    close = ratio is not None and result.baseline.ratio is not None and isclose(ratio, result.baseline.ratio)
    yield "baseline.ratio", result.baseline.ratio, result.baseline.ratio if close else ratio
