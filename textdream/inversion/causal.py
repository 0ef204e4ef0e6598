"""Left to right, one token at a time: exact for causal models (SipIt, Nikolaou et al. 2025, arXiv 2510.15511).

In a causal model the state at position t depends on the tokens up to t alone, and, given those before it, no two tokens give
the same state. So the right token at t is the one whose state is the target's, and it can be told as soon as it is tried.
The lens and a descent on the next embedding say in which order to try; keys and values of the tokens decided are kept, so that
a try costs one token.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.inversion.descent import RATE, Nearest
from textdream.inversion.found import Found, Sign
from textdream.inversion.goal import Goal
from textdream.lens import LinearLens
from textdream.model import Prefix

ACCEPTED = 1e-6
"""Squared error, in units of the target's mean square at the position, at which a token is taken without trying the rest.
It only saves tries: the whole text is held to float32 noise at the end, and if a token was merely close, all are tried."""
BATCHES = (16, 128, 1024)
"""Tokens tried at once: few while the lens may be right, then more."""
STEPS = 60
"""Steps of the descent on one embedding, where the lens's first batches do not hold the token."""


class LeftToRight:
    """A search under way: iterate over it; `found` has the best text so far, from the first step on.

    Parameters
    ----------
    goal
        A whole layer of a causal model.
    lens
        Says which tokens to try first.
    """

    def __init__(self, goal: Goal, lens: LinearLens | None) -> None:
        self.goal, self.lens = goal, lens
        self.found = Found(goal)
        self.nearest = Nearest(self.found)
        self.tried = [0] * len(goal.free)
        """Tokens tried at each position where one is looked for; none where the lens's token gives the state already."""

    def __iter__(self) -> Iterator[Sign]:
        """One position after the other. The text so far, ended by the lens's guess, runs in one ordinary pass, which decides."""
        text = self._guess()
        for thorough in (False, True):
            prefix = Prefix(self.goal.model.engine, self.goal.read)
            self.tried = [0] * len(self.goal.free)
            errors = self.found.measure(text[None])[0]
            for position, special in enumerate(self.goal.frame):
                yield self._sign(position)
                if self.found.exact:
                    return
                if special is None and (thorough or errors[position] > self._accepted(position)):
                    text = text.clone()
                    text[position] = yield from self._next(prefix, position, thorough)
                    errors = self.found.measure(text[None])[0]
                prefix.push(int(text[position]))
            if self.found.exact:
                return
            # A token was taken that was only close: try all of the vocabulary at each position.
            self.found.restarts += 1

    def _sign(self, position: int) -> Sign:
        return Sign(self.found.loss, position, len(self.goal.frame))

    def _accepted(self, position: int) -> float:
        """The squared error at which a position's token is taken."""
        return ACCEPTED * float(self.goal.target[position].square().mean())

    def _guess(self) -> Int[Tensor, " pos"]:
        """The nearest token to the lens's row at each position; without a lens, to the mean of the table."""
        free = list(self.goal.free)
        rows = self.nearest.rows.mean(0).repeat(len(free), 1)
        if self.lens is not None:
            rows = self.lens.guess(self.goal.target[free])
        return self.goal.fill(self.nearest.tokens(rows, 1)[:, 0])

    def _next(self, prefix: Prefix, position: int, thorough: bool) -> Generator[Sign, None, int]:
        """The token whose state is the target's."""
        target, number = self.goal.target[position], self.goal.free.index(position)
        best, least = -1, float("inf")
        for tokens in self._order(prefix, target):
            errors = (prefix.states(tokens) - target).square().mean(1)
            self.found.evaluations += len(tokens)
            self.tried[number] += len(tokens)
            if float(errors.min()) < least:
                best, least = int(tokens[errors.argmin()]), float(errors.min())
            if least <= self._accepted(position) and not thorough:
                break
            yield self._sign(position)
        return best

    def _order(self, prefix: Prefix, target: Float[Tensor, " d"]) -> Iterator[Int[Tensor, " batch"]]:
        """Batches of different tokens, the likeliest first, until the vocabulary is through."""
        small, middle, large = BATCHES
        seen: set[int] = set()

        def fresh(tokens: Int[Tensor, " many"]) -> Int[Tensor, " new"]:
            new = [token for token in tokens.tolist() if token not in seen]
            seen.update(new)
            return torch.tensor(new, dtype=torch.long)

        row = self.nearest.rows.mean(0)
        if self.lens is not None:
            row = self.lens.guess(target)
            ranked = self.nearest.tokens(row[None], small + middle)[0]
            yield fresh(ranked[:small])
            yield fresh(ranked[small:])
        row = self._descended(prefix, row, target)
        ranked = self.nearest.tokens(row[None], len(self.nearest.allowed))[0]
        for part in [ranked[:small], ranked[small:middle], *ranked[middle:].split(large)]:
            new = fresh(part)
            if len(new):
                yield new

    def _descended(
        self, prefix: Prefix, row: Float[Tensor, " d_embed"], target: Float[Tensor, " d"]
    ) -> Float[Tensor, " d_embed"]:
        """The row after a descent on the state's error."""
        device = self.goal.model.engine.device
        moved = row.to(device).clone().requires_grad_(True)
        adam = torch.optim.Adam([moved], lr=RATE * float(self.nearest.rows.std()), betas=(0.9, 0.99))
        for _ in range(STEPS):
            with torch.enable_grad():
                loss = (prefix.soft_state(moved) - target.to(device)).square().mean()
                (moved.grad,) = torch.autograd.grad(loss, moved)
            adam.step()
        self.found.gradients += STEPS
        return moved.detach().cpu()
