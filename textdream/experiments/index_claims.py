"""What follows from the index that a result names: where its units stand, and that nothing better was left out of its lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isclose
from typing import Any

import torch

from textdream.corpus.index import Index, Occurrence
from textdream.errors import CorpusError
from textdream.experiments.agreement import measure
from textdream.experiments.corpus_top import standing
from textdream.experiments.neurons import unusual
from textdream.experiments.plain import plain_at_tokens, plain_site
from textdream.model.model import Model
from textdream.records import Agreement, CorpusTopResult, NeuronsResult, ShadedSentence, Target

Found = tuple[str, Any, Any]
Unit = tuple[str, int, int, str]
# As verify has it: float32 sums of the same numbers in another order.
TOLERANCE = 1e-4


def follows_from_index(result: CorpusTopResult | NeuronsResult, model: Model) -> tuple[list[Found], str | None]:
    """What follows from the index that a result names; and, where that is not at hand, what could not be checked."""
    if result.settings.get("direction") is not None:
        return [], "where the direction stands and what excites it most, which takes another scan of the corpus"
    if isinstance(result, NeuronsResult):
        index = _opened(result.settings.get("index"), result.corpus, model)
        if isinstance(index, str):
            return (
                [],
                f"z and percentiles, and whether these units are the most unusual, which the index tells ({index})",
            )
        return list(_neurons(result, index, model)), None
    index = _opened(result.settings.get("index"), result.corpus, model)
    if isinstance(index, str):
        more = "" if result.against is None else ", nor how far the two corpora agree"
        return (
            [],
            f"where the unit stands, and whether these are its best sentences{more}, which the index tells ({index})",
        )
    found = list(_top(result, index, model))
    if result.against is None:
        return found, None
    second = _opened(result.settings.get("against"), result.against.corpus, model)
    if isinstance(second, str):
        return found, f"what the second corpus says and how far the two agree, which its index tells ({second})"
    return [*found, *_against(result, result.against, index, second, model)], None


def _opened(folder: Any, corpus: Any, model: Model) -> Index | str:
    """The index, or why it cannot be used."""
    try:
        index = Index.open(str(folder), model.info)
    except CorpusError as error:
        return error.given
    return index if index.manifest.corpus == corpus else f"{index.folder} is of another corpus now"


def _unit(result: CorpusTopResult) -> Unit:
    target = result.target
    random = target.neuron is None
    number = target.neuron if target.neuron is not None else int(result.settings.get("random_direction") or 0)
    return str(target.site), int(target.layer or 0), number, "random" if random else "neuron"


def _top(result: CorpusTopResult, index: Index, model: Model) -> Iterator[Found]:
    site, layer, number, kind = unit = _unit(result)
    card = index.card(*unit)
    if kind == "random" and result.target.vector != index.direction(site, layer, number):
        yield "target.vector", "a vector", f"random direction {number} of the index"
    if result.standing != (found := standing(index, card)):
        yield "standing", result.standing, found
    histogram = (card.minimum, card.maximum, list(card.histogram))
    if (result.histogram.low, result.histogram.high, result.histogram.counts) != histogram:
        yield "histogram", result.histogram.counts, list(card.histogram)
    edges = list(zip(card.quantiles, card.quantiles[1:], strict=False))
    if [(band.low, band.high) for band in result.quantiles] != edges:
        yield "quantiles", [(band.low, band.high) for band in result.quantiles], edges
    for place, (band, drawn) in enumerate(zip(result.quantiles, card.bands, strict=False)):
        ours = [(one.sentence, one.position) for one in band.sentences]
        theirs = [(one.sentence, one.position) for one in drawn] if result.settings.get("quantiles") else []
        if ours != theirs:
            yield f"quantiles.{place}.sentences", ours, theirs
    top = int(result.settings.get("top", len(result.sentences)))
    yield from _best("sentences", result.sentences, card.most, 1.0, top, result.target, model)
    yield from _best("least", result.least, card.least, -1.0, top, result.target, model)


def _best(
    where: str,
    said: Sequence[ShadedSentence],
    kept: Sequence[Occurrence],
    sign: float,
    top: int,
    target: Target,
    model: Model,
) -> Iterator[Found]:
    """Whether these are the `top` best of the sentences that the index kept, by float32 values; which of equal ones is free."""
    if len(said) != min(top, len(kept)):
        yield where, f"{len(said)} sentences", f"{min(top, len(kept))} sentences"
    texts = {one.sentence: one.text for one in kept}
    for number, one in enumerate(said):
        if texts.pop(one.sentence, None) != one.text:
            yield f"{where}.{number}", f"sentence {one.sentence}", "another of those that the index kept"
    if not said:
        return
    last = sign * said[-1].activation
    for text, value in _values(list(texts.values()), sign, target, model):
        if value > last + TOLERANCE * max(1.0, abs(value)):
            yield where, f"{said[-1].activation} as the last", f"{sign * value} of a sentence left out ({text[:60]!r})"
            return


def _values(texts: Sequence[str], sign: float, target: Target, model: Model) -> Iterator[tuple[str, float]]:
    """Texts and their highest values times `sign`, those of equal length by one plain forward pass."""
    rows = [(text, model.tokens.encode(text)) for text in texts]
    for length in {len(ids) for _, ids in rows}:
        alike = [(text, ids) for text, ids in rows if len(ids) == length]
        found = sign * plain_at_tokens(model, torch.tensor([ids for _, ids in alike]), target)
        for (text, ids), values in zip(alike, found, strict=True):
            yield text, float(values[model.tokens.open_positions(ids)].max())


def _against(result: CorpusTopResult, against: Agreement, first: Index, second: Index, model: Model) -> Iterator[Found]:
    unit = _unit(result)
    card = second.card(*unit)
    if against.standing != (found := standing(second, card)):
        yield "against.standing", against.standing, found
    top = int(result.settings.get("top", len(against.sentences)))
    yield from _best("against.sentences", against.sentences, card.most, 1.0, top, result.target, model)
    tokens, embeddings, others = measure(model, first, second, unit, int(result.settings.get("seed", result.seed or 0)))
    if against.others != others:
        yield "against.others", against.others, others
    for name, ours, theirs in (("tokens", against.tokens, tokens), ("embeddings", against.embeddings, embeddings)):
        for key, value in theirs:
            if not isclose(getattr(ours, key), value, rel_tol=1e-5, abs_tol=1e-5):
                yield f"against.{name}.{key}", getattr(ours, key), value


def _neurons(result: NeuronsResult, index: Index, model: Model) -> Iterator[Found]:
    statistics = index.statistics()
    for number, unit in enumerate(result.neurons):
        known = statistics.get((unit.site, unit.layer))
        if known is None or unit.neuron >= len(known.mean):
            yield f"neurons.{number}", f"{unit.site} {unit.layer} {unit.neuron}", "a unit of the index"
            continue
        values = torch.as_tensor(known.mean).clone().double()
        values[unit.neuron] = unit.activation
        z, percentile = (float(found[unit.neuron]) for found in unusual(values, known))
        # The value was a float32 when it was measured, and is the same number here.
        if not isclose(z, unit.z, rel_tol=1e-6, abs_tol=1e-6):
            yield f"neurons.{number}.z", unit.z, z
        if not isclose(percentile, unit.percentile, abs_tol=1e-6):
            yield f"neurons.{number}.percentile", unit.percentile, percentile
    asked = result.settings.get("site"), result.settings.get("layer")
    chosen = {
        place: known
        for place, known in statistics.items()
        if all(wanted in (None, here) for wanted, here in zip(asked, place, strict=True))
    }
    if result.measured != (measured := sum(len(known.mean) for known in chosen.values())):
        yield "measured", result.measured, measured
    said = {(unit.site, unit.layer, unit.neuron) for unit in result.neurons}
    kept = min(measured, int(result.settings.get("top", len(said))))
    if not len(said) == len(result.neurons) == kept:
        yield "neurons", f"{len(said)} units", f"{kept} units"
    if not result.neurons:
        return
    last = result.neurons[-1].percentile, result.neurons[-1].z
    for (site, layer), known in chosen.items():
        values = plain_site(model, torch.tensor([result.start.ids]), site, layer)[0, result.position].double()
        # Not even the least that it may be in another order of sums may be more unusual than the last that is listed.
        all_z, all_percentiles = unusual(values - TOLERANCE * values.abs().clamp_min(1.0), known)
        for neuron, found in enumerate(zip(all_percentiles.tolist(), all_z.tolist(), strict=True)):
            if found > last and (site, layer, neuron) not in said:
                yield "neurons", f"{last} (percentile, z) as the last", f"{found} of {site} {layer} neuron {neuron}"
                return
