"""What a user gets wrong: exit code 2, one line that says what to do, nothing written."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.folders import VOCABULARY, rewrite, save
from tests.cli.running import AT, TEXT, environment, finish, start

Refused = Callable[..., str]
HERE = ["--position", "3"]


def words_of(line: str) -> list[str]:
    """A line of the tables below, split at spaces."""
    return line.split(" ") if line else []


# Flags that do not fit the model or the text


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
        ("--layer 1 --neuron 3 --position 1.0", "'1.0'"),
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


# Settings


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


# Models


def _break(kind: str, folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights, config = folder / "model.safetensors", folder / "config.json"
    row = "encoder.layer.1.output.dense.weight"
    data = weights.read_bytes()
    tensors = load_file(weights)
    if kind in ("no weights", "pickled rubbish"):
        weights.unlink()
    if kind == "pickled rubbish":
        (folder / "pytorch_model.bin").write_bytes(b"junk")
    elif kind == "no config":
        config.unlink()
    elif kind == "no tokenizer":
        for path in folder.glob("tokenizer*"):
            path.unlink()
    elif kind == "tokenizer cut short":
        path = folder / "tokenizer.json"
        path.write_bytes(path.read_bytes()[:200])
    elif kind == "tokenizer of another kind":
        (folder / "tokenizer.json").write_text('{"a": 1}', encoding="utf-8")
    elif kind == "weights cut short":
        weights.write_bytes(data[: len(data) // 2])
    elif kind == "empty weights":
        weights.write_bytes(b"")
    elif kind == "weights are text":
        weights.write_bytes(b"hello, this is no safetensors file")
    elif kind == "a parameter missing":
        del tensors[row]
        save_file(tensors, weights, metadata={"format": "pt"})
    elif kind == "a parameter of another shape":
        tensors[row] = tensors[row][:5].clone()
        save_file(tensors, weights, metadata={"format": "pt"})
    elif kind == "a parameter is NaN":
        tensors[row][0, 0] = float("nan")
        save_file(tensors, weights, metadata={"format": "pt"})
    elif kind == "config cut short":
        config.write_text("{", encoding="utf-8")
    elif kind == "more layers than weights":
        rewrite(config, lambda c: c.update(num_hidden_layers=3))
    elif kind == "unknown model type":
        rewrite(config, lambda c: c.update(model_type="zzz"))
    elif kind == "another model type":
        rewrite(config, lambda c: c.update(model_type="gpt2"))
    elif kind == "a config transformers refuses":
        rewrite(config, lambda c: c.update(model_type="t5"))
    elif kind == "code of its own":
        rewrite(config, lambda c: c.update(model_type="zzz", auto_map={"AutoConfig": "x.Z", "AutoModel": "x.Y"}))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("no weights", "no weights"),
        ("no config", "no config.json"),
        ("no tokenizer", "tokenizer"),
        ("tokenizer cut short", "tokenizer"),
        ("tokenizer of another kind", "tokenizer"),
        ("weights cut short", "model.safetensors"),
        ("empty weights", "model.safetensors"),
        ("weights are text", "model.safetensors"),
        ("pickled rubbish", "pytorch_model.bin"),
        ("a parameter missing", "encoder.layer.1.output.dense.weight"),
        ("a parameter of another shape", "weights"),
        ("a parameter is NaN", "NaN"),
        ("config cut short", "config"),
        ("more layers than weights", "encoder.layer.2"),
        ("unknown model type", "zzz"),
        ("another model type", "lack"),
        ("a config transformers refuses", "config"),
        ("code of its own", "code"),
    ],
)
def test_broken_folder(kind: str, said: str, plain: Path, refused: Refused, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(plain, folder)
    _break(kind, folder)
    assert said in refused("dream", TEXT, "--model", folder, *AT, "--steps", 1)


def test_folder_in_a_path_with_spaces(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    shutil.copytree(plain, tmp_path / "[red] a ünï")
    command("tokens", TEXT, "--model", tmp_path / "[red] a ünï").done()


@pytest.mark.parametrize("name", ["", "  ", "./nope", "/nope/nope", "a/b/c", "~/nope/nope", "x" * 300, "x" * 5000])
def test_no_such_folder(name: str, refused: Refused) -> None:
    assert "folder" in refused("tokens", TEXT, f"--model={name}")


@pytest.mark.parametrize("content", [b"", b"junk", b"GGUF\x03\x00\x00\x00junk"])
def test_broken_gguf(content: bytes, refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    assert "x.gguf" in refused("tokens", TEXT, "--model", path)


@pytest.mark.parametrize(
    "line", [["tokens", "hello"], ["dream", "hello .", "--layer", "1", "--neuron", "1", "--position", "1"]]
)
def test_packaged_weights_of_another_hash(line: list[str], refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    from textdream.model import catalog

    wrong = dataclasses.replace(catalog.PACKAGED["minilm"], sha256="0" * 64)
    monkeypatch.setitem(catalog.PACKAGED, "minilm", wrong)
    sentence = refused(*line)
    assert "000000000000" in sentence
    assert "sha256" in sentence


OFFLINE = {"told": {"HF_HUB_OFFLINE": "1"}, "not told": {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:9"}}


@pytest.mark.parametrize(
    ("name", "how"),
    [("no-such-model-xyz", "told"), ("some-org/none", "told"), ("no-such-model-xyz", "not told")],
)
def test_unknown_model_without_a_network(name: str, how: str, tmp_path: Path) -> None:
    """Also where nobody said that there is none: not a line for each retry, and not half a minute."""
    env = environment(HF_HOME=str(tmp_path / "cache"), **OFFLINE[how])
    began = time.monotonic()
    sentence = finish(start("tokens", "hello", "--model", name, "--out", tmp_path / "x.json", env=env)).refusal()
    assert time.monotonic() - began < 20
    assert name in sentence
    assert "textdream models" in sentence
    assert not (tmp_path / "x.json").exists()


# Where the result goes


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing/x.json", "missing"),
        ("file/x.json", "file"),
        ("folder", "folder"),
        ("folder/", "folder"),
        (".", "folder"),
        ("", "folder"),
        ("/proc/x.json", "/proc"),
        ("y" * 300, "name"),
    ],
)
@pytest.mark.parametrize("command_name", ["dream", "tokens", "token-search", "similar", "verify", "models"])
def test_output_place(
    command_name: str,
    name: str,
    said: str,
    plain: Path,
    dreamed: bytes,
    refused: Refused,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "d.json").write_bytes(dreamed)
    words: dict[str, list[object]] = {
        "verify": ["d.json"],
        "models": [],
        "tokens": [TEXT, "--model", plain],
    }
    line = words.get(command_name, [TEXT, "--model", plain, *AT])
    assert said in refused(command_name, *line, "--out", name, out=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.json", "file", "folder", "out"]


# Result files


def _result(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        found = json.loads(data)
        change(found)
        return json.dumps(found).encode()

    return changed


def _raw(old: str, new: str) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        text = data.decode()
        assert old in text
        return text.replace(old, new, 1).encode()

    return changed


FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "empty"),
    "blank": (lambda data: b" \n ", "empty"),
    "text": (lambda data: b"hello", "JSON"),
    "binary": (lambda data: bytes(range(256)), "UTF-8"),
    "zeros": (lambda data: bytes(1000), "JSON"),
    "UTF-16": (lambda data: data.decode().encode("utf-16"), "UTF-8"),
    "cut in half": (lambda data: data[: len(data) // 2], "JSON"),
    "cut at the end": (lambda data: data.rstrip()[:-1], "JSON"),
    "two objects": (lambda data: data + data, "JSON"),
    "a list": (lambda data: b"[]", "schema"),
    "a number": (lambda data: b"3", "schema"),
    "null": (lambda data: b"null", "schema"),
    "no schema": (lambda data: b"{}", "schema"),
    "other schema": (_result(lambda d: d.update(schema="textdream.result/2")), "textdream.result/2"),
    "schema alone": (lambda data: b'{"schema": "textdream.result/1"}', "type"),
    "unknown type": (_result(lambda d: d.update(type="nonsense")), "nonsense"),
    "key missing": (_result(lambda d: d.pop("best")), "best"),
    "inner key missing": (_result(lambda d: d["best"].pop("ids")), "best.ids"),
    "no ids": (_result(lambda d: d["best"].update(ids=[], tokens=[])), "best.ids"),
    "negative id": (_result(lambda d: d["best"]["ids"].__setitem__(1, -1)), "best.ids.1"),
    "id that is text": (_result(lambda d: d["best"]["ids"].__setitem__(1, "x")), "best.ids.1"),
    "ids fewer than tokens": (_result(lambda d: d["best"]["ids"].pop()), "best"),
    "activation null": (_result(lambda d: d["best"].update(activation=None)), "best.activation"),
    "NaN": (_raw('"evaluations": ', '"evaluations": NaN, "x": '), "NaN"),
    "infinity": (_raw('"evaluations": ', '"x": -Infinity, "evaluations": '), "Infinity"),
    "too large": (_raw('"baseline": null', '"baseline": {"x": 1e999}'), "finite"),
    "too large in a sample": (_result(lambda d: d["best"].update(activation=10**400)), "best.activation"),
    "nested deeply": (lambda data: b"[" * 100_000 + b"]" * 100_000, "nest"),
    "a long number": (_raw('"evaluations": ', '"x": ' + "9" * 5000 + ', "evaluations": '), "digits"),
    "other weights": (_result(lambda d: d["model"].update(sha256="0" * 64)), "000000000000"),
    "hash that is none": (_result(lambda d: d["model"].update(sha256="x")), "sha256"),
    "layer the model lacks": (_result(lambda d: d["target"].update(layer=9)), "layer"),
    "neuron the model lacks": (_result(lambda d: d["target"].update(neuron=99)), "target"),
    "position the text lacks": (_result(lambda d: d["target"].update(position=99)), "target"),
    "site there is not": (_result(lambda d: d["target"].update(site="nonsense")), "site"),
    "no site": (_result(lambda d: d["target"].update(site=None)), "site"),
    "head the model lacks": (_result(lambda d: d["target"].update(site="head", head=9)), "target"),
    "logits the model lacks": (_result(lambda d: d["target"].update(site="logits")), "logits"),
    "free position the text lacks": (_result(lambda d: d.update(free=[99])), "free"),
    "no free position": (_result(lambda d: d.update(free=[])), "free"),
    "folder that is gone": (_result(lambda d: d["model"].update(name="/nope/nope")), "/nope/nope"),
}


@pytest.mark.parametrize("kind", FILES)
def test_verify_refuses(kind: str, dreamed: bytes, refused: Refused, tmp_path: Path) -> None:
    change, said = FILES[kind]
    path = tmp_path / "d.json"
    content = change(dreamed)
    path.write_bytes(content)
    sentence = refused("verify", path)
    assert said in sentence
    assert len(sentence) < 600
    assert "pydantic" not in sentence
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "kind", ["empty", "binary", "cut in half", "other schema", "key missing", "NaN", "nested deeply"]
)
def test_show_refuses(kind: str, dreamed: bytes, refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(FILES[kind][0](dreamed))
    assert "d.json" in refused("show", path, out=False)


@pytest.mark.parametrize("name", ["verify", "show"])
@pytest.mark.parametrize(("file", "said"), [("missing.json", "missing.json"), (".", "irectory"), ("x" * 300, "long")])
def test_no_result_file(name: str, file: str, said: str, refused: Refused, tmp_path: Path) -> None:
    assert said in refused(name, tmp_path / file, out=False)


@pytest.mark.parametrize("name", ["verify", "show"])
def test_no_file_given(name: str, refused: Refused) -> None:
    assert "file" in refused(name, out=False)


def test_show_of_several_kinds(
    plain: Path, dreamed: bytes, command: RunCommand, refused: Refused, tmp_path: Path
) -> None:
    dream, search = tmp_path / "d.json", tmp_path / "s.json"
    dream.write_bytes(dreamed)
    command("token-search", TEXT, "--model", plain, *AT, "--out", search).done()
    assert "token_search" in refused("show", dream, search, out=False)


def test_verify_with_an_unknown_name_in_the_file(dreamed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(_result(lambda d: d["model"].update(name="no-such-model-xyz"))(dreamed))
    sentence = finish(start("verify", path)).refusal()
    assert "no-such-model-xyz" in sentence
    assert "--model" in sentence


def test_verify_with_another_model(dreamed: bytes, refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(dreamed)
    other = save(tmp_path / "other", seed=1)
    assert "weights" in refused("verify", path, "--model", other)


def test_verify_with_the_model_moved(dreamed: bytes, plain: Path, command: RunCommand, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(_result(lambda d: d["model"].update(name="/nope/nope"))(dreamed))
    command("verify", path, "--model", plain).done()
