"""Where results and drawings go."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.running import AT, TEXT, finish, start


@pytest.mark.parametrize(
    "name", ["a b.json", "ünï-日本.json", "[red].json", "[/].json", "-x.json", "x" * 240, "~", "%s"]
)
def test_out_names(name: str, plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / ("x[" if name == "[/].json" else "") / ("b].json" if name == "[/].json" else name)
    out.parent.mkdir(exist_ok=True)
    found = command("tokens", TEXT, "--model", plain, f"--out={out}", "--json").done()
    assert out.read_text(encoding="utf-8") == found.out
    assert [path for path in out.parent.iterdir() if path.is_file()] == [out]
    drawn = command("token-search", TEXT, "--model", plain, *AT, f"--out={out}").done().out
    assert str(out) in drawn.replace("\n", ""), "the path can be read off"
    assert str(out) in command("verify", f"--file={out}").done().out.replace("\n", "")


def test_old_file_is_replaced_and_keeps_its_mode(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    out.write_text("old", encoding="utf-8")
    out.chmod(0o640)
    found = command("tokens", TEXT, "--model", plain, "--out", out, "--json").done()
    assert out.read_text(encoding="utf-8") == found.out
    assert stat.S_IMODE(out.stat().st_mode) == 0o640


def test_no_file_that_is_read_is_written_over(plain: Path, command: RunCommand, dreamed: bytes, tmp_path: Path) -> None:
    file, link, loop = tmp_path / "dream.json", tmp_path / "link.json", tmp_path / "loop"
    file.write_bytes(dreamed)
    link.symlink_to(file)
    loop.symlink_to(loop)
    at = ["--model", plain, "--layer", "1", "--position", "3"]
    for words, read in (
        (["verify", file], "FILE"),
        (["import", "pair", file], "FILE"),
        (["diagnose", file, "--model", plain], "WHAT"),
        (["dream", TEXT, *at, "--direction", file], "--direction"),
        (["token-search", TEXT, *at, "--direction", file], "--direction"),
        (["similar", TEXT, *at, "--direction", file], "--direction"),
    ):
        for out in (file, link):
            assert f"{read} and --out are both" in command(*words, "--out", out).refusal()
    assert file.read_bytes() == dreamed
    assert "loop" in command("dream", TEXT, *at, "--direction", loop, "--out", tmp_path / "x.json").refusal()


def test_new_file_has_the_usual_mode(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("x", encoding="utf-8")
    command("tokens", TEXT, "--model", plain, "--out", tmp_path / "x.json").done()
    assert (tmp_path / "x.json").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_out_follows_a_link(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    real, link = tmp_path / "far" / "real.json", tmp_path / "link.json"
    real.write_text("old", encoding="utf-8")
    link.symlink_to(real)
    found = command("tokens", TEXT, "--model", plain, "--out", link, "--json").done()
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == found.out


@pytest.mark.parametrize("linked", [False, True])
def test_out_leaves_a_pipe_a_pipe(linked: bool, plain: Path, command: RunCommand, tmp_path: Path) -> None:
    """As /dev/stdout and /dev/null must stay devices, also for root; a pipe is refused or written, never replaced."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        found = command("tokens", TEXT, "--model", plain, "--json", "--out", link if linked else pipe)
        assert stat.S_ISFIFO(pipe.lstat().st_mode)
        assert link.is_symlink()
        if found.code == 0:
            assert os.read(reader, 10**6).decode() == found.out
        else:
            found.refusal()
    finally:
        os.close(reader)


# Where output goes


@pytest.mark.parametrize("words", [["--help"], ["models"], ["models", "--json"], ["tokens", "he " * 200, "--json"]])
def test_a_reader_that_goes_away_is_no_error(words: list[str]) -> None:
    process = start(*words)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    found = finish(process)
    assert found.err == ""
    assert found.code in (0, 141)


@pytest.mark.parametrize("words", [["models"], ["tokens", "hello", "--json"]])
def test_a_full_device_is_one_line(words: list[str]) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        found = finish(start(*words, stdout=full))
    assert found.code in (1, 2)
    assert len(found.err.splitlines()) == 1, found.err
    assert found.err.startswith("textdream: ")


def test_json_from_another_process(plain: Path) -> None:
    found = finish(start("dream", TEXT, "--model", plain, *AT, "--steps", 1, "--json")).done()
    assert found.json()["type"] == "dream"
    assert "\x1b" not in found.err


def test_output_survives_an_ascii_terminal(plain: Path) -> None:
    from tests.cli.running import environment

    env = environment(PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    found = finish(start("dream", TEXT, "--model", plain, *AT, "--steps", 1, env=env))
    assert "Traceback" not in found.err
    assert found.code == 0
