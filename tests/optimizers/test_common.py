"""What every method owes."""

import itertools

import pytest
import torch

import textdream
from tests.optimizers.common import METHODS, SITES, problem_for, run, value_of
from tests.tiny import SPECIAL, TEXT, UNUSED, tiny
from textdream.optimizers import Step

NAMES = ["bert", "gpt2"]


@pytest.fixture(params=NAMES)
def case(request):
    return request.getfixturevalue(request.param), request.param


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("method", ["gcg", "hotflip", "sweep"])
def test_never_ends_below_its_start(case, method, site):
    model, name = case
    problem = problem_for(model, textdream.neuron(site[1], 3, site=site[0]), position=4)
    before = float(value_of(model, name, problem.start[None], *site, position=4)[0])
    steps = run(method, problem)
    after = float(value_of(model, name, [problem.best[0]], *site, position=4)[0])
    assert after >= before
    assert problem.best[1] == pytest.approx(after, rel=1e-5, abs=1e-6)
    if method != "gcg":
        assert steps[-1].value >= steps[0].value


@pytest.mark.parametrize("method", ["hotflip", "sweep"])
def test_a_climb_never_goes_down(case, method):
    values = [step.value for step in run(method, problem_for(case[0]))]
    assert all(later >= earlier - 1e-6 for earlier, later in itertools.pairwise(values))


@pytest.mark.parametrize("method", list(METHODS))
def test_each_step_says_the_exact_value_of_its_text(case, method):
    model, name = case
    steps = run(method, problem_for(model))
    values = value_of(model, name, [step.ids for step in steps])
    assert [step.value for step in steps] == pytest.approx(values.tolist(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("method", ["gcg", "hotflip", "sweep"])
def test_best_is_the_highest_step_that_counts(case, method, seed):
    problem = problem_for(case[0], seed=seed)
    steps = run(method, problem, **({"steps": 5} if method == "gcg" else {}))
    counted = [step.value for step in steps if problem.counts(torch.tensor(step.ids))]
    assert problem.best[1] == pytest.approx(max(counted), rel=1e-5)


@pytest.mark.parametrize("method", list(METHODS))
def test_best_is_no_lower_than_any_step_that_counts(case, method):
    problem = problem_for(case[0])
    steps = run(method, problem)
    counted = [step.value for step in steps if problem.counts(torch.tensor(step.ids))]
    assert problem.best[1] >= max(counted) - 1e-6


@pytest.mark.parametrize("method", list(METHODS))
def test_the_same_seed_gives_the_same_steps(case, method):
    first, second = (run(method, problem_for(case[0], seed=4)) for _ in range(2))
    assert [(step.ids, step.value) for step in first] == [(step.ids, step.value) for step in second]


@pytest.mark.parametrize("method", ["gcg", "anneal"])
def test_another_seed_differs_somewhere(case, method):
    runs = [[step.ids for step in run(method, problem_for(case[0], seed=seed))] for seed in range(3)]
    assert any(one != runs[0] for one in runs[1:])


@pytest.mark.parametrize("method", list(METHODS))
def test_stopping_midway_leaves_the_best_so_far(case, method):
    model, name = case
    problem = problem_for(model)
    optimizer, config = METHODS[method]
    seen = []
    for step in optimizer(problem, config):
        seen.append(step)
        if len(seen) == 3:
            break
    assert problem.best[1] >= seen[0].value
    assert problem.best[1] == pytest.approx(float(value_of(model, name, [problem.best[0]])[0]), rel=1e-5)


@pytest.mark.parametrize("round_trip", [True, False])
@pytest.mark.parametrize("free", [[3], None])
@pytest.mark.parametrize("method", list(METHODS))
def test_special_and_unused_tokens_are_never_proposed(method, free, round_trip):
    """The embeddings of forbidden tokens are made huge, so that a method that looks at them wants them."""
    model = tiny("bert", seed=5)
    forbidden = model.tokens.tokenizer.convert_tokens_to_ids([*SPECIAL, *UNUSED])
    with torch.no_grad():
        model.hf.get_input_embeddings().weight[forbidden] *= 20
    # More candidates than the vocabulary has allowed tokens.
    changes = {"gcg": {"candidates": 500, "topk": 500, "steps": 4}, "hotflip": {"candidates": 500}}.get(method, {})
    for index in range(2):
        problem = problem_for(model, textdream.neuron(2, index), free=free, round_trip=round_trip)
        for step in run(method, problem, **changes):
            changed = [id_ for id_, start in zip(step.ids, problem.start.tolist(), strict=True) if id_ != start]
            assert not set(changed) & set(forbidden)


@pytest.mark.parametrize("method", list(METHODS))
def test_only_free_positions_change(case, method):
    problem = problem_for(case[0], free=[2, 5])
    for step in run(method, problem):
        fixed = [position for position in range(len(step.ids)) if position not in (2, 5)]
        assert [step.ids[p] for p in fixed] == [int(problem.start[p]) for p in fixed]


@pytest.mark.parametrize("method", list(METHODS))
def test_the_best_survives_the_round_trip(case, method):
    model = case[0]
    problem = problem_for(model)
    run(method, problem)
    tokenizer = model.tokens.tokenizer
    text = tokenizer.decode(problem.best[0], skip_special_tokens=True)
    assert tuple(tokenizer(text)["input_ids"]) == problem.best[0]


def test_a_best_that_breaks_the_round_trip_is_found_only_if_that_is_allowed(bert):
    values = []
    for round_trip in (True, False):
        problem = problem_for(bert, round_trip=round_trip, free=[3])
        run("sweep", problem)
        values.append(problem.best[1])
    assert values[0] <= values[1]


@pytest.mark.parametrize("method", ["gcg", "hotflip", "sweep"])
def test_minimising_goes_down(case, method):
    model, name = case
    problem = problem_for(model, -textdream.neuron(2, 3))
    run(method, problem)
    before, after = value_of(model, name, [problem.start.tolist(), problem.best[0]]).tolist()
    assert after < before
    assert problem.best[1] == pytest.approx(-after, rel=1e-5)


def test_progress_runs_up_to_its_end(case):
    for method in ("gcg", "anneal"):
        steps = run(method, problem_for(case[0]))
        assert [step.progress[0] for step in steps] == list(range(len(steps)))
        assert all(isinstance(step, Step) for step in steps)
        assert steps[-1].progress[0] == steps[-1].progress[1]


@pytest.mark.parametrize("method", ["gcg", "sweep"])
def test_methods_climb_far_from_random_starts(case, method):
    """The best of 2,000 random texts is beaten from a random start, most of the times."""
    model, name = case
    generator = torch.Generator().manual_seed(0)
    allowed = model.tokens.allowed
    length = len(model.tokens.encode(TEXT))
    ids = torch.tensor(model.tokens.random_ids(length - 2 * (name == "bert"), generator))
    texts = allowed[torch.randint(len(allowed), (2000, len(ids)), generator=generator)]
    texts[:, 0], texts[:, -1] = (ids[0], ids[-1]) if name == "bert" else (texts[:, 0], texts[:, -1])
    wins = 0
    for index in range(3):
        problem = problem_for(model, textdream.neuron(2, index), start=ids, round_trip=False)
        run(method, problem)
        wins += problem.best[1] > float(value_of(model, name, texts, index=index).max())
    assert wins >= 2


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_mean_gradient_is_the_mean_of_gradients_where_random_tokens_stand(name):
    model, samples = tiny(name), 5
    problem = problem_for(model, free=[2, 3, 5])
    found = problem.mean_gradient(problem.start, samples)
    draws = torch.Generator().manual_seed(0)  # The problem's own, from its beginning.
    allowed = model.tokens.allowed
    for row, position in enumerate(problem.free):
        slopes = []
        for token in allowed[torch.randint(len(allowed), (samples,), generator=draws)]:
            text = problem.start.clone()
            text[position] = token
            slopes.append(model.engine.gradients(text[None], problem.climb, [position])[0, 0])
        slope = torch.stack(slopes).mean(0)
        gain = slope - slope[problem.start[position]]
        assert torch.allclose(found[row, allowed], gain[allowed], atol=1e-5)
    assert bool((found[:, ~problem.allowed] == -torch.inf).all())
