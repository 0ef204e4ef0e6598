import copy
import dataclasses
import json

import pytest
import torch

import textdream
from tests.indexes import make_index, sentences, truth
from tests.tiny import tiny
from textdream.experiments.sharing import FIRST, halved
from textdream.experiments.verify import verify
from textdream.optimizers import Step
from textdream.report.dreams import baseline

TEXTS = sentences(60, 1)
TEXT = "the old cat sat on a red mat ."
UNIT = ("resid_post", 2, 0)
TARGET = textdream.neuron(2, 0)
METHODS = ["gcg", "hotflip", "sweep", "anneal"]


@pytest.fixture(scope="module")
def index(bert, tmp_path_factory):
    return make_index(bert, TEXTS, tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def exact(bert):
    return truth(bert, "bert", TEXTS, *UNIT)


def config(index, **options):
    steps = {"gcg": 6, "hotflip": 10, "anneal": 15}.get(options.get("method", "gcg"))
    return textdream.DreamConfig(**{"from_corpus": index and str(index), "steps": steps, "free": "all", **options})


def holds(result, model, tmp_path):
    path = tmp_path / "dream.json"
    textdream.write_result(result, path)
    report = verify(path, model)
    assert report.mismatches == []
    return report


@pytest.mark.parametrize("start", ["given", "random", "both"])
def test_any_dream_may_be_held_against_a_corpus(bert, index, exact, start, tmp_path):
    result = textdream.dream(bert, TEXT, TARGET, config(index, start=start), word="cat")
    plain = textdream.dream(bert, TEXT, TARGET, config(None, start=start), word="cat")
    assert result.best == plain.best
    assert plain.baseline is None
    found = result.baseline
    assert found.activation == pytest.approx(exact.best()[0], abs=1e-5)
    assert found.text == TEXTS[found.sentence]
    assert exact.values[found.sentence][found.position] == pytest.approx(found.activation, abs=1e-5)
    assert found.beats == (result.best.activation > found.activation + 1e-4)
    assert found.ratio == pytest.approx(result.best.activation / found.activation)
    assert (found.sentences, found.passed_over, found.corpus.sentences) == ([], 0, len(TEXTS))
    holds(result, bert, tmp_path)


@pytest.mark.parametrize("free", ["word", "all"])
@pytest.mark.parametrize("method", METHODS)
def test_starting_from_the_best_sentences(bert, index, exact, method, free, tmp_path):
    result = textdream.dream(bert, "", TARGET, config(index, start="top:3", method=method, free=free))
    starts = result.baseline.sentences
    assert [one.activation for one in starts] == pytest.approx(exact.best()[:3], abs=1e-5)
    own = max(starts, key=lambda one: one.reached.activation)
    assert result.best == own.reached
    assert (result.start.ids, result.target.position) == (own.ids, own.position)
    assert result.start.activation == pytest.approx(own.activation, abs=1e-5)
    assert result.free == ([own.position] if free == "word" else bert.tokens.open_positions(own.ids))
    assert result.baseline.beats
    assert result.baseline.ratio > 1
    assert result.baseline.passed_over == 0
    assert result.certificate.holds
    assert all(len(one.reached.ids) == len(one.ids) for one in starts)
    assert all(one.reached.activation >= one.activation - 1e-5 for one in starts)
    assert result.steps[0].tokens == own.tokens
    assert [step.step for step in result.steps] == list(range(len(result.steps)))
    assert {len(step.tokens) for step in result.steps} == {len(own.ids)}
    assert holds(result, bert, tmp_path).replacements > 0


def test_the_lowest_sentences_are_the_bar_of_a_lowest_dream(bert, index, exact, tmp_path):
    result = textdream.dream(bert, "", TARGET, config(index, start="top:3", minimise=True))
    assert result.baseline.activation == pytest.approx(exact.best(-1)[0], abs=1e-5)
    assert result.best.activation < result.baseline.activation
    assert result.baseline.beats
    assert result.baseline.ratio > 1
    holds(result, bert, tmp_path)


def test_a_feed_forward_neuron(bert, index, tmp_path):
    target = textdream.neuron(1, 5, site="mlp_post")
    result = textdream.dream(bert, "", target, config(index, start="top:4"))
    assert result.best.activation > result.baseline.activation
    assert result.baseline.beats
    holds(result, bert, tmp_path)


def test_a_dream_that_is_not_better_says_so(bert, index):
    result = textdream.Dream(bert, "", TARGET, config(index, start="top:1")).result()
    assert result.interrupted
    assert not result.baseline.beats
    assert result.baseline.ratio == pytest.approx(1)
    assert result.best.activation == pytest.approx(result.baseline.activation, abs=1e-6)


def test_no_ratio_to_the_wrong_sign(bert, tmp_path):
    """Where even the best sentence is below zero, there is nothing to be a multiple of."""
    texts = sentences(4, 5)
    index = make_index(bert, texts, tmp_path)
    values = {n: truth(bert, "bert", texts, "resid_post", 2, n).best()[0] for n in range(16)}
    below = [n for n, value in values.items() if value < 0]
    for n in below:
        assert textdream.dream(bert, "", textdream.neuron(2, n), config(index, start="top:2")).baseline.ratio is None
    above = next(n for n, value in values.items() if value > 0)
    assert textdream.dream(bert, "", textdream.neuron(2, above), config(index, start="top:2")).baseline.ratio > 0


def test_a_text_that_is_given_is_one_more_start(bert, index):
    run = textdream.Dream(bert, TEXT, TARGET, config(index, start="top:2"), word="cat")
    assert run.settings[0].ids.tolist() == bert.tokens.encode(TEXT)
    assert len(run.settings) == 3
    for _ in run:
        pass
    result = run.result()
    assert len(result.baseline.sentences) == 2
    assert result.best.activation >= max(one.reached.activation for one in result.baseline.sentences)


def test_more_starts_than_there_are(bert, index):
    result = textdream.dream(bert, "", TARGET, config(index, start="top:9999", method="hotflip", certify=False))
    assert len(result.baseline.sentences) == 32


def test_stopping_midway_keeps_the_best(bert, index, tmp_path):
    for stop in (0, 1, 4, 9):
        run = textdream.Dream(bert, "", TARGET, config(index, start="top:3"))
        for number, _ in enumerate(run):
            if number == stop:
                break
        result = run.result()
        assert result.interrupted
        assert result.best.activation >= result.start.activation - 1e-6
        holds(result, bert, tmp_path)


def test_the_same_seed_gives_the_same_result(bert, index):
    runs = [textdream.dream(bert, "", TARGET, config(index, start="top:4", seed=7)).to_json() for _ in range(2)]
    first, second = ({**json.loads(run), "created": "", "seconds": 0} for run in runs)
    assert first == second


def test_it_starts_from_the_best_whatever_their_length(tmp_path):
    model = tiny("bert")
    model.tokens.tokenizer.model_max_length = 40
    model.tokens.max_length = 40
    texts = sentences(6, 8, 33, 36) + sentences(12, 9)
    index = make_index(model, texts, tmp_path)
    for n in range(8):
        found = textdream.Dream(model, "", textdream.neuron(2, n), config(index, start="top:10")).corpus
        highest = truth(model, "bert", texts, "resid_post", 2, n).best()
        assert [one.activation for one in found.starts] == pytest.approx(highest[:10], abs=1e-5)


def test_what_the_index_left_out_is_no_higher_than_the_bound(tmp_path):
    model = tiny("bert")
    texts = sentences(40, 9)
    index = make_index(model, texts, tmp_path, top=3)
    for n in range(8):
        for minimise, sign in ((False, 1.0), (True, -1.0)):
            run = textdream.Dream(model, "", textdream.neuron(2, n), config(index, start="top:1", minimise=minimise))
            left_out = truth(model, "bert", texts, "resid_post", 2, n).best(sign)[3]
            assert sign * run.corpus.bound >= sign * left_out - 1e-5
            assert sign * run.corpus.bound <= sign * run.corpus.best.activation + 0.1


@pytest.mark.parametrize("minimise", [False, True])
def test_where_nothing_was_left_out_the_best_is_the_bound(bert, tmp_path, minimise):
    """However far the precisions differ: no other sentence can be better."""
    index = make_index(bert, ["cat", "the dog ran"], tmp_path)
    for n in range(16):
        options = {"start": "top:1", "minimise": minimise}
        found = textdream.Dream(bert, "", textdream.neuron(1, n), config(index, **options)).corpus
        assert found.bound == found.best.activation
        sign = -1.0 if minimise else 1.0
        assert found.baseline(found.best.activation + sign * 1e-3, sign, []).beats


def said_of(result, **changes):
    """The lines on the corpus, of a result in which the baseline says something else."""
    return str(baseline(result, result.baseline.model_copy(update=changes)))


@pytest.mark.parametrize("minimise", [False, True])
def test_what_is_said_of_a_dream_against_a_corpus(bert, index, minimise):
    result = textdream.dream(bert, TEXT, TARGET, config(index, minimise=minimise), word="cat")
    best, sign = result.best.activation, -1.0 if minimise else 1.0
    worst = "lowest" if minimise else "best"
    above = f"above the {worst} of 60 sentences"
    below = f"below the {worst} of 60 sentences"
    ahead, behind = (below, above) if minimise else (above, below)
    bar = best - sign * 0.25
    assert f"✓ beats the corpus  0.250 {ahead}" in said_of(result, activation=bar, beats=True, ratio=None)
    unsure = said_of(result, activation=bar, bound=best + sign * 0.5, beats=False, ratio=1.2)
    assert unsure.startswith(f"? cannot be told for certain  1.20 × the {worst} of 60 sentences")
    assert f"left out may reach {best + sign * 0.5:.3f}" in unsure
    lost = said_of(result, activation=best + sign * 0.25, bound=best + sign * 0.5, beats=False, ratio=None)
    assert lost.startswith(f"✗ does not beat the corpus  0.250 {behind}")
    assert "left out may" not in lost
    same = said_of(result, activation=best - sign * 1e-7, bound=best + sign, beats=False, ratio=1.0)
    assert same.startswith("✗ does not beat the corpus  1.00 ×")


def test_a_dream_below_the_bound_does_not_beat_the_corpus(bert, index):
    found = textdream.Dream(bert, "", TARGET, config(index, start="top:1")).corpus
    high = dataclasses.replace(found, bound=found.best.activation + 1)
    assert found.baseline(found.best.activation + 0.5, 1.0, []).beats
    assert not high.baseline(found.best.activation + 0.5, 1.0, []).beats
    assert high.baseline(found.best.activation + 1.5, 1.0, []).beats


@pytest.mark.parametrize(
    ("options", "target", "text", "where", "words"),
    [
        ({"from_corpus": None, "start": "top:10"}, TARGET, "", {}, "--from-corpus"),
        ({"start": "top:0"}, TARGET, "", {}, "top:10"),
        ({"start": "top:"}, TARGET, "", {}, "top:10"),
        ({"start": "top:-3"}, TARGET, "", {}, "top:10"),
        ({"start": "top:3"}, TARGET, "", {"word": "cat"}, "cat"),
        ({"start": "top:3"}, TARGET, "", {"position": 2}, "--position 2"),
        ({"start": "top:3", "free": "2:4"}, TARGET, "", {}, "word or all"),
        ({"start": "top:3"}, textdream.neuron(2, 3, position=2), "", {}, "position 2"),
        ({"start": "top:3"}, textdream.channel(2, 3), "", {}, "one neuron"),
        ({}, textdream.neuron(2, 3) + textdream.neuron(2, 4), TEXT, {"word": "cat"}, "one neuron"),
        ({}, textdream.normalised(TARGET), TEXT, {"word": "cat"}, "one neuron"),
        ({}, textdream.neuron(None, 3, site="embed"), TEXT, {"word": "cat"}, "embed is not in"),
        ({}, textdream.neuron(7, 3), TEXT, {"word": "cat"}, "layer 7"),
        ({}, textdream.neuron(2, 77), TEXT, {"word": "cat"}, "neuron 77"),
        ({"from_corpus": "nowhere"}, TARGET, TEXT, {"word": "cat"}, "no index"),
    ],
)
def test_what_does_not_fit_is_one_sentence(bert, index, options, target, text, where, words):
    with pytest.raises(textdream.TextdreamError, match=words):
        textdream.Dream(bert, text, target, config(index, **options), **where)


def test_another_models_index_is_refused(index):
    with pytest.raises(textdream.TextdreamError, match="index of"):
        textdream.Dream(tiny("bert", seed=9), "", TARGET, config(index, start="top:3"))


# Verification.


@pytest.fixture(scope="module")
def honest(bert, index):
    return json.loads(textdream.dream(bert, "", TARGET, config(index, start="top:3")).to_json())


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (("activation",), lambda x: x + 0.01),
        (("position",), lambda x: 1 if x != 1 else 2),
        (("text",), lambda x: "the old cat"),
        (("beats",), lambda x: not x),
        (("ratio",), lambda x: x + 0.01),
        (("ratio",), lambda x: None),
        (("sentences", 1, "activation"), lambda x: x - 0.01),
        (("sentences", 1, "position"), lambda x: 1 if x != 1 else 2),
        (("sentences", 1, "text"), lambda x: "the old cat"),
        (("sentences", 2, "reached", "activation"), lambda x: x + 0.01),
        (("sentences", 2, "reached", "text"), lambda x: "the old cat"),
        (("sentences", 2, "reached", "ids", 1), lambda x: 20 if x != 20 else 21),
    ],
)
def test_a_tampered_baseline_is_found(honest, bert, tmp_path, path, change):
    data = copy.deepcopy(honest)
    place = data["baseline"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = change(place[path[-1]])
    file = tmp_path / "dream.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    report = verify(file, bert)
    assert not report.holds
    assert all(mismatch.where.startswith("baseline") for mismatch in report.mismatches)


# Sharing.


def search(name, count, log):
    for number in range(count):
        log.append((name, number))
        yield Step("gcg", (name,), float(number))


def test_the_better_half_goes_on():
    log = []
    heights = [0.0, 3.0, 1.0, 2.0, -float("inf")]
    done = list(halved([search(name, 20, log) for name in range(5)], heights.__getitem__))
    assert len(done) == len(log)
    counts = [sum(name == one for name, _ in log) for one in range(5)]
    assert counts == [1 + FIRST, 20, 1 + FIRST, 1 + FIRST + 2 * FIRST, 1 + FIRST]
    assert [number for name, number in log if name == 1] == list(range(20))


def test_searches_that_end_early_and_a_single_one():
    log = []
    assert len(list(halved([search(name, 2, log) for name in range(3)], lambda name: -name))) == 6
    assert len(list(halved([search(0, 9, log)], lambda name: 0.0))) == 9
    assert list(halved([], lambda name: 0.0)) == []


def test_the_start_is_what_the_engine_gives(bert, index):
    run = textdream.Dream(bert, "", TARGET, config(index, start="top:3"))
    for setting, one in zip(run.settings, run.corpus.starts, strict=True):
        assert float(bert.engine.values(setting.ids[None], setting.objective)[0]) == pytest.approx(
            one.activation, abs=1e-5
        )
        assert torch.equal(setting.ids, torch.tensor(one.ids))
