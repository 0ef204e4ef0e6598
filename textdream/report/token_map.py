"""A map of tokens drawn in the terminal: columns are positions with the present token, rows the best tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textdream.records import PositionTokens, TokenSearchResult, TokenValue
from textdream.report.text import SPARKS

NAME = 9
"""Columns of the terminal for a token's name."""
GAP = 2
# From the value of the text as it is to the best of the map; with a foreground, so that dark and light terminals both show it.
SHADES = ("", *(f"white on {colour}" for colour in ("#12312b", "#14493d", "#166350", "#147257", "#0f8060")))


class TokenMap:
    """The grid, wrapped in as many groups of columns as the width asks for.

    Parameters
    ----------
    result
        A search with a `map`.
    best, worst
        Rows of each.
    """

    def __init__(self, result: TokenSearchResult, best: int = 8, worst: int = 2) -> None:
        self.columns = result.map or []
        self.read, self.start = result.target.position, result.start.activation
        self.best, self.worst = best, worst
        values = [token.activation for column in self.columns for token in column.tokens[:best]]
        self.high = max(values, default=self.start)
        shown = values + [token.activation for column in self.columns for token in column.worst[:worst]]
        self.digits = 3 if all(abs(value) < 100 for value in shown) else 1
        self.room = max((len(self._number(value)) for value in shown), default=5)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Groups of columns, one below the other."""
        count = max(1, (options.max_width - 1) // (NAME + 2 + self.room + GAP))
        for first in range(0, len(self.columns), count):
            yield Padding(self._group(self.columns[first : first + count]), (0, 0, 0, 1))
            yield Text()

    def _group(self, columns: Sequence[PositionTokens]) -> RenderableType:
        table = Table.grid(padding=(0, GAP, 0, 0))
        for _ in columns:
            table.add_column(no_wrap=True, width=NAME + 2 + self.room)
        table.add_row(*(Text(str(column.position), style="dim") for column in columns))
        table.add_row(*(self._head(column) for column in columns))
        rows = [[column.tokens[: self.best] for column in columns], [column.worst[: self.worst] for column in columns]]
        for part, lists in enumerate(rows):
            for row in range(max(map(len, lists), default=0)):
                if part and not row:
                    table.add_row(Text("worst", style="dim"))
                cells = [self._cell(tokens[row], part == 0) if row < len(tokens) else Text() for tokens in lists]
                table.add_row(*cells)
        return table

    def _head(self, column: PositionTokens) -> Text:
        name = short(column.token, NAME + 1 + self.room)
        return Text(f"[{name}]" if column.position == self.read else name, style="bold yellow")

    def _cell(self, token: TokenValue, shaded: bool) -> Text:
        share = (token.activation - self.start) / (self.high - self.start) if self.high > self.start else 0.0
        share = min(1.0, max(0.0, share))
        mark = SPARKS[round(share * (len(SPARKS) - 1))] if share > 0 else " "
        name = set_cell_size(short(token.token, NAME), NAME)
        cell = Text.assemble(name, f" {self._number(token.activation):>{self.room}}", (mark, "green"))
        cell.stylize(SHADES[round(share * (len(SHADES) - 1))] if shaded else "dim")
        return cell

    def _number(self, value: float) -> str:
        return f"{value:.{self.digits}f}"


def short(name: str, width: int) -> str:
    """A name cut to a width, in columns of the terminal: some characters take two."""
    return name if cell_len(name) <= width else set_cell_size(name, width - 1).rstrip() + "…"
