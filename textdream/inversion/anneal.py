"""PAIR's reconstruction: an annealed softmax over tokens at every position, descended with Adam.

Bäuerle and Wexler 2020, `reconstruct_activation.py`, in its order: logits drawn from a normal distribution, softmax at the
present temperature, mean squared error against the target activation, one step of Adam, then the temperature. All tokens take
part, special ones too, and what counts for PAIR is the text of the last step. The best text passed is kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.inversion.found import Found, Sign
from textdream.inversion.goal import Goal

LOOKED = 50
"""The heaviest tokens are evaluated at every so many steps, and at the last."""


# The parameters in PAIR's files.
STEPS, RATE, WARMUP = 10_000, 0.1, 200
HOT, COLD, DECAY = 2.0, 0.1, 0.9995
"""Temperature at first and at least, and by what it falls a step after the warm-up."""


class Annealing:
    """A run under way: iterate over it; `found` has the best text passed, `last` the one that PAIR would report."""

    def __init__(self, goal: Goal, steps: int | None, generator: torch.Generator) -> None:
        self.goal, self.steps, self.generator = goal, steps or STEPS, generator
        self.found = Found(goal)
        self.last: tuple[torch.Tensor, float] | None = None

    def __iter__(self) -> Iterator[Sign]:
        """Steps 1 to `steps`."""
        goal, engine = self.goal, self.goal.model.engine
        table = engine.table
        size = len(goal.model.tokens.tokenizer)
        free = torch.tensor(goal.free, device=table.device)
        frame = table[goal.fill(torch.zeros(len(goal.free), dtype=torch.long)).to(table.device)]
        logits = torch.randn(len(free), min(size, len(table)), generator=self.generator).to(table).requires_grad_(True)
        adam = torch.optim.Adam([logits], lr=RATE)
        temperature = HOT
        for step in range(self.steps):
            with torch.enable_grad():
                rows = torch.softmax(logits / temperature, -1) @ table[: logits.shape[1]]
                loss = goal.soft_errors(frame.index_copy(0, free, rows)[None]).mean()
                (logits.grad,) = torch.autograd.grad(loss, logits)
            adam.step()
            self.found.gradients += 1
            if step > WARMUP:
                temperature = max(temperature * DECAY, COLD)
            if (step + 1) % LOOKED == 0 or step + 1 == self.steps:
                self._look(logits.detach())
                yield Sign(self.found.loss, step + 1, self.steps)
            if self.found.exact:
                return

    def _look(self, logits: Float[Tensor, "free tokens"]) -> None:
        text = self.goal.fill(logits.argmax(-1).cpu())
        self.last = text, float(self.found.measure(text[None]).mean())
