import json

import pytest
import torch

import textdream
from tests.optimizers.common import value_of
from tests.tiny import TEXT, replacements, some_ids, tiny, unpadded

METHODS = ["gcg", "hotflip", "sweep", "anneal"]
TARGET = textdream.neuron(2, 3)


@pytest.fixture(params=["bert", "gpt2"])
def case(request):
    return request.getfixturevalue(request.param), request.param


def config(method="sweep", **options):
    steps = {"gcg": 6, "hotflip": 10, "anneal": 15}.get(method)
    return textdream.DreamConfig(method=method, **{"free": "all", "steps": steps, **options})


def holds(model, name, result, where=("resid_post", 2, 3)):
    """Everything that a result says, by brute force."""
    site, layer, index = where
    position = result.target.position
    options = {"site": site, "layer": layer, "index": index, "position": position}
    samples = [result.start, result.final, result.best]
    for sample in samples:
        assert sample.activation == pytest.approx(
            float(value_of(model, name, [sample.ids], **options)[0]), rel=1e-5, abs=1e-6
        )
        assert sample.tokens == model.tokens.names(sample.ids)
        assert sample.text == model.tokens.tokenizer.decode(sample.ids, skip_special_tokens=True)
    sign = -1 if result.minimise else 1
    assert sign * result.best.activation >= sign * result.start.activation - 1e-6
    assert sign * result.best.activation >= sign * result.final.activation - 1e-6 or not result.final.round_trip
    assert result.evaluations > 0
    assert [step.step for step in result.steps] == list(range(len(result.steps)))
    if result.certificate is not None:
        assert result.certificate.holds
        rows = replacements(model, result.best.ids, result.free, result.certificate.round_trip)
        best = float((sign * value_of(model, name, rows, **options)).max())
        assert best <= sign * result.best.activation + 2e-5 * max(1, abs(result.best.activation))


@pytest.mark.parametrize("minimise", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_dreams(case, method, minimise):
    model, name = case
    result = textdream.dream(model, TEXT, TARGET, config(method, minimise=minimise), position=3)
    holds(model, name, result)
    assert result.certificate.holds
    assert result.method == method
    assert not result.interrupted
    assert result.free == model.tokens.open_positions(result.start.ids)
    assert result.start.ids == model.tokens.encode(TEXT)
    change = result.best.activation - result.start.activation
    assert change < -0.5 if minimise else change > 0.5


@pytest.mark.parametrize("start", ["random", "both"])
@pytest.mark.parametrize("method", ["gcg", "sweep"])
def test_random_and_both_starts(case, method, start):
    model, name = case
    result = textdream.dream(model, TEXT, TARGET, config(method, start=start, seed=2), position=3)
    holds(model, name, result)
    assert (result.start.ids == model.tokens.encode(TEXT)) == (start == "both")
    assert result.start.round_trip


def test_both_starts_reach_at_least_what_each_reaches(bert):
    both = textdream.dream(bert, TEXT, TARGET, config("sweep", start="both"), position=3)
    given = textdream.dream(bert, TEXT, TARGET, config("sweep"), position=3)
    assert both.best.activation >= given.best.activation - 1e-6


@pytest.mark.parametrize("length", [1, 5, 12])
def test_a_random_start_without_a_text_has_its_length(case, length):
    model, _ = case
    result = textdream.dream(model, "", TARGET, config("hotflip", start="random", length=length), position=0)
    assert len(model.tokens.open_positions(result.start.ids)) == length


def test_a_random_start_needs_room(bert):
    with pytest.raises(textdream.InputError, match="1 to 30"):
        textdream.dream(bert, "", TARGET, config("gcg", start="random", length=31), position=2)


@pytest.mark.parametrize("seed", [0, 3])
def test_a_certificate_is_that_of_the_best_when_one_of_two_runs_out(bert, seed):
    """Sweeps stopped early: whichever start gave the best, its certificate, if there is one, is true."""
    for steps in (12, 20):
        result = textdream.dream(bert, TEXT, TARGET, config("sweep", start="both", steps=steps, seed=seed), position=3)
        holds(bert, "bert", result)


def test_the_same_seed_gives_the_same_result(bert):
    for method in METHODS:
        runs = [
            json.loads(
                textdream.dream(
                    bert, TEXT, TARGET, config(method, seed=3, start="both", free="2:6"), position=3
                ).to_json()
            )
            for _ in range(2)
        ]
        for run in runs:
            del run["created"], run["seconds"]
        assert runs[0] == runs[1]


def test_the_word_is_what_changes_by_default(bert):
    result = textdream.dream(bert, TEXT, TARGET, textdream.DreamConfig(method="sweep"), word="cats")
    assert result.free == [2, 3]
    assert result.target.position == 2


def test_the_targets_own_position_is_the_word(bert):
    result = textdream.dream(bert, TEXT, textdream.neuron(2, 3, position=4), textdream.DreamConfig(method="sweep"))
    assert result.free == [4]


@pytest.mark.parametrize(("free", "expected"), [("3:6", [3, 4, 5]), ("5,2", [2, 5]), ("all", list(range(1, 13)))])
def test_free_positions(bert, free, expected):
    result = textdream.dream(bert, TEXT, TARGET, config("hotflip", free=free, certify=False), position=3)
    assert result.free == expected
    fixed = set(range(len(result.start.ids))) - set(expected)
    assert all(result.best.ids[position] == result.start.ids[position] for position in fixed)


@pytest.mark.parametrize("free", ["0:3", "3:99", "13", "7:5", "3:3", "words", "", "-1", "1,,2", "3:4:5", "0", " all"])
def test_free_positions_that_are_none_are_refused(bert, free):
    with pytest.raises(textdream.InputError):
        textdream.dream(bert, TEXT, TARGET, config(free=free), position=3)


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"steps": 0}, {"position": 3}),
        ({"start": "somewhere"}, {"position": 3}),
        ({"preset": "pair", "method": "gcg"}, {"position": 3}),
        ({}, {"position": 99}),
        ({}, {"position": 3, "word": "cats"}),
        ({}, {"word": "zebra"}),
        ({}, {}),
    ],
)
def test_settings_that_do_not_fit_are_one_sentence(bert, options, where):
    with pytest.raises(textdream.InputError):
        textdream.dream(bert, TEXT, TARGET, textdream.DreamConfig(**{"free": "all", **options}), **where)


@pytest.mark.parametrize("method", METHODS)
def test_stopping_midway_keeps_the_best(case, method):
    model, name = case
    run = textdream.Dream(model, TEXT, TARGET, config(method), position=3)
    for number, _ in enumerate(run):
        if number == 2:
            break
    result = run.result()
    assert result.interrupted
    assert result.certificate is None
    holds(model, name, result)
    assert result.best.activation >= max(step.hard for step in result.steps) - 1e-6


def test_a_result_before_the_first_step_is_the_start(bert):
    result = textdream.Dream(bert, TEXT, TARGET, position=3).result()
    assert result.best == result.start == result.final
    assert result.interrupted


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupt_inside_the_model_keeps_the_best(bert, method):
    run = textdream.Dream(bert, TEXT, TARGET, config(method), position=3)
    calls = []

    def interrupts(*_):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt

    handle = bert.hf.encoder.layer[1].register_forward_hook(interrupts)
    try:
        with pytest.raises(KeyboardInterrupt):
            for _ in run:
                pass
    finally:
        handle.remove()
    result = run.result()
    assert result.interrupted
    assert result.best.activation >= result.start.activation


def test_pairs_run_on_a_padded_table_names_every_token():
    """Tables often have more rows than the tokenizer has tokens: what has no name is no token."""
    options = textdream.DreamConfig(method="anneal", preset="pair", steps=40, free="all", certify=False)
    for index in range(4):
        result = textdream.dream(tiny("bert"), TEXT, textdream.neuron(2, index), options, position=3)
        assert all(isinstance(token, str) for step in result.steps for token in step.tokens)


def test_final_is_the_methods_last_step_and_best_no_lower():
    bert = unpadded("bert")
    options = textdream.DreamConfig(method="anneal", preset="pair", steps=40, free="all", certify=False)
    result = textdream.dream(bert, TEXT, TARGET, options, position=3)
    assert len(result.steps) == 41
    assert result.final.tokens == result.steps[-1].tokens
    assert result.final.activation == pytest.approx(result.steps[-1].hard)
    survivors = [
        step.hard
        for step in result.steps
        if bool(bert.tokens.survives(torch.tensor([bert.tokens.tokenizer.convert_tokens_to_ids(step.tokens)]))[0])
        and not set(step.tokens[1:-1]) & set(bert.tokens.tokenizer.all_special_tokens)
    ]
    assert result.best.activation == pytest.approx(max(survivors), rel=1e-6)
    assert all(step.temperature is not None and step.soft is not None for step in result.steps)


def test_without_certify_there_is_no_certificate(bert):
    result = textdream.dream(bert, TEXT, TARGET, config("gcg", certify=False), position=3)
    assert result.certificate is None
    assert {step.phase for step in result.steps} == {"gcg"}


def test_no_round_trip_may_reach_higher(bert):
    strict, loose = (
        textdream.dream(bert, TEXT, TARGET, config(round_trip=round_trip), position=3) for round_trip in (True, False)
    )
    assert strict.best.round_trip
    assert strict.certificate.round_trip
    assert not loose.certificate.round_trip


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("bert", textdream.neuron(1, 5, site="mlp_post")),
        ("bert", textdream.layer(1)),
        ("bert", textdream.channel(2, 4)),
        ("bert", textdream.neuron(None, 4, site="pooled")),
        ("bert", textdream.neuron(1, 4, site="head", head=1)),
        ("bert_mlm", textdream.logit("moon")),
        ("bert_mlm", textdream.logit_difference("moon", "sun")),
        ("bert_class", textdream.logit(1)),
        ("gpt2", textdream.logit(12)),
        ("llama", textdream.neuron(1, 5, site="mlp_post")),
        ("albert", textdream.neuron(2, 5)),
        ("bert", textdream.normalised(textdream.neuron(1, 5))),
        ("bert", textdream.neuron(1, 5) - 0.5 * textdream.neuron(2, 5, site="mlp_post")),
    ],
)
def test_every_kind_of_target_dreams(name, target):
    model = tiny(name)
    result = textdream.dream(model, TEXT, target, config("gcg", steps=4, free="2,4,5"), position=3)
    assert result.best.activation > result.start.activation
    assert result.certificate.holds


def test_dreams_beat_random_texts(bert):
    result = textdream.dream(bert, TEXT, TARGET, config("gcg", steps=15), position=3)
    ids = some_ids(bert, 2000, len(result.start.ids))
    ids[:, 0], ids[:, -1] = result.start.ids[0], result.start.ids[-1]
    assert result.best.activation > float(value_of(bert, "bert", ids).max())
