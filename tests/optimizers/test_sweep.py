import dataclasses
import itertools

import pytest
import torch

import textdream
from tests.optimizers.common import SITES, is_one_opt, problem_for, run, value_of
from tests.tiny import replacements, tiny
from textdream.configs import SweepConfig
from textdream.optimizers import certify, sweep

NAMES = ["bert", "llama"]


@pytest.fixture(scope="module", params=NAMES)
def case(request):
    return tiny(request.param), request.param


@pytest.mark.parametrize("round_trip", [True, False])
@pytest.mark.parametrize("site", SITES)
def test_the_end_is_one_opt_by_brute_force(case, site, round_trip):
    model, name = case
    problem = problem_for(model, textdream.neuron(site[1], 8, site=site[0]), round_trip=round_trip)
    steps = run("sweep", problem)
    assert steps[-1].certificate.holds
    assert steps[-1].ids == problem.best[0]
    assert is_one_opt(problem, name, problem.best[0], site=site[0], layer=site[1], index=8)


def test_minimising_ends_one_opt_too(case):
    model, name = case
    problem = problem_for(model, -textdream.neuron(2, 3))
    steps = run("sweep", problem)
    assert steps[-1].certificate.holds
    assert is_one_opt(problem, name, problem.best[0], sign=-1.0)


@pytest.mark.parametrize("free", [[3], [2, 3, 7], None])
def test_checked_is_free_positions_times_the_other_tokens(case, free):
    model, _ = case
    problem = problem_for(model, free=free)
    certificate = run("sweep", problem)[-1].certificate
    assert certificate.checked == len(problem.free) * (len(model.tokens.allowed) - 1)
    assert 0 < certificate.decided <= certificate.checked or certificate.decided == 0
    assert certificate.margin >= certificate.screen_error >= 0
    assert certificate.better is None


@pytest.mark.parametrize("seed", [1, 8])
@pytest.mark.parametrize(
    "weights",
    [((1.0, 3), (1.0, 8)), ((2.0, 5), (1.0, 2)), ((0.5, 7), (-1.0, 3))],
)
def test_a_sum_of_feed_forward_neurons_ends_one_opt(bert, weights, seed):
    target = sum(
        (weight * textdream.neuron(1, index + seed, site="mlp_post") for weight, index in weights[1:]),
        start=weights[0][0] * textdream.neuron(1, weights[0][1] + seed, site="mlp_post"),
    )
    problem = problem_for(bert, target, round_trip=False)
    steps = run("sweep", problem)
    rows = replacements(bert, steps[-1].ids, problem.free)

    def value(ids):
        return sum(w * value_of(bert, "bert", ids, "mlp_post", 1, index=index + seed) for w, index in weights)

    here = float(value([list(steps[-1].ids)])[0])
    assert steps[-1].certificate.holds
    assert float(value(rows).max()) <= here + 2e-5 * max(1.0, abs(here))


def test_a_feed_forward_neuron_that_never_fires_is_certified_for_what_is_reported():
    """All activations below zero: the order before GELU is not the order after it."""
    for bias, index in itertools.product((-9.0, -4.0, -2.5), range(2)):
        model = tiny("bert", seed=3)
        with torch.no_grad():
            model.hf.encoder.layer[1].intermediate.dense.bias[:] = bias
        problem = problem_for(model, textdream.neuron(1, index, site="mlp_post"), free=[2, 3, 4])
        steps = run("sweep", problem)
        assert steps[-1].certificate.holds
        assert problem.best[1] >= max(step.value for step in steps) - 1e-5
        assert steps[-1].ids == problem.best[0]
        assert is_one_opt(problem, "bert", problem.best[0], site="mlp_post", layer=1, index=index)


def test_near_ties_end_with_the_certified_text_as_best():
    """Two tokens whose rows differ in the last bits: the one that is not the certified one may not become the best."""
    model = tiny("bert", seed=2)
    weight = model.hf.get_input_embeddings().weight
    with torch.no_grad():
        weight[30:50] = weight[10:30] * (1 + 3e-7)
    for index in range(4):
        problem = problem_for(model, textdream.neuron(2, index))
        steps = run("sweep", problem)
        assert steps[-1].certificate.holds
        assert steps[-1].ids == problem.best[0]


def test_no_certificate_when_the_steps_run_out(bert):
    steps = run("sweep", problem_for(bert), steps=2)
    assert steps[-1].certificate is None


def test_at_least_one_step(bert):
    assert next(iter(sweep(problem_for(bert), SweepConfig()))).ids == tuple(problem_for(bert).start.tolist())


# Certificates of given texts.


def one_opt_text(model, target, **options):
    problem = problem_for(model, target, **options)
    run("sweep", problem)
    return problem


def test_a_text_that_a_sweep_ended_in_is_certified(case):
    model, _ = case
    done = one_opt_text(model, textdream.neuron(2, 3))
    again = problem_for(model, start=done.best[0])
    certificate = certify(again)
    assert certificate.holds
    assert certificate.checked == len(again.free) * (len(model.tokens.allowed) - 1)
    assert certificate.better is None


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("site", SITES)
def test_a_planted_better_token_refutes_a_certificate(case, site, sign):
    model, name = case
    where = {"site": site[0], "layer": site[1]}
    target = textdream.neuron(site[1], 3, site=site[0])
    target = target if sign > 0 else -target
    best = list(one_opt_text(model, target).best[0])
    for position in (3,):
        rows = replacements(model, best, [position], round_trip=True)
        values = sign * value_of(model, name, rows, **where)
        worse = rows[int(values.argmin())]
        if float(values.min()) >= sign * float(value_of(model, name, [best], **where)[0]) - 1e-3:
            continue
        problem = problem_for(model, target, start=worse)
        certificate = certify(problem)
        assert not certificate.holds
        every = replacements(model, worse.tolist(), problem.free, round_trip=True)
        expected = sign * value_of(model, name, every, **where)
        winner = every[int(expected.argmax())].tolist()
        assert winner[certificate.better.position] == certificate.better.id
        assert certificate.better.activation == pytest.approx(float(expected.max()), rel=1e-5)
        assert certificate.better.token == model.tokens.names([certificate.better.id])[0]
        assert certificate.checked == len(problem.free) * (len(model.tokens.allowed) - 1)


def test_certify_does_not_move(bert):
    problem = problem_for(bert)
    before = problem.start.clone()
    certify(problem)
    assert torch.equal(problem.start, before)


def test_a_better_text_that_breaks_the_round_trip_does_not_refute(bert):
    for index in range(3):
        done = one_opt_text(bert, textdream.neuron(2, index))
        strict = certify(problem_for(bert, textdream.neuron(2, index), start=done.best[0]))
        loose = certify(problem_for(bert, textdream.neuron(2, index), start=done.best[0], round_trip=False))
        assert strict.holds
        assert strict.round_trip
        assert not loose.round_trip
        rows = replacements(bert, done.best[0], done.free)
        better = float(value_of(bert, "bert", rows, index=index).max()) > done.best[1] + 1e-4
        assert loose.holds != better


def test_screening_that_is_rough_still_certifies_truly(bert, monkeypatch):
    """Search values off by a tenth, both ways: the margin grows with them, and the end is 1-opt all the same."""
    exact = bert.engine.values
    generator = torch.Generator().manual_seed(0)

    def rough(ids, objective):
        return exact(ids, objective) + 0.1 * (torch.rand(len(ids), generator=generator) - 0.5)

    monkeypatch.setattr(bert.engine, "search_values", rough)
    problem = problem_for(bert)
    steps = run("sweep", problem)
    assert steps[-1].certificate.screen_error > 0.01
    assert is_one_opt(problem, "bert", problem.best[0])


def test_certificates_say_how_they_were_screened(bert):
    certificate = run("sweep", problem_for(bert))[-1].certificate
    assert certificate.screened == str(bert.engine.search_dtype).removeprefix("torch.")
    assert certificate.opt == 1
    assert dataclasses.is_dataclass(SweepConfig())
