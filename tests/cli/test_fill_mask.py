"""`textdream fill-mask`, and `dream --token … --probability`, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.folders import VOCABULARY
from tests.cli.running import TEXT, words_of

Refused = Callable[..., str]
MASKED = "no [MASK] for me ."


def test_json_and_file_hold(masked: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    words = ["--position", 2, "--tokens", "he,she", "--top", 9999, "--seed", 3, "--json", "--out", out]
    data = command("fill-mask", TEXT, "--model", masked, *words).done().json()
    assert (data["type"], data["position"], data["seed"]) == ("fill_mask", 2, 3)
    assert len(data["tokens"]) == len(VOCABULARY)
    assert sum(token["probability"] for token in data["tokens"]) == pytest.approx(1)
    assert data["start"]["text"] == "no [MASK] for me."
    assert data["given"]["token"] == "wheeler"
    command("verify", out).done()


def test_the_drawing_shows_the_mask_and_fits_80_columns(masked: Path, command: RunCommand) -> None:
    found = command("fill-mask", TEXT, "--model", masked, "--word", "wheeler", "--tokens", "he,she").done().out
    lines = found.splitlines()
    assert max(map(len, lines)) <= 80
    assert f" {MASKED}" in [line.rstrip() for line in lines]
    assert sum("█" in line for line in lines) >= 1
    assert "asked for" in found
    assert "wheeler stands there" in found


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (TEXT, "", "--position"),
        (TEXT, "--position 99", "1 to 5"),
        (TEXT, "--position -1", "-1"),
        (TEXT, "--position 0", "[CLS]"),
        (TEXT, "--position 6", "[SEP]"),
        (TEXT, "--position 1.5", "1.5"),
        (TEXT, "--position x", "'x'"),
        (TEXT, "--position ²", "'²'"),
        (TEXT, "--word absent", "absent"),
        (TEXT, "--word no --position 1", "one of them"),
        (TEXT, "--position 2 --top 0", "--top"),
        (TEXT, "--position 2 --tokens he,unknown", "un ##known"),
        (TEXT, "--position 2 --tokens he,", "commas"),
        ("[MASK]", "", "special tokens only"),
        ("[CLS] [SEP]", "--position 1", "special token"),
        ("no [MASK] for [MASK]", "", "one of 2, 4"),
        ("", "--position 1", "empty"),
    ],
)
def test_bad_input(text: str, line: str, said: str, masked: Path, refused: Refused) -> None:
    assert said in refused("fill-mask", text, "--model", masked, *words_of(line))


@pytest.mark.parametrize("name", ["plain", "classes"])
def test_models_without_the_head(name: str, refused: Refused, request: pytest.FixtureRequest) -> None:
    sentence = refused("fill-mask", TEXT, "--model", request.getfixturevalue(name), "--position", 2)
    assert "bert-tiny-mlm" in sentence
    assert "textdream models" in sentence


def test_the_default_model_has_no_head(refused: Refused) -> None:
    assert "bert-tiny-mlm" in refused("fill-mask", TEXT, "--position", 2)


@pytest.mark.parametrize("flags", [(), ("--probability",), ("--minus-token", "he"), ("--normalise",)])
def test_a_dream_of_a_token_leaves_the_mask_and_frees_the_others(
    flags: tuple[str, ...], masked: Path, command: RunCommand, tmp_path: Path
) -> None:
    out = tmp_path / "x.json"
    words = [
        "dream",
        TEXT,
        "--model",
        masked,
        "--token",
        "she",
        "--word",
        "wheeler",
        *flags,
        "--steps",
        2,
        "--out",
        out,
    ]
    command(*words).done()
    data = json.loads(out.read_text())
    assert data["free"] == [1, 3, 4, 5]
    assert data["best"]["tokens"][2] == data["start"]["tokens"][2] == "[MASK]"
    assert data["best"]["ids"] != data["start"]["ids"]
    command("verify", out, "--model", masked).done()


@pytest.mark.parametrize("text", [TEXT, MASKED])
def test_a_dream_of_a_probability(text: str, masked: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    at = ["--word", "wheeler"] if text == TEXT else []
    words = ["--model", masked, "--token", "she", "--probability", *at, "--free", "all", "--steps", 2]
    found = command("dream", text, *words, "--out", out).done()
    assert "probability" in found.out
    data = command("dream", text, *words, "--json").done().json()
    assert data["target"]["kind"] == "log_probability"
    assert data["best"]["tokens"][2] == data["start"]["tokens"][2] == "[MASK]"
    assert data["free"] == [1, 3, 4, 5]
    assert data["start"]["activation"] <= data["best"]["activation"] <= 0
    assert "[MASK]" in data["best"]["text"]
    command("verify", out).done()
    command("diagnose", out, "--model", masked, "--json").done()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--probability --position 2", "--token"),
        ("--token she --probability", "--position"),
        ("--token she --probability --position 2 --free word", "--free all, or some of 1,3,4,5"),
        ("--token she --position 2 --free word", "--free all, or some of 1,3,4,5"),
        ("--token she --probability --position 2 --free 1:4", "[MASK] at 2"),
        ("--token she --probability --position 0 --free all", "[CLS]"),
        ("--token she --probability --position 2 --minus-token he", "--minus-token"),
        ("--token she --probability --position 2 --normalise", "--normalise"),
        ("--layer 1 --neuron 2 --probability --position 2", "--token"),
    ],
)
def test_bad_probabilities(line: str, said: str, masked: Path, refused: Refused) -> None:
    assert said in refused("dream", TEXT, "--model", masked, *words_of(line))


def test_masks_are_for_predictions_only(masked: Path, refused: Refused) -> None:
    assert "[MASK]" in refused("dream", MASKED, "--model", masked, "--layer", 1, "--neuron", 3, "--position", 3)
