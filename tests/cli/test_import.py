"""`textdream import pair`, and what other commands make of what it gives."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.running import ROOT, environment
from tests.cli.test_help import example
from tests.records.pair_files import FILES, FOLDER, golden

Refused = Callable[..., str]


def without_ids(value: object) -> object:
    """JSON without token ids."""
    if isinstance(value, list):
        return [without_ids(each) for each in value]
    if isinstance(value, dict):
        kept = {key: without_ids(each) for key, each in value.items() if key not in ("ids", "id")}
        return {key: each for key, each in kept.items() if key not in ("textdream", "created")}
    return value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_import_gives_a_result_with_ids(path: Path, command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    found = command("import", "pair", path, "--json", "--out", out).done()
    assert out.read_text(encoding="utf-8") == found.out
    data = found.json()
    assert without_ids(data) == without_ids(json.loads(golden(path).read_text(encoding="utf-8")))
    assert data["start"]["ids"][0] == 101
    assert len(data["start"]["ids"]) == len(data["start"]["tokens"])
    drawn = command("show", out).done().out
    assert f"imported from PAIR's {path.name}" in drawn.replace("\n", " ")
    assert max(len(line) for line in drawn.splitlines()) <= 81, "a token may have a character of no width"


def test_help(command: RunCommand) -> None:
    found = command("import", "pair", "--help").done().out
    assert max(map(len, found.splitlines())) <= 80
    assert {"--model", "--out", "--json", "--html"} <= set(found.split())
    assert example(found)[0].startswith("textdream import pair")
    assert "pair" in command("import", "--help").done().out


def test_seed_is_accepted(command: RunCommand) -> None:
    command("import", "pair", FOLDER / "dream.json", "--seed", 3).done()


def test_example_works(command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(FOLDER / "dream.json", tmp_path)
    monkeypatch.chdir(tmp_path)
    (line,) = example(command("import", "pair", "--help").done().out)
    command(*line.split()[1:]).done()
    assert json.loads((tmp_path / "pair-dream.json").read_text())["type"] == "dream"


def test_torch_is_left_alone() -> None:
    code = (
        "import sys; from textdream.cli import main; code = main(['import', 'pair', sys.argv[1], '--json'])\n"
        "print(code, {'torch', 'transformers'} & set(sys.modules), file=sys.stderr)"
    )
    line = [sys.executable, "-c", code, str(FOLDER / "dream.json")]
    found = subprocess.run(line, env=environment(), cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stderr.splitlines()[-1] == "0 set()"
    assert json.loads(found.stdout)["start"]["ids"][0] == 101


def test_another_vocabulary(plain: Path, command: RunCommand) -> None:
    """That of the tiny model has the start's words, but lacks the last step's: a text with such a word has no ids."""
    data = command("import", "pair", FOLDER / "dream.json", "--model", plain, "--json").done().json()
    assert data["start"]["ids"] == [2, 21, 22, 23, 24, 20, 3]
    assert data["final"]["tokens"][3] == "accord"
    assert data["final"]["ids"] == []


def test_a_cased_model_is_not_given_uncased_ids(command: RunCommand, tmp_path: Path) -> None:
    path = tmp_path / "cased.json"
    path.write_text((FOLDER / "dream.json").read_text().replace("bert-base-uncased-cns", "bert-base-cased"))
    found = command("import", "pair", path, "--json").done()
    assert found.json()["start"]["ids"] == []
    assert "bert-base-cased" in found.err
    assert "--model" in found.err


@pytest.mark.parametrize("model", ["no-such-model-xyz", "/nope/nope", "x" * 300, "a b", "smollm2"])
def test_a_model_without_a_vocabulary(model: str, refused: Refused) -> None:
    assert "another --model" in refused("import", "pair", FOLDER / "dream.json", "--model", model)


def test_a_tokenizer_that_is_none(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "tokenizer.json").write_text("{}")
    assert "no tokenizer" in refused("import", "pair", FOLDER / "dream.json", "--model", tmp_path / "model")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"{", "cut short"), (b"{}", "PAIR"), (b"\xff", "UTF-8"), (b'{"type": "recipe"}', "recipe")],
)
def test_bad_files(content: bytes, said: str, refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    assert said in refused("import", "pair", path)


def test_a_result_of_our_own_is_no_file_of_pairs(dreamed: bytes, refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(dreamed)
    assert "PAIR" in refused("import", "pair", path)


def test_show_says_what_to_do_with_a_file_of_pairs(refused: Refused) -> None:
    assert "textdream import pair" in refused("show", FOLDER / "dream.json", out=False)


@pytest.fixture
def imported(command: RunCommand, tmp_path: Path) -> Callable[[str], Path]:
    """An imported file."""

    def become(name: str) -> Path:
        out = tmp_path / f"{name}-imported.json"
        command("import", "pair", FOLDER / f"{name}.json", "--out", out).done()
        return out

    return become


@pytest.mark.parametrize("name", ["dream", "token_search", "similar_embeddings", "reconstruct", "shift", "top_words"])
def test_verify_says_that_there_is_nothing_to_check(
    name: str, imported: Callable[[str], Path], refused: Refused
) -> None:
    assert "nothing to check" in refused("verify", imported(name))


def test_diagnose_refuses(imported: Callable[[str], Path], refused: Refused) -> None:
    assert "imported" in refused("diagnose", imported("dream"))


def test_reconstruct_does_not_resume_it(imported: Callable[[str], Path], command: RunCommand, plain: Path) -> None:
    path = imported("reconstruct")
    content = path.read_bytes()
    assert "imported" in command("reconstruct", "a b", "--model", plain, "--resume", "--out", path).refusal()
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (["model", "sha256"], None, "model.sha256"), (["seconds"], None, "seconds"), (["seed"], None, "seed"),
        (["best", "ids"], [], "best.ids"), (["best", "activation"], None, "best.activation"),
        (["start", "round_trip"], None, "start.round_trip"), (["steps", 0, "hard"], None, "steps.hard"),
        (["evaluations"], None, "evaluations"), (["target", "kind"], "mean", "target.kind"),
    ],
)  # fmt: skip
def test_a_result_of_our_own_may_lack_nothing(
    where: list[str], value: object, said: str, dreamed: bytes, refused: Refused, tmp_path: Path
) -> None:
    data = json.loads(dreamed)
    inner = data
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    path = tmp_path / "d.json"
    path.write_text(json.dumps(data))
    assert said in refused("show", path, out=False)
