"""Concept files that cannot be used."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import textdream
from tests.concepts import concept_file
from tests.tiny import tiny


@pytest.fixture
def out(bert, tmp_path):
    return concept_file(bert, tmp_path / "he-she.safetensors", "he", "she")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda arrays, manifest: arrays.pop("layer.1.logistic"), "layer.1.logistic .* is missing"),
        (lambda arrays, manifest: arrays.update({"layer.1.logistic": np.zeros(5, np.float32)}), "not 16 finite"),
        (lambda arrays, manifest: arrays["layer.0.logistic"].fill(np.nan), "not 16 finite"),
        (lambda arrays, manifest: manifest.update(schema="textdream.concept/2"), "schema 'textdream.concept/2'"),
        (lambda arrays, manifest: manifest.pop("words"), "at words"),
        (lambda arrays, manifest: manifest["vectors"].pop(), "is missing"),
        (lambda arrays, manifest: manifest["model"].update(sha256="0" * 64), "a concept of .*--model"),
    ],
)
def test_spoiled_files(bert, out, tmp_path, spoil, said):
    arrays = load_file(out)
    with safe_open(out, "numpy") as file:
        manifest = json.loads(file.metadata()["manifest"])
    spoil(arrays, manifest)
    save_file(arrays, tmp_path / "bad.safetensors", {"manifest": json.dumps(manifest)})
    with pytest.raises(textdream.InputError, match=said):
        textdream.read_concept(tmp_path / "bad.safetensors", bert.info)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"", "cannot be read"),
        (b"{}", "is JSON"),
        ({}, "no concept"),
        ({"manifest": "no json"}, "no JSON object"),
        ({"manifest": "[]"}, "no JSON object"),
        ({"manifest": "{}"}, "schema None"),
    ],
)
def test_files_that_are_no_concept(tmp_path, content, said):
    path = tmp_path / "x.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        save_file({"v": np.ones(3, np.float32)}, path, content)
    with pytest.raises(textdream.InputError, match=said):
        textdream.read_concept(path)
    with pytest.raises(textdream.InputError, match="folder"):
        textdream.read_concept(tmp_path)


def test_a_concept_of_another_model_is_refused(out):
    other = tiny("bert", seed=5)
    with pytest.raises(textdream.InputError, match="a concept of"):
        textdream.concept_classify(other, out, "the dog ran .", word="dog")
