"""An annealing run again, with chosen tokens watched: their softmax weights and ranks at every step.

An annealed softmax forgets its losers: a result file keeps the few heaviest tokens. The run is deterministic, so that the
tokens which turn out to matter can be followed in a second, identical one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import mean, median

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from textdream.configs import AnnealConfig
from textdream.experiments.verdict import Gap
from textdream.optimizers import Problem, Step, anneal
from textdream.optimizers.anneal import NOTED
from textdream.records import ControlPaths, TokenPath

MIXTURES = 20
"""Random mixtures at the end."""


@dataclass
class Watch:
    """A run under way: iterate over it for its steps; what is watched gathers meanwhile.

    Attributes
    ----------
    tokens
        Token ids to follow, some at each free position.
    generator
        Of the random mixtures; the run has its own in the problem.
    levels, weights, ranks
        One tensor [free, watched] for each step: logits; softmax(logits / temperature), without the noise that a Gumbel run
        adds; and the place among all tokens, where equals share the last.
    soft, hard
        The objective on the mixture and on its heaviest tokens, at each step.
    mixed, mixed_end
        Soft minus hard value of mixtures that have the run's own weights (a noisy sample's, noise and all) on tokens drawn at
        random, now and then and (several) at the end: what mixing alone does. Empty where forward passes see real tokens.
    """

    problem: Problem
    config: AnnealConfig
    tokens: Int[Tensor, "free watched"]
    generator: torch.Generator
    levels: list[Float[Tensor, "free watched"]] = field(default_factory=list)
    weights: list[Float[Tensor, "free watched"]] = field(default_factory=list)
    ranks: list[Int[Tensor, "free watched"]] = field(default_factory=list)
    soft: list[float] = field(default_factory=list)
    hard: list[float] = field(default_factory=list)
    mixed: list[float] = field(default_factory=list)
    mixed_end: list[float] = field(default_factory=list)

    def __iter__(self) -> Iterator[Step]:
        """Run it."""
        for number, step in enumerate(anneal(self.problem, self.config)):
            assert step.mixture is not None
            assert step.mixture.logits is not None
            logits = step.mixture.logits.cpu()
            scaled = logits / step.mixture.temperature
            watched = logits.gather(1, self.tokens)
            self.levels.append(watched)
            self.weights.append(torch.softmax(scaled, -1).gather(1, self.tokens))
            self.ranks.append((logits[:, None] >= watched[..., None]).sum(-1))
            self.soft.append(step.mixture.value)
            self.hard.append(step.value)
            if not self.config.straight_through:
                assert step.mixture.weights is not None
                there, weights = logits.isfinite(), step.mixture.weights.cpu()
                if number % NOTED == 0:
                    self.mixed.append(self._random_gap(weights, there))
                if number == self.config.steps:
                    self.mixed_end = [self._random_gap(weights, there) for _ in range(MIXTURES)]
            yield step

    @torch.no_grad()
    def _random_gap(self, weights: Float[Tensor, "free d_vocab"], there: Bool[Tensor, "free d_vocab"]) -> float:
        """Soft minus hard value of a mixture with these weights, shuffled at each position among the tokens that are mixed."""
        problem = self.problem
        shuffled = weights.clone()
        for row, mixed in zip(shuffled, there, strict=True):
            tokens = mixed.nonzero().flatten()
            row[tokens] = row[tokens[torch.randperm(len(tokens), generator=self.generator)]]
        soft = problem.engine.soft_values(
            problem.start, list(problem.free), shuffled[None].to(problem.engine.device), (problem.objective,)
        )
        ids = problem.start.clone()
        ids[list(problem.free)] = shuffled.argmax(-1)
        return float(soft) - float(problem.engine.values(ids[None], problem.objective)[0])

    def gap(self, start: float) -> Gap:
        """Soft against hard over all steps, `start` being the start text's value."""
        differences = [soft - hard for soft, hard in zip(self.soft, self.hard, strict=True)]
        return Gap(
            mean=mean(differences),
            end=differences[-1],
            below_start=mean(hard < start for hard in self.hard),
            mixed_mean=mean(self.mixed) if self.mixed else None,
            mixed_end=max(self.mixed_end) if self.mixed_end else None,
        )

    def paths(self, row: int, listed: Sequence[int]) -> dict[str, TokenPath | ControlPaths]:
        """What became of the tokens watched at one free position: the best first, then the winner, then the controls.

        Parameters
        ----------
        row
            Which of the free positions.
        listed
            Steps whose weights and ranks are written down; what is said beside them is of all steps.
        """
        levels, weights, ranks = (torch.stack(kind)[:, row] for kind in (self.levels, self.weights, self.ranks))
        behind = [fell_behind(levels[:, column], levels[:, 1]) for column in range(levels.shape[1])]
        names = self.problem.model.tokens.names(self.tokens[row].tolist())

        def path(column: int) -> TokenPath:
            return TokenPath(
                id=int(self.tokens[row, column]),
                token=names[column],
                weights=weights[listed, column].tolist(),
                ranks=ranks[listed, column].tolist(),
                highest_rank=int(ranks[:, column].min()),
                highest_step=int(ranks[:, column].argmin()),
                fell_behind=behind[column],
            )

        return {
            "best_path": path(0),
            "winner_path": path(1),
            "control_paths": ControlPaths(
                highest_ranks=ranks[:, 2:].min(0).values.tolist(),
                fell_behind=behind[2:],
                median_weights=[median(values) for values in weights[listed, 2:].tolist()],
                median_ranks=[median(values) for values in ranks[listed, 2:].tolist()],
            ),
        }


def fell_behind(own: Float[Tensor, " steps"], winner: Float[Tensor, " steps"]) -> int | None:
    """The step from which `own` is the lighter for good; None if it is not at the end. Equal is not behind."""
    behind = own < winner
    if not bool(behind[-1]):
        return None
    ahead = (~behind).nonzero().flatten()
    return 0 if not len(ahead) else int(ahead[-1]) + 1
