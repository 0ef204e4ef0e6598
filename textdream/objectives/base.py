"""The algebra of objectives: what is to be raised, always maximised; `+`, `-` and `*` combine.

An objective declares what it reads, gives one value for each candidate, and describes itself for the result file. Only
an optimiser ever turns its sign.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.errors import InputError
from textdream.model.model import Model
from textdream.model.reads import Read
from textdream.records import Target

Activations = Mapping[Read, Tensor]


class Objective(ABC):
    """Something about a text that a search can raise."""

    @property
    @abstractmethod
    def reads(self) -> frozenset[Read]:
        """The places in the model that `value` needs."""

    @abstractmethod
    def value(self, activations: Activations) -> Float[Tensor, " batch"]:
        """One number for each candidate, from the activations of `reads`."""

    @abstractmethod
    def bind(self, model: Model, position: int | None, length: int) -> Objective:
        """The same objective on one model and one text: positions filled in, everything checked.

        Parameters
        ----------
        model
            The model that will be read.
        position
            Where to read what has no position of its own.
        length
            Tokens in the text, special ones included.

        Raises
        ------
        InputError
            If the model or the text has no such layer, unit, head, token or position.
        """

    @abstractmethod
    def target(self) -> Target:
        """What the result file says of it."""

    @property
    def masked(self) -> frozenset[int | None]:
        """Positions that hold the mask token while it is read; None for one that `bind` fills in."""
        return frozenset()

    def climb(self) -> Objective:
        """An objective whose ascent is this one's ascent, but which is not flat where this one is.

        By default itself. A feed-forward neuron after its activation function rises with the value before it.
        """
        return self

    def settled(self, value: float) -> bool:
        """Whether an optimum of `climb()`, where this objective has `value`, is an optimum of this one too."""
        return True

    def __add__(self, other: Objective) -> Objective:
        return Sum(((1.0, self), (1.0, other)))

    def __sub__(self, other: Objective) -> Objective:
        return Sum(((1.0, self), (-1.0, other)))

    def __mul__(self, weight: float) -> Objective:
        return Sum(((float(weight), self),))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return Sum(((-1.0, self),))

    def __str__(self) -> str:
        return self.target().description


@dataclass(frozen=True)
class Sum(Objective):
    """A weighted sum of objectives."""

    terms: tuple[tuple[float, Objective], ...]

    @property
    def reads(self) -> frozenset[Read]:
        """All that its terms read."""
        return frozenset().union(*(objective.reads for _, objective in self.terms))

    def value(self, activations: Activations) -> Float[Tensor, " batch"]:
        """Σ weight · value."""
        return torch.stack([weight * objective.value(activations) for weight, objective in self.terms]).sum(0)

    def bind(self, model: Model, position: int | None, length: int) -> Objective:
        """Each term bound."""
        return Sum(tuple((weight, objective.bind(model, position, length)) for weight, objective in self.terms))

    @property
    def masked(self) -> frozenset[int | None]:
        """All that its terms have masked."""
        return frozenset().union(*(objective.masked for _, objective in self.terms))

    def target(self) -> Target:
        """The terms, each with its weight; sums within a sum are multiplied out."""
        terms: list[Target] = []
        for weight, objective in self.terms:
            described = objective.target()
            inner = described.terms if described.terms and not described.normalised else [described]
            for term in inner:
                terms.append(term.model_copy(update={"weight": weight * term.weight}))
        text = " ".join(
            f"{'+' if term.weight >= 0 else '-'} {abs(term.weight):g} × {term.description}" for term in terms
        )
        return Target(kind="sum", terms=terms, description=text.removeprefix("+ "))

    def climb(self) -> Objective:
        """Terms that are raised are climbed their own way; terms that are lowered stay as they are."""
        terms = tuple((weight, part.climb() if weight > 0 else part) for weight, part in self.terms)
        return self if all(new is old for (_, new), (_, old) in zip(terms, self.terms, strict=True)) else Sum(terms)

    def settled(self, value: float) -> bool:
        """Several terms have no common order before their activation functions; one alone keeps its own."""
        if len(self.terms) == 1:
            ((weight, part),) = self.terms
            return weight <= 0 or part.settled(value / weight)
        return self.climb() is self


def check_position(position: int | None, length: int) -> int:
    """The position, if the text has it.

    Raises
    ------
    InputError
        If it is missing or outside.
    """
    if position is None:
        raise InputError(
            "the target has no position", "the token whose activation is read", "give --word or --position"
        )
    if not 0 <= position < length:
        raise InputError(
            f"position {position} is not in the text",
            f"it has {length} tokens: 0 to {length - 1}",
            "see them with `textdream tokens`",
        )
    return position
