"""`--html`: a page beside the result, and pages of files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.cli.running import AT, TEXT
from tests.records.pair_files import FOLDER
from tests.report.pages import Page

Refused = Callable[..., str]


def inside(path: Path) -> list[dict[str, object]]:
    """The results in a page."""
    found: list[dict[str, object]] = json.loads(Page(path.read_text(encoding="utf-8")).results)
    return found


@pytest.mark.parametrize("words", [["dream", "--steps", "1", "--no-certify"], ["token-search"], ["similar"]])
def test_a_page_beside_the_result(words: list[str], plain: Path, command: RunCommand, tmp_path: Path) -> None:
    out, page = tmp_path / "r.json", tmp_path / "r.html"
    name, *flags = words
    drawn = command(name, TEXT, "--model", plain, *AT, *flags, "--out", out, "--html", page).done().out
    assert inside(page) == [{"name": "r.json", "result": json.loads(out.read_text(encoding="utf-8"))}]
    assert str(page) in drawn.replace("\n", "")


def test_the_result_on_standard_output_is_that_of_the_page(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    found = command("similar", TEXT, "--model", plain, *AT, "--json", "--html", page).done()
    assert inside(page) == [{"name": "similar.json", "result": found.json()}]


@pytest.mark.parametrize("place", ["absent/r.html", "."])
def test_a_place_that_cannot_be_written_is_refused_before(
    place: str, plain: Path, refused: Refused, tmp_path: Path
) -> None:
    assert "--html" in refused("similar", TEXT, "--model", plain, *AT, "--html", tmp_path / place)


def test_one_file_for_both_is_refused(plain: Path, command: RunCommand, tmp_path: Path) -> None:
    both = tmp_path / "r.json"
    found = command("similar", TEXT, "--model", plain, *AT, "--out", both, "--html", both).refusal()
    assert "--html" in found
    assert not both.exists()


@pytest.mark.parametrize("name", ["tokens", "models", "verify"])
def test_what_is_no_result_has_no_page(name: str, command: RunCommand) -> None:
    assert "--html" not in command(name, "--help").done().out


def test_show_puts_files_of_any_kinds_into_one_page(dreamed: bytes, command: RunCommand, tmp_path: Path) -> None:
    first, second, page = tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c.html"
    first.write_bytes(dreamed)
    command("import", "pair", FOLDER / "shift.json", "--out", second).done()
    drawn = command("show", first, second, "--html", page).done().out
    assert inside(page) == [
        {"name": path.name, "result": json.loads(path.read_text(encoding="utf-8"))} for path in (first, second)
    ]
    assert str(page) in drawn.replace("\n", "")


def test_files_of_one_name_are_told_apart(dreamed: bytes, command: RunCommand, tmp_path: Path) -> None:
    files = [tmp_path / folder / "a.json" for folder in ("one", "two")]
    for file in files:
        file.parent.mkdir()
        file.write_bytes(dreamed)
    command("show", *files, "--html", tmp_path / "c.html").done()
    assert [found["name"] for found in inside(tmp_path / "c.html")] == ["one/a.json", "two/a.json"]


def test_show_does_not_write_over_a_file_that_it_draws(dreamed: bytes, command: RunCommand, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(dreamed)
    assert "--html" in command("show", path, "--html", path).refusal()
    assert path.read_bytes() == dreamed


def test_show_leaves_the_old_page_where_a_file_is_bad(command: RunCommand, tmp_path: Path) -> None:
    page = tmp_path / "c.html"
    page.write_text("old")
    command("show", FOLDER / "dream.json", "--html", page).refusal()
    assert page.read_text() == "old"
