"""The table of a shift in the terminal."""

import io
from pathlib import Path

from rich.console import Console

import textdream
from textdream.report.terminal import show

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def test_a_magnitude_of_nothing_has_a_row_of_its_own():
    """Nothing is left of a shift by nothing; of its neighbours, which give the same text, all of it may be."""
    result = textdream.read_result(RESULTS / "shift.json")
    file = io.StringIO()
    show(result, Console(file=file, width=100, force_terminal=False, no_color=True))
    rows = [line.split() for line in file.getvalue().splitlines() if "+0" in line.split()]
    assert len(rows) == len({run.layer for run in result.runs})
    assert all(row[-1] == "0%" and "…" not in row for row in rows)
