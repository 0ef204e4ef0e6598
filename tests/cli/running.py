"""Running `textdream`, in this process or in another, and what came of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = "no wheeler for me ."
AT = ["--layer", "1", "--neuron", "3", "--position", "3"]


@dataclass(frozen=True)
class Outcome:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str

    def refusal(self) -> str:
        """The one sentence of a refusal."""
        assert self.code == 2, (self.code, self.out, self.err)
        assert self.out == ""
        assert self.err.endswith("\n"), self.err
        assert len(self.err.splitlines()) == 1, self.err
        assert self.err.startswith("textdream: "), self.err
        assert "Traceback" not in self.err
        assert "None" not in self.err, "an inner value shines through"
        return self.err

    def json(self) -> Any:
        """The one JSON object on stdout."""
        assert self.code in (0, 1, 130), (self.code, self.err)

        def refuse(name: str) -> None:
            raise AssertionError(f"{name} in the JSON")

        found = json.loads(self.out, parse_constant=refuse)
        assert isinstance(found, dict)
        return found

    def done(self) -> Outcome:
        """Itself, if it went well."""
        assert self.code == 0, (self.code, self.out, self.err)
        assert "Traceback" not in self.err
        return self


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    """Run a command in this process."""
    from textdream.cli import main

    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    return Outcome(code, *capsys.readouterr())


def environment(**more: str) -> dict[str, str]:
    """The environment of a subprocess: this checkout, 80 columns, no network for Hugging Face."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    fixed = {"PYTHONPATH": path, "COLUMNS": "80", "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    return {**os.environ, **fixed, **more}


def start(*arguments: object, env: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
    """Start a command in another process, with pipes."""
    line = [sys.executable, "-m", "textdream", *map(str, arguments)]

    def hear() -> None:
        # Jobs that a shell put into the background ignore Ctrl-C, and hand that down.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    options.setdefault("preexec_fn", hear)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(line, env=env or environment(), text=True, encoding="utf-8", **{**pipes, **options})


def finish(process: subprocess.Popen[str], timeout: float = 60) -> Outcome:
    """Wait for a process; kill it if it takes too long."""
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        process.kill()
    return Outcome(process.returncode, out or "", err or "")


def words_of(line: str) -> list[str]:
    """A line of a table of tests, split at spaces."""
    return line.split(" ") if line else []
