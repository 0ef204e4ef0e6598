import dataclasses
import itertools
import math

import pytest
import torch

import textdream
from tests.conftest import SENTENCE
from tests.optimizers.common import problem_for, run, value_of
from tests.tiny import LAYERS, plain_mode, tiny, tiny_hf, tokenizer_of
from textdream.configs import AnnealConfig, pair_preset
from textdream.errors import InputError
from textdream.optimizers import anneal
from textdream.optimizers.anneal import sample_weights, start_logits


def test_pairs_run_on_minilm_goes_pairs_way(minilm):
    """PAIR's own script has 0.0217 at the start; then the mixture climbs as in the plain loop, on this very processor.

    Which token leads where two are about equally heavy is decided by the rounding of a processor's sums, and with it the real
    text of a step: where PAIR's processor passed 0.0637 at step 387, another passes 0.0676, and float64 0.0202. The mixture
    does not depend on it: its first hundred steps are held here.
    """
    ids = torch.tensor(minilm.tokens.encode(SENTENCE))
    free = minilm.tokens.open_positions(ids.tolist())
    assert len(free) == 15
    problem = problem_for(minilm, textdream.neuron(4, 300), SENTENCE, position=8, round_trip=False)
    steps = list(itertools.islice(anneal(problem, pair_preset("pair")), 101))
    expected = list(reference(minilm.hf, ids, free, 4, 8, 300, 100, len(minilm.tokens.tokenizer)))
    assert round(steps[0].mixture.normalised[1], 4) == 0.0217
    assert [step.mixture.normalised[0] for step in steps] == pytest.approx(
        [truth["soft_normalised"] for truth in expected], rel=1e-3
    )
    assert steps[100].mixture.normalised[0] > 10 * steps[0].mixture.normalised[0], "it climbs"


def reference(hf, ids, free, layer, position, index, steps, vocabulary):
    """PAIR's text-dream loop, written down anew: softmax over one-hot logits, Adam, annealing after warm-up."""
    table = hf.get_input_embeddings().weight.detach()
    one_hot = torch.nn.functional.one_hot(ids, len(table)).to(table.dtype)
    # Rows beyond the vocabulary pad the tiny table; BERT has none.
    logits = one_hot[free].masked_fill(torch.arange(len(table)) >= vocabulary, -torch.inf).requires_grad_(True)
    adam = torch.optim.Adam([logits], lr=0.1)
    temperature, decay, warmup, end = 2.0, 0.9995, 200, 0.1

    def activation(rows):
        with plain_mode(hf):
            states = hf(inputs_embeds=(rows @ table)[None], output_hidden_states=True).hidden_states[1:]
        word = torch.stack([state[0, position] for state in states])
        return word[layer, index], word[layer, index] / word.norm()

    for step in range(steps + 1):
        weights = torch.softmax(logits / temperature, dim=-1)
        rows = one_hot.clone()
        rows[free] = weights
        soft, soft_normalised = activation(rows)
        tokens = ids.clone()
        tokens[free] = logits.detach().argmax(-1)
        with torch.no_grad():
            hard, hard_normalised = activation(torch.nn.functional.one_hot(tokens, len(table)).to(table.dtype))
        yield {
            "tokens": tuple(tokens.tolist()),
            "soft": float(soft.detach()),
            "hard": float(hard),
            "soft_normalised": float(soft_normalised.detach()),
            "hard_normalised": float(hard_normalised),
            "temperature": temperature,
        }
        adam.zero_grad()
        (-soft_normalised).backward(inputs=[logits])
        adam.step()
        if step > warmup:
            temperature = max(end, temperature * decay)


def test_the_preset_follows_pairs_loop_step_by_step():
    """In float64: the loop is chaotic, so that rounding errors of 1e-16 grow to 1e-7 over the 260 steps."""
    bert = textdream.load(tiny_hf("bert").double(), tokenizer_of("bert"))
    problem = problem_for(bert, textdream.neuron(1, 3), position=4, round_trip=False)
    config = dataclasses.replace(pair_preset("pair"), steps=260)
    expected = list(reference(bert.hf, problem.start, list(problem.free), 1, 4, 3, 260, len(bert.tokens.tokenizer)))
    found = list(anneal(problem, config))
    assert len(found) == 261
    for number, (step, truth) in enumerate(zip(found, expected, strict=True)):
        near = 1e-10 if number <= 100 else 1e-5
        assert step.ids == truth["tokens"]
        assert step.value == pytest.approx(truth["hard"], rel=near)
        assert step.mixture.value == pytest.approx(truth["soft"], rel=near)
        assert step.mixture.normalised == pytest.approx((truth["soft_normalised"], truth["hard_normalised"]), rel=near)
        assert step.mixture.temperature == pytest.approx(truth["temperature"], rel=1e-12)
    assert len({truth["tokens"] for truth in expected}) > 3


def test_the_preset_has_pairs_defaults():
    config = pair_preset("pair")
    assert (config.steps, config.learning_rate, config.warmup) == (3000, 0.1, 200)
    assert (config.start_temperature, config.end_temperature, config.decay) == (2.0, 0.1, 0.9995)
    assert not config.gumbel
    assert pair_preset("pair-gumbel").gumbel


def test_pair_reports_the_last_step_and_best_is_no_lower(bert):
    problem = problem_for(bert, textdream.neuron(1, 3))
    steps = list(anneal(problem, dataclasses.replace(pair_preset("pair"), steps=120)))
    counted = [step.value for step in steps if problem.counts(torch.tensor(step.ids))]
    assert problem.best[1] == pytest.approx(max(counted), rel=1e-6)
    assert len(steps) == 121


def test_the_start_survives_the_first_softmax(bert):
    problem = problem_for(bert)
    for weight in (0.5, 0.9):
        config = AnnealConfig(start_weight=weight, gumbel=False, straight_through=False, whole_vocabulary=True)
        weights = sample_weights(start_logits(problem, config), 2.0, config, torch.Generator())
        starts = weights[0, torch.arange(len(problem.free)), problem.start[list(problem.free)]]
        assert torch.allclose(starts, torch.full_like(starts, weight), rtol=1e-5)


def test_one_hot_logits_lose_the_start(bert):
    problem = problem_for(bert)
    config = pair_preset("pair")
    weights = sample_weights(start_logits(problem, config), 2.0, config, torch.Generator())
    size = len(bert.tokens.tokenizer)
    expected = math.exp(0.5) / (size - 1 + math.exp(0.5))
    assert float(weights.max()) == pytest.approx(expected, rel=1e-5)


def test_the_schedule_reaches_its_end(bert):
    for warmup in (0, 5):
        steps = run("anneal", problem_for(bert), steps=20, warmup=warmup)
        temperatures = [step.mixture.temperature for step in steps]
        assert temperatures[: warmup + 1] == [2.0] * (warmup + 1)
        assert temperatures[-1] == pytest.approx(0.1, rel=1e-9)
        assert all(b <= a for a, b in itertools.pairwise(temperatures))


def test_straight_through_weights_are_one_hot_with_a_soft_gradient():
    logits = torch.randn(2, 9, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    config = AnnealConfig(gumbel=False)
    weights = sample_weights(logits, 0.7, config, torch.Generator())
    rounded = weights.detach().round()
    assert torch.allclose(weights.detach(), rounded, atol=1e-6)
    assert rounded.sum(-1).tolist() == [[1.0, 1.0]]
    coefficients = torch.randn(2, 9, generator=torch.Generator().manual_seed(1))
    (found,) = torch.autograd.grad((weights * coefficients).sum(), logits, retain_graph=True)
    (expected,) = torch.autograd.grad((torch.softmax(logits / 0.7, -1) * coefficients).sum(), logits)
    assert torch.allclose(found, expected, atol=1e-6)


def test_gumbel_samples_follow_the_softmax():
    """Argmax of logits + Gumbel noise is a draw from softmax(logits): Maddison et al. 2017."""
    logits = torch.tensor([[0.0, 1.0, 2.0, -1.0]])
    config = AnnealConfig(samples=20_000, gumbel=True)
    weights = sample_weights(logits, 0.5, config, torch.Generator().manual_seed(0))
    share = weights.argmax(-1).flatten().bincount(minlength=4) / 20_000
    assert torch.allclose(share, torch.softmax(logits[0], -1), atol=0.02)


def test_top_tokens_are_noted_at_the_first_and_last_step(bert):
    steps = run("anneal", problem_for(bert, free=[2, 3]), steps=60)
    noted = [number for number, step in enumerate(steps) if step.mixture.top is not None]
    assert noted == [0, 50, 60]
    for position in steps[-1].mixture.top:
        weights = [weight for _, weight in position]
        assert weights == sorted(weights, reverse=True)
        assert sum(weights) <= 1 + 1e-5


def test_annealing_climbs(bert):
    better = 0
    for index in range(4):
        problem = problem_for(bert, textdream.neuron(2, index))
        run("anneal", problem, steps=60)
        better += problem.best[1] > float(value_of(bert, "bert", problem.start[None], index=index)[0]) + 0.1
    assert better == 4


def test_the_normalised_value_is_the_one_of_pairs_equation(bert):
    problem = problem_for(bert, textdream.neuron(1, 3), position=4)
    step = next(iter(anneal(problem, pair_preset("pair"))))
    with torch.no_grad(), plain_mode(bert.hf):
        states = bert.hf(problem.start[None], output_hidden_states=True).hidden_states[1:]
    word = torch.stack([state[0, 4] for state in states])
    assert len(word) == LAYERS
    assert step.mixture.normalised[1] == pytest.approx(float(word[1, 3] / word.norm()), rel=1e-5)


def test_it_runs_where_the_caller_has_switched_gradients_off():
    model = tiny("bert")
    with torch.no_grad():
        config = textdream.DreamConfig(method="anneal", steps=3, certify=False)
        result = textdream.dream(model, "the cat sat", textdream.neuron(1, 3), config, word="cat")
        assert not torch.is_grad_enabled()
    assert len(result.steps) == 4


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": 1e308},
        {"learning_rate": 1001.0},
        {"start_temperature": 1e-300, "end_temperature": 1e-301},
        {"end_temperature": 9e-4},
        {"start_temperature": 10_001.0},
    ],
)
def test_settings_that_leave_the_numbers_are_refused(settings):
    with pytest.raises(InputError, match="was given; a number of"):
        AnnealConfig(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": 1000.0, "start_temperature": 0.001, "end_temperature": 0.001},
        {"learning_rate": 1000.0, "start_temperature": 1e4, "end_temperature": 0.001},
        {"learning_rate": 1e-300, "start_temperature": 1e4, "end_temperature": 1e4},
    ],
)
@pytest.mark.parametrize("plain_mixture", [False, True])
def test_the_furthest_settings_give_finite_steps(bert, settings, plain_mixture):
    more = {"gumbel": False, "straight_through": False, "start_weight": None} if plain_mixture else {}
    for step in run("anneal", problem_for(bert), steps=20, **settings, **more):
        assert math.isfinite(step.value)
        assert math.isfinite(step.mixture.value)


def test_a_mixture_that_is_no_number_any_more_is_one_sentence(bert):
    config = AnnealConfig(steps=3)
    object.__setattr__(config, "learning_rate", 1e308)
    with pytest.raises(
        InputError, match=r"no finite value at step [12] of the annealing; .*; give a smaller learning rate"
    ):
        list(anneal(problem_for(bert), config))
