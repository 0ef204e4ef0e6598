"""Tiny models in folders, and a way to run commands in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.folders import save
from tests.cli.running import AT, TEXT, Outcome, run

RunCommand = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare BertModel with a pooler."""
    return save(tmp_path_factory.mktemp("models") / "plain")


@pytest.fixture(scope="session")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BertForMaskedLM: a head, no pooler."""
    return save(tmp_path_factory.mktemp("models") / "masked", "BertForMaskedLM")


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BertForSequenceClassification with two classes."""
    return save(tmp_path_factory.mktemp("models") / "classes", "BertForSequenceClassification")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> RunCommand:
    """Run a command in this process."""

    def runner(*arguments: object) -> Outcome:
        return run(capsys, *arguments)

    return runner


@pytest.fixture
def refused(command: RunCommand, tmp_path: Path) -> Callable[..., str]:
    """Run a command that must be refused: code 2, one line on stderr, nothing else said, nothing written.

    `--out` is added (unless `out=False`), once for a new file and once for an old one.
    """

    def runner(*arguments: object, out: bool = True) -> str:
        folder = tmp_path / "out"
        folder.mkdir()
        old = folder / "old.json"
        old.write_bytes(b"old\n")
        sentence = ""
        for target in (old, folder / "new.json") if out else (None,):
            sentence = command(*arguments, *(["--out", target] if target else [])).refusal()
            assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("old.json", b"old\n")]
        return sentence

    return runner


@pytest.fixture(scope="session")
def dreamed(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A result file of a short dream on the tiny model, with a certificate."""
    from textdream.cli import main

    path = tmp_path_factory.mktemp("dreamed") / "dream.json"
    assert main(["dream", TEXT, "--model", str(plain), *AT, "--free", "all", "--steps", "2", "--out", str(path)]) == 0
    return path.read_bytes()
