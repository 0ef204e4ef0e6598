"""`corpus top`, `neurons` and `dream --from-corpus`, on a tiny model in a folder."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.running import TEXT
from tests.cli.test_commands import COMMON, SAMPLE, finite
from tests.cli.test_help import example
from tests.indexes import make_index

LINES = """no wheeler for me .
then he compressed his temples with his hands .
me , me , me !
the unknown doctor dreams .
no , no , no .
she was the storm .
as if to crush them !
was he a doctor ? no .""".splitlines()
UNIT = ["--layer", "1", "--neuron", "3"]
SENTENCE = {"text", "position", "activation", "tokens", "activations", "ids", "sentence"}


@pytest.fixture(scope="session")
def index(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import textdream

    return make_index(textdream.load(str(plain)), LINES, tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def other(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import textdream

    lines = [" ".join(reversed(line.split())) for line in LINES]
    return make_index(textdream.load(str(plain)), lines, tmp_path_factory.mktemp("other"), "other.txt")


def test_corpus_top_as_json(index: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "top.json"
    found = command("corpus", "top", index, *UNIT, "--top", 3, "--seed", 7, "--json", "--out", out).done()
    data = found.json()
    assert out.read_text(encoding="utf-8") == found.out
    assert data.keys() >= COMMON | {"target", "corpus", "sentences", "least", "quantiles", "histogram", "standing"}
    assert data["type"] == "corpus_top"
    assert data["settings"]["index"] == str(index)
    assert (data["target"]["site"], data["target"]["layer"], data["target"]["neuron"]) == ("resid_post", 1, 3)
    assert data["against"] is None
    assert len(data["sentences"]) == len(data["least"]) == 3
    assert all(one.keys() >= SENTENCE for one in data["sentences"])
    values = [one["activation"] for one in data["sentences"]]
    assert values == sorted(values, reverse=True)
    assert all(one["text"] in LINES for one in data["sentences"])
    assert finite(data)
    assert "✓" in command("verify", out).done().out


def test_corpus_top_is_drawn(index: Path, command: RunCommand) -> None:
    drawn = command("corpus", "top", index, *UNIT, "--quantiles").done().out
    assert max(map(len, drawn.splitlines())) <= 80
    assert "\x1b" not in drawn
    assert "texts.txt: 8 sentences" in drawn
    assert re.search(r"most\n +-?\d+\.\d+  .*\[\S+\]", drawn)
    assert "least" in drawn
    assert "0 to 10 %" in drawn
    assert "90 to 100 %" in drawn
    assert "█" in drawn


def test_corpus_top_is_shaded_where_there_are_colours(
    index: Path, command: RunCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    drawn = command("corpus", "top", index, *UNIT).done().out
    assert re.search(r"\x1b\[[\d;]*48;2;255;122;0m", drawn), "the highest"
    assert re.search(r"\x1b\[[\d;]*48;2;51;140;255m", drawn), "the lowest"


def test_two_corpora_are_drawn_side_by_side(index: Path, other: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "top.json"
    drawn = command("corpus", "top", index, *UNIT, "--against", other, "--out", out).done().out
    lines = [line for line in drawn.splitlines() if str(tmp_path)[:20] not in line]
    assert max(map(len, lines)) <= 80
    assert any("texts.txt" in line and "other.txt" in line for line in lines)
    assert any(len(re.findall(r"-?\d+\.\d\d ", line)) == 2 for line in lines)
    assert "in common" in drawn
    against = json.loads(out.read_text(encoding="utf-8"))["against"]
    assert {"tokens", "embeddings", "others", "text", "sentences", "corpus"} <= against.keys()
    command("verify", out).done()


@pytest.mark.parametrize(
    ("flags", "number"), [(["--random-direction"], 0), (["--random-direction", 5], 5), (["--random-direction=1"], 1)]
)
@pytest.mark.parametrize("unit", [UNIT, UNIT[:2]])
def test_random_directions(flags: list[object], number: int, unit: list[str], index: Path, command: RunCommand) -> None:
    data = command("corpus", "top", index, *unit, "--json", *flags).done().json()
    assert data["target"]["kind"] == "direction"
    assert data["target"]["description"].endswith(f"random direction {number}")
    assert data["settings"]["random_direction"] == number
    assert "random direction" in command("corpus", "top", index, *unit, *flags).done().out


def test_neurons_as_json(index: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "neurons.json"
    words = ["neurons", TEXT, "--word", "wheeler", "--index", index, "--top", 6]
    found = command(*words, "--json", "--out", out).done()
    data = found.json()
    assert out.read_text(encoding="utf-8") == found.out
    assert data.keys() >= COMMON | {"start", "position", "neurons", "corpus"}
    assert data["type"] == "neurons"
    assert data["position"] == 2
    assert data["start"].keys() >= SAMPLE - {"activation"}
    assert len(data["neurons"]) == 6
    assert all(one.keys() >= {"site", "layer", "neuron", "activation", "z", "percentile"} for one in data["neurons"])
    assert finite(data)
    command("verify", out).done()
    assert command(*words[:2], "--position", 2, *words[4:], "--json").json()["neurons"] == data["neurons"]


def test_neurons_are_drawn_with_the_next_command(index: Path, plain: Path, command: RunCommand) -> None:
    drawn = command("neurons", TEXT, "--word", "wheeler", "--index", index, "--site", "mlp_post").done().out
    assert "no [wheeler] for me" in drawn
    assert "resid_post" not in drawn
    lines = drawn.split("dream of the first:", 1)[1].strip().splitlines()
    words = shlex.split(" ".join(line.removesuffix("\\") for line in lines))
    assert words[:2] == ["textdream", "dream"]
    data = command(*words[1:], "--steps", 1, "--no-certify", "--json").done().json()
    assert data["model"]["name"] == str(plain)
    assert data["start"]["text"] == TEXT.replace(" .", ".")
    assert data["target"]["site"] == "mlp_post"
    assert data["baseline"]["activation"] is not None


def test_dreams_from_a_corpus(index: Path, plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "dream.json"
    words = [
        "dream",
        "--model",
        plain,
        *UNIT,
        "--from-corpus",
        index,
        "--start",
        "top:3",
        "--free",
        "all",
        "--steps",
        3,
    ]
    data = command(*words, "--json", "--out", out).done().json()
    assert data["baseline"].keys() >= {"corpus", "text", "position", "activation", "beats", "ratio", "sentences"}
    assert len(data["baseline"]["sentences"]) == 3
    assert data["settings"]["start"] == "top:3"
    assert data["certificate"]["holds"]
    command("verify", out).done()
    drawn = command("show", out).done().out
    assert max(map(len, drawn.splitlines())) <= 80
    assert "beats the corpus" in drawn
    assert "of 8 sentences" in drawn
    assert "started from 3 of the 3 best" in drawn


def test_a_dream_of_a_text_is_held_against_a_corpus(index: Path, plain: Path, command: RunCommand) -> None:
    words = ["dream", TEXT, "--model", plain, *UNIT, "--word", "wheeler", "--from-corpus", index, "--steps", 1]
    data = command(*words, "--json").done().json()
    assert data["baseline"]["sentences"] == []
    assert data["start"]["text"] == TEXT.replace(" .", ".")
    assert "the best of 8 sentences" in command(*words).done().out


REFUSED = {
    "no index": (["corpus", "top", "nowhere", *UNIT], "nowhere is no index"),
    "no layer": (["corpus", "top", "INDEX", "--neuron", "3"], "--layer"),
    "no neuron": (["corpus", "top", "INDEX", "--layer", "1"], "--neuron"),
    "a layer outside": (["corpus", "top", "INDEX", "--layer", "9", "--neuron", "3"], "layer 9"),
    "a neuron outside": (["corpus", "top", "INDEX", "--layer", "1", "--neuron", "999"], "0 to 15"),
    "another site": (["corpus", "top", "INDEX", *UNIT, "--site", "attn_out"], "attn_out"),
    "half a direction": (["corpus", "top", "INDEX", *UNIT, "--random-direction", "1.5"], "whole number"),
    "no such direction": (["corpus", "top", "INDEX", *UNIT, "--random-direction", "99"], "random direction 99"),
    "another model": (["corpus", "top", "INDEX", *UNIT, "--model", "MASKED"], "an index of"),
    "against another": (["corpus", "top", "INDEX", *UNIT, "--against", "nowhere"], "nowhere is no index"),
    "none shown": (["corpus", "top", "INDEX", *UNIT, "--top", "0"], "--top 0"),
    "neurons without an index": (["neurons", TEXT, "--word", "me"], "--index"),
    "neurons without a word": (["neurons", TEXT, "--index", "INDEX"], "--word or --position"),
    "neurons half a token on": (["neurons", TEXT, "--position", "1.5", "--index", "INDEX"], "whole number"),
    "neurons of a special token": (["neurons", TEXT, "--position", "0", "--index", "INDEX"], "position 0 holds [CLS]"),
    "neurons of another site": (["neurons", TEXT, "--word", "me", "--index", "INDEX", "--site", "head"], "head"),
    "neurons of another model": (
        ["neurons", TEXT, "--word", "me", "--index", "INDEX", "--model", "MASKED"],
        "an index of",
    ),
    "starts without an index": (["dream", "--model", "PLAIN", *UNIT, "--start", "top:3"], "--from-corpus"),
    "no starts": (["dream", "--model", "PLAIN", *UNIT, "--start", "top:0", "--from-corpus", "INDEX"], "top:10"),
    "a dream by another model": (
        ["dream", "--model", "MASKED", *UNIT, "--start", "top:3", "--from-corpus", "INDEX"],
        "an index of",
    ),
    "a dream of a whole layer": (
        ["dream", TEXT, "--model", "PLAIN", "--layer", "1", "--word", "me", "--from-corpus", "INDEX"],
        "one neuron",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(what: str, index: Path, plain: Path, masked: Path, refused: Callable[..., str]) -> None:
    words, sentence = REFUSED[what]
    places = {"INDEX": index, "PLAIN": plain, "MASKED": masked}
    assert sentence in refused(*[places.get(word, word) for word in words])


def test_the_help_of_corpus_top(command: RunCommand) -> None:
    found = command("corpus", "top", "--help").done().out
    assert max(map(len, found.splitlines())) <= 80
    flags = ("--layer", "--neuron", "--site", "--random-direction", "--quantiles", "--against", "--top", "--seed")
    for flag in (*flags, "--model", "--device", "--json", "--out"):
        assert flag in found
    assert example(found)[0].startswith("textdream corpus top")
    assert not re.search(r"│ +--[a-z][\w.-]*\w( [A-Z|]+)? +│", found)
