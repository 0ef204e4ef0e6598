"""Interrupts and kills of real dreams, each in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.running import Outcome, finish, start
from tests.report.pages import Page

SENTENCE = "then he compressed his temples with his hands , as if to crush them ."
TARGET = ["--layer", "4", "--neuron", "138"]
DREAM = ["dream", SENTENCE, *TARGET, "--word", "hands", "--free", "all"]
LONG = {
    "gcg": (["--method", "gcg", "--steps", "100000"], "dreaming", 3),
    "hotflip": (["--method", "hotflip", "--steps", "100000"], "dreaming", 2),
    "sweep": (["--method", "sweep", "--steps", "100000"], "proving", 1),
    "anneal": (["--method", "anneal", "--steps", "100000"], "dreaming", 1),
    "pair": (["--method", "anneal", "--preset", "pair"], "dreaming", 1),
    "minimise": (["--method", "gcg", "--steps", "100000", "--minimise"], "dreaming", 3),
    "certificate": (["--method", "hotflip", "--steps", "1"], "proving", 1),
}
OLD = b"old\n"


def stopped(
    process: subprocess.Popen[str], phase: str, lines: int, *signals: signal.Signals, timeout: float = 60
) -> Outcome:
    """Signal a process once it has said so many lines after the one with `phase`."""
    assert process.stderr is not None
    read, left = [], -1
    for line in process.stderr:
        read.append(line)
        left = lines if phase in line else left - 1
        if left == 0:
            break
    assert left == 0, read
    for number in signals:
        process.send_signal(number)
        time.sleep(0.05)
    found = finish(process, timeout)
    return Outcome(found.code, found.out, "".join(read) + found.err)


@pytest.mark.parametrize("name", LONG)
def test_interrupted_dream_is_saved(name: str, command: RunCommand, tmp_path: Path) -> None:
    out, page = tmp_path / "dream.json", tmp_path / "dream.html"
    flags, phase, lines = LONG[name]
    found = stopped(start(*DREAM, *flags, "--out", out, "--html", page, "--json"), phase, lines, signal.SIGINT)
    assert found.code == 130, found.err
    last = found.err.splitlines()[-1]
    assert "interrupted" in last
    assert str(out) in last
    assert "Traceback" not in found.err
    assert found.json() == json.loads(out.read_text(encoding="utf-8"))
    data = found.json()
    assert data["interrupted"] is True
    assert data["certificate"] is None or data["certificate"]["holds"] is False
    sign = -1 if data["minimise"] else 1
    assert sign * data["best"]["activation"] >= sign * data["start"]["activation"]
    assert json.loads(Page(page.read_text(encoding="utf-8")).results) == [{"name": "dream.json", "result": data}]
    assert set(tmp_path.iterdir()) == {out, page}
    command("verify", out).done()


def test_interrupt_without_out_says_what_was_reached() -> None:
    found = stopped(start(*DREAM, "--steps", "100000"), "dreaming", 2, signal.SIGINT)
    assert found.code == 130
    assert "interrupted" in found.err.splitlines()[-1]
    assert "--out" in found.err.splitlines()[-1]
    assert "best" in found.out
    assert "Traceback" not in found.err


def test_impatient_interrupts_leave_no_rubble(tmp_path: Path) -> None:
    out = tmp_path / "dream.json"
    out.write_bytes(OLD)
    signals = [signal.SIGINT] * 5
    found = stopped(start(*DREAM, "--steps", "100000", "--out", out), "dreaming", 2, *signals)
    assert found.code in (130, -signal.SIGINT), "the last may come after the end"
    assert "Traceback" not in found.err
    assert list(tmp_path.iterdir()) == [out]
    assert out.read_bytes() == OLD or json.loads(out.read_bytes())["interrupted"] is True


@pytest.mark.parametrize(("name", "seconds"), [("dream", 0.4), ("dream", 1.0), ("token-search", 0.4), ("tokens", 0.4)])
def test_interrupt_before_the_search(name: str, seconds: float, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    out.write_bytes(OLD)
    flags = {"dream": [*DREAM[2:], "--steps", "100000"], "token-search": DREAM[2:8], "tokens": []}
    words = [name, SENTENCE, *flags[name]]
    process = start(*words, "--out", out)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    found = finish(process)
    # Ended by exit or by the signal itself: a shell says 130 of both.
    assert found.code in (130, -signal.SIGINT), found
    assert "interrupted" in found.err
    assert "Traceback" not in found.err
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(("number", "old"), [(signal.SIGKILL, True), (signal.SIGKILL, False), (signal.SIGTERM, True)])
def test_kill_leaves_the_old_file_or_none(number: signal.Signals, old: bool, tmp_path: Path) -> None:
    out = tmp_path / "dream.json"
    if old:
        out.write_bytes(OLD)
    found = stopped(start(*DREAM, "--steps", "100000", "--out", out), "dreaming", 2, number)
    assert found.code == -number
    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == ([(out, OLD)] if old else [])


def test_an_interrupt_that_an_import_has_turned_into_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from textdream.cli import main, run

    def broken(_: object) -> int:
        raise RuntimeError("Error calling __set_name__") from KeyboardInterrupt()

    monkeypatch.setattr(run, "run", broken)
    assert main([]) == 130
    assert capsys.readouterr().err == "textdream: interrupted\n"
