"""`textdream shift audit` (and `shift`, beside it) on a tiny model in a folder."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.running import words_of
from tests.cli.test_help import example
from textdream.experiments import shift_audit
from textdream.experiments.audit_runs import read_runs

Refused = Callable[..., str]
TEXTS = ("the doctor was a storm , if he was", "then he compressed a storm .", "if he was the doctor , no storm was")
FAST = ["--evaluations", 5, "--layer", 1, "--word", "he"]


@pytest.fixture(scope="module")
def concept(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A concept file of the tiny model, fitted by the command."""
    from textdream.cli import main

    folder = tmp_path_factory.mktemp("fitted")
    (folder / "s.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    out = folder / "he-she.safetensors"
    words = [folder / "s.txt", "--swap", "he=she", "--model", plain, "--folds", 2, "--repeats", 1, "--controls", 2]
    assert main(list(map(str, ["concept", "fit", *words, "--out", out]))) == 0
    return out


@pytest.fixture
def words(plain: Path, concept: Path, tmp_path: Path) -> list[object]:
    """What every audit here has."""
    (tmp_path / "s.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    return ["shift", "audit", *FAST, "--model", plain, "--concept", concept, "--sentences", tmp_path / "s.txt"]


def test_an_audit_is_written_shown_and_verified(
    command: RunCommand, plain: Path, words: list[object], tmp_path: Path
) -> None:
    out, runs = tmp_path / "a.json", tmp_path / "a.parquet"
    found = command(*words, "--magnitude", -3, "--out", out, "--runs", runs).done()
    assert "he → she" in " ".join(found.out.split())
    assert f"runs written to {runs}" in found.out
    assert "auditing" in found.err
    assert command("verify", out, "--model", plain).done()
    assert "shift audit" in command("show", out).done().out
    data = json.loads(out.read_text(encoding="utf-8"))
    assert (data["type"], data["magnitude"], len(data["runs"])) == ("shift_audit", -3.0, 6)
    again = command(*words, "--magnitude", -3, "--runs", runs, "--resume", "--json").done()
    assert "3 sentences are there already" in again.err
    assert again.json()["tokens"] == data["tokens"]


def test_a_stopped_audit_goes_on(
    command: RunCommand, words: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, runs = tmp_path / "a.json", tmp_path / "a.parquet"
    news = shift_audit.ShiftAudit._news

    def stop(self: shift_audit.ShiftAudit, *about: object) -> str:
        if self.found == 2:
            raise KeyboardInterrupt
        return news(self, *about)  # type: ignore[arg-type]

    monkeypatch.setattr(shift_audit.ShiftAudit, "_news", stop)
    found = command(*words, "--out", out, "--runs", runs)
    assert found.code == 130
    assert found.err.splitlines()[-1] == "textdream: interrupted; 2 of 3 sentences are done; --resume goes on"
    assert "interrupted: 2 of 3" in found.out
    assert json.loads(out.read_text(encoding="utf-8"))["interrupted"] is True
    monkeypatch.undo()
    data = command(*words, "--out", out, "--runs", runs, "--resume", "--json").done().json()
    assert data["interrupted"] is False
    assert len(data["runs"]) == 6


def test_resuming_another_plan_loses_no_run(command: RunCommand, words: list[object], tmp_path: Path) -> None:
    """Fewer sentences, fewer directions, another file: what the runs' file has stays in it, and is taken over later."""
    runs = tmp_path / "a.parquet"
    (tmp_path / "other.txt").write_text("if he was a storm\nhe was the doctor", encoding="utf-8")
    command(*words, "--directions", 2, "--runs", runs).done()
    whole = read_runs(runs).runs
    assert [len(found) for found in whole.values()] == [3, 3, 3]
    for changes in (
        ["--most", 2, "--directions", 2],
        ["--directions", 1],
        ["--directions", 2, "--sentences", tmp_path / "other.txt"],
    ):
        changed = [*words[: words.index("--sentences")], *changes] if "--sentences" in changes else [*words, *changes]
        command(*changed, "--runs", runs, "--resume").done()
        found = read_runs(runs).runs
        for ids, runs_of_it in whole.items():
            unnumbered = [[one.model_copy(update={"sentence": 0}) for one in each] for each in (runs_of_it, found[ids])]
            assert unnumbered[0] == unnumbered[1]
    assert len(found) == 5
    assert sorted({one.sentence for each in found.values() for one in each}) == [0, 1, 2, 3, 4]
    again = command(*words, "--directions", 2, "--runs", runs, "--resume").done()
    assert "3 sentences are there already" in again.err


def test_shift_beside_it_is_as_it_was(command: RunCommand, plain: Path, concept: Path) -> None:
    flags = ["--word", "he", "--concept", concept, "--layers", 1, "--magnitudes", "-3,3", "--evaluations", 5]
    data = command("shift", TEXTS[1], "--model", plain, *flags, "--json").done().json()
    assert data["type"] == "shift"
    assert [run["magnitude"] for run in data["runs"]] == [-3, 3]


def test_help(command: RunCommand) -> None:
    found = command("shift", "audit", "--help").done().out
    assert max(len(line) for line in found.splitlines()) <= 80
    lines = example(found)
    assert lines[0].startswith("textdream shift audit")
    assert all(line.endswith("\\") for line in lines[:-1])
    assert shlex.split(" ".join(line.removesuffix("\\") for line in lines))
    for line in found.splitlines():
        assert not re.fullmatch(r"│ +--[a-z][\w.-]*\w( [A-Z]+)? +│", line), line
    flags = ("--word", "--concept", "--layer", "--magnitude", "--frames", "--sentences", "--most", "--directions")
    assert {*flags, "--runs", "--resume", "--out", "--json", "--seed", "--model", "--device"} <= set(
        re.findall(r"--[a-z][a-z.-]*[a-z]", found)
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--layer 9", "layer 9"),
        ("--layer 1.5", "whole number"),
        ("--word storms", "'storms' is not in it"),
        ("--magnitude 0", "--magnitude 0"),
        ("--magnitude x", "magnitude"),
        ("--magnitude nan", "--magnitude nan"),
        ("--magnitude 1e300", "at most 1000000"),
        ("--directions 0", "--directions 0"),
        ("--most 1", "--most 1"),
        ("--frames sports", "--frames was given with --sentences"),
        ("--resume", "--runs"),
        ("--unit miles", "unit"),
        ("surplus", "surplus"),
    ],
)
def test_bad_input(line: str, said: str, words: list[object], refused: Refused) -> None:
    flag = line.split(" ")[0]
    kept = list(words)
    if flag in kept:
        place = kept.index(flag)
        del kept[place : place + 2]
    assert said in refused(*kept, *words_of(line))


def test_bad_files_of_runs(words: list[object], command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no runs")
    assert "runs" in command(*words, "--runs", tmp_path / "text", "--resume").refusal()
    assert "two files" in command(*words, "--runs", tmp_path / "x", "--out", tmp_path / "x").refusal()
    assert "folder" in command(*words, "--runs", tmp_path).refusal()
    assert "--sentences and --runs are both" in command(*words, "--runs", tmp_path / "s.txt").refusal()
