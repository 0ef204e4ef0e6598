"""How much two corpora agree on what excites a unit.

Patterns seen in the top sentences of one corpus may be the corpus's own (Bolukbasi et al. 2021). So the tokens at the top
positions of two corpora are compared, between two marks: how alike the halves of one corpus's top are (more can hardly be
asked of two corpora), and how alike the unit's top in the one is to other units' tops in the other (which chance gives).
Halves are compared throughout, so that all three figures are about as many tokens.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from statistics import fmean

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.corpus.index import Index, Occurrence
from textdream.model import Model
from textdream.records import Measure

OTHERS = 64

Likeness = Callable[[Sequence[int], Sequence[int]], float]
"""How alike two lists of token ids are."""
Halves = tuple[list[int], list[int]]


def measure(
    model: Model, first: Index, second: Index, unit: tuple[str, int, int, str], seed: int
) -> tuple[Measure, Measure, int]:
    """(agreement in tokens, agreement in embeddings, units in the control) of a unit in two indexes.

    Parameters
    ----------
    unit
        Site, layer, number, and kind (neuron or random).
    seed
        Of the other neurons.
    """
    site, layer, number, kind = unit
    draw = random.Random(seed)
    numbers = [other for other in range(second.manifest.widths[site]) if kind == "random" or other != number]
    chosen = draw.sample(numbers, min(OTHERS, len(numbers)))
    ours = halves(model, first.card(site, layer, number, kind).most)
    theirs = halves(model, second.card(site, layer, number, kind).most)
    others = [halves(model, most) for most in second.most(site, layer, chosen).values()]
    likenesses: tuple[Likeness, Likeness] = (shared, _nearness(model))
    tokens, embeddings = (_measure(ours, theirs, others, alike) for alike in likenesses)
    return tokens, embeddings, len(others)


def halves(model: Model, occurrences: Sequence[Occurrence]) -> Halves:
    """The tokens at the positions, of ranks 1, 3, 5 … and of ranks 2, 4, 6 …"""
    rows = model.tokens.encode_many([occurrence.text for occurrence in occurrences])
    ids = [int(row[occurrence.position]) for row, occurrence in zip(rows, occurrences, strict=True)]
    return ids[::2], ids[1::2] or ids


def _measure(ours: Halves, theirs: Halves, others: Sequence[Halves], alike: Likeness) -> Measure:
    def between(first: Halves, second: Halves) -> float:
        return fmean(alike(a, b) for a, b in product(first, second))

    value = between(ours, theirs)
    chance = [between(ours, other) for other in others] or [value]
    below = sum((other < value) + (other == value) / 2 for other in chance)
    within = fmean([alike(*ours), alike(*theirs)])
    return Measure(value=value, within=within, chance=fmean(chance), percentile=100 * below / len(chance))


def shared(first: Sequence[int], second: Sequence[int]) -> float:
    """Σ min(p, q) over tokens: the share that two distributions have in common, 1 - their total variation."""
    p, q = Counter(first), Counter(second)
    return sum(min(p[id_] / len(first), q[id_] / len(second)) for id_ in p)


def _nearness(model: Model) -> Likeness:
    table = model.engine.table.cpu()
    centre = table[model.tokens.allowed].mean(0)

    def mean(ids: Sequence[int]) -> Float[Tensor, " d_embed"]:
        return table[list(ids)].mean(0) - centre

    def alike(first: Sequence[int], second: Sequence[int]) -> float:
        return float(torch.cosine_similarity(mean(first), mean(second), dim=0))

    return alike
