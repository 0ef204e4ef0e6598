"""`textdream shift` on a tiny model in a folder."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.cli.conftest import RunCommand
from tests.cli.running import finish, start

TEXT = "then he compressed his hands ."


def test_a_replaced_activation_from_the_command_line(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "shift.json"
    words = ["shift", TEXT, "--model", plain, "--word", "he", "--replace-with", "she/then she was a doctor ."]
    found = command(*words, "--layers", "0", "--evaluations", "60", "--out", out, "--json").done()
    data = found.json()
    assert data == json.loads(out.read_text(encoding="utf-8"))
    assert data["type"] == "shift"
    assert {"start", "concept", "word", "runs"} <= data.keys()
    assert {"layer", "magnitude", "best", "changed", "distance", "floor"} <= data["runs"][0].keys()
    assert "are right" in command("verify", out).done().out
    assert "layer" in command("show", out).done().out


def test_what_shift_refuses(plain: Path, command: RunCommand) -> None:
    for words, said in (
        (["--word", "he"], "--concept"),
        (["--word", "storm", "--replace-with", "she/she was a doctor ."], "storm"),
        (["--word", "he", "--concept", "nowhere.safetensors"], "nowhere"),
        (["--word", "he", "--concept", "nowhere.safetensors", "--magnitudes", "a,b"], "--magnitudes"),
        (["--word", "he", "--replace-with", "she/she was .", "--layers", "7"], "layer 7"),
    ):
        assert said in command("shift", TEXT, "--model", plain, *words).refusal()


def test_the_concept_is_not_written_over(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    concept = tmp_path / "he-she.safetensors"
    concept.write_bytes(b"vectors")
    words = ["shift", TEXT, "--model", plain, "--word", "he", "--concept", concept]
    for flag in ("--out", "--html"):
        assert f"--concept and {flag} are both" in command(*words, flag, concept).refusal()
    assert concept.read_bytes() == b"vectors"


def test_a_killed_shift_goes_on(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "shift.json"
    words = ["shift", TEXT, "--model", plain, "--word", "he", "--replace-with", "she/then she was a doctor ."]
    words += ["--evaluations", "200", "--out", out, "--json"]
    process = start(*words)
    assert process.stderr is not None
    for said in process.stderr:
        if "layer 1" in said:
            break
    process.send_signal(signal.SIGKILL)
    finish(process)
    kept = json.loads(out.read_text(encoding="utf-8"))
    assert kept["interrupted"]
    found = command(*words, "--resume").done()
    assert "are there already" in found.err
    assert "layer 0" not in found.err
    data = found.json()
    assert data["runs"][: len(kept["runs"])] == kept["runs"]
    assert not data["interrupted"]
    assert "are right" in command("verify", out).done().out
    assert "--out" in command(*words[:-3], "--resume").refusal()
