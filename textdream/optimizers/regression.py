"""One free position, where its slopes have said what they know: a regression over the tokens tried so far ranks the others.

The slope at one token says little of tokens far from it, and averaging slopes helps less than values do. At 13 positions of
minilm the best of all tokens had, among 29,523, the median rank 10,253 by the local slope, 156 by the mean slope at 32 random
tokens, and 2 by a ridge regression over 1,024 random tokens' values; 312 at most, but for a neuron that no token excites.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from textdream.configs import GcgConfig
from textdream.objectives import Objective
from textdream.optimizers.problem import Problem, Step, as_row, replaced

# Random tokens that are tried first, and of highest prediction in each round after that.
FIRST, ROUND = 1024, 512
# Those of a round that screened best: looked at as text, and decided in float32 at most.
LEADERS, DECIDED = 64, 16
# Ridge penalty, in units of the mean squared length of the centred embeddings.
PENALTY = 0.3
# The search ends where the best prediction left, and so many times the error of the last round's, is below what is found.
# Of 53 positions of minilm the best token was found at 51 by patience alone (2,200 texts on average), at 52 with four
# errors (2,600) and at 53 with five (3,200).
ERRORS = 5.0


def by_regression(problem: Problem, ids: Int[Tensor, " pos"], config: GcgConfig, begin: int) -> Iterator[Step]:
    """Try tokens at the one free position in rounds, best predictions first, until no other can be expected to be better.

    What is climbed may be another order than the objective's (a feed-forward neuron that no token excites is nearest to
    zero where its input is lowest); then the search goes on by the objective itself.

    Parameters
    ----------
    ids
        Where the search stands.
    begin
        Steps that were made.
    """
    ways = [problem.climb] if problem.climb is problem.objective else [problem.climb, problem.objective]
    for way in ways:
        ids, begin = yield from _rounds(problem, way, ids, config, begin)
        if problem.objective.settled(float(problem.decide(ids[None])[0])):
            return
        assert problem.best is not None
        ids = torch.tensor(problem.best[0])


def _rounds(
    problem: Problem, way: Objective, ids: Int[Tensor, " pos"], config: GcgConfig, begin: int
) -> Generator[Step, None, tuple[Int[Tensor, " pos"], int]]:
    """Raise `way`; returns the best text and the number of the last step."""
    (position,) = problem.free
    tokens, table = problem.model.tokens.allowed, problem.engine.table.cpu().float()[problem.model.tokens.allowed]
    exact = problem.height if way is problem.climb else problem.decide
    height = float(exact(ids[None])[0])
    tried = torch.zeros(len(tokens), dtype=torch.bool)
    values, predicted = torch.zeros(len(tokens)), torch.zeros(len(tokens))
    chosen = torch.randperm(len(tokens), generator=problem.generator)[:FIRST]
    stuck, number = 0, begin
    for number in range(begin + 1, config.steps + 1):
        texts = replaced(ids, torch.full_like(chosen, position), tokens[chosen])
        scores = problem.engine.search_values(texts, way).float()
        error = float((scores - predicted[chosen]).square().mean().sqrt()) if number > begin + 1 else torch.inf
        values[chosen], tried[chosen] = scores, True
        leaders = problem.surviving(texts[scores.topk(min(LEADERS, len(scores))).indices])[:DECIDED]
        heights = exact(leaders) if len(leaders) else scores[:0]
        if len(heights) and float(heights.max()) > height:
            ids, height, stuck = leaders[int(heights.argmax())], float(heights.max()), 0
        else:
            stuck += 1
        value = float(problem.decide(ids[None])[0])
        yield Step("gcg", as_row(ids), value, note="regression", progress=(number, config.steps))
        if bool(tried.all()):
            break
        predicted = predictions(table, values, tried)
        left = predicted.masked_fill(tried, -torch.inf)
        if stuck >= config.patience and float(left.max()) + ERRORS * error < height:
            break
        chosen = left.topk(min(ROUND, int((~tried).sum()))).indices
    return ids, number


def predictions(
    rows: Float[Tensor, "tokens d_embed"], values: Float[Tensor, " tokens"], known: Bool[Tensor, " tokens"]
) -> Float[Tensor, " tokens"]:
    """Values of all tokens, by ridge regression on the embeddings of the known ones."""
    centre, mean = rows[known].mean(0), values[known].mean()
    x, y = rows[known] - centre, values[known] - mean
    penalty = PENALTY * x.square().sum(1).mean().clamp_min(1e-12)
    return mean + (rows - centre) @ torch.linalg.solve(x.T @ x + penalty * torch.eye(x.shape[1]), x.T @ y)
