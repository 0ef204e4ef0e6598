"""Places that cannot be written and result files that cannot be read: exit code 2, one line, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.folders import save
from tests.cli.running import AT, TEXT, finish, start

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing/x.json", "missing"),
        ("file/x.json", "file"),
        ("folder", "folder"),
        ("folder/", "folder"),
        (".", "folder"),
        ("", "folder"),
        ("/proc/x.json", "/proc"),
        ("y" * 300, "name"),
    ],
)
@pytest.mark.parametrize("command_name", ["dream", "tokens", "token-search", "similar", "verify", "models"])
def test_output_place(
    command_name: str,
    name: str,
    said: str,
    plain: Path,
    dreamed: bytes,
    refused: Refused,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "d.json").write_bytes(dreamed)
    words: dict[str, list[object]] = {
        "verify": ["d.json"],
        "models": [],
        "tokens": [TEXT, "--model", plain],
    }
    line = words.get(command_name, [TEXT, "--model", plain, *AT])
    assert said in refused(command_name, *line, "--out", name, out=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.json", "file", "folder", "out"]


# Result files


def _result(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        found = json.loads(data)
        change(found)
        return json.dumps(found).encode()

    return changed


def _raw(old: str, new: str) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        text = data.decode()
        assert old in text
        return text.replace(old, new, 1).encode()

    return changed


FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "empty"),
    "blank": (lambda data: b" \n ", "empty"),
    "text": (lambda data: b"hello", "JSON"),
    "binary": (lambda data: bytes(range(256)), "UTF-8"),
    "zeros": (lambda data: bytes(1000), "JSON"),
    "UTF-16": (lambda data: data.decode().encode("utf-16"), "UTF-8"),
    "cut in half": (lambda data: data[: len(data) // 2], "JSON"),
    "cut at the end": (lambda data: data.rstrip()[:-1], "JSON"),
    "two objects": (lambda data: data + data, "JSON"),
    "a list": (lambda data: b"[]", "schema"),
    "a number": (lambda data: b"3", "schema"),
    "null": (lambda data: b"null", "schema"),
    "no schema": (lambda data: b"{}", "schema"),
    "other schema": (_result(lambda d: d.update(schema="textdream.result/2")), "textdream.result/2"),
    "schema alone": (lambda data: b'{"schema": "textdream.result/1"}', "type"),
    "unknown type": (_result(lambda d: d.update(type="nonsense")), "nonsense"),
    "key missing": (_result(lambda d: d.pop("best")), "best"),
    "inner key missing": (_result(lambda d: d["best"].pop("ids")), "best.ids"),
    "no ids": (_result(lambda d: d["best"].update(ids=[], tokens=[])), "best.ids"),
    "negative id": (_result(lambda d: d["best"]["ids"].__setitem__(1, -1)), "best.ids.1"),
    "id that is text": (_result(lambda d: d["best"]["ids"].__setitem__(1, "x")), "best.ids.1"),
    "ids fewer than tokens": (_result(lambda d: d["best"]["ids"].pop()), "best"),
    "activation null": (_result(lambda d: d["best"].update(activation=None)), "best.activation"),
    "NaN": (_raw('"evaluations": ', '"evaluations": NaN, "x": '), "NaN"),
    "infinity": (_raw('"evaluations": ', '"x": -Infinity, "evaluations": '), "Infinity"),
    "too large": (_raw('"baseline": null', '"baseline": {"x": 1e999}'), "finite"),
    "too large in a sample": (_result(lambda d: d["best"].update(activation=10**400)), "best.activation"),
    "nested deeply": (lambda data: b"[" * 100_000 + b"]" * 100_000, "nest"),
    "a long number": (_raw('"evaluations": ', '"x": ' + "9" * 5000 + ', "evaluations": '), "digits"),
    "other weights": (_result(lambda d: d["model"].update(sha256="0" * 64)), "000000000000"),
    "hash that is none": (_result(lambda d: d["model"].update(sha256="x")), "sha256"),
    "layer the model lacks": (_result(lambda d: d["target"].update(layer=9)), "layer"),
    "neuron the model lacks": (_result(lambda d: d["target"].update(neuron=99)), "target"),
    "position the text lacks": (_result(lambda d: d["target"].update(position=99)), "target"),
    "site there is not": (_result(lambda d: d["target"].update(site="nonsense")), "site"),
    "no site": (_result(lambda d: d["target"].update(site=None)), "site"),
    "head the model lacks": (_result(lambda d: d["target"].update(site="head", head=9)), "target"),
    "logits the model lacks": (_result(lambda d: d["target"].update(site="logits")), "logits"),
    "free position the text lacks": (_result(lambda d: d.update(free=[99])), "free"),
    "no free position": (_result(lambda d: d.update(free=[])), "free"),
    "folder that is gone": (_result(lambda d: d["model"].update(name="/nope/nope")), "/nope/nope"),
}


@pytest.mark.parametrize("kind", FILES)
def test_verify_refuses(kind: str, dreamed: bytes, refused: Refused, tmp_path: Path) -> None:
    change, said = FILES[kind]
    path = tmp_path / "d.json"
    content = change(dreamed)
    path.write_bytes(content)
    sentence = refused("verify", path)
    assert said in sentence
    assert len(sentence) < 600
    assert "pydantic" not in sentence
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "kind", ["empty", "binary", "cut in half", "other schema", "key missing", "NaN", "nested deeply"]
)
def test_show_refuses(kind: str, dreamed: bytes, refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(FILES[kind][0](dreamed))
    assert "d.json" in refused("show", path, out=False)


@pytest.mark.parametrize("name", ["verify", "show"])
@pytest.mark.parametrize(("file", "said"), [("missing.json", "missing.json"), (".", "irectory"), ("x" * 300, "long")])
def test_no_result_file(name: str, file: str, said: str, refused: Refused, tmp_path: Path) -> None:
    assert said in refused(name, tmp_path / file, out=False)


@pytest.mark.parametrize("name", ["verify", "show"])
def test_no_file_given(name: str, refused: Refused) -> None:
    assert "file" in refused(name, out=False)


def test_show_of_several_kinds(
    plain: Path, dreamed: bytes, command: RunCommand, refused: Refused, tmp_path: Path
) -> None:
    dream, search = tmp_path / "d.json", tmp_path / "s.json"
    dream.write_bytes(dreamed)
    command("token-search", TEXT, "--model", plain, *AT, "--out", search).done()
    assert "token_search" in refused("show", dream, search, out=False)


def test_verify_with_an_unknown_name_in_the_file(dreamed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(_result(lambda d: d["model"].update(name="no-such-model-xyz"))(dreamed))
    sentence = finish(start("verify", path)).refusal()
    assert "no-such-model-xyz" in sentence
    assert "--model" in sentence


def test_verify_with_another_model(dreamed: bytes, refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(dreamed)
    other = save(tmp_path / "other", seed=1)
    assert "weights" in refused("verify", path, "--model", other)


def test_verify_with_the_model_moved(dreamed: bytes, plain: Path, command: RunCommand, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(_result(lambda d: d["model"].update(name="/nope/nope"))(dreamed))
    command("verify", path, "--model", plain).done()
