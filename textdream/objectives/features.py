"""Objectives that read a site: a neuron, a channel, a whole layer, a direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.errors import InputError
from textdream.model.concept_file import Concept
from textdream.model.model import Model
from textdream.model.reads import Read
from textdream.objectives.base import Activations, Objective, check_position
from textdream.objectives.vector_file import read_vector
from textdream.records import Target


@dataclass(frozen=True)
class Feature(Objective):
    """What the objectives on one site have in common: where it is."""

    site: str
    layer: int | None
    position: int | None
    head: int | None
    mean: bool
    """Read every position and average, in place of one position."""

    @property
    def _read(self) -> Read:
        layer = None if self.site in ("embed", "pooled", "logits") else self.layer
        return Read(self.site, layer, self.position, self.head)

    @property
    def reads(self) -> frozenset[Read]:
        """One place."""
        return frozenset({self._read})

    def _bound(self, model: Model, position: int | None, length: int) -> Any:
        model.layout.place(self.site, self.layer)
        heads = model.hf.config.num_attention_heads
        if self.site == "head" and (self.head is None or not 0 <= self.head < heads):
            raise InputError(
                f"head {self.head} is not in {model.name}",
                f"it has {heads} heads: 0 to {heads - 1}",
                "give one of them with --head",
            )
        if self.site != "head" and self.head is not None:
            raise InputError(
                f"a head was given for the site {self.site}",
                "--head goes with --site head",
                "give one or the other",
            )
        if not has_positions(self.site, model) and (self.mean or self.position is not None):
            raise InputError(
                f"a position was given for {self.site}", "none: it is one for the whole text", "leave it out"
            )
        if self.mean and self.position is not None:
            raise InputError("both a position and the mean over positions were given", "one of them", "leave one out")
        if self.mean or not has_positions(self.site, model):
            return self
        own = self.position if self.position is not None else position
        return replace(self, position=check_position(own, length))

    def _described(self, what: str, **fields: Any) -> Target:
        layer = self.layer if self._read.layer is not None else None
        where = self.site if layer is None else f"{self.site} {layer}"
        head = "" if self.head is None else f" head {self.head}"
        at = (
            f" at position {self.position}"
            if self.position is not None
            else (" averaged over positions" if self.mean else "")
        )
        return Target(
            site=self.site,
            layer=layer,
            head=self.head,
            position=self.position,
            description=f"{where}{head} {what}{at}",
            **fields,
        )


def has_positions(site: str, model: Model) -> bool:
    """Whether a site has one activation for each position."""
    return not (site == "pooled" or (site == "logits" and model.layout.classes is not None))


@dataclass(frozen=True)
class Unit(Feature):
    """One unit: at one position, or averaged over all (a channel)."""

    index: int

    def value(self, activations: Activations) -> Float[Tensor, " batch"]:
        """The unit's activation."""
        unit = activations[self._read][..., self.index]
        return unit.mean(-1) if self.mean else unit

    def bind(self, model: Model, position: int | None, length: int) -> Objective:
        """Checked against the site's width."""
        bound = self._bound(model, position, length)
        width = model.width(self.site, self.layer)
        if not 0 <= self.index < width:
            place = self.site if bound._read.layer is None else f"{self.site} of layer {self.layer}"
            raise InputError(
                f"neuron {self.index} is not in {place} of {model.name}",
                f"it has {width} units: 0 to {width - 1}",
                "give one of them with --neuron",
            )
        if self.site == "mlp_post" and not model.layout.gated:
            return Rectified(**vars(bound))
        return bound

    def target(self) -> Target:
        """A neuron, or a channel."""
        return self._described(f"neuron {self.index}", kind="channel" if self.mean else "neuron", neuron=self.index)


@dataclass(frozen=True)
class Rectified(Unit):
    """A feed-forward neuron after an activation function that rises wherever its output is positive.

    Far below zero GELU and its kin are flat and a gradient says nothing, so the way up is the value before them. Where
    the neuron fires at all, the highest value before is the highest value after.
    """

    def climb(self) -> Objective:
        """The same unit before the activation function; a mean over positions is no longer the same order, and stays."""
        return self if self.mean else Unit(**{**vars(self), "site": "mlp_pre"})

    def settled(self, value: float) -> bool:
        """Where it fires, the order before and after the activation function is the same."""
        return self.mean or value > 0


@dataclass(frozen=True)
class WholeLayer(Feature):
    """The mean of squares over all units of a site, at one position or over all (DeepDream's layer objective)."""

    def value(self, activations: Activations) -> Float[Tensor, " batch"]:
        """Mean of squares."""
        return activations[self._read].square().flatten(1).mean(1)

    def bind(self, model: Model, position: int | None, length: int) -> Objective:
        """Checked."""
        return self._bound(model, position, length)

    def target(self) -> Target:
        """A layer."""
        return self._described("mean of squares", kind="layer")


@dataclass(frozen=True)
class Direction(Feature):
    """The projection of a site's activation on a unit vector: x · v / |v|."""

    vector: tuple[float, ...]
    label: str = ""
    """What the vector is called."""
    concept: Concept | None = field(default=None, compare=False, repr=False)
    """The concept that it belongs to, which fits one model only."""

    def value(self, activations: Activations) -> Float[Tensor, " batch"]:
        """The projection."""
        x = activations[self._read]
        projected = x @ torch.tensor(self.vector, dtype=x.dtype, device=x.device)
        return projected.mean(-1) if self.mean else projected

    def bind(self, model: Model, position: int | None, length: int) -> Objective:
        """Checked against the site's width, and the concept's model."""
        if self.concept is not None:
            self.concept.check_model(model.info)
        width = model.width(self.site, self.layer)
        if len(self.vector) != width:
            raise InputError(
                f"the direction has {len(self.vector)} numbers",
                f"{self.site} of {model.name} has {width} units",
                "give a vector of that width",
            )
        return self._bound(model, position, length)

    def target(self) -> Target:
        """A direction, with the unit vector, so that a result can be checked without the file."""
        return self._described(f"direction {self.label}".strip(), kind="direction", vector=list(self.vector))


def neuron(
    layer: int | None,
    index: int,
    *,
    site: str = "resid_post",
    position: int | None = None,
    head: int | None = None,
) -> Objective:
    """One unit of `site` at one position (default: the word or position that the experiment reads)."""
    return Unit(site, layer, position, head, False, index)


def channel(layer: int | None, index: int, *, site: str = "resid_post", head: int | None = None) -> Objective:
    """One unit of `site`, averaged over all positions."""
    return Unit(site, layer, None, head, True, index)


def layer(
    index: int | None,
    *,
    site: str = "resid_post",
    position: int | None = None,
    mean: bool = False,
    head: int | None = None,
) -> Objective:
    """The mean of squares over all units of `site`, at one position or (`mean`) over all."""
    return WholeLayer(site, index, position, head, mean)


def direction(
    layer: int | None,
    vector: Sequence[float] | Tensor | str | Path,
    *,
    site: str = "resid_post",
    position: int | None = None,
    mean: bool = False,
    head: int | None = None,
) -> Objective:
    """The projection on a vector: numbers, a tensor [d], or a safetensors file (see `read_vector`).

    Raises
    ------
    InputError
        If the file is not readable or has no one vector for the layer, or the vector is empty, zero, or not finite.
    """
    named = read_vector(vector, layer, site) if isinstance(vector, str | Path) else None
    tensor = torch.as_tensor(vector if named is None else named.vector, dtype=torch.float64)
    if tensor.ndim != 1:
        raise InputError(
            f"the direction has the shape {list(tensor.shape)}",
            "one vector",
            "give a tensor of one dimension",
        )
    bad = int((~tensor.isfinite()).sum())
    if bad:
        raise InputError(
            f"the direction has {bad} numbers that are NaN or infinite",
            "finite numbers",
            "make the vector again",
        )
    norm = tensor.double().norm()
    if norm == 0:
        raise InputError("the direction is zero", "a vector with a length", "make the vector again")
    unit = tuple((tensor.double() / norm).tolist())
    if named is None:
        return Direction(site, layer, position, head, mean, unit)
    return Direction(site, layer, position, head, mean, unit, named.label, named.concept)
