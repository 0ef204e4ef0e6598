"""Models that cannot be loaded: exit code 2, one line that says what to do, nothing left behind."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.folders import rewrite
from tests.cli.running import AT, TEXT, environment, finish, start

Refused = Callable[..., str]


def _break(kind: str, folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights, config = folder / "model.safetensors", folder / "config.json"
    row = "encoder.layer.1.output.dense.weight"
    data = weights.read_bytes()
    tensors = load_file(weights)
    if kind in ("no weights", "pickled rubbish"):
        weights.unlink()
    if kind == "pickled rubbish":
        (folder / "pytorch_model.bin").write_bytes(b"junk")
    elif kind == "no config":
        config.unlink()
    elif kind == "no tokenizer":
        for path in folder.glob("tokenizer*"):
            path.unlink()
    elif kind == "tokenizer cut short":
        path = folder / "tokenizer.json"
        path.write_bytes(path.read_bytes()[:200])
    elif kind == "tokenizer of another kind":
        (folder / "tokenizer.json").write_text('{"a": 1}', encoding="utf-8")
    elif kind == "weights cut short":
        weights.write_bytes(data[: len(data) // 2])
    elif kind == "empty weights":
        weights.write_bytes(b"")
    elif kind == "weights are text":
        weights.write_bytes(b"hello, this is no safetensors file")
    elif kind == "a parameter missing":
        del tensors[row]
        save_file(tensors, weights, metadata={"format": "pt"})
    elif kind == "a parameter of another shape":
        tensors[row] = tensors[row][:5].clone()
        save_file(tensors, weights, metadata={"format": "pt"})
    elif kind == "a parameter is NaN":
        tensors[row][0, 0] = float("nan")
        save_file(tensors, weights, metadata={"format": "pt"})
    elif kind == "config cut short":
        config.write_text("{", encoding="utf-8")
    elif kind == "more layers than weights":
        rewrite(config, lambda c: c.update(num_hidden_layers=3))
    elif kind == "unknown model type":
        rewrite(config, lambda c: c.update(model_type="zzz"))
    elif kind == "another model type":
        rewrite(config, lambda c: c.update(model_type="gpt2"))
    elif kind == "a config transformers refuses":
        rewrite(config, lambda c: c.update(model_type="t5"))
    elif kind == "code of its own":
        rewrite(config, lambda c: c.update(model_type="zzz", auto_map={"AutoConfig": "x.Z", "AutoModel": "x.Y"}))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("no weights", "no weights"),
        ("no config", "no config.json"),
        ("no tokenizer", "tokenizer"),
        ("tokenizer cut short", "tokenizer"),
        ("tokenizer of another kind", "tokenizer"),
        ("weights cut short", "model.safetensors"),
        ("empty weights", "model.safetensors"),
        ("weights are text", "model.safetensors"),
        ("pickled rubbish", "pytorch_model.bin"),
        ("a parameter missing", "encoder.layer.1.output.dense.weight"),
        ("a parameter of another shape", "weights"),
        ("a parameter is NaN", "NaN"),
        ("config cut short", "config"),
        ("more layers than weights", "encoder.layer.2"),
        ("unknown model type", "zzz"),
        ("another model type", "lack"),
        ("a config transformers refuses", "config"),
        ("code of its own", "code"),
    ],
)
def test_broken_folder(kind: str, said: str, plain: Path, refused: Refused, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(plain, folder)
    _break(kind, folder)
    assert said in refused("dream", TEXT, "--model", folder, *AT, "--steps", 1)


def test_folder_in_a_path_with_spaces(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    shutil.copytree(plain, tmp_path / "[red] a ünï")
    command("tokens", TEXT, "--model", tmp_path / "[red] a ünï").done()


@pytest.mark.parametrize("name", ["", "  ", "./nope", "/nope/nope", "a/b/c", "~/nope/nope", "x" * 300, "x" * 5000])
def test_no_such_folder(name: str, refused: Refused) -> None:
    assert "folder" in refused("tokens", TEXT, f"--model={name}")


@pytest.mark.parametrize("content", [b"", b"junk", b"GGUF\x03\x00\x00\x00junk"])
def test_broken_gguf(content: bytes, refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    assert "x.gguf" in refused("tokens", TEXT, "--model", path)


@pytest.mark.parametrize(
    "line", [["tokens", "hello"], ["dream", "hello .", "--layer", "1", "--neuron", "1", "--position", "1"]]
)
def test_packaged_weights_of_another_hash(line: list[str], refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    from textdream.model import catalog

    wrong = dataclasses.replace(catalog.PACKAGED["minilm"], sha256="0" * 64)
    monkeypatch.setitem(catalog.PACKAGED, "minilm", wrong)
    sentence = refused(*line)
    assert "000000000000" in sentence
    assert "sha256" in sentence


OFFLINE = {"told": {"HF_HUB_OFFLINE": "1"}, "not told": {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:9"}}


@pytest.mark.parametrize(
    ("name", "how"),
    [("no-such-model-xyz", "told"), ("some-org/none", "told"), ("no-such-model-xyz", "not told")],
)
def test_unknown_model_without_a_network(name: str, how: str, tmp_path: Path) -> None:
    """Also where nobody said that there is none: not a line for each retry, and not half a minute."""
    env = environment(HF_HOME=str(tmp_path / "cache"), **OFFLINE[how])
    began = time.monotonic()
    sentence = finish(start("tokens", "hello", "--model", name, "--out", tmp_path / "x.json", env=env)).refusal()
    assert time.monotonic() - began < 20
    assert name in sentence
    assert "textdream models" in sentence
    assert not (tmp_path / "x.json").exists()
