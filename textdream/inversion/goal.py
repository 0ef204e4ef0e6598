"""The activation that a text is wanted for, and how far a text is from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.model import Model, Read

NEAR_ZERO = 1e-7
"""Loss, in units of the target's mean square, below which it is worth asking whether all of it is float32 noise."""


@dataclass(frozen=True)
class Goal:
    """What a search is given: an activation, the text's length, and where its special tokens stand. Not its tokens."""

    model: Model
    read: Read
    """The whole site: without a position."""
    target: Float[Tensor, "place unit"]
    """The activation at all positions or one, of all units or one, in float32."""
    frame: tuple[int | None, ...]
    """Special tokens where they stand; None where a token is looked for."""
    position: int | None = None
    neuron: int | None = None

    @cached_property
    def free(self) -> tuple[int, ...]:
        """Positions where a token is looked for."""
        return tuple(position for position, id_ in enumerate(self.frame) if id_ is None)

    @cached_property
    def scale(self) -> float:
        """Mean square of the target."""
        return float(self.target.square().mean())

    @property
    def whole(self) -> bool:
        """Whether the target is the whole layer, which no other text gives."""
        return self.position is None and self.neuron is None

    def select(self, states: Float[Tensor, "batch pos d"]) -> Float[Tensor, "batch place unit"]:
        """Of a whole site's states, what the target is compared with."""
        states = Read(self.read.site, head=self.read.head).select(states, _heads(self.model))
        if self.position is not None:
            states = states[:, self.position : self.position + 1]
        return states if self.neuron is None else states[..., self.neuron : self.neuron + 1]

    def errors(self, states: Float[Tensor, "batch pos d"]) -> Float[Tensor, "batch place"]:
        """Squared error at each position of the target, mean over units; the loss is the mean over these."""
        return (self.select(states) - self.target.to(states.device)).square().mean(-1)

    def states(self, ids: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d"]:
        """The site's states in float32."""
        return self.model.engine.activations(ids, [self._whole])[self._whole]

    def measure(self, ids: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch place"]:
        """Errors of texts in float32: what decides."""
        return self.errors(self.states(ids))

    def screen(self, ids: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch place"]:
        """Errors of texts in the search precision: what proposes."""
        return self.errors(self.model.engine.screened(ids, self._whole))

    def soft_errors(self, rows: Float[Tensor, "batch pos d_embed"]) -> Float[Tensor, "batch place"]:
        """Errors where these rows stand in place of the tokens' embeddings, attached to their graph."""
        return self.errors(self.model.engine.soft_activations(rows, [self._whole])[self._whole])

    def fill(self, tokens: Int[Tensor, "*batch free"]) -> Int[Tensor, "*batch pos"]:
        """Tokens at the free positions, the special ones around them."""
        ids = torch.tensor([0 if id_ is None else id_ for id_ in self.frame]).expand(*tokens.shape[:-1], -1).clone()
        ids[..., list(self.free)] = tokens
        return ids

    def noise(self, ids: Int[Tensor, " pos"]) -> float:
        """The loss that float32 alone may make on these very tokens: what is below it is no difference.

        ε² = mean squared difference between float32 and float64 here, alone and in a batch. Two evaluations in float32 are
        at most 2ε apart, the target's and the text's, so that a loss up to 4ε² is noise. Where float32 happens to agree
        with float64 (a single number may), one unit in the last place counts.
        """
        engine, read = self.model.engine, self._whole
        exact = self.select(engine.double_activations(ids[None], [read])[read])
        alone = self.select(self.states(ids[None])).double()
        batch = self.select(self.states(ids.expand(4, -1))).double()
        squares = max(float((found - exact).square().mean()) for found in (alone, batch))
        least = float((torch.finfo(torch.float32).eps * exact).square().mean())
        return 4 * max(squares, least)

    def exact(self, ids: Int[Tensor, " pos"], loss: float) -> bool:
        """Whether a loss is float32 noise."""
        return loss <= NEAR_ZERO * self.scale and loss <= self.noise(ids)

    @cached_property
    def _whole(self) -> Read:
        return Read(self.read.site, self.read.layer)


def _heads(model: Model) -> int:
    return int(model.hf.config.num_attention_heads)
