"""What every way of rebuilding a text reports while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float, Int
from torch import Tensor

from textdream.inversion.goal import Goal


@dataclass(frozen=True)
class Sign:
    """A sign of life."""

    loss: float
    """Of the best text so far."""
    done: int = 0
    total: int = 0
    """How far it is, where the search has an end of its own; 0 of 0 where it has none."""


@dataclass
class Found:
    """The best text so far, and what it cost. It is there whenever the search is stopped."""

    goal: Goal
    ids: Int[Tensor, " pos"] | None = None
    errors: Float[Tensor, " place"] | None = None
    """At each position of the target."""
    exact: bool = False
    evaluations: int = 0
    """Real texts evaluated, in either precision."""
    gradients: int = 0
    """Backward passes."""
    restarts: int = 0
    _asked: dict[tuple[int, ...], float] = field(default_factory=dict, repr=False)
    """Texts whose exactness was asked about, and at which loss: rounding in another batch may be lower."""

    @property
    def loss(self) -> float:
        """Mean squared error of the best text, in float32."""
        return float("inf") if self.errors is None else float(self.errors.mean())

    def measure(self, ids: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch place"]:
        """Errors in float32; the best text is remembered, and whether it is exact."""
        errors = self.goal.measure(ids)
        self.evaluations += len(ids)
        losses = errors.mean(1)
        best = int(losses.argmin())
        if float(losses[best]) < self.loss:
            self.ids, self.errors = ids[best].clone(), errors[best].clone()
            key = tuple(ids[best].tolist())
            if losses[best] < self._asked.get(key, float("inf")):
                self._asked[key] = float(losses[best])
                self.exact = self.goal.exact(self.ids, self.loss)
        return errors

    def screen(self, ids: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch place"]:
        """Errors in the search precision; nothing is remembered."""
        self.evaluations += len(ids)
        return self.goal.screen(ids)
