"""HotFlip (Ebrahimi et al. 2018): take the flip whose first-order gain is best, after checking it exactly."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from textdream.configs import HotflipConfig
from textdream.optimizers.problem import Problem, Step, as_row, replaced


def hotflip(problem: Problem, config: HotflipConfig) -> Iterator[Step]:
    """Flip one token a step until none of the most promising flips is better."""
    ids = problem.start
    height = float(problem.height(ids[None])[0])
    yield Step("hotflip", as_row(ids), float(problem.decide(ids[None])[0]), progress=(0, config.steps))
    for number in range(1, config.steps + 1):
        gain = problem.gradient(ids)
        order = gain.flatten().topk(min(config.candidates, gain.numel())).indices
        positions = torch.tensor(problem.free)[order // gain.shape[1]]
        candidates = problem.surviving(replaced(ids, positions, order % gain.shape[1]))
        heights = problem.height(candidates)
        if not len(heights) or float(heights.max()) <= height:
            break
        ids, height = candidates[int(heights.argmax())], float(heights.max())
        yield Step("hotflip", as_row(ids), float(problem.decide(ids[None])[0]), progress=(number, config.steps))
