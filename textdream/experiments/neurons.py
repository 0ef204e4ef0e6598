"""Which units a word, in its text, excites most for what they do elsewhere: the way to a neuron worth dreaming of."""

from __future__ import annotations

import time

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.configs import NeuronsConfig
from textdream.corpus.index import Index, Statistics
from textdream.errors import InputError
from textdream.experiments.setting import header
from textdream.model import Model
from textdream.model.reads import Read
from textdream.objectives.base import check_position
from textdream.records import NeuronsResult, NeuronValue


def neurons(
    model: Model,
    text: str,
    config: NeuronsConfig,
    *,
    word: str | None = None,
    position: int | None = None,
) -> NeuronsResult:
    """The units of an index that one token of a text excites most, most unusual first.

    Unusual is what few tokens of the corpus do: units are ordered by percentile. Where several are excited more than by any
    sampled token, z decides. z alone would not do: a feed-forward neuron is near zero at most tokens, so that its standard
    deviation is small and a z of 20 is nothing rare, while a unit of the residual stream seldom reaches 5.

    Raises
    ------
    InputError
        If the text, the word or the position do not fit the model, or the index has no such site or layer.
    """
    begin = time.perf_counter()
    if config.index is None:
        raise InputError("no index was given", "a folder made by `textdream corpus index`", "give --index")
    index = Index.open(config.index, model.info)
    if word is not None and position is not None:
        raise InputError("both a word and a position were given", "one of them", "leave --word or --position out")
    ids = model.tokens.encode(text)
    if word is not None:
        position = model.tokens.reading_position(model.tokens.word_positions(text, word))
    position = check_position(position, len(ids))
    if position not in model.tokens.open_positions(ids):
        raise InputError(
            f"position {position} holds {model.tokens.names(ids)[position]}",
            "an ordinary token: an index knows no others",
            "see `textdream tokens`",
        )
    statistics = _chosen(index.statistics(), config)
    reads = {place: Read(*place, position) for place in statistics}
    activations = model.engine.activations(torch.tensor([ids]), reads.values())
    found = []
    for (site, layer), known in statistics.items():
        values = activations[reads[site, layer]][0]
        z, percentile = unusual(values, known)
        for neuron in _first(z, percentile, config.top):
            found.append(
                NeuronValue(
                    site=site,
                    layer=layer,
                    neuron=neuron,
                    activation=float(values[neuron]),
                    z=float(z[neuron]),
                    percentile=float(percentile[neuron]),
                )
            )
    found.sort(key=lambda value: (-value.percentile, -value.z))
    return NeuronsResult(
        corpus=index.manifest.corpus,
        start=model.bare_sample(ids),
        position=position,
        measured=sum(len(known.mean) for known in statistics.values()),
        neurons=found[: config.top],
        **header(model, config, time.perf_counter() - begin),
    )


def unusual(
    values: Float[Tensor, " units"], known: Statistics
) -> tuple[Float[Tensor, " units"], Float[Tensor, " units"]]:
    """(z, percentile) of one value for each unit, among that unit's values over the corpus.

    The percentile is the larger of two bounds: at least so many of the sampled tokens are no higher. One counts the tokens in
    lower bins of the histogram. The other counts the tokens up to a decile; where a sparse unit has almost all of its tokens in
    one bin, that alone tells them apart. Of deciles that are equal, the value itself reaches the first: a unit that is zero at
    nine tokens of ten does not seem unusual at zero. A unit that is the same everywhere has z 0 and percentile 0.
    """
    values = values.double()
    mean, variance, low, high, counts = (
        torch.as_tensor(part, dtype=torch.float64)
        for part in (known.mean, known.variance, known.minimum, known.maximum, known.histogram)
    )
    sd = variance.clamp_min(0).sqrt()
    z = torch.where(sd > 0, (values - mean) / sd.clamp_min(1e-30), 0.0)
    bins, sampled = counts.shape[1], counts.sum(1)
    edges = low[:, None] + ((high - low) / bins)[:, None] * torch.arange(1, bins)
    reached = torch.searchsorted(edges, values[:, None], right=True)
    in_bins = torch.where(high > low, (counts.cumsum(1) - counts).gather(1, reached)[:, 0], 0.0)
    below = torch.maximum(in_bins, _in_deciles(values, torch.as_tensor(known.quantiles).double(), sampled))
    percentile = 100 * below / sampled.clamp_min(1)
    return z, percentile.masked_fill((values > high) & (sd > 0), 100.0)


def _in_deciles(
    values: Float[Tensor, " units"], quantiles: Float[Tensor, "units 11"], sampled: Float[Tensor, " units"]
) -> Float[Tensor, " units"]:
    """How many sampled tokens at least are no higher, by the highest decile that the value reaches."""
    deciles, earlier = quantiles[:, 1:-1], quantiles[:, :-2]
    here = values[:, None]
    reached = ((here > deciles) | ((here == deciles) & (deciles > earlier))).sum(1)
    # The tenths of a sorted sample lie at these places of it, counted from 0.
    return torch.where(reached > 0, (reached * (sampled - 1) / 10).floor() + 1, 0.0)


def _first(z: Tensor, percentile: Tensor, top: int) -> list[int]:
    order = sorted(range(len(z)), key=lambda unit: (-float(percentile[unit]), -float(z[unit])))
    return order[:top]


def _chosen(statistics: dict[tuple[str, int], Statistics], config: NeuronsConfig) -> dict[tuple[str, int], Statistics]:
    chosen = {
        place: known
        for place, known in statistics.items()
        if config.site in (None, place[0]) and config.layer in (None, place[1])
    }
    if not chosen:
        there = ", ".join(dict.fromkeys(site for site, _ in statistics))
        layers = sorted({layer for _, layer in statistics})
        asked = " ".join(str(part) for part in (config.site, config.layer) if part is not None)
        raise InputError(
            f"{asked} is not in the index",
            f"it holds {there} of the layers {', '.join(map(str, layers))}",
            "choose one",
        )
    return chosen
