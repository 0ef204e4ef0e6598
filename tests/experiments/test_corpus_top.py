import copy
import io
import json

import pytest
import rich.console
import torch
from hypothesis import given
from hypothesis import strategies as st

import textdream
from tests.indexes import make_index, sentences, truth
from tests.tiny import tiny
from textdream.configs import CorpusTopConfig
from textdream.corpus import Index
from textdream.experiments.agreement import shared
from textdream.experiments.corpus_top import corpus_top
from textdream.experiments.verify import verify
from textdream.report.top import corpus_top as drawn

TEXTS, OTHERS = sentences(60, 1), sentences(60, 2)
UNITS = [("resid_post", 2, 3), ("mlp_post", 1, 5), ("mlp_post", 0, 20)]


@pytest.fixture(scope="module", params=["bert", "gpt2"])
def case(request, tmp_path_factory):
    model = request.getfixturevalue(request.param)
    return model, request.param, make_index(model, TEXTS, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def two(bert, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    return [make_index(bert, texts, folder / name, f"{name}.txt") for name, texts in (("a", TEXTS), ("b", OTHERS))]


def config(unit, **options):
    site, layer, neuron = unit
    return CorpusTopConfig(site=site, layer=layer, neuron=neuron, **options)


@pytest.mark.parametrize("unit", UNITS)
def test_both_ends_are_those_of_a_brute_force_search(case, unit):
    model, name, index = case
    result = corpus_top(model, index, config(unit, top=8))
    exact = truth(model, name, TEXTS, *unit)
    for found, sign in ((result.sentences, 1), (result.least, -1)):
        assert [one.activation for one in found] == pytest.approx(exact.best(sign)[:8], abs=1e-5)
        for one in found:
            values = exact.values[one.sentence]
            assert one.text == TEXTS[one.sentence]
            assert one.ids == model.tokens.encode(one.text)
            assert one.tokens == model.tokens.names(one.ids)
            assert one.position == max(values, key=lambda place: sign * values[place])
            assert {place: one.activations[place] for place in values} == pytest.approx(values, abs=1e-5)
            assert one.activations[one.position] == one.activation


@pytest.mark.parametrize("unit", UNITS)
def test_where_the_unit_stands(case, unit):
    model, name, index = case
    result = corpus_top(model, index, config(unit))
    exact, standing = truth(model, name, TEXTS, *unit).all, result.standing
    assert standing.count == len(exact) == result.corpus.tokens
    assert standing.mean == pytest.approx(float(exact.mean()), abs=0.01)
    assert standing.sd == pytest.approx(float(exact.std(correction=0)), abs=0.01)
    assert standing.maximum == pytest.approx(float(exact.max()), rel=0.02, abs=0.01)
    assert standing.minimum == pytest.approx(float(exact.min()), rel=0.02, abs=0.01)
    assert 0 <= standing.top_share <= 1
    assert standing.units == model.width(unit[0], unit[1])
    assert (result.histogram.low, result.histogram.high) == (standing.minimum, standing.maximum)
    assert sum(result.histogram.counts) == standing.count
    assert result.corpus.sentences == len(TEXTS)
    assert result.target.description == f"{unit[0]} {unit[1]} neuron {unit[2]}"


def test_bands_are_drawn_from_their_tenths(case):
    model, _, index = case
    bare = corpus_top(model, index, config(UNITS[0]))
    full = corpus_top(model, index, config(UNITS[0], quantiles=True))
    assert len(bare.quantiles) == len(full.quantiles) == 10
    assert not any(band.sentences for band in bare.quantiles)
    edge, slack = full.quantiles[0].low, 0.03 * (full.standing.maximum - full.standing.minimum)
    for band in full.quantiles:
        assert band.low == edge
        edge = band.high
        assert band.sentences
        for one in band.sentences:
            assert band.low - slack <= one.activation <= band.high + slack
            assert one.activations[one.position] == one.activation


@pytest.mark.parametrize("neuron", [None, 3])
def test_a_random_direction_is_shown_the_same_way(case, neuron):
    model, name, index = case
    result = corpus_top(model, index, CorpusTopConfig(layer=2, neuron=neuron, random_direction=1, top=5))
    vector = result.target.vector
    assert result.target.kind == "direction"
    assert sum(x * x for x in vector) == pytest.approx(1, abs=1e-5)
    exact = truth(model, name, TEXTS, "resid_post", 2, vector)
    assert [one.activation for one in result.sentences] == pytest.approx(exact.best()[:5], abs=1e-5)
    assert result.sentences != corpus_top(model, index, config(("resid_post", 2, 3), top=5)).sentences


def test_a_corpus_agrees_with_itself_as_much_as_its_halves_do(bert, two):
    against = corpus_top(bert, two[0], config(UNITS[0], against=str(two[0]))).against
    for found in (against.tokens, against.embeddings):
        # A half agrees with itself wholly, and with the other half as `within` says.
        assert found.value == pytest.approx((1 + found.within) / 2, abs=1e-6)
        assert found.percentile > 80
    # Not all of it: what is said of one corpus against itself must say what is compared.
    assert against.tokens.value < 1
    assert against.text.startswith("Compared by halves of the top sentences")


@pytest.mark.parametrize("small", [0, 1])
def test_a_small_corpus_hides_nothing_of_the_other(bert, two, tmp_path, small):
    few = make_index(bert, sentences(2, 7), tmp_path, "few.txt")
    folders = [two[0], few]
    result = corpus_top(bert, folders[small], config(UNITS[0], against=str(folders[1 - small]), top=6))
    assert sorted((len(result.sentences), len(result.against.sentences))) == [2, 6]
    console = rich.console.Console(width=160, record=True, file=io.StringIO())
    console.print(drawn(result))
    said = console.export_text()
    for one in (*result.sentences, *result.against.sentences):
        assert f"{one.activation:.2f}" in said


@pytest.mark.parametrize("unit", UNITS)
def test_two_corpora(bert, two, unit):
    result = corpus_top(bert, two[0], config(unit, against=str(two[1]), top=7))
    against = result.against
    exact = truth(bert, "bert", OTHERS, *unit)
    assert [one.activation for one in against.sentences] == pytest.approx(exact.best()[:7], abs=1e-5)
    assert (result.corpus.files[0].name, against.corpus.files[0].name) == ("a.txt", "b.txt")
    assert against.others == min(64, bert.width(*unit[:2]) - 1)
    assert 0 <= against.tokens.value <= 1
    # The tokens at the top positions, by brute force from the other corpus and this one's sentences.
    first, second = (Index.open(folder).card(*unit).most for folder in two)
    ids = [[bert.tokens.encode(one.text)[one.position] for one in most] for most in (first, second)]
    pairs = [shared(a, b) for a in (ids[0][::2], ids[0][1::2]) for b in (ids[1][::2], ids[1][1::2])]
    assert against.tokens.value == pytest.approx(sum(pairs) / 4)
    assert str(round(100 * against.tokens.value)) in against.text or f"{100 * against.tokens.value:.3g}" in against.text


def test_agreement_is_far_above_chance_for_a_unit_that_reads_the_token(bert, two):
    """Embeddings of layer 0 are mostly the token itself: what excites a unit is the same in any corpus."""
    found = [corpus_top(bert, two[0], config(("resid_post", 0, n), against=str(two[1]))).against for n in range(6)]
    assert all(one.tokens.value > one.tokens.chance for one in found)
    assert sum(one.tokens.percentile for one in found) / 6 > 90


def test_the_same_seed_gives_the_same_control(bert, two):
    runs = [corpus_top(bert, two[0], config(UNITS[1], against=str(two[1]), seed=5)).against for _ in range(2)]
    assert runs[0] == runs[1]


@given(st.lists(st.integers(0, 5), min_size=1), st.lists(st.integers(0, 5), min_size=1))
def test_shared_is_a_likeness(first, second):
    value = shared(first, second)
    assert 0 <= value <= 1 + 1e-12
    assert value == pytest.approx(shared(second, first))
    assert shared(first, first) == pytest.approx(1)
    assert (value == 0) == (not set(first) & set(second))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"neuron": 3}, "layer"),
        ({"layer": 2}, "--neuron"),
        ({"layer": 2, "neuron": 99}, "0 to 15"),
        ({"layer": 9, "neuron": 1}, "0, 1, 2"),
        ({"layer": 2, "neuron": 1, "site": "attn_out"}, "resid_post, mlp_post"),
        ({"layer": 2, "neuron": 1, "site": "nowhere"}, "resid_post, mlp_post"),
        ({"layer": 2, "random_direction": 99}, "random direction 99"),
        ({"layer": 2, "neuron": -1}, "neuron -1"),
    ],
)
def test_units_that_are_not_there_are_one_sentence(case, options, words):
    model, _, index = case
    with pytest.raises(textdream.TextdreamError, match=words):
        corpus_top(model, index, CorpusTopConfig(**options))


def test_another_models_index_is_refused(case, bert, two):
    _, _, index = case
    with pytest.raises(textdream.TextdreamError, match="index of"):
        corpus_top(tiny("bert", seed=9), index, config(UNITS[0]))
    with pytest.raises(textdream.TextdreamError, match="no index"):
        corpus_top(bert, two[0], config(UNITS[0], against="nowhere"))


# Verification.


@pytest.fixture(scope="module")
def honest(bert, two):
    return json.loads(corpus_top(bert, two[0], config(UNITS[1], against=str(two[1]), top=4, quantiles=True)).to_json())


def check(data, model, tmp_path):
    path = tmp_path / "top.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return verify(path, model)


def test_honest_results_hold(case, tmp_path):
    model, _, index = case
    for options in ({}, {"random_direction": 0}):
        result = corpus_top(model, index, config(UNITS[0], top=4, quantiles=True, **options))
        report = check(json.loads(result.to_json()), model, tmp_path)
        assert report.mismatches == []
        assert report.checked > 100


PLACES = ["sentences.1", "least.2", "quantiles.3.sentences.0", "against.sentences.3"]


def at(data, place):
    for key in place.split("."):
        data = data[int(key) if key.isdigit() else key]
    return data


def test_honest_comparisons_hold(honest, bert, tmp_path):
    assert check(honest, bert, tmp_path).mismatches == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("key", ["activation", "activations", "position", "text", "ids", "tokens"])
def test_whatever_is_tampered_is_found(honest, bert, tmp_path, place, key):
    data = copy.deepcopy(honest)
    one = at(data, place)
    if key == "activation":
        one[key] += 0.01
    elif key == "activations":
        one[key][1] += 0.01
    elif key == "position":
        one[key] = 1 if one[key] != 1 else 2
    elif key == "text":
        one[key] = "the old cat"
    elif key == "ids":
        one[key][1] = 20 if one[key][1] != 20 else 21
    else:
        one[key][1] = "moon" if one[key][1] != "moon" else "sun"
    report = check(data, bert, tmp_path)
    assert not report.holds
    assert all(mismatch.where.startswith(place) for mismatch in report.mismatches)


def test_another_unit_is_found(honest, bert, tmp_path):
    data = copy.deepcopy(honest)
    data["target"]["neuron"] = 6
    assert not check(data, bert, tmp_path).holds


def test_a_value_for_each_token_is_asked(honest):
    data = copy.deepcopy(honest)
    data["sentences"][0]["activations"].pop()
    with pytest.raises(ValueError, match="activations"):
        textdream.records.CorpusTopResult.model_validate(data)


def test_the_model_stays_as_it_was(case):
    model, _, index = case
    weights = [parameter.detach().clone() for parameter in model.hf.parameters()]
    training = [module.training for module in model.hf.modules()]
    state = torch.random.get_rng_state()
    corpus_top(model, index, config(UNITS[0], quantiles=True))
    assert training == [module.training for module in model.hf.modules()]
    assert all(torch.equal(a, b) for a, b in zip(weights, model.hf.parameters(), strict=True))
    assert torch.equal(state, torch.random.get_rng_state())
