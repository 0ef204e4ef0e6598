"""A search's best text held against the text that was looked for: marks, accuracy, and the nearest rival."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.inversion import Annealing, Found, LeftToRight
from textdream.inversion.descent import Nearest
from textdream.model import Model
from textdream.records import LayerReconstruction, Rival
from textdream.records.reconstruct import Mark

NEAR = 10
"""A wrong token is near if it is one of so many nearest embeddings to the right one."""
RIVALS = 2
"""Neighbours in embedding space that are tried in place of each token of an exact text."""


def marks(
    table: Float[Tensor, "d_vocab d_embed"], ids: Sequence[int], right: Sequence[int], special: frozenset[int]
) -> list[Mark]:
    """For each position: right, near, wrong or special."""
    found: list[Mark] = []
    for id_, wanted in zip(ids, right, strict=True):
        if wanted in special:
            found.append("special")
        elif id_ == wanted:
            found.append("right")
        else:
            distances = (table - table[wanted]).norm(dim=1)
            closer = int((distances < distances[id_]).sum())
            found.append("near" if closer <= NEAR else "wrong")
    return found


def accuracy(found: Sequence[Mark]) -> float:
    """Share of the ordinary positions that are right."""
    ordinary = [mark for mark in found if mark != "special"]
    return ordinary.count("right") / len(ordinary)


def nearest_rival(found: Found) -> Rival | None:
    """Of the texts that differ from the best in one token, a near neighbour of it, the one nearest to the target."""
    goal, ids = found.goal, found.ids
    assert ids is not None
    free = torch.tensor(goal.free)
    nearest = Nearest(found)
    rows = goal.model.engine.table.cpu()[ids[free]]
    tokens = nearest.tokens(rows, RIVALS + 1)
    swaps = [
        (position, token)
        for position, near in zip(goal.free, tokens.tolist(), strict=True)
        for token in [token for token in near if token != int(ids[position])][:RIVALS]
    ]
    if not swaps:
        return None
    texts = ids.repeat(len(swaps), 1)
    for number, (position, token) in enumerate(swaps):
        texts[number, position] = token
    best = found.screen(texts).mean(1).topk(min(8, len(texts)), largest=False).indices
    losses = goal.measure(texts[best]).mean(1)
    found.evaluations += len(best)
    position, token = swaps[int(best[losses.argmin()])]
    return Rival(position=position, id=token, token=goal.model.tokens.names([token])[0], loss=float(losses.min()))


def layer_record(
    model: Model,
    right: Int[Tensor, " pos"],
    layer: int,
    search: Any,
    method: Any,
    seconds: float,
    finished: bool,
    rival: Rival | None,
) -> LayerReconstruction:
    """What a search found, and how near that is to the text: the only place where the two meet."""
    found = search.found
    ids = found.ids.tolist()
    marked = marks(model.engine.table.cpu(), ids, right.tolist(), model.tokens.special)
    last = search.last if isinstance(search, Annealing) else None
    return LayerReconstruction(
        layer=layer,
        best=model.bare_sample(ids),
        exact=found.exact,
        accuracy=accuracy(marked),
        loss=found.loss,
        seconds=round(seconds, 3),
        evaluations=found.evaluations,
        gradients=found.gradients,
        floor=found.goal.noise(found.ids),
        rival=rival,
        marks=marked,
        method=method,
        restarts=found.restarts,
        tried=search.tried if isinstance(search, LeftToRight) else None,
        last=None if last is None else model.bare_sample(last[0]),
        last_loss=None if last is None else last[1],
        finished=finished,
    )
