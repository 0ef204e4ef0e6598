"""PAIR's files drawn in the terminal: all that is there, and nothing of what is not."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from tests.records.pair_files import FILES, FOLDER
from textdream.records import read_pair
from textdream.report.dreams import compare
from textdream.report.terminal import show


def drawn(what, width=80):
    file = io.StringIO()
    console = Console(file=file, width=width, no_color=True)
    show(what, console) if hasattr(what, "imported") else console.print(what)
    return file.getvalue()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("width", [80, 40, 200])
def test_it_fits_and_says_where_it_comes_from(path, width):
    text = drawn(read_pair(path), width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "None" not in text
    assert f"imported from PAIR's {path.name}" in " ".join(text.split())


def test_values_have_the_digits_that_pairs_unit_needs():
    text = drawn(read_pair(FOLDER / "dream.json"))
    assert "start  0.0364  no wheeler [for] me ." in text
    assert "final  0.0348  no wheeler [accord] me ." in text
    assert "anneal (PAIR) · 10,000 steps" in text


def test_top_words_show_the_heaviest_tokens_of_a_step():
    lines = drawn(read_pair(FOLDER / "top_words.json")).splitlines()
    row = next(line for line in lines if line.strip().startswith("10,000"))
    assert "accord 1.00" in row
    assert any("last  –  no wheeler [accord] me ." in line for line in lines)
    assert not any("climb" in line for line in lines)


def test_pieces_that_do_not_belong_to_the_word_before_stand_alone():
    text = drawn(read_pair(FOLDER / "shift_layers_magnitudes.json"))
    assert "she✗ is ##ibe✗ doctor" in text
    assert "she✓ is a doctor" in text


def test_imported_dreams_stand_beside_others():
    results = [(name, read_pair(FOLDER / f"{name}.json")) for name in ("dream", "top_words")]
    text = drawn(compare(results))
    assert "0.0364" in text
    assert "–" in text
    assert "None" not in text
