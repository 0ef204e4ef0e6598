"""What a concept's drawing says of sentences that were set aside."""

import pytest

from textdream.records import SetAside
from textdream.report.concept import _where


def aside(places: list[str], count: int | None = None) -> SetAside:
    return SetAside(reason="", count=count or len(places), examples=[f"{place}: a 12: cat" for place in places])


@pytest.mark.parametrize(
    ("places", "count", "said"),
    [
        (["he.txt line 2", "he.txt line 4"], None, "he.txt line 2, 4"),
        (["he.txt line 2", "he.txt line 3", "he.txt line 4", "he.txt line 9"], None, "he.txt line 2-4, 9"),
        (["a.txt line 2", "b.txt line 3", "b.txt line 4"], None, "a.txt line 2; b.txt line 3-4"),
        (["line 3", "line 3", "line 4"], None, "line 3, 3-4"),
        ([f"line {number}" for number in range(1, 1001)], 1234, "line 1-1000, and 234 more"),
        ([f"line {2 * number}" for number in range(1000)], None,
         "line " + ", ".join(str(2 * number) for number in range(50)) + ", and 950 more"),
        (["he.txt line 2"], None, None),
        ([f"sotu {number}" for number in range(5)], 71092, None),
        (["pair", "pair"], None, None),
    ],
)  # fmt: skip
def test_lines_are_listed_in_short(places: list[str], count: int | None, said: str | None) -> None:
    assert _where(aside(places, count)) == said
