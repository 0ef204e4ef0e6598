"""`textdream reconstruct` on tiny models in folders."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.running import finish, start

TEXT = "then he compressed his hands ."


def words(model: Path, *more: object) -> list[object]:
    return ["reconstruct", TEXT, "--model", model, "--corpus", "random", "--evaluations", "300", *more]


def test_json_out_verify_and_show(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    data = (
        command(*words(plain, "--layers", "0:2", "--synonyms", "--change", "2", "--json", "--out", out)).done().json()
    )
    assert data == json.loads(out.read_text(encoding="utf-8"))
    assert data["type"] == "reconstruct"
    assert [one["layer"] for one in data["layers"]] == [0, 1]
    assert {"layer", "best", "exact", "accuracy", "loss", "seconds", "evaluations"} <= set(data["layers"][0])
    assert "activation" not in data["layers"][0]["best"]
    assert "are right" in command("verify", out).done().out
    assert "substitutes" in command("show", out).done().out


def test_resume_runs_only_what_is_left(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    first = command(*words(plain, "--layers", "0", "--out", out, "--resume", "--json")).done().json()
    found = command(*words(plain, "--layers", "all", "--out", out, "--resume", "--json")).done()
    assert found.json()["layers"][0] == first["layers"][0]
    assert "layer 0" not in found.err
    assert "layer 1" in found.err


def test_interrupted_keeps_the_best_so_far(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    line = ["reconstruct", TEXT, "--model", plain, "--corpus", "random", "--budget", "10000", "--out", out, "--json"]
    process = start(*line)
    assert process.stderr is not None
    for said in process.stderr:
        if said.startswith("layer 1"):
            break
    process.send_signal(signal.SIGINT)
    found = finish(process)
    assert found.code == 130, found.err
    data = json.loads(out.read_text(encoding="utf-8"))
    assert data["layers"][0]["finished"]
    assert data["interrupted"]
    command("verify", out).done()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--layers", "9"], "layer 9"),
        (["--layers", "0:0"], "no layer"),
        (["--position", "99"], "99"),
        (["--neuron", "1.5"], "whole number"),
        (["--method", "sipit"], "causal"),
        (["--steps", "5"], "--steps"),
        (["--budget", "0"], "--budget"),
    ],
)
def test_bad_input(refused: Callable[..., str], plain: Path, more: list[str], said: str) -> None:
    assert said in refused(*words(plain, *more))


def test_one_token_and_resume_without_a_file(refused: Callable[..., str], plain: Path, command: RunCommand) -> None:
    assert "one token" in refused("reconstruct", "he", "--model", plain)
    assert "--out" in command(*words(plain, "--resume")).refusal()


def test_the_corpus_is_not_written_over(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    corpus = tmp_path / "s.txt"
    corpus.write_text("he was a doctor .\n", encoding="utf-8")
    words = ["reconstruct", TEXT, "--model", plain, "--corpus", corpus, "--out", corpus]
    assert "--corpus and --out are both" in command(*words).refusal()
    assert corpus.read_text(encoding="utf-8") == "he was a doctor .\n"


def test_another_file_is_not_resumed(plain: Path, command: RunCommand, tmp_path: Path, dreamed: bytes) -> None:
    out = tmp_path / "dream.json"
    out.write_bytes(dreamed)
    assert "is a dream" in command(*words(plain, "--resume", "--out", out)).refusal()
    assert out.read_bytes() == dreamed
