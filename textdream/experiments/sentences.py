"""Sentences of a corpus index, with a unit's activation recomputed in float32 at every token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.corpus.index import Index, Occurrence
from textdream.model import Model
from textdream.model.reads import Read
from textdream.records import ShadedSentence, Target

Side = Literal["most", "least"]


def unit_target(index: Index, site: str, layer: int, neuron: int, random: bool = False) -> Target:
    """A unit of an index as a target: a neuron, or (`random`) one of the index's random directions."""
    if random:
        vector = index.direction(site, layer, neuron)
        description = f"{site} {layer} random direction {neuron}"
        return Target(kind="direction", site=site, layer=layer, vector=vector, description=description)
    return Target(kind="neuron", site=site, layer=layer, neuron=neuron, description=f"{site} {layer} neuron {neuron}")


def values_at_tokens(model: Model, ids: Int[Tensor, "batch pos"], target: Target) -> Float[Tensor, "batch pos"]:
    """A neuron's or direction's value at every token, in float32."""
    read = Read(str(target.site), target.layer)
    x = model.engine.activations(ids, [read])[read]
    return x[..., target.neuron] if target.vector is None else x @ torch.tensor(target.vector, dtype=x.dtype)


def shaded(
    model: Model, occurrences: Sequence[Occurrence], target: Target, side: Side | None = None
) -> list[ShadedSentence]:
    """The sentences of some occurrences, the value at each of their tokens in float32.

    Parameters
    ----------
    side
        `most` puts each sentence's highest token first and orders by it, `least` the lowest: what the index's rounded values say
        of place and rank is not taken over. Without it, positions and order stay.
    """
    ids = [model.tokens.encode(occurrence.text) for occurrence in occurrences]
    values: dict[int, list[float]] = {}
    for length in sorted({len(row) for row in ids}):
        rows = [number for number, row in enumerate(ids) if len(row) == length]
        found = values_at_tokens(model, torch.tensor([ids[number] for number in rows]), target)
        values |= dict(zip(rows, found.tolist(), strict=True))
    sign = -1.0 if side == "least" else 1.0
    sentences = []
    for number, (occurrence, row) in enumerate(zip(occurrences, ids, strict=True)):
        here, position = values[number], occurrence.position
        if side is not None:
            position = max(model.tokens.open_positions(row), key=lambda place: sign * here[place])
        sentences.append(
            ShadedSentence(
                sentence=occurrence.sentence,
                text=occurrence.text,
                ids=row,
                tokens=model.tokens.names(row),
                position=position,
                activation=here[position],
                activations=here,
            )
        )
    return sentences if side is None else sorted(sentences, key=lambda found: -sign * found.activation)
