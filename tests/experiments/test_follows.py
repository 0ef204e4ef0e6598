"""What a result says beside activations: falsified, it is found; where the index is gone, it is said to be unchecked."""

import copy
import json
import shutil

import pytest

import textdream
from tests.indexes import make_index, sentences
from textdream.configs import CorpusTopConfig, NeuronsConfig, SimilarConfig, TokenSearchConfig
from textdream.experiments.corpus_top import corpus_top
from textdream.experiments.neurons import neurons
from textdream.experiments.verify import verify

TEXT = "the old cat sat on a red mat ."
TARGET = textdream.neuron(2, 3)


@pytest.fixture(scope="module")
def indexes(bert, tmp_path_factory):
    folder = tmp_path_factory.mktemp("indexes")
    return [make_index(bert, sentences(60, seed), folder / str(seed), f"{seed}.txt") for seed in (1, 2)]


@pytest.fixture(scope="module")
def honest(bert, indexes):
    index, other = map(str, indexes)
    results = {
        "top": corpus_top(bert, index, CorpusTopConfig(layer=2, neuron=3, against=other, top=3, quantiles=True)),
        "random": corpus_top(bert, index, CorpusTopConfig(layer=2, random_direction=1, top=3)),
        "neurons": neurons(bert, TEXT, NeuronsConfig(index=index, top=8), word="cat"),
        "similar": textdream.similar(bert, TEXT, TARGET, SimilarConfig(top=12), word="cat"),
        "cosine": textdream.similar(bert, TEXT, TARGET, SimilarConfig(top=12, metric="cosine"), word="cat"),
        "map": textdream.token_search(bert, TEXT, TARGET, TokenSearchConfig(change="2,3", top=5), word="cat"),
        "pairs": textdream.token_search(
            bert, TEXT, TARGET, TokenSearchConfig(change="2,3", joint=True, top=5), word="cat"
        ),
    }
    return {name: json.loads(result.to_json()) for name, result in results.items()}


def check(data, model, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return verify(path, model)


@pytest.mark.parametrize("name", ["top", "random", "neurons", "similar", "cosine", "map", "pairs"])
def test_what_is_honest_holds(honest, bert, tmp_path, name):
    report = check(honest[name], bert, tmp_path)
    assert report.mismatches == []
    assert report.unchecked is None


def put(*keys, to):
    def change(data):
        for key in keys[:-1]:
            data = data[key]
        data[keys[-1]] = to(data[keys[-1]]) if callable(to) else to

    return change


def fewer(data, name):
    """The first left out, and the file says that so many were asked for."""
    del data[name][0]
    data["settings"]["top"] -= 1
    if name == "sentences":  # Those lists are as they would have been.
        data["least"].pop()
        data["against"]["sentences"].pop()


def swap_bands(quantiles):
    quantiles[2]["sentences"], quantiles[3]["sentences"] = quantiles[3]["sentences"], quantiles[2]["sentences"]


FALSE = {
    "z": ("neurons", put("neurons", 2, "z", to=lambda z: z - 0.5)),
    "percentile": ("neurons", put("neurons", 7, "percentile", to=1.0)),
    "standing": ("top", put("standing", "sd", to=lambda sd: sd + 1)),
    "standing upside down": ("top", put("standing", "minimum", to=99.0)),
    "histogram": ("top", put("histogram", "counts", 3, to=lambda count: count + 1)),
    "an edge": ("top", put("quantiles", 4, "high", to=lambda high: high + 1e-3)),
    "agreement in words": ("top", put("against", "text", to="They do not agree at all.")),
    "agreement in numbers": ("top", put("against", "tokens", "chance", to=0.987)),
    "the best sentences left out": ("top", put("sentences", to=lambda found: found[1:])),
    "the least left out": ("random", put("least", to=lambda found: found[2:])),
    "the best of the second corpus left out": ("top", put("against", "sentences", to=lambda found: found[1:])),
    "the middle one left out": ("top", put("sentences", to=lambda found: [found[0], found[2]])),
    "the best sentence left out and fewer asked": ("top", lambda data: fewer(data, "sentences")),
    "one sentence twice": ("top", put("sentences", to=lambda found: [found[0], found[0], found[1]])),
    "another band's sentences": ("top", lambda data: swap_bands(data["quantiles"])),
    "the second corpus stands elsewhere": ("top", put("against", "standing", "sd", to=lambda sd: sd + 1)),
    "agreement of embeddings": ("top", put("against", "embeddings", "within", to=0.123)),
    "the units that are controls": ("top", put("against", "others", to=3)),
    "the most unusual left out": ("neurons", put("neurons", to=lambda units: units[5:])),
    "the most unusual left out and fewer asked": ("neurons", lambda data: fewer(data, "neurons")),
    "units measured": ("neurons", put("measured", to=7)),
    "one unit twice": ("neurons", put("neurons", to=lambda units: [*units[:-1], units[-2]])),
    "normalised": ("top", put("target", "normalised", to=True)),
    "a direction": ("random", put("settings", "random_direction", to=2)),
    "weight": ("map", put("target", "weight", to=0.7)),
    "layers": ("map", put("model", "layers", to=7)),
    "rank correlation": ("similar", put("rank_correlation", to=lambda rank: -rank)),
    "furthest": ("similar", put("furthest", to=lambda far: far / 2)),
    "a neighbour left out": ("cosine", put("tokens", to=lambda tokens: tokens[:1] + tokens[3:])),
    "the best left out": ("map", put("map", 1, "tokens", to=lambda tokens: tokens[1:])),
    "searched": ("map", put("searched", to=5)),
    "a name": ("map", put("map", 0, "token", to="zebra")),
    "positions": ("pairs", put("positions", to=[2, 2])),
}


@pytest.mark.parametrize("what", FALSE)
def test_what_is_falsified_is_found(honest, bert, tmp_path, what):
    name, change = FALSE[what]
    data = copy.deepcopy(honest[name])
    change(data)
    assert not check(data, bert, tmp_path).holds


def test_without_the_index_it_says_what_it_left_out(honest, bert, indexes, tmp_path):
    shutil.copytree(indexes[0], tmp_path / "index")
    for name, words in (("top", "where the unit stands"), ("neurons", "z and percentiles")):
        data = copy.deepcopy(honest[name])
        data["settings"]["index"] = str(tmp_path / "gone")
        report = check(data, bert, tmp_path)
        assert report.holds
        assert words in report.unchecked
        data["settings"]["index"] = str(indexes[1])
        assert "another corpus" in check(data, bert, tmp_path).unchecked
    data = copy.deepcopy(honest["top"])
    data["settings"]["against"] = str(tmp_path / "gone")
    report = check(data, bert, tmp_path)
    assert report.holds
    assert "the second corpus" in report.unchecked
    assert "gone is no index" in report.unchecked
