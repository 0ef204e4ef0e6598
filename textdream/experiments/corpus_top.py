"""What a corpus says of a unit: the sentences that excite it most and least, and how far that holds in another corpus."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

from textdream.configs import CorpusTopConfig
from textdream.corpus.along import AlongScan
from textdream.corpus.index import Card, Index
from textdream.errors import CorpusError, InputError
from textdream.experiments.agreement import measure
from textdream.experiments.sentences import shaded, unit_target
from textdream.experiments.setting import header
from textdream.model import Model, Read
from textdream.model.sites import BLOCK_SITES
from textdream.objectives import direction
from textdream.records import Agreement, Band, CorpusTopResult, Histogram, Measure, Standing, Target


def corpus_top(
    model: Model, folder: str | Path, config: CorpusTopConfig, heard: Callable[[int, int], None] | None = None
) -> CorpusTopResult:
    """The best and the least sentences of a unit, every token's activation in float32.

    Parameters
    ----------
    folder
        An index that was made with this model.
    heard
        Called with (tokens done, tokens in all) while the corpus is scanned along `config.direction`.

    Raises
    ------
    InputError
        If no layer or unit was given, or the direction does not fit.
    CorpusError
        If there is no index, it was made with another model, or it does not hold the unit.
    """
    begin = time.perf_counter()
    if config.direction is not None:
        return _along(model, folder, config, config.direction, heard, begin)
    unit = unit_of(config)
    index = Index.open(folder, model.info)
    against = None if config.against is None else Index.open(config.against, model.info)
    if against is not None and config.random_direction is not None and against.manifest.seed != index.manifest.seed:
        raise CorpusError(
            f"{against.folder} has other random directions than {index.folder} (seeds {against.manifest.seed} and "
            f"{index.manifest.seed})",
            "two indexes of one seed",
            "make one again with the other's --seed",
        )
    site, layer, number, kind = unit
    card = index.card(*unit)
    target = unit_target(index, site, layer, number, kind == "random")
    return CorpusTopResult(
        target=target,
        corpus=index.manifest.corpus,
        standing=standing(index, card),
        sentences=shaded(model, card.most, target, "most")[: config.top],
        least=shaded(model, card.least, target, "least")[: config.top],
        quantiles=_bands(model, card, target, config.quantiles),
        histogram=Histogram(low=card.minimum, high=card.maximum, counts=list(card.histogram)),
        against=None if against is None else _against(model, index, against, unit, target, config),
        **_header(model, folder, config, begin),
    )


def _along(
    model: Model,
    folder: str | Path,
    config: CorpusTopConfig,
    file: str,
    heard: Callable[[int, int], None] | None,
    begin: float,
) -> CorpusTopResult:
    """The same of a direction that the index does not hold, by scanning its sentences once more."""
    if config.neuron is not None or config.random_direction is not None or config.against is not None:
        raise InputError(
            "--direction was given beside a neuron, a random direction, or --against",
            "a direction alone, in one corpus",
            "leave the others out",
        )
    if config.layer is None:
        raise InputError("no layer was given", "the layer of the direction", "give --layer, counted from 0")
    if config.site not in BLOCK_SITES or config.site == "head":
        raise InputError(f"--site {config.site} was given", "a site of a layer, such as resid_post", "give another")
    index = Index.open(folder, model.info)
    objective = direction(config.layer, file, site=config.site)
    # Bound to any position for what that checks: model, layer and width.
    objective.bind(model, 0, 1)
    target = objective.target()
    keep = max(2 * config.top, index.manifest.k)
    scan = AlongScan(model, index, Read(config.site, config.layer), target.vector or [], keep, config.seed)
    for done in scan:
        if heard is not None:
            heard(done, scan.total)
    card = scan.card()
    return CorpusTopResult(
        target=target,
        corpus=index.manifest.corpus,
        standing=_standing(card, model.width(config.site, config.layer), None),
        sentences=shaded(model, card.most, target, "most")[: config.top],
        least=shaded(model, card.least, target, "least")[: config.top],
        quantiles=_bands(model, card, target, config.quantiles),
        histogram=Histogram(low=card.minimum, high=card.maximum, counts=list(card.histogram)),
        **_header(model, folder, config, begin),
    )


def _header(model: Model, folder: str | Path, config: CorpusTopConfig, begin: float) -> dict[str, Any]:
    found = header(model, config, time.perf_counter() - begin)
    return {**found, "settings": {"index": str(folder), **found["settings"]}}


def unit_of(config: CorpusTopConfig) -> tuple[str, int, int, str]:
    """(site, layer, number, kind): a random direction stands in for the neuron, given alone or beside it."""
    if config.layer is None:
        raise InputError("no layer was given", "a layer of the index", "give --layer, counted from 0")
    if config.random_direction is not None:
        return config.site, config.layer, config.random_direction, "random"
    if config.neuron is None:
        raise InputError("no neuron was given", "a neuron of the index", "give --neuron, or --random-direction")
    return config.site, config.layer, config.neuron, "neuron"


def standing(index: Index, card: Card) -> Standing:
    """Where a unit stands over the whole corpus."""
    return _standing(card, index.manifest.widths[card.site], card.top_count)


def _standing(card: Card, units: int, counted: int | None) -> Standing:
    return Standing(
        count=card.count,
        mean=card.mean,
        sd=sqrt(max(0.0, card.variance)),
        minimum=card.minimum,
        maximum=card.maximum,
        top_share=None if counted is None else counted / max(1, card.count),
        units=units,
    )


def _bands(model: Model, card: Card, target: Target, with_sentences: bool) -> list[Band]:
    return [
        Band(low=low, high=high, sentences=shaded(model, drawn, target) if with_sentences else [])
        for low, high, drawn in zip(card.quantiles, card.quantiles[1:], card.bands, strict=False)
    ]


def _against(
    model: Model, first: Index, second: Index, unit: tuple[str, int, int, str], target: Target, config: CorpusTopConfig
) -> Agreement:
    card = second.card(*unit)
    tokens, embeddings, others = measure(model, first, second, unit, config.seed)
    return Agreement(
        corpus=second.manifest.corpus,
        standing=standing(second, card),
        sentences=shaded(model, card.most, target, "most")[: config.top],
        tokens=tokens,
        embeddings=embeddings,
        others=others,
        text=agreement_sentence(tokens, others),
    )


def agreement_sentence(tokens: Measure, others: int) -> str:
    """The agreement in words."""

    def percent(share: float) -> str:
        return f"{100 * share:.3g} %"

    above = "each" if tokens.percentile == 100 else f"{tokens.percentile:.0f} % (ties by half)"
    return (
        f"Compared by halves of the top sentences, the two corpora have {percent(tokens.value)} of its top tokens in common, "
        f"where the two halves of one corpus have {percent(tokens.within)}, and this unit and other neurons "
        f"{percent(tokens.chance)}: it agrees with itself more than with {above} of {others} others."
    )
