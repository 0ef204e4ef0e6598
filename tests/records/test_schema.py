import json
from pathlib import Path

import jsonschema
import pytest

import textdream
from tests.tiny import TEXT, tiny, unpadded
from textdream.records import json_schema

FILE = Path(__file__).parents[2] / "schema" / "result.schema.json"


def test_the_file_is_what_the_code_says():
    assert json.loads(FILE.read_text(encoding="utf-8")) == json_schema()


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("method", ["gcg", "hotflip", "sweep", "anneal"])
@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_dreams_follow_it(name, method):
    model = tiny(name)
    config = textdream.DreamConfig(method=method, steps=5, free="3,4", start="both")
    result = textdream.dream(model, TEXT, textdream.neuron(2, 3), config, position=3)
    jsonschema.validate(json.loads(result.to_json()), json_schema())


def test_pairs_preset_sums_and_interrupted_dreams_follow_it():
    model = unpadded("bert_mlm")
    config = textdream.DreamConfig(method="anneal", preset="pair", steps=5, free="2,4")
    target = textdream.normalised(textdream.neuron(2, 3) + textdream.logit(9)) - textdream.layer(1)
    result = textdream.dream(model, TEXT, target, config, position=3)
    jsonschema.validate(json.loads(result.to_json()), json_schema())
    stopped = textdream.Dream(model, TEXT, target, config, position=3).result()
    jsonschema.validate(json.loads(stopped.to_json()), json_schema())


@pytest.mark.parametrize("kind", ["token_search", "similar"])
def test_searches_follow_it(kind):
    result = getattr(textdream, kind)(tiny("bert"), TEXT, textdream.neuron(2, 3), position=3)
    jsonschema.validate(json.loads(result.to_json()), json_schema())


def test_it_refuses_what_is_not_a_result():
    validator = jsonschema.Draft202012Validator(json_schema())
    result = textdream.similar(tiny("bert"), TEXT, textdream.neuron(2, 3), position=3)
    good = json.loads(result.to_json())
    assert validator.is_valid(good)
    for key in ("model", "target", "start", "tokens", "seed", "seconds"):
        assert not validator.is_valid({k: v for k, v in good.items() if k != key}), key
    assert not validator.is_valid({**good, "type": "recipe"})
    assert not validator.is_valid({**good, "schema": "textdream.result/2"})
    assert not validator.is_valid({k: v for k, v in good.items() if k != "type"})
    assert not validator.is_valid({k: v for k, v in good.items() if k != "schema"})
