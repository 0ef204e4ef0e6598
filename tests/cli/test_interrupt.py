"""Interrupts and kills of real dreams, each in a process of its own."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.running import AT, Outcome, finish, start
from tests.report.pages import Page
from textdream.cli import main, run

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


def loaded(process: subprocess.Popen[str], library: str, timeout: float = 60) -> None:
    """Wait until a process has mapped a library: it is loading modules then."""
    maps, end = Path(f"/proc/{process.pid}/maps"), time.monotonic() + timeout
    while library not in maps.read_text(encoding="utf-8"):
        assert process.poll() is None, f"it ended before {library} was loaded"
        assert time.monotonic() < end, f"{library} was not loaded"


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what a process has loaded is seen in Linux's /proc")
@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("dream", "pydantic_core"),
        ("dream", "_multiarray_umath"),
        ("dream", "libtorch_python"),
        ("dream", "tokenizers"),
        ("token-search", "_multiarray_umath"),
        ("tokens", "libtorch_cpu"),
    ],
)
def test_interrupt_while_modules_load(name: str, library: str, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    out.write_bytes(OLD)
    flags = {"dream": [*DREAM[2:], "--steps", "100000"], "token-search": DREAM[2:8], "tokens": []}
    process = start(name, SENTENCE, *flags[name], "--out", out)
    loaded(process, library)
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


@pytest.mark.parametrize(
    "error", [RuntimeError("Error calling __set_name__"), ImportError("cannot load module more than once")]
)
def test_an_interrupt_that_a_library_has_turned_into_an_error(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> int:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise error

    monkeypatch.setattr(run, "run", broken)
    assert main([]) == 130
    assert capsys.readouterr().err == "textdream: interrupted\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_that_a_library_has_swallowed_is_heard_once_the_model_is_loaded(
    monkeypatch: pytest.MonkeyPatch, command: RunCommand, plain: Path, tmp_path: Path
) -> None:
    """torch lets go of whatever comes while it looks for numpy."""
    from textdream import model

    load = model.load

    def swallows(*arguments: object, **options: object) -> object:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return load(*arguments, **options)

    monkeypatch.setattr(model, "load", swallows)
    out = tmp_path / "x.json"
    found = command("dream", "the cat sat", "--model", plain, *AT, "--out", out)
    assert (found.code, found.out, found.err) == (130, "", "textdream: interrupted\n")
    assert not out.exists()


def test_an_error_without_an_interrupt_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(run, "run", broken)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        main([])


@pytest.mark.parametrize("json_", [False, True])
def test_what_cannot_be_written_is_shown_before_the_error(
    json_: bool, monkeypatch: pytest.MonkeyPatch, command: RunCommand, tmp_path: Path
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    flags = ["--method", "hotflip", "--no-certify", "--out", tmp_path / "x.json", *(["--json"] if json_ else [])]
    found = command(*DREAM[:-1], "word", *flags)
    assert found.code == 2
    assert "No space left on device" in found.err.splitlines()[-1]
    if json_:
        assert json.loads(found.out)["type"] == "dream"
    else:
        assert "best" in found.out
        assert "written to" not in found.out
    assert list(tmp_path.iterdir()) == []
