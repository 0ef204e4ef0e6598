"""PAIR's unit: a value divided by the norm of the position's activations over all layers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.model.model import Model
from textdream.model.reads import Read
from textdream.objectives.base import Activations, Objective, Sum
from textdream.objectives.logits import LogProbability
from textdream.records import Target


@dataclass(frozen=True)
class Normalised(Objective):
    """value / norm of resid_post over all layers: at the value's position, or over all if it has none.

    Equation of `get_activation` in PAIR's text-dream scripts (2019).
    """

    base: Objective
    layers: int | None = None
    position: int | None = None

    @property
    def _norm_reads(self) -> list[Read]:
        return [Read("resid_post", layer, self.position) for layer in range(self.layers or 0)]

    @property
    def reads(self) -> frozenset[Read]:
        """The base's, and resid_post of every layer."""
        return self.base.reads | frozenset(self._norm_reads)

    def value(self, activations: Activations) -> Float[Tensor, " batch"]:
        """value / norm."""
        norms = torch.stack([activations[read].flatten(1).norm(dim=1) for read in self._norm_reads])
        return self.base.value(activations) / norms.norm(dim=0)

    def bind(self, model: Model, position: int | None, length: int) -> Objective:
        """The base bound, and the norm taken where the base is read."""
        base = self.base.bind(model, position, length)
        positions = {read.position for read in base.reads}
        return replace(
            self,
            base=base,
            layers=model.info.layers,
            position=positions.pop() if len(positions) == 1 else None,
        )

    @property
    def masked(self) -> frozenset[int | None]:
        """The base's."""
        return self.base.masked

    def target(self) -> Target:
        """The base's, marked."""
        base = self.base.target()
        changed = {
            "normalised": True,
            "position": self.position,
            "description": f"{base.description}, normalised",
        }
        return base.model_copy(update=changed)


def normalised(objective: Objective) -> Objective:
    """The objective in the unit of PAIR's result files; itself if it is in that unit already."""
    return objective if is_normalised(objective) else Normalised(objective)


def is_normalised(objective: Objective) -> bool:
    """Whether it is in that unit: divided by the norm, or a sum of such. PAIR normalised a prediction by the softmax."""
    if isinstance(objective, Sum):
        return all(is_normalised(part) for _, part in objective.terms)
    return isinstance(objective, Normalised | LogProbability)
