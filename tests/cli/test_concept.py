"""`textdream concept`: fitting, classifying, exporting, and what the user can give wrong."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import textdream
from tests.cli.conftest import RunCommand
from tests.cli.folders import save
from tests.cli.running import words_of
from tests.cli.test_help import example

Refused = Callable[..., str]
CONTEXTS = (
    "{} was a doctor .",
    "then {} was a storm .",
    "if {} compressed them , no storm was",
    "the dream was for {} .",
)
FAST = ["--folds", 2, "--repeats", 1, "--controls", 2]
NAMED = ["--word-positive", "he", "--word-negative", "she"]


@pytest.fixture
def files(tmp_path: Path) -> list[object]:
    """--positive and --negative with files of four sentences each."""
    for name, word in (("he", "he"), ("she", "she")):
        text = "\n".join(context.format(word) for context in CONTEXTS)
        (tmp_path / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
    return ["--positive", tmp_path / "he.txt", "--negative", tmp_path / "she.txt"]


@pytest.fixture(scope="module")
def fitted(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A concept file of the tiny model, fitted by the command."""
    from textdream.cli import main

    folder = tmp_path_factory.mktemp("fitted")
    (folder / "s.txt").write_text("\n".join(context.format("he") for context in CONTEXTS), encoding="utf-8")
    out = folder / "he-she.safetensors"
    words = ["concept", "fit", folder / "s.txt", "--swap", "he=she", "--model", plain, *FAST, "--out", out]
    assert main(list(map(str, words))) == 0
    return out


def test_fit_classify_dream_and_verify(command: RunCommand, plain: Path, files: list[object], tmp_path: Path) -> None:
    vectors, record = tmp_path / "he-she.safetensors", tmp_path / "he-she.json"
    words = [*files, *NAMED, "--model", plain, *FAST, "--out", vectors, "--record", record]
    found = command("concept", "fit", *words).done()
    assert "she → he" in found.out
    assert "4 pairs" in found.out
    assert f"vectors written to {vectors}" in found.out
    for layer in textdream.read_result(record).layers:
        assert f"  {layer.agreement:.2f}/{layer.shuffled_agreement:.2f}  " in found.out
    assert len(load_file(vectors)) == 4
    assert command("verify", record, "--model", plain).done()
    assert "she → he" in command("show", record).done().out
    out = tmp_path / "doctor.json"
    text = "the doctor was a storm ."
    classified = command(
        "concept", "classify", vectors, text, "--word", "doctor", "--model", plain, "--out", out
    ).done()
    assert "[doctor]" in classified.out
    assert command("verify", out, "--model", plain).done()
    dreamed = command("dream", text, "--model", plain, "--layer", 1, "--word", "doctor", "--direction", vectors).done()
    assert "she → he" in dreamed.out


def test_lines_without_the_word_are_named(
    command: RunCommand, plain: Path, files: list[object], tmp_path: Path
) -> None:
    with (tmp_path / "he.txt").open("a", encoding="utf-8") as file:
        file.write("the storm was a dream .\nthe dream was a storm .\n\nhe was a storm .\nthe doctor was a storm .\n")
    found = command("concept", "fit", *files, *NAMED, "--model", plain, *FAST).done()
    assert "      3  the word 'he' is not in it\n          he.txt line 5-6, 9" in found.out


def test_json_is_alone_on_standard_output(
    command: RunCommand, plain: Path, files: list[object], tmp_path: Path
) -> None:
    words = [*files, *NAMED, "--model", plain, *FAST, "--out", tmp_path / "v.safetensors", "--json"]
    found = command("concept", "fit", *words).json()
    assert found["type"] == "concept"
    assert found["words"] == {"positive": "he", "negative": "she"}
    assert {"layer", "accuracy", "interval", "shuffled", "random", "agreement"} <= set(found["layers"][0])
    words = [tmp_path / "v.safetensors", "the doctor was a storm .", "--position", 2, "--model", plain, "--json"]
    assert command("concept", "classify", *words).json()["type"] == "classify"


def test_export(command: RunCommand, plain: Path, files: list[object], tmp_path: Path) -> None:
    out = tmp_path / "x.parquet"
    found = command("concept", "export", *files, *NAMED, "--model", plain, "--layers", 1, "--out", out, "--json").json()
    assert found["rows"] == 8
    rows = duckdb.sql(f"SELECT text, word, positive, position, token, layer, activation FROM '{out}'").fetchall()
    assert len(rows) == 8
    model = textdream.load(str(plain))
    for text, word, positive, position, token, layer, activation in rows:
        assert word == token == ("he" if positive else "she")
        assert layer == 1
        for neuron in (0, 7):
            target = textdream.neuron(1, neuron)
            expected = textdream.similar(model, text, target, textdream.SimilarConfig(top=1), position=position)
            assert activation[neuron] == pytest.approx(expected.start.activation, abs=1e-5)


def interrupt_at(monkeypatch: pytest.MonkeyPatch, news: int | None = None, phase: str | None = None) -> None:
    """Ctrl-C after so many finds, or at the first sign of a phase."""
    from textdream.report.progress import LiveProgress

    finds: list[str] = []

    def update(_: object, now: str, done: int, total: int, found: str | None = None) -> None:
        finds.extend(filter(None, [found]))
        if now == phase or (news is not None and len(finds) == news):
            raise KeyboardInterrupt

    monkeypatch.setattr(LiveProgress, "update", update)


def test_a_fit_is_kept_at_ctrl_c_and_goes_on(
    command: RunCommand, plain: Path, files: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def words(name: str) -> list[object]:
        places = ["--out", tmp_path / f"{name}.safetensors", "--record", tmp_path / f"{name}.json"]
        return ["concept", "fit", *files, *NAMED, "--model", plain, *FAST, *places]

    def layers(name: str) -> list[object]:
        return json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["layers"]

    command(*words("whole")).done()
    with monkeypatch.context() as patch:
        interrupt_at(patch, news=1)
        found = command(*words("part"), "--json")
    out, record = tmp_path / "part.safetensors", tmp_path / "part.json"
    assert found.code == 130
    assert found.err.splitlines()[-1] == f"textdream: interrupted; what was searched is in {out}"
    assert found.json()["interrupted"] is True
    assert layers("part") == found.json()["layers"] == layers("whole")[:1]
    command("verify", record, "--model", plain).done()
    assert "interrupted: --resume goes on" in " ".join(command("show", record).done().out.split())
    text = "the doctor was no storm"
    command("concept", "classify", out, text, "--word", "doctor", "--model", plain).done()

    assert "differs in its seed" in command(*words("part"), "--resume", "--seed", 1).refusal()
    gone_on = command(*words("part"), "--resume").done()
    assert "layer 0  accuracy" not in gone_on.err
    assert "layer 1  accuracy" in gone_on.err
    assert out.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    assert layers("part") == layers("whole")
    # What is whole stays as it is.
    command(*words("part"), "--resume").done()
    assert out.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_nothing_is_written_before_the_first_layer(
    command: RunCommand, plain: Path, files: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_at(monkeypatch, phase="reading activations")
    out = tmp_path / "v.safetensors"
    found = command("concept", "fit", *files, *NAMED, "--model", plain, *FAST, "--out", out, "--resume")
    assert (found.code, found.err.splitlines()[-1]) == (130, "textdream: interrupted")
    assert not out.exists()


def test_what_cannot_be_gone_on_with(
    command: RunCommand, plain: Path, files: list[object], fitted: Path, tmp_path: Path
) -> None:
    alone = ["concept", "fit", *files, *NAMED, *FAST, "--resume"]
    fit = [*alone, "--model", plain]
    assert "--resume was given without --out" in command(*fit).refusal()
    other = tmp_path / "other.safetensors"
    save_file({"v": np.ones(16, np.float32)}, other)
    before = other.read_bytes()
    assert "no concept" in command(*fit, "--out", other).refusal()
    assert other.read_bytes() == before
    wide = save(tmp_path / "wide", hidden_size=32)
    assert "is a concept of" in command(*alone, "--model", wide, "--out", fitted).refusal()


@pytest.mark.parametrize("when", ["reading", "writing"])
def test_an_interrupted_export_leaves_nothing(
    when: str, command: RunCommand, plain: Path, files: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    if when == "reading":
        interrupt_at(monkeypatch, phase="reading activations")
    else:
        # The table is written, and about to be read.
        monkeypatch.setattr(Path, "read_bytes", stop)
    out = tmp_path / "out" / "x.parquet"
    out.parent.mkdir()
    found = command("concept", "export", *files, *NAMED, "--model", plain, "--out", out)
    assert (found.code, found.out, found.err.splitlines()[-1]) == (130, "", "textdream: interrupted")
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["fit", "classify", "export"])
def test_help(name: str, command: RunCommand) -> None:
    found = command("concept", name, "--help").done().out
    assert max(len(line) for line in found.splitlines()) <= 80
    lines = example(found)
    assert lines[0].startswith(f"textdream concept {name}")
    assert all(line.endswith("\\") for line in lines[:-1])
    assert shlex.split(" ".join(line.removesuffix("\\") for line in lines))
    for line in found.splitlines():
        assert not re.fullmatch(r"│ +--[a-z][\w.-]*\w( [A-Z]+)? +│", line), line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "no sentences were given"),
        ("--positive he.txt", "concept word"),
        ("--positive he.txt --word-positive he --word-negative she", "both --positive and --negative"),
        ("--positive he.txt --negative she.txt", "--word-positive"),
        ("--positive he.txt --negative she.txt --pairs p.txt", "several ways"),
        ("--positive he.txt --negative she.txt --swap he=she s.txt", "several ways"),
        ("s.txt", "no sentences"),
        ("--swap he=she", "without a file"),
        ("s.txt --positive he.txt --negative she.txt --word-positive he --word-negative she", "without --swap"),
        ("--swap he s.txt", "pairs such as"),
        ("--swap he=she none.txt", "none.txt"),
        ("--swap he=she s.txt", "positive set has 1 sentence"),
        ("--swap wheeler=doctor s.txt", "nothing changes"),
        ("--pairs p.txt --word-positive he --word-negative she", "positive set has 0"),
        ("--pairs none.txt --word-positive he --word-negative she", "none.txt"),
        ("--positive he.txt --negative he.txt --word-positive he --word-negative he", "identical"),
        ("--positive he.txt --negative she.txt --word-positive him --word-negative she", "'him' is not in it"),
        ("--positive he.txt --negative she.txt --word-positive he --word-negative she --layers 5", "reaches layer 5"),
        ("--positive he.txt --negative she.txt --word-positive he --word-negative she --layers x", "--layers 'x'"),
        ("--positive he.txt --negative she.txt --word-positive he --word-negative she --folds 1", "--folds 1"),
        ("--positive he.txt --negative she.txt --word-positive he --word-negative she --most 1.5", "whole number"),
        ("--positive he.txt --negative she.txt --word-positive he --word-negative she --seed -1", "--seed -1"),
    ],
)
def test_bad_input(
    line: str,
    said: str,
    plain: Path,
    files: list[object],
    refused: Refused,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.txt").write_text("he was a doctor .\nthe storm\n", encoding="utf-8")
    Path("p.txt").write_text("he was a doctor .\nthe storm\n", encoding="utf-8")
    assert said in refused("concept", "fit", *words_of(line), "--model", plain)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--word wheeler", "not in the text"),
        ("", "no word"),
        ("--position 99", "position 99"),
        ("--word doctor --layers 9", "reaches layer 9"),
        ("--word doctor --kind nonsense", "nonsense"),
    ],
)
def test_bad_classification(line: str, said: str, plain: Path, fitted: Path, refused: Refused) -> None:
    assert said in refused("concept", "classify", fitted, "the doctor was no storm", *words_of(line), "--model", plain)


def test_files_that_are_no_concept_of_this_model(fitted: Path, plain: Path, refused: Refused, tmp_path: Path) -> None:
    def classify(file: Path, model: Path) -> str:
        folder = tmp_path / "out"
        if folder.exists():
            (folder / "old.json").unlink()
            folder.rmdir()
        return refused("concept", "classify", file, "the doctor was no storm", "--word", "doctor", "--model", model)

    save_file({"v": np.ones(16, np.float32)}, tmp_path / "v.safetensors")
    (tmp_path / "text").write_text("no tensors")
    assert "no concept" in classify(tmp_path / "v.safetensors", plain)
    assert "safetensors" in classify(tmp_path / "text", plain)
    assert "none.safetensors" in classify(tmp_path / "none.safetensors", plain)
    assert "is a concept of" in classify(fitted, save(tmp_path / "other", seed=3))
    assert "32 wide" in classify(fitted, save(tmp_path / "wide", hidden_size=32))


def test_nothing_is_written_where_one_of_two_places_cannot_be(
    command: RunCommand, plain: Path, files: list[object], tmp_path: Path
) -> None:
    words = ["concept", "fit", *files, *NAMED, "--model", plain, *FAST]
    command(*words, "--out", tmp_path / "v.safetensors", "--record", tmp_path / "none" / "r.json").refusal()
    assert not (tmp_path / "v.safetensors").exists()


def test_no_file_is_written_twice_or_over_one_that_is_read(
    command: RunCommand, plain: Path, files: list[object], fitted: Path, tmp_path: Path
) -> None:
    sentences, before = tmp_path / "he.txt", (tmp_path / "he.txt").read_bytes()
    fit = ["concept", "fit", *files, *NAMED, "--model", plain, *FAST]
    same = tmp_path / "same"
    assert "--out and --record are both" in command(*fit, "--out", same, "--record", same).refusal()
    assert "--positive and --out are both" in command(*fit, "--out", sentences).refusal()
    assert "--positive and --record are both" in command(*fit, "--record", sentences).refusal()
    export = ["concept", "export", sentences, "--swap", "he=she", "--model", plain]
    assert "FILE and --out are both" in command(*export, "--out", tmp_path / "." / "he.txt").refusal()
    assert not same.exists()
    assert sentences.read_bytes() == before
    vectors = fitted.read_bytes()
    classify = ["concept", "classify", fitted, "the doctor was no storm", "--word", "doctor", "--model", plain]
    assert "FILE and --out are both" in command(*classify, "--out", fitted).refusal()
    assert fitted.read_bytes() == vectors


def test_on_the_default_model(command: RunCommand, minilm: textdream.Model, tmp_path: Path) -> None:
    """Speeches: the doctor of the middle layers is nearer to "he", and "he" and "she" themselves are told apart."""
    lines = [f"{who} went home and said that he was {how} ." for who in ("the king", "the boy", "my uncle", "that man")
             for how in ("tired", "happy", "late")]  # fmt: skip
    (tmp_path / "s.txt").write_text("\n".join(lines), encoding="utf-8")
    out = tmp_path / "he-she.safetensors"
    words = [tmp_path / "s.txt", "--swap", "he=she", "--layers", "2:4", *FAST, "--out", out, "--json"]
    found = command("concept", "fit", *words).json()
    assert all(layer["accuracy"] == 1.0 for layer in found["layers"])
    text = "my friend says he will come ."
    he = json.loads(command("concept", "classify", out, text, "--word", "he", "--json").done().out)
    she = json.loads(
        command("concept", "classify", out, text.replace("he ", "she "), "--word", "she", "--json").done().out
    )
    for one, two in zip(he["layers"], she["layers"], strict=True):
        assert one["score"] > 0 > two["score"]
        assert one["probability"] > 0.5 > two["probability"]
