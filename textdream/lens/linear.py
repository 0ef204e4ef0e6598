"""Ridge regression in closed form, its sums gathered batch by batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

PENALTY = 1e-4
"""Ridge penalty, in units of the mean variance of a state's units."""


@dataclass(frozen=True)
class LinearLens:
    """embedding ≈ state · weight + bias."""

    weight: Float[Tensor, "d d_embed"]
    bias: Float[Tensor, " d_embed"]

    def guess(self, states: Float[Tensor, "*any d"]) -> Float[Tensor, "*any d_embed"]:
        """The embedding that each state speaks of."""
        return states @ self.weight + self.bias

    def change(self, states: Float[Tensor, "*any d"]) -> Float[Tensor, "*any d_embed"]:
        """The change of embedding that a change of state speaks of."""
        return states @ self.weight


class Sums:
    """What ridge regression needs of all (state, embedding) pairs: sums, and sums of products, in float64."""

    def __init__(self, d: int, d_embed: int) -> None:
        self.count = 0
        self.states, self.rows = torch.zeros(d).double(), torch.zeros(d_embed).double()
        self.squares, self.products = torch.zeros(d, d).double(), torch.zeros(d, d_embed).double()

    def add(self, states: Float[Tensor, "tokens d"], rows: Float[Tensor, "tokens d_embed"]) -> None:
        """Take in a batch; products within a batch are float32."""
        self.count += len(states)
        self.states += states.sum(0)
        self.rows += rows.sum(0)
        self.squares += states.T @ states
        self.products += states.T @ rows

    def fit(self) -> LinearLens:
        """The minimum of Σ |x W + b - y|² + λ |W|², λ = PENALTY · tokens · mean variance."""
        x, y = self.states / self.count, self.rows / self.count
        covariance = self.squares / self.count - torch.outer(x, x)
        penalty = PENALTY * covariance.diagonal().mean().clamp_min(1e-12)
        regular = covariance + penalty * torch.eye(len(x)).double()
        weight = torch.linalg.solve(regular, self.products / self.count - torch.outer(x, y))
        return LinearLens(weight.float(), (y - x @ weight).float())
