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

from textdream.configs import AnnealConfig
from textdream.inversion.found import Found, Sign
from textdream.inversion.goal import Goal

LOOKED = 50
"""The heaviest tokens are evaluated at every so many steps, and at the last."""


def pair_reconstruction(steps: int | None = None) -> AnnealConfig:
    """The parameters in PAIR's files: 10,000 steps, rate 0.1, 200 warm-up steps, temperature 2.0 × 0.9995 a step, to 0.1."""
    return AnnealConfig(
        steps=steps or 10_000,
        learning_rate=0.1,
        start_temperature=2.0,
        end_temperature=0.1,
        decay=0.9995,
        warmup=200,
        samples=1,
        gumbel=False,
        start_weight=None,
        straight_through=False,
        whole_vocabulary=True,
    )


class Annealing:
    """A run under way: iterate over it; `found` has the best text passed, `last` the one that PAIR would report."""

    def __init__(self, goal: Goal, config: AnnealConfig, generator: torch.Generator) -> None:
        self.goal, self.config, self.generator = goal, config, generator
        self.found = Found(goal)
        self.last: tuple[torch.Tensor, float] | None = None

    def __iter__(self) -> Iterator[Sign]:
        """Steps 1 to `config.steps`."""
        goal, config, engine = self.goal, self.config, self.goal.model.engine
        table = engine.table
        size = len(goal.model.tokens.tokenizer)
        free = torch.tensor(goal.free, device=table.device)
        frame = table[goal.fill(torch.zeros(len(goal.free), dtype=torch.long)).to(table.device)]
        logits = torch.randn(len(free), min(size, len(table)), generator=self.generator).to(table).requires_grad_(True)
        adam = torch.optim.Adam([logits], lr=config.learning_rate)
        temperature = config.start_temperature
        decay = config.decay if config.decay is not None else 1.0
        for step in range(config.steps):
            with torch.enable_grad():
                rows = torch.softmax(logits / temperature, -1) @ table[: logits.shape[1]]
                loss = goal.soft_errors(frame.index_copy(0, free, rows)[None]).mean()
                (logits.grad,) = torch.autograd.grad(loss, logits)
            adam.step()
            self.found.gradients += 1
            if step > config.warmup:
                temperature = max(temperature * decay, config.end_temperature)
            if (step + 1) % LOOKED == 0 or step + 1 == config.steps:
                self._look(logits.detach())
                yield Sign(f"annealing, step {step + 1} of {config.steps}", self.found.loss)
            if self.found.exact:
                return

    def _look(self, logits: Float[Tensor, "free tokens"]) -> None:
        text = self.goal.fill(logits.argmax(-1).cpu())
        self.last = text, float(self.found.measure(text[None]).mean())
