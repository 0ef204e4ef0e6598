import copy
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import textdream
from tests.indexes import make_index, sentences, truth
from tests.tiny import tiny
from textdream.configs import NeuronsConfig
from textdream.corpus import Index, Statistics
from textdream.experiments.neurons import neurons, unusual
from textdream.experiments.verify import verify

TEXTS = sentences(80, 3)
TEXT = "the old cat sat on a red mat ."
UNITS = 3 * (16 + 24)


@pytest.fixture(scope="module", params=["bert", "gpt2"])
def case(request, tmp_path_factory):
    model = request.getfixturevalue(request.param)
    return model, request.param, make_index(model, TEXTS, tmp_path_factory.mktemp(request.param))


def config(index, **options):
    return NeuronsConfig(index=str(index), **options)


def test_every_unit_is_measured_against_the_corpus(case):
    model, name, index = case
    result = neurons(model, TEXT, config(index, top=1000), word="cat")
    assert result.measured == len(result.neurons) == UNITS
    assert result.position == model.tokens.reading_position(model.tokens.word_positions(TEXT, "cat"))
    assert result.start.ids == model.tokens.encode(TEXT)
    assert result.corpus.sentences == len(TEXTS)
    for unit in result.neurons[::7]:
        where = (unit.site, unit.layer, unit.neuron)
        here = truth(model, name, [TEXT], *where).values[0][result.position]
        everywhere = truth(model, name, TEXTS, *where).all
        assert unit.activation == pytest.approx(here, abs=1e-5)
        sd = float(everywhere.std(correction=0))
        assert unit.z == pytest.approx((here - float(everywhere.mean())) / sd, abs=0.05)
        # To within a bin of 64, and the rounding of the index.
        span = float(everywhere.max() - everywhere.min())
        below = 100 * float((everywhere < here + 0.01 * span).float().mean())
        well_below = 100 * float((everywhere < here - (1 / 64 + 0.01) * span).float().mean())
        assert well_below - 1e-6 <= unit.percentile <= below + 1e-6


def test_most_unusual_first(case):
    model, _, index = case
    everything = neurons(model, TEXT, config(index, top=1000), position=3).neurons
    order = [(-unit.percentile, -unit.z) for unit in everything]
    assert order == sorted(order)
    assert neurons(model, TEXT, config(index, top=4), position=3).neurons == everything[:4]


@pytest.mark.parametrize(
    ("options", "count"),
    [({"site": "mlp_post"}, 72), ({"layer": 1}, 40), ({"site": "resid_post", "layer": 2}, 16)],
)
def test_filters(case, options, count):
    model, _, index = case
    result = neurons(model, TEXT, config(index, top=1000, **options), word="cat")
    assert result.measured == len(result.neurons) == count
    assert all(getattr(unit, key) == value for unit in result.neurons for key, value in options.items())


def statistics(values):
    low, high = values.min(1), values.max(1)
    counts = np.stack([np.histogram(row, 64, (a, b))[0] for row, a, b in zip(values, low, high, strict=True)])
    return Statistics(
        count=values.shape[1], mean=values.mean(1), variance=values.var(1), minimum=low, maximum=high,
        top_count=np.zeros(len(values), int), histogram=counts, quantiles=np.quantile(values, np.linspace(0, 1, 11), 1).T,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_the_percentile_is_a_bound_that_every_decile_reaches(name, tmp_path, monkeypatch):
    """Of every neuron, by brute force over all tokens: no more than the truth, and no less than its own deciles say."""
    monkeypatch.setattr("textdream.model.engine.search_dtype", lambda device: torch.float32)
    model = tiny(name)
    index = Index.open(make_index(model, TEXTS, tmp_path))
    for (site, layer), known in index.statistics().items():
        rows = [[known.quantiles[n, tenth] for tenth in range(1, 10)] for n in range(len(known.mean))]
        everywhere = torch.stack([truth(model, name, TEXTS, site, layer, n).all for n in range(len(rows))])
        for tenth, values in enumerate(torch.tensor(rows).T, start=1):
            _, found = unusual(values, known)
            # Two forward passes differ in the last digits.
            no_higher = 100 * (everywhere <= values[:, None] + 1e-5).double().mean(1)
            assert bool((found <= no_higher + 1e-9).all())
            # A tenth of the sample is told to a token.
            assert float(found.min()) > 10 * tenth - 100 / known.count


@given(
    st.lists(st.sampled_from([0.0, 0.0, 1e-4, 2e-4, 0.5, 1.0, 7.0]), min_size=2, max_size=60),
    st.sampled_from([-1.0, 0.0, 5e-5, 1e-4, 3e-4, 0.5, 0.7, 7.0, 9.0]),
)
def test_the_percentile_is_never_above_the_truth(tokens, value):
    """Where values are equal, too."""
    _, (found,) = unusual(torch.tensor([value]), statistics(np.float32([tokens])))
    assert float(found) <= 100 * np.mean(np.float32(tokens) <= np.float32(value)) + 1e-9


def test_what_unusual_means():
    draw = np.random.default_rng(0)
    wide = draw.normal(size=10_000)
    # A feed-forward neuron that is silent at almost every token, and one that is always the same.
    silent = np.where(draw.random(10_000) < 0.001, -0.17, -0.0001 * draw.random(10_000))
    known = statistics(np.stack([wide, silent, np.full(10_000, 2.0), wide]))
    z, percentile = unusual(torch.tensor([2.0, -0.00001, 2.0, 99.0]), known)
    assert 80 <= float(percentile[1]) <= 100 * float((silent <= -0.00001).mean())
    assert float(z[0]) == pytest.approx(2, abs=0.05)
    assert float(percentile[0]) == pytest.approx(97.5, abs=1)
    # Zero itself, where most tokens are at zero, is nothing unusual.
    zeros = statistics(np.maximum(wide - 1, 0)[None])
    assert float(unusual(torch.tensor([0.0]), zeros)[1]) == 0
    assert float(unusual(torch.tensor([1e-6]), zeros)[1]) == pytest.approx(80, abs=0.1)
    assert (float(z[2]), float(percentile[2])) == (0, 0)
    assert float(percentile[3]) == 100
    assert torch.equal(unusual(torch.tensor([-99.0] * 4), known)[1], torch.zeros(4, dtype=torch.float64))


@pytest.mark.parametrize(
    ("options", "where", "words"),
    [
        ({"index": None}, {"word": "cat"}, "--index"),
        ({"index": "nowhere"}, {"word": "cat"}, "no index"),
        ({"site": "attn_out"}, {"word": "cat"}, "attn_out is not in the index"),
        ({"layer": 7}, {"word": "cat"}, "7 is not in the index"),
        ({}, {"word": "zebra"}, "zebra"),
        ({}, {"position": 99}, "99"),
        ({}, {}, "--word or --position"),
        ({}, {"word": "cat", "position": 2}, "one of them"),
    ],
)
def test_what_does_not_fit_is_one_sentence(case, options, where, words):
    model, _, index = case
    with pytest.raises(textdream.TextdreamError, match=words):
        neurons(model, TEXT, NeuronsConfig(**{"index": str(index), **options}), **where)


def check(data, model, tmp_path):
    path = tmp_path / "neurons.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return verify(path, model)


def test_verification(case, tmp_path):
    model, _, index = case
    honest = json.loads(neurons(model, TEXT, config(index), word="cat").to_json())
    report = check(honest, model, tmp_path)
    assert report.mismatches == []
    assert report.checked == 20
    for change in ("activation", "neuron", "layer"):
        data = copy.deepcopy(honest)
        data["neurons"][5][change] = (data["neurons"][5][change] + 1) % 3
        assert [one.where for one in check(data, model, tmp_path).mismatches] == ["neurons.5"]
    data = copy.deepcopy(honest)
    data["position"] -= 1
    assert not check(data, model, tmp_path).holds
    data = copy.deepcopy(honest)
    data["start"]["text"] = "the old dog"
    assert [one.where for one in check(data, model, tmp_path).mismatches] == ["start.text"]
