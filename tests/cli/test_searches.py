"""`token-search` over several positions, `--joint`, and `diagnose`: from a text and from a dream's file."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.running import AT, TEXT, start
from tests.cli.test_interrupt import stopped

MAP = ["token-search", TEXT, *AT, "--change"]
DIAGNOSE = ["diagnose", TEXT, *AT, "--steps", "12", "--neighbours", "5"]


@pytest.fixture(scope="module")
def annealed(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short annealed dream's file."""
    from textdream.cli import main

    path = tmp_path_factory.mktemp("annealed") / "anneal.json"
    words = ["dream", TEXT, "--model", str(plain), *AT, "--free", "2:5", "--method", "anneal", "--preset", "pair"]
    assert main([*words, "--steps", "12", "--no-certify", "--out", str(path)]) == 0
    return path


def test_a_map(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "map.json"
    data = command(*MAP, "all", "--model", plain, "--top", 4, "--json", "--out", out).done().json()
    assert [column["position"] for column in data["map"]] == data["positions"] == [1, 2, 3, 4, 5]
    assert all(len(column["tokens"]) == len(column["worst"]) == 4 for column in data["map"])
    command("verify", out, "--model", plain).done()


def test_pairs(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "pairs.json"
    data = command(*MAP, "2,4", "--joint", "--model", plain, "--json", "--out", out).done().json()
    assert data["certificate"]["holds"] is True
    assert data["pairs"][0]["ids"] == [data["best"]["ids"][2], data["best"]["ids"][4]]
    assert "random replacements" in command("verify", out, "--model", plain).done().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--change 0", "ordinary token"),
        ("--change 0:3", "--change 0:3 covers special tokens"),
        ("--change 1.5", "whole number"),
        ("--change 2:99", "7 tokens"),
        ("--change word,2", "--change 'word,2'"),
        ("--change 2,3 --beam 0", "--beam"),
        ("--joint", "two"),
        ("--joint --change all", "5 positions"),
    ],
)
def test_bad_positions(words: str, said: str, plain: Path, refused: Callable[..., str]) -> None:
    assert said in refused("token-search", TEXT, "--model", plain, *AT, *words.split())


@pytest.mark.parametrize("columns", [60, 80, 130])
@pytest.mark.parametrize("words", [[*MAP, "all"], [*MAP, "2,4", "--joint"], DIAGNOSE, [*DIAGNOSE, "--free", "1:5"]])
def test_drawings_fit(
    words: list[str], columns: int, plain: Path, command: RunCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    found = command(*words, "--model", plain).done()
    assert max(map(len, found.out.splitlines())) <= columns
    assert "\x1b" not in found.out + found.err


def test_a_saved_result_is_drawn_the_same(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    for index, words in enumerate([[*MAP, "all"], [*MAP, "2,4", "--joint"], DIAGNOSE]):
        out = tmp_path / f"{index}.json"
        drawn = command(*words, "--model", plain, "--out", out).done().out
        assert drawn.startswith(command("show", out).done().out.rstrip("\n"))


def test_a_text_is_diagnosed(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    data = command(*DIAGNOSE, "--model", plain, "--json", "--out", out).done().json()
    assert data["reproduced"] is True
    assert data["target"]["normalised"] is True
    assert data["settings"]["steps"] == 12
    assert data["explanation"].startswith("The annealing ")
    command("verify", out, "--model", plain).done()


def test_a_file_is_diagnosed(plain: Path, annealed: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    words = ["diagnose", annealed, "--model", plain, "--neighbours", 5]
    data = command(*words, "--json", "--out", out).done().json()
    assert data["reproduced"] is True
    assert data["free"] == [2, 3, 4]
    assert data["end"]["ids"] == json.loads(annealed.read_text())["final"]["ids"]
    command("verify", out, "--model", plain).done()


def test_a_gcg_file_is_diagnosed(plain: Path, dreamed: bytes, command: RunCommand, tmp_path: Path) -> None:
    path = tmp_path / "gcg.json"
    path.write_bytes(dreamed)
    found = command("diagnose", path, "--model", plain, "--neighbours", 5).done()
    assert "no soft mixture" in " ".join(found.out.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no target"], "no target was given"),
        (["missing.json"], "cannot be read"),
        (["FILE", "--layer", "1"], "the file alone"),
        (["FILE", "--steps", "5"], "the file alone"),
        (["FILE", "--preset", "repaired"], "the file alone"),
        (["SEARCH"], "token_search"),
        ([TEXT, *AT, "--steps", "0"], "--steps"),
        ([TEXT, *AT, "--free", "0:2"], "special"),
        ([TEXT, "--layer", "1", "--neuron", "3", "--word", "nobody"], "nobody"),
        ([""], "no target was given"),
    ],
)
def test_what_cannot_be_diagnosed(
    words: list[str], said: str, plain: Path, annealed: Path, command: RunCommand, refused: Callable[..., str],
    tmp_path: Path,
) -> None:  # fmt: skip
    search = tmp_path / "search.json"
    command("token-search", TEXT, *AT, "--model", plain, "--out", search).done()
    words = [{"FILE": str(annealed), "SEARCH": str(search)}.get(word, word) for word in words]
    assert said in refused("diagnose", *words, "--model", plain)


def test_another_models_file_is_refused(masked: Path, annealed: Path, refused: Callable[..., str]) -> None:
    assert "weights" in refused("diagnose", annealed, "--model", masked)


@pytest.mark.parametrize(
    ("words", "after", "saved"),
    [([*MAP, "all"], 2, {"map": 2}), ([*MAP, "2,4", "--joint"], 3, {"map": 2}), (DIAGNOSE, 1, {"positions": 1})],
)
def test_what_was_found_is_saved_at_ctrl_c(
    words: list[str], after: int, saved: dict[str, int], plain: Path, command: RunCommand, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from textdream.report.progress import LiveProgress

    finds: list[str] = []

    def update(_: object, phase: str, done: int, total: int, news: str | None = None) -> None:
        finds.extend(filter(None, [news]))
        if len(finds) == after and news is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(LiveProgress, "update", update)
    out = tmp_path / "x.json"
    found = command(*words, "--model", plain, "--out", out, "--json")
    assert found.code == 130, found.err
    assert found.err.splitlines()[-1] == f"textdream: interrupted; what was searched is in {out}"
    data = json.loads(out.read_text(encoding="utf-8"))
    assert data == found.json()
    assert data["interrupted"] is True
    for key, count in saved.items():
        assert len(data[key]) == count
    command("verify", out, "--model", plain).done()
    assert "interrupted" in command("show", out).done().out


def test_nothing_is_saved_before_the_first_find(
    plain: Path, command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textdream.report.progress import LiveProgress

    def update(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LiveProgress, "update", update)
    found = command(*MAP, "all", "--model", plain, "--out", tmp_path / "x.json")
    assert found.code == 130
    assert found.err.splitlines()[-1] == "textdream: interrupted"
    assert list(tmp_path.iterdir()) == []


def test_an_annealing_that_was_to_be_diagnosed_is_saved(
    plain: Path, command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textdream.report.progress import LiveProgress

    steps = itertools.count()

    def update(*_: object) -> None:
        if next(steps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(LiveProgress, "update", update)
    out = tmp_path / "x.json"
    assert command(*DIAGNOSE, "--model", plain, "--out", out).code == 130
    data = json.loads(out.read_text(encoding="utf-8"))
    assert (data["type"], data["interrupted"], len(data["steps"])) == ("dream", True, 4)
    command("verify", out, "--model", plain).done()


def test_a_real_map_is_interrupted(command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    words = ["token-search", "no wheeler", "--layer", "0", "--neuron", "3", "--word", "no", "--change", "all"]
    found = stopped(start(*words, "--out", out, "--json"), "searching tokens", 1, signal.SIGINT, timeout=200)
    assert found.code == 130, found.err
    assert "Traceback" not in found.err
    assert found.json()["interrupted"] is True
    assert [column["position"] for column in found.json()["map"]] == [1]
    command("verify", out).done()
