"""What a word's activation is shifted by: a concept's vector at each layer, in PAIR's unit or in the concept's own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.configs import ShiftAuditConfig, ShiftConfig
from textdream.errors import InputError
from textdream.model import Model
from textdream.model.concept_file import read_concept
from textdream.records import ShiftSource


@dataclass(frozen=True)
class Shift:
    """A concept's vectors at magnitude 1."""

    source: ShiftSource
    vectors: dict[int, Float[Tensor, " d_model"]]


def read_shift(model: Model, config: ShiftConfig | ShiftAuditConfig, layers: Sequence[int] | None) -> Shift:
    """The vectors of a concept file, scaled: at these layers, or at all that it has.

    Raises
    ------
    InputError
        If the file cannot be read, is of another model, or lacks a layer.
    """
    concept = read_concept(str(config.concept), model.info)
    words = concept.manifest.words
    source = ShiftSource(
        file=concept.path.name,
        sha256=hashlib.sha256(concept.path.read_bytes()).hexdigest(),
        kind=config.kind,
        positive=words.positive,
        negative=words.negative,
    )
    vectors = {}
    for layer in concept.manifest.layers if layers is None else layers:
        vector = torch.from_numpy(concept.vector(layer, config.kind)).float()
        if not vector.any():
            raise InputError(f"layer {layer} of {concept.path.name} is all zeros", "a direction", "give another layer")
        vectors[layer] = scaled(vector, config.unit, concept.info(layer, config.kind).scale)
    return Shift(source, vectors)


def scaled(vector: Float[Tensor, " d_model"], unit: str, distance: float) -> Float[Tensor, " d_model"]:
    """Magnitude 1: divided by the largest entry (PAIR: `shift / max(shift)`), or as long as the two sets are apart."""
    if unit == "largest":
        if not vector.max() > 0:
            raise InputError(
                "a vector without an entry above 0 was given with --unit largest",
                "one that can be divided by its largest entry",
                "give --unit distance",
            )
        return vector / vector.max()
    return vector / vector.norm() * distance
