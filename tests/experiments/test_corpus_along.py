import dataclasses

import numpy as np
import pytest
from safetensors.numpy import save_file

import textdream
from tests.indexes import make_index, sentences, truth
from tests.tiny import WIDTH, tiny
from textdream.experiments.concept_examples import examples_of

TEXTS = sentences(70, 4)


@pytest.fixture(scope="module", params=["bert", "gpt2"])
def case(request, tmp_path_factory):
    model = tiny(request.param)
    folder = tmp_path_factory.mktemp("along")
    vector = np.random.default_rng(0).standard_normal(WIDTH).astype(np.float32)
    save_file({"layer.1": vector, "layer.2": -vector}, folder / "v.safetensors")
    return model, request.param, make_index(model, TEXTS, folder), folder / "v.safetensors", vector


def config(file, **options):
    return textdream.CorpusTopConfig(**{"layer": 1, "direction": str(file), **options})


def test_both_ends_and_the_figures_are_those_of_a_brute_force_search(case):
    model, name, index, file, vector = case
    heard: list[tuple[int, int]] = []
    result = textdream.corpus_top(model, index, config(file, top=9), lambda *at: heard.append(at))
    unit = (vector / np.linalg.norm(vector.astype(np.float64))).tolist()
    exact = truth(model, name, TEXTS, "resid_post", 1, unit)
    for found, sign in ((result.sentences, 1), (result.least, -1)):
        assert [one.activation for one in found] == pytest.approx(exact.best(sign)[:9], abs=1e-5)
        for one in found:
            assert one.text == TEXTS[one.sentence]
            assert one.position == max(exact.values[one.sentence], key=lambda p: sign * exact.values[one.sentence][p])
    everything, standing = exact.all, result.standing
    assert standing.count == len(everything) == sum(result.histogram.counts) == heard[-1][0] == heard[-1][1]
    assert standing.mean == pytest.approx(float(everything.mean()), abs=0.02)
    assert standing.sd == pytest.approx(float(everything.std(correction=0)), abs=0.02)
    assert standing.minimum == pytest.approx(float(everything.min()), abs=0.05)
    assert standing.maximum == pytest.approx(float(everything.max()), abs=0.05)


def test_bands_hold_tokens_between_their_ends(case):
    model, _, index, file, _ = case
    result = textdream.corpus_top(model, index, config(file, quantiles=True))
    assert len(result.quantiles) == 10
    for band in result.quantiles:
        assert band.sentences
        assert all(band.low - 0.05 <= one.activation <= band.high + 0.05 for one in band.sentences)


def test_the_result_can_be_verified_and_drawn(case, tmp_path, capsys):
    model, _, index, file, _ = case
    result = textdream.corpus_top(model, index, config(file, layer=2, top=3))
    textdream.write_result(result, tmp_path / "t.json")
    assert textdream.verify(tmp_path / "t.json", model).holds
    result.show()
    assert "direction layer.2" in capsys.readouterr().out


def test_a_concept_is_searched_and_only_with_its_model(bert, tmp_path):
    index = make_index(bert, TEXTS, tmp_path)
    examples = examples_of(bert, ["he sat .", "he ran ."], ["she sat .", "she ran ."], ("he", "she"))
    out = tmp_path / "he-she.safetensors"
    textdream.concept_fit(bert, textdream.ConceptConfig(repeats=1, controls=2), examples=examples, out=out)
    result = textdream.corpus_top(bert, index, config(out, top=2))
    assert "she → he" in result.target.description
    other = tiny("bert", seed=9)
    index = make_index(other, TEXTS, tmp_path / "other")
    with pytest.raises(textdream.InputError, match="a concept of"):
        textdream.corpus_top(other, index, config(out))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"neuron": 3}, "beside a neuron"),
        ({"random_direction": 0}, "beside a neuron"),
        ({"against": "x"}, "beside a neuron"),
        ({"layer": None}, "no layer"),
        ({"site": "logits"}, "--site logits"),
        ({"site": "mlp_post"}, "16 numbers"),
        ({"layer": 0}, "none named layer.0"),
    ],
)
def test_bad_input(case, options, said):
    model, _, index, file, _ = case
    with pytest.raises(textdream.InputError, match=said):
        textdream.corpus_top(model, index, dataclasses.replace(config(file), **options))


def test_two_runs_are_the_same(case):
    model, _, index, file, _ = case
    one, two = (textdream.corpus_top(model, index, config(file, quantiles=True)) for _ in range(2))
    assert one.sentences == two.sentences
    assert one.quantiles == two.quantiles
