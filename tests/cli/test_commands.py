from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.running import AT, TEXT

COMMON = {"schema", "type", "textdream", "created", "model", "seed", "settings", "seconds"}
KEYS = {
    "dream": {"target", "start", "final", "best", "free", "method", "evaluations", "certificate", "baseline", "steps"},
    "token-search": {"target", "start", "position", "tokens", "worst"},
    "similar": {"target", "start", "position", "metric", "tokens"},
    "diagnose": {"target", "findings"},
}
MODEL_KEYS = {"name", "source", "sha256", "architecture", "layers", "width", "vocabulary_size"}
SAMPLE = {"ids", "tokens", "text", "activation", "round_trip"}
QUICK = {"dream": ["--free", "all", "--steps", "2"], "token-search": ["--top", "5"], "similar": ["--top", "5"]}
QUICK["diagnose"] = ["--steps", "10", "--neighbours", "5"]
METHODS = ("gcg", "hotflip", "sweep", "anneal")


def finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        return all(map(finite, value))
    return not isinstance(value, float) or abs(value) < float("inf")


@pytest.mark.parametrize("name", KEYS)
def test_json_is_all_of_stdout_and_equals_the_file(name: str, plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "ünï [bold] x.json"
    found = command(name, TEXT, "--model", plain, *AT, *QUICK[name], "--seed", 7, "--json", "--out", out).done()
    data = found.json()
    assert out.read_text(encoding="utf-8") == found.out
    assert list(tmp_path.iterdir()) == [out]
    assert data.keys() >= COMMON | KEYS[name]
    assert data["schema"] == "textdream.result/1"
    assert data["type"] == name.replace("-", "_")
    assert data["seed"] == data["settings"]["seed"] == 7
    assert data["model"].keys() >= MODEL_KEYS
    assert data["start"].keys() >= SAMPLE
    assert data["start"]["text"] == TEXT.replace(" .", ".")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", data["created"])
    assert finite(data)


@pytest.mark.parametrize("name", KEYS)
def test_drawing_goes_to_stdout_and_fits(name: str, plain: Path, command: RunCommand, tmp_path: Path) -> None:
    found = command(name, TEXT, "--model", plain, *AT, *QUICK[name], "--out", tmp_path / "x.json").done()
    assert max(len(line) for line in found.out.splitlines() if str(tmp_path)[:20] not in line) <= 80
    assert "\x1b" not in found.out + found.err
    assert "wheeler" in found.out


@pytest.mark.parametrize("method", METHODS)
def test_dream_by_each_method(method: str, plain: Path, command: RunCommand) -> None:
    words = ["dream", TEXT, "--model", plain, *AT, "--free", "1:4", "--method", method, "--json"]
    data = command(*words, "--steps", 3 if method != "sweep" else 200).done().json()
    assert data["method"] == method
    assert data["free"] == [1, 2, 3]
    assert data["best"]["activation"] >= data["start"]["activation"]
    assert data["certificate"]["opt"] == 1
    assert data["certificate"]["holds"] is True
    assert data["interrupted"] is False
    assert data["steps"][0].keys() >= {"step", "tokens", "hard"}
    assert [step["step"] for step in data["steps"]] == list(range(len(data["steps"])))
    kept = [0, 4, 5, 6]
    assert [data["best"]["ids"][p] for p in kept] == [data["start"]["ids"][p] for p in kept]


def test_pair_preset(plain: Path, command: RunCommand) -> None:
    words = [
        "dream",
        TEXT,
        "--model",
        plain,
        *AT,
        "--method",
        "anneal",
        "--preset",
        "pair",
        "--steps",
        3,
        "--no-certify",
    ]
    data = command(*words, "--json").done().json()
    assert data["certificate"] is None
    assert data["settings"]["preset"] == "pair"
    assert {"soft", "temperature"} <= {key for key, value in data["steps"][0].items() if value is not None}


def test_minimise_lowers(plain: Path, command: RunCommand) -> None:
    data = command("dream", TEXT, "--model", plain, *AT, "--steps", 2, "--minimise", "--json").done().json()
    assert data["best"]["activation"] <= data["start"]["activation"]
    assert data["minimise"] is True


@pytest.mark.parametrize(("kind", "text"), [("random", ()), ("random", (TEXT,)), ("both", (TEXT,))])
def test_random_start(kind: str, text: tuple[str, ...], plain: Path, command: RunCommand) -> None:
    words = [
        "dream",
        *text,
        "--model",
        plain,
        *AT,
        "--free",
        "all",
        "--start",
        kind,
        "--length",
        5,
        "--steps",
        1,
        "--json",
    ]
    first, again = (command(*words, "--seed", 3).done().json() for _ in range(2))
    assert len(first["start"]["ids"]) == 7
    assert {**first, "seconds": 0, "created": ""} == {**again, "seconds": 0, "created": ""}
    if kind == "random":
        assert command(*words, "--seed", 4).json()["start"]["ids"] != first["start"]["ids"]


@pytest.mark.parametrize(
    ("flags", "read", "free"),
    [
        (["--word", "for"], 3, [3]),
        (["--word", "FOR"], 3, [3]),
        (["--word", "no wheeler"], 1, [1, 2]),
        (["--position", "0", "--free", "2,5,2"], 0, [2, 5]),
        (["--position", "6", "--free", "1:6"], 6, [1, 2, 3, 4, 5]),
        (["--position", "mean", "--free", "all"], None, [1, 2, 3, 4, 5]),
    ],
)
def test_word_position_and_free(
    flags: list[str], read: int | None, free: list[int], plain: Path, command: RunCommand
) -> None:
    words = ["dream", TEXT, "--model", plain, "--layer", "1", "--neuron", "3", "--steps", 1, "--no-certify", "--json"]
    data = command(*words, *flags).done().json()
    assert (data["target"]["position"], data["free"]) == (read, free)


@pytest.mark.parametrize("site", ["embed", "resid_post", "mlp_pre", "mlp_post", "attn_out", "head", "pooled"])
def test_every_site(site: str, plain: Path, command: RunCommand) -> None:
    layer = [] if site in ("embed", "pooled") else ["--layer", "1"]
    head = ["--head", "1"] if site == "head" else []
    words = ["--model", plain, "--site", site, *layer, *head, "--neuron", 3, "--position", 3, "--json"]
    data = command("dream", TEXT, *words, "--steps", 1).done().json()
    assert data["target"]["site"] == site
    assert data["target"]["layer"] == (1 if layer else None)
    assert data["best"]["activation"] >= data["start"]["activation"]


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("masked", ["--token", "he", "--position", "3"]),
        ("masked", ["--token", "he", "--minus-token", "she", "--position", "3"]),
        ("masked", ["--site", "logits", "--neuron", "9", "--position", "3"]),
        ("classes", ["--token", "LABEL_1", "--free", "all"]),
        ("classes", ["--token", "1", "--minus-token", "0", "--free", "2"]),
        ("classes", ["--site", "logits", "--neuron", "1", "--free", "2"]),
    ],
)
def test_logits(
    name: str, flags: list[str], command: RunCommand, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder, out = request.getfixturevalue(name), tmp_path / "x.json"
    words = ["dream", TEXT, "--model", folder, *flags, "--steps", 1, "--json", "--out", out]
    data = command(*words).done().json()
    assert data["target"]["site"] == "logits"
    assert data["best"]["activation"] >= data["start"]["activation"]
    command("verify", out).done()


def test_direction_file(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"v": torch.arange(16.0)}, tmp_path / "v.safetensors")
    words = ["--layer", 1, "--position", 3, "--direction", tmp_path / "v.safetensors", "--steps", 1]
    data = command("dream", TEXT, "--model", plain, *words, "--json").done().json()
    assert data["target"]["kind"] == "direction"
    assert sum(x * x for x in data["target"]["vector"]) == pytest.approx(1)


def test_token_search_is_sorted(plain: Path, command: RunCommand) -> None:
    data = command("token-search", TEXT, "--model", plain, *AT, "--top", 99999, "--json").done().json()
    best, worst = ([token["activation"] for token in data[key]] for key in ("tokens", "worst"))
    assert best == sorted(best, reverse=True)
    assert worst == sorted(worst)
    assert len(best) == data["searched"]
    assert not {"[MASK]", "[CLS]", "[unused0]"} & {token["token"] for token in data["tokens"]}
    assert all(token.keys() >= {"id", "token", "activation"} for token in data["tokens"])


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_similar_is_sorted_from_itself(metric: str, plain: Path, command: RunCommand) -> None:
    data = command("similar", TEXT, "--model", plain, *AT, "--metric", metric, "--json").done().json()
    distances = [token["distance"] for token in data["tokens"]]
    assert distances == sorted(distances)
    assert data["tokens"][0]["token"] == "for"
    assert distances[0] == pytest.approx(0, abs=1e-6)


def test_search_elsewhere_than_read(plain: Path, command: RunCommand) -> None:
    data = command("token-search", TEXT, "--model", plain, *AT, "--change", 2, "--json").done().json()
    assert (data["position"], data["target"]["position"]) == (2, 3)


@pytest.mark.parametrize("flags", [[], ["--seed", "3"]])
def test_tokens(flags: list[str], plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "t.json"
    found = command("tokens", TEXT, "--model", plain, "--json", "--out", out, *flags).done()
    assert found.out == out.read_text(encoding="utf-8")
    assert found.err == ""
    data = found.json()
    assert data["tokens"] == ["[CLS]", "no", "wheeler", "for", "me", ".", "[SEP]"]
    assert len(data["ids"]) == 7
    assert [row["position"] for row in data["positions"] if row["special"]] == [0, 6]
    assert "wheeler" in command("tokens", TEXT, "--model", plain).done().out


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("no\nwheeler\tfor\r\nme", ["no", "wheeler", "for", "me"]),
        ("  NO   me  ", ["no", "me"]),
        ("no \u202eme\u202c", ["no", "me"]),
        ("no\u200b me\x07", ["no", "me"]),
        ("nó", ["no"]),
        ("unknown", ["un", "##known"]),
    ],
)
def test_tokens_of_odd_texts(text: str, tokens: list[str], plain: Path, command: RunCommand) -> None:
    data = command("tokens", text, "--model", plain, "--json").done().json()
    assert data["tokens"][1:-1] == tokens
    assert data["text"] == text


@pytest.mark.parametrize(
    "text",
    [
        "[bold]no[/bold]",
        "[/]",
        "[link=x]y",
        "\x1b[31mred",
        'he said "no" — it\'s',
        "שלום עולם",
        "日本",
        "naïve café",
        "a" * 100,
        "{'a': 1} %s $HOME `x`",
        "C:\\temp\\new",
    ],
)
def test_odd_texts_on_the_default_model(text: str, command: RunCommand) -> None:
    data = command("tokens", text, "--json").done().json()
    assert data["text"] == text
    drawn = command("tokens", text).done().out
    assert "\x1b" not in drawn
    assert all(token in drawn for token in data["tokens"])


@pytest.mark.parametrize("words", [["--text=--no me"], ["--", "-no me"]])
def test_a_text_may_start_with_a_dash(words: list[str], command: RunCommand) -> None:
    assert "no" in command("tokens", "--json", *words).done().json()["tokens"]


def test_models(command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "m.json"
    found = command("models", "--json", "--out", out, "--seed", "1").done()
    assert found.out == out.read_text(encoding="utf-8")
    rows = {row["name"]: row for row in found.json()["models"]}
    assert rows["minilm"]["at_hand"] is True
    assert Path(rows["minilm"]["where"]).is_dir()
    assert "minilm" in command("models").done().out


def test_models_without_a_package(command: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    from textdream.model import catalog

    monkeypatch.setattr(catalog.PackagedModel, "find", lambda self: None)
    rows = {row["name"]: row for row in command("models", "--json").done().json()["models"]}
    assert rows["minilm"]["at_hand"] is False
    assert "pip install" in rows["minilm"]["where"]
    assert "pip install" in command("tokens", "hello").refusal()


def test_verify(dreamed: bytes, command: RunCommand, tmp_path: Path) -> None:
    path, out = tmp_path / "d.json", tmp_path / "v.json"
    path.write_bytes(dreamed)
    found = command("verify", path, "--json", "--out", out, "--seed", 5).done()
    assert found.out == out.read_text(encoding="utf-8")
    data = found.json()
    assert data["holds"] is True
    assert data["checked"] > 3
    assert data["replacements"] > 0
    assert data["mismatches"] == []
    assert path.read_bytes() == dreamed
    drawn = command("verify", path).done()
    assert "✓" in drawn.out
    assert drawn.err == ""


@pytest.mark.parametrize("name", ["token-search", "similar"])
def test_verify_other_kinds(name: str, plain: Path, command: RunCommand, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    command(name, TEXT, "--model", plain, *AT, "--out", path, "--json").done()
    command("verify", path).done()
    data = json.loads(path.read_text(encoding="utf-8"))
    data["tokens"][2]["activation"] += 0.01
    path.write_text(json.dumps(data), encoding="utf-8")
    assert command("verify", path, "--json").json()["mismatches"][0]["where"] == "tokens.2"


def _set(*path: Any, to: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = to(data[path[-1]]) if callable(to) else to

    return change


TAMPERED = {
    "best activation": _set("best", "activation", to=lambda x: x + 0.01),
    "start activation": _set("start", "activation", to=lambda x: x - 0.01),
    "final activation": _set("final", "activation", to=lambda x: 100.0),
    "a step's activation": _set("steps", 0, "hard", to=lambda x: x + 0.01),
    "an id": _set("best", "ids", 1, to=lambda x: x + 1),
    "a token": _set("best", "tokens", 1, to="doctor"),
    "the text": _set("best", "text", to="a doctor"),
    "the round trip": _set("best", "round_trip", to=lambda x: not x),
    "an id outside the vocabulary": _set("best", "ids", 1, to=10**6),
    "a step's tokens": _set("steps", 0, "tokens", 1, to="doctor"),
    "a step's unknown token": _set("steps", 0, "tokens", 1, to="zzzzzz"),
    "the neuron": _set("target", "neuron", to=4),
    "the layer": _set("target", "layer", to=0),
    "the position": _set("target", "position", to=2),
    "the site": _set("target", "site", to="attn_out"),
    "best below start": lambda data: data.update(best=data["start"]),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_verify_finds_what_was_tampered(what: str, dreamed: bytes, command: RunCommand, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    data = json.loads(dreamed)
    TAMPERED[what](data)
    path.write_text(json.dumps(data), encoding="utf-8")
    found = command("verify", path, "--json")
    assert found.code == 1, found
    assert found.json()["holds"] is False
    assert found.json()["mismatches"]
    drawn = command("verify", path)
    assert drawn.code == 1
    assert "✗" in drawn.out


@pytest.mark.parametrize("name", ["verify", "show"])
def test_a_file_cannot_command_the_terminal(name: str, dreamed: bytes, command: RunCommand, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    data = json.loads(dreamed)
    data["best"]["text"] += "\x1b[2J\x07"
    data["best"]["tokens"][1] = "\x1b]0;mine\x07"
    path.write_text(json.dumps(data), encoding="utf-8")
    found = command(name, path)
    assert "⟨1b⟩" in found.out + found.err
    assert not set("\x1b\x07") & set(found.out + found.err)


def test_show_draws_one_or_several(dreamed: bytes, command: RunCommand, tmp_path: Path) -> None:
    one, two = tmp_path / "[red]one.json", tmp_path / "two.json"
    one.write_bytes(dreamed)
    two.write_bytes(dreamed)
    assert "1-opt" in command("show", one).done().out
    both = command("show", one, two).done().out
    assert "[red]one" in both
    assert max(map(len, both.splitlines())) <= 80
