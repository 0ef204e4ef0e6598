"""Texts, words, positions and targets that do not fit: exit code 2, one line that says what to do, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.folders import VOCABULARY
from tests.cli.running import AT, TEXT, words_of

Refused = Callable[..., str]
HERE = ["--position", "3"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--layer 2 --neuron 3 --position 3", "0 to 1"),
        ("--layer -1 --neuron 3 --position 3", "0 to 1"),
        ("--layer 99999999999999999999 --neuron 3 --position 3", "0 to 1"),
        ("--layer 1.5 --neuron 3 --position 3", "1.5"),
        ("--layer 0.5 --neuron 3 --position 3", "0.5"),
        ("--layer x --neuron 3 --position 3", "--layer"),
        ("--layer nan --neuron 3 --position 3", "--layer"),
        ("--layer  --neuron 3 --position 3", "--layer"),
        ("--neuron 3 --position 3", "--layer"),
        ("--layer 1 --neuron 16 --position 3", "0 to 15"),
        ("--layer 1 --neuron -1 --position 3", "0 to 15"),
        ("--layer 1 --neuron 99999999999999999999 --position 3", "0 to 15"),
        ("--layer 1 --neuron 2.5 --position 3", "2.5"),
        ("--layer 1 --neuron 32 --position 3 --site mlp_post", "0 to 31"),
        ("--layer 1 --neuron 8 --position 3 --site head --head 0", "0 to 7"),
        ("--layer 1 --neuron 3 --position 7", "0 to 6"),
        ("--layer 1 --neuron 3 --position -1", "-1"),
        ("--layer 1 --neuron 3 --position 99999999999999999999", "0 to 6"),
        ("--layer 1 --neuron 3 --position x", "'x'"),
        ("--layer 1 --neuron 3 --position 1.0", "1.0"),
        ("--layer 1 --neuron 3 --position ²", "'²'"),
        ("--layer 1 --neuron 3", "--position"),
        ("--layer 1 --neuron 3 --free all", "--position"),
        ("--layer 1 --neuron 3 --position mean", "--free"),
        ("--layer 1 --neuron 3 --position 3 --site nonsense", "resid_post"),
        ("--layer 1 --neuron 3 --position 3 --site head", "--head"),
        ("--layer 1 --neuron 3 --position 3 --site head --head 2", "0 to 1"),
        ("--layer 1 --neuron 3 --position 3 --site head --head -1", "0 to 1"),
        ("--layer 1 --neuron 3 --position 3 --head 0", "--site head"),
        ("--site pooled --layer 9 --neuron 3 --free all", "--layer"),
        ("--site embed --layer 9 --neuron 3 --position 3", "--layer"),
        ("--site logits --neuron 3 --position 3", "head"),
        ("--token he --position 3", "head"),
        ("--token he --position 3 --neuron 3", "--token"),
        ("--token he --position 3 --site resid_post", "--token"),
        ("--minus-token he --layer 1 --position 3", "--token"),
    ],
)
def test_target_outside_the_model(line: str, said: str, plain: Path, refused: Refused) -> None:
    assert said in refused("dream", TEXT, "--model", plain, *words_of(line))


@pytest.mark.parametrize("name", ["token-search", "similar"])
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--layer 2 --neuron 3 --position 3", "0 to 1"),
        ("--layer 1 --neuron -1 --position 3", "0 to 15"),
        ("--layer 1 --neuron 3 --position 7", "0 to 6"),
        ("--layer 1 --neuron 3", "--position"),
        ("--layer 1 --neuron 3 --position 0", "1 to 5"),
        ("--layer 1 --neuron 3 --position 6", "1 to 5"),
        ("--layer 1 --neuron 3 --position mean", "--change"),
        ("--layer 1 --neuron 3 --position 3 --change 0", "1 to 5"),
        ("--layer 1 --neuron 3 --position 3 --change -1", "1 to 5"),
        ("--layer 1 --neuron 3 --position 3 --change 99", "1 to 5"),
        ("--layer 1 --neuron 3 --word absent", "absent"),
        ("--layer 1 --neuron 3 --position 3 --top 0", "top"),
        ("--layer 1 --neuron 3 --position 3 --top -1", "top"),
        ("--layer 1 --neuron 3 --position 3 --top 2.5", "top"),
        ("--layer 1 --neuron 3 --position 3 --seed x", "seed"),
        ("--layer 1 --neuron 3 --position 3 --device nonsense", "cpu"),
    ],
)
def test_search_at_one_position(name: str, line: str, said: str, plain: Path, refused: Refused) -> None:
    assert said in refused(name, TEXT, "--model", plain, *words_of(line))


@pytest.mark.parametrize(
    ("name", "flags", "said"),
    [
        ("masked", ["--site", "pooled", "--neuron", "1", "--free", "3"], "pool"),
        ("masked", ["--token", "he", "--free", "3"], "--position"),
        ("masked", ["--token", "unknown", *HERE], "un ##known"),
        ("masked", ["--token", "he she", *HERE], "he she"),
        ("masked", ["--token", "", *HERE], "token"),
        ("masked", ["--token", "\U0001f600", *HERE], "know"),
        ("masked", ["--token", "he", "--minus-token", "unknown", *HERE], "un ##known"),
        ("masked", ["--token", "he", "--layer", "1", *HERE], "--layer"),
        ("masked", ["--site", "logits", "--neuron", str(len(VOCABULARY)), *HERE], f"0 to {len(VOCABULARY) - 1}"),
        ("classes", ["--token", "he", "--free", "2"], "LABEL_1"),
        ("classes", ["--token", "2", "--free", "2"], "0 to 1"),
        ("classes", ["--site", "logits", "--neuron", "2", "--free", "2"], "0 to 1"),
    ],
)
def test_outputs_a_model_does_not_have(
    name: str, flags: list[str], said: str, refused: Refused, request: pytest.FixtureRequest
) -> None:
    assert said in refused("dream", TEXT, "--model", request.getfixturevalue(name), *flags)


@pytest.mark.parametrize("flags", [["--site", "logits", "--neuron", "1"], ["--token", "he"]])
def test_default_model_has_no_head(flags: list[str], refused: Refused) -> None:
    assert "masked-token" in refused("dream", TEXT, *flags, *HERE)


@pytest.mark.parametrize("word", ["absent", "", "  ", "wheel", "[CLS]", "(", ".*", "no\nwheeler", "\U0001f600"])
def test_word_absent(word: str, plain: Path, refused: Refused) -> None:
    sentence = refused("dream", TEXT, "--model", plain, "--layer", 1, "--neuron", 3, "--word", word)
    assert "is not in the text" in sentence
    assert "--position" in sentence


def test_word_several_times(plain: Path, refused: Refused) -> None:
    sentence = refused("dream", "no wheeler no me", "--model", plain, "--layer", 1, "--neuron", 3, "--word", "no")
    assert "2 times" in sentence
    assert "1, 3" in sentence


def test_word_and_position(plain: Path, refused: Refused) -> None:
    assert "one of them" in refused("dream", TEXT, "--model", plain, *AT, "--word", "no")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("\n\t", "empty"),
        ("\u200b", "no tokens"),
        ("\x07", "no tokens"),
        ("he " * 40, "24 at most"),
        ("he " * 23, "25 tokens"),
        ("no [MASK] me", "[MASK]"),
        ("[CLS] no", "[CLS]"),
        ("no[SEP]", "[SEP]"),
        ("[PAD]", "[PAD]"),
        ("[UNK]", "[UNK]"),
        ("no \U0001f600 me", "\U0001f600"),
        ("no 日本 me", "日"),
        ("[bold]no[/bold]", "["),
        ("a" * 5000, "does not know"),
    ],
)
@pytest.mark.parametrize("name", ["dream", "tokens", "token-search", "similar"])
def test_text(name: str, text: str, said: str, plain: Path, refused: Refused) -> None:
    """A text that does not fit; the sentence quotes the piece that is unknown, and stays short for a long one."""
    sentence = refused(name, text, "--model", plain, *([] if name == "tokens" else AT))
    assert said in sentence
    assert len(sentence) < 500


@pytest.mark.parametrize("text", ["-no wheeler", "--no", "-"])
def test_text_with_a_dash_says_how(text: str, refused: Refused) -> None:
    sentence = refused("tokens", text, out=False)
    assert " -- " in sentence or "--text" in sentence


@pytest.mark.parametrize("name", ["dream", "tokens", "token-search", "similar"])
def test_no_text(name: str, plain: Path, refused: Refused) -> None:
    assert "text" in refused(name, "--model", plain, *([] if name == "tokens" else AT)).lower()


@pytest.mark.parametrize("free", ["3:99", "1:99999999999", "99999999999", "3,99"])
def test_free_outside_the_text(free: str, plain: Path, refused: Refused) -> None:
    assert "7 tokens" in refused("dream", TEXT, "--model", plain, *AT, "--free", free)


@pytest.mark.parametrize("free", ["5:3", "3:3", "0:0"])
def test_free_holds_nothing(free: str, plain: Path, refused: Refused) -> None:
    assert "no position" in refused("dream", TEXT, "--model", plain, *AT, "--free", free)


@pytest.mark.parametrize(("free", "said"), [("0:4", "[CLS] at 0"), ("1:7", "[SEP] at 6"), ("6", "[SEP] at 6")])
def test_free_covers_special_tokens(free: str, said: str, plain: Path, refused: Refused) -> None:
    sentence = refused("dream", TEXT, "--model", plain, *AT, "--free", free)
    assert said in sentence
    assert "1:6" in sentence


@pytest.mark.parametrize(
    "free", ["x", "", " ", "3:", ":3", "-1:3", "3:5:1", "3-5", "word,3", "ALL", "²", "3,,4", "1e1"]
)
def test_free_garbage(free: str, plain: Path, refused: Refused) -> None:
    assert "3:9" in refused("dream", TEXT, "--model", plain, *AT, f"--free={free}")


def test_free_word_without_a_word_that_may_change(plain: Path, refused: Refused) -> None:
    assert "[CLS]" in refused("dream", TEXT, "--model", plain, "--layer", 1, "--neuron", 3, "--position", 0)


# Directions


def _vector(kind: str, path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    tensors = {
        "width": {"v": torch.ones(5)},
        "nan": {"v": torch.tensor([float("nan")] + [1.0] * 15)},
        "infinite": {"v": torch.tensor([float("inf")] + [1.0] * 15)},
        "two": {"v": torch.ones(16), "w": torch.ones(16)},
        "none": {},
        "zero": {"v": torch.zeros(16)},
        "empty": {"v": torch.ones(0)},
        "scalar": {"v": torch.tensor(3.0)},
        "matrix": {"v": torch.ones(2, 16)},
    }
    if kind in tensors:
        save_file(tensors[kind], path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("hello, world", encoding="utf-8")
    elif kind == "nothing":
        path.write_bytes(b"")
    elif kind == "truncated":
        save_file({"v": torch.ones(16)}, path)
        path.write_bytes(path.read_bytes()[:-7])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("width", "16 units"),
        ("nan", "1 number"),
        ("infinite", "1 number"),
        ("two", "v, w"),
        ("none", "0 tensors"),
        ("zero", "zero"),
        ("empty", "direction"),
        ("scalar", "shape"),
        ("matrix", "shape"),
        ("missing", "o such file"),
        ("a folder", "folder"),
        ("text", "safetensors"),
        ("nothing", "safetensors"),
        ("truncated", "safetensors"),
    ],
)
def test_direction(kind: str, said: str, plain: Path, refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "v.file"
    _vector(kind, path)
    words = ["--layer", 1, *HERE, "--direction", path]
    assert said in refused("dream", TEXT, "--model", plain, *words)


def test_direction_and_neuron(plain: Path, refused: Refused, tmp_path: Path) -> None:
    assert "one of them" in refused("dream", TEXT, "--model", plain, *AT, "--direction", tmp_path / "v")
