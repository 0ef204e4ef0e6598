import itertools

import torch

from tests.optimizers.common import problem_for, run, value_of
from tests.tiny import replacements


def test_with_every_flip_checked_each_step_is_the_best_single_flip(bert):
    problem = problem_for(bert, free=[2, 3, 6], round_trip=False)
    steps = run("hotflip", problem, candidates=10_000)
    for before, after in itertools.pairwise(steps):
        rows = replacements(bert, before.ids, problem.free)
        best = float(value_of(bert, "bert", rows).max())
        assert abs(after.value - best) < 1e-5
    rows = replacements(bert, steps[-1].ids, problem.free)
    assert float(value_of(bert, "bert", rows).max()) <= steps[-1].value + 1e-5


def test_one_flip_a_step(bert):
    steps = run("hotflip", problem_for(bert))
    for before, after in itertools.pairwise(steps):
        assert sum(a != b for a, b in zip(before.ids, after.ids, strict=True)) == 1


def test_stops_after_its_steps(bert):
    assert len(run("hotflip", problem_for(bert), steps=2)) <= 3


def test_gain_is_the_gradient_difference(bert):
    problem = problem_for(bert, free=[2, 3])
    gain = problem.gradient(problem.start)
    slope = bert.engine.gradients(problem.start[None], problem.objective, [2, 3])[0]
    allowed = bert.tokens.allowed
    for row, position in enumerate([2, 3]):
        expected = slope[row, allowed] - slope[row, problem.start[position]]
        assert torch.allclose(gain[row, allowed], expected)
    blocked = torch.ones(gain.shape[1], dtype=torch.bool)
    blocked[allowed] = False
    assert bool((gain[:, blocked] == -torch.inf).all())
