import json

import pytest
from pydantic import ValidationError

import textdream
from tests.tiny import TEXT, tiny
from textdream.records import Sample, read_result, write_result


@pytest.fixture(scope="module")
def results():
    model = tiny("bert")
    target = textdream.neuron(2, 3)
    config = textdream.DreamConfig(method="anneal", preset="pair", steps=4, free="3,4")
    return {
        "dream": textdream.dream(model, TEXT, target, config, position=3),
        "token_search": textdream.token_search(model, TEXT, target, position=3),
        "similar": textdream.similar(model, TEXT, target, position=3),
    }


@pytest.mark.parametrize("kind", ["dream", "token_search", "similar"])
def test_results_come_back_the_same(results, kind, tmp_path):
    result = results[kind]
    write_result(result, tmp_path / "r.json")
    again = read_result(tmp_path / "r.json")
    assert type(again) is type(result)
    assert again.to_json() == result.to_json()


@pytest.mark.parametrize("kind", ["dream", "token_search", "similar"])
def test_every_result_has_the_keys_that_the_product_promises(results, kind):
    data = json.loads(results[kind].to_json())
    common = {"schema", "type", "textdream", "created", "model", "seed", "settings", "seconds", "target", "start"}
    own = {
        "dream": {"final", "best", "free", "method", "evaluations", "certificate", "baseline", "steps"},
        "token_search": {"position", "tokens", "worst"},
        "similar": {"position", "metric", "tokens"},
    }
    assert common | own[kind] <= set(data)
    assert (data["schema"], data["type"]) == ("textdream.result/1", kind)
    assert set(data["model"]) >= {"name", "source", "sha256", "architecture", "layers", "width", "vocabulary_size"}
    assert set(data["start"]) >= {"ids", "tokens", "text", "activation", "round_trip"}


def test_steps_and_certificates_have_their_keys(results):
    data = json.loads(results["dream"].to_json())
    assert set(data["steps"][0]) >= {"step", "tokens", "hard", "soft", "temperature", "top_tokens"}
    assert set(data["certificate"]) >= {"opt", "checked", "holds"}
    assert set(data["target"]) >= {"site", "layer", "neuron", "position"}


def test_records_are_frozen(results):
    with pytest.raises(ValidationError):
        results["dream"].seed = 3
    with pytest.raises(ValidationError):
        results["dream"].best.activation = 3.0


def test_a_sample_has_one_token_an_id():
    with pytest.raises(ValidationError, match="2 ids but 1 tokens"):
        Sample(ids=[1, 2], tokens=["a"], text="", activation=0.0, round_trip=False)


def test_results_hold_no_path_of_this_machine(results):
    for result in results.values():
        assert "/tmp" not in result.to_json()
        assert "/work" not in result.to_json()


@pytest.mark.parametrize("kind", ["dream", "token_search", "similar"])
def test_results_draw_themselves(results, kind, capsys):
    results[kind].show()
    assert "mat" in capsys.readouterr().out
