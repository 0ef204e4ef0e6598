"""Settings that do not fit: exit code 2, one line that says what to do, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.running import AT, TEXT, words_of

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--steps 0", "steps"),
        ("--steps -1", "steps"),
        ("--steps 1.5", "steps"),
        ("--steps x", "steps"),
        ("--start nonsense", "random"),
        ("--preset pair", "--method anneal"),
        ("--preset pair --method sweep", "--method anneal"),
        ("--preset x --method anneal", "pair-gumbel"),
        ("--method epo", "gcg"),
        ("--seed text", "seed"),
        ("--seed 1.5", "seed"),
        ("--seed 99999999999999999999", "seed"),
        ("--seed -1", "seed"),
        ("--seed -99999999999999999999", "seed"),
        ("--seed ", "seed"),
        ("--device cuda", "cpu"),
        ("--device cuda:7", "cpu"),
        ("--device mps", "cpu"),
        ("--device nonsense", "cpu"),
        ("--device ", "cpu"),
        ("--device cpu:x", "cpu"),
        ("--device meta", "cpu"),
        ("--bogus 3", "--bogus"),
        ("--step 3", "--steps"),
        ("surplus", "surplus"),
        ("--out", "--out"),
        ("--json=maybe", "--json"),
    ],
)
def test_settings(line: str, said: str, plain: Path, refused: Refused) -> None:
    if "cuda" in line:
        import torch

        if torch.cuda.is_available():
            pytest.skip("there is a cuda device here")
    assert said in refused("dream", TEXT, "--model", plain, *AT, *words_of(line), out=line != "--out")


@pytest.mark.parametrize("seed", [0, 2**31, 2**53, 2**63 - 1])
def test_seed_may_be_large(seed: int, plain: Path, command: RunCommand) -> None:
    data = command("dream", TEXT, "--model", plain, *AT, "--steps", 1, "--seed", seed, "--json").done().json()
    assert data["seed"] == seed


@pytest.mark.parametrize(
    "flag",
    [
        *("gcg.steps 0", "gcg.steps -1", "gcg.candidates 0", "gcg.candidates -1", "gcg.topk 0", "gcg.topk -5"),
        *("gcg.patience 0", "gcg.disturb -1", "gcg.disturb 2", "gcg.disturb nan", "gcg.disturb inf"),
        *("hotflip.steps 0", "hotflip.candidates 0", "hotflip.candidates -1", "sweep.steps 0", "sweep.steps -4"),
        *("anneal.steps 0", "anneal.samples 0", "anneal.samples -1", "anneal.warmup -1"),
        *("anneal.end-temperature 0", "anneal.end-temperature -1", "anneal.end-temperature nan"),
        *("anneal.end-temperature inf", "anneal.end-temperature 5"),
        *("anneal.start-temperature 0", "anneal.start-temperature -1", "anneal.start-temperature nan"),
        *("anneal.start-temperature inf", "anneal.learning-rate 0", "anneal.learning-rate -1"),
        *("anneal.learning-rate nan", "anneal.learning-rate inf"),
        *("anneal.decay 0", "anneal.decay -1", "anneal.decay nan", "anneal.decay inf", "anneal.decay 2"),
        *("anneal.start-weight 0", "anneal.start-weight 1", "anneal.start-weight 2", "anneal.start-weight -1"),
        "anneal.start-weight nan",
    ],
)
def test_method_settings(flag: str, plain: Path, refused: Refused) -> None:
    """Refused before the search begins, by name."""
    name, value = flag.split(" ")
    words = ["--free", "all", "--method", name.split(".")[0], f"--{name}", value]
    sentence = refused("dream", TEXT, "--model", plain, *AT, *words)
    assert name.split(".")[1] in sentence.replace("_", "-")


@pytest.mark.parametrize(
    "line",
    [
        "--method anneal --gcg.candidates 3",
        "--method gcg --anneal.samples 3",
        "--method sweep --hotflip.candidates 3",
        "--method anneal --preset pair --anneal.samples 3",
    ],
)
def test_settings_of_another_method(line: str, plain: Path, refused: Refused) -> None:
    """A setting that would have no effect is not taken in silence."""
    assert words_of(line)[-2].split(".")[0] in refused(
        "dream", TEXT, "--model", plain, *AT, "--steps", 2, *words_of(line)
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--length 0", "length"),
        ("--length -1", "length"),
        ("--length 23", "1 to 22"),
        ("--length 999999999999", "1 to 22"),
        ("--length x", "length"),
        ("--length 2.5", "length"),
        ("--length 2", "0 to 3"),
        ("--free 1:20", "14 tokens"),
    ],
)
def test_random_start(line: str, said: str, plain: Path, refused: Refused) -> None:
    words = ["--layer", 1, "--neuron", 3, "--position", 5, "--start", "random"]
    assert said in refused("dream", "--model", plain, *words, *words_of(line))


@pytest.mark.parametrize("kind", ["random", "both"])
def test_random_start_has_no_word(kind: str, plain: Path, refused: Refused) -> None:
    words = ["--layer", 1, "--neuron", 3, "--word", "no", "--start", kind]
    assert ("--position" if kind == "random" else "text") in refused("dream", "--model", plain, *words)


@pytest.mark.parametrize("words", [["nonsense"], ["--bogus"], ["dreams", TEXT], ["Dream", TEXT], ["3"]])
def test_unknown_command(words: list[str], refused: Refused) -> None:
    sentence = refused(*words, out=False)
    assert words[0] in sentence
    assert "--help" in sentence
