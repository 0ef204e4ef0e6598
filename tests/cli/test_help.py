from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.running import ROOT, environment

COMMANDS = (
    "dream",
    "diagnose",
    "tokens",
    "token-search",
    "similar",
    "neurons",
    "fill-mask",
    "reconstruct",
    "shift",
    "verify",
    "show",
    "models",
    "studio",
)
MODEL = ("--model", "--device")
PLAIN = ("--out", "--json")
OUTPUT = (*PLAIN, "--html")
TARGET = ("--layer", "--neuron", "--site", "--position", "--word", "--token", "--probability", "--head", "--direction")
FLAGS = {
    "dream": (
        *TARGET,
        *("--free", "--method", "--preset", "--steps", "--start", "--length", "--seed"),
        *("--certify", "--no-certify", "--minimise", "--no-round-trip", "--from-corpus"),
        *MODEL,
        *OUTPUT,
    ),
    "diagnose": (*TARGET, "--free", "--preset", "--steps", "--context", "--seed", *MODEL, *OUTPUT),
    "tokens": (*MODEL, *PLAIN),
    "token-search": (*TARGET, "--change", "--joint", "--beam", "--seed", *MODEL, *OUTPUT),
    "similar": (*TARGET, "--seed", *MODEL, *OUTPUT),
    "neurons": ("--word", "--position", "--index", "--site", "--layer", "--top", "--seed", *MODEL, *OUTPUT),
    "fill-mask": ("--word", "--position", "--tokens", "--top", "--seed", *MODEL, *OUTPUT),
    "reconstruct": (
        *("--layers", "--site", "--position", "--neuron", "--method", "--preset", "--budget", "--corpus", "--synonyms"),
        *("--resume", "--seed", *MODEL, *OUTPUT),
    ),
    "shift": (
        *("--word", "--position", "--concept", "--replace-with", "--layers", "--magnitudes", "--unit", "--seed"),
        *MODEL,
        *OUTPUT,
    ),
    "verify": ("--seed", *MODEL, *PLAIN),
    "show": ("--html",),
    "models": PLAIN,
    "studio": ("--port", "--folder", "--index", "--models", "--device", "--host", "--token", "--browser"),
}


def example(text: str) -> list[str]:
    """The lines of the worked example in a help text."""
    body = text.split("A worked example:", 1)[1]
    lines = [line.strip() for line in re.split(r"\n\s*╭|\n\s*\n\s*[A-Z]", body)[0].splitlines()]
    return [line for line in lines if line]


def test_help_names_every_command(command: RunCommand) -> None:
    found = command("--help").done()
    assert found.err == ""
    assert all(re.search(rf"^│ {name} ", found.out, re.MULTILINE) for name in COMMANDS)


def test_no_command_prints_the_help(command: RunCommand) -> None:
    assert command().done().out == command("--help").out


def test_version(command: RunCommand) -> None:
    from textdream.version import __version__

    assert command("--version").done().out.strip() == __version__


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_80_columns(name: str, command: RunCommand) -> None:
    found = command(*filter(None, [name]), "--help").done()
    assert max(len(line) for line in found.out.splitlines()) <= 80
    assert found.err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_help_lists_the_flags(name: str, command: RunCommand) -> None:
    words = set(re.findall(r"--[a-z][a-z.-]*[a-z]", command(name, "--help").done().out))
    assert set(FLAGS[name]) <= words


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_every_flag(name: str, command: RunCommand) -> None:
    for line in command(name, "--help").done().out.splitlines():
        assert not re.fullmatch(r"│ +--[a-z][\w.-]*\w( [A-Z]+)? +│", line), line


@pytest.mark.parametrize("name", COMMANDS)
def test_example_can_be_copied(name: str, command: RunCommand) -> None:
    """The shell takes a broken line for two commands, unless it ends in a backslash."""
    lines = example(command(name, "--help").done().out)
    assert lines[0].startswith(f"textdream {name}")
    assert all(line.endswith("\\") for line in lines[:-1]), lines


@pytest.mark.parametrize("name", ["tokens", "similar", "fill-mask", "models"])
def test_example_works(name: str, command: RunCommand) -> None:
    words = shlex.split(" ".join(line.removesuffix("\\") for line in example(command(name, "--help").done().out)))
    assert command(*words[1:]).done().out


@pytest.mark.parametrize("name", COMMANDS)
def test_short_help_flag(name: str, command: RunCommand) -> None:
    assert command(name, "-h").done().out == command(name, "--help").out


@pytest.mark.parametrize(
    "words", [["-m", "textdream", "--help"], ["-m", "textdream", "dream", "--help"], ["-c", "import textdream"]]
)
def test_start_up_leaves_torch_alone(words: list[str]) -> None:
    line = [sys.executable, "-X", "importtime", *words]
    found = subprocess.run(line, env=environment(), cwd=ROOT, capture_output=True, text=True, check=True)
    imported = {line.rsplit("|", 1)[1].strip() for line in found.stderr.splitlines() if "|" in line}
    assert "textdream" in imported
    assert not imported & {"torch", "transformers", "numpy", "pydantic"}
