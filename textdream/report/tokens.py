"""Lists of tokens drawn in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textdream.records import SimilarResult, TokenSearchResult
from textdream.report.common import heading, start_line


def token_search(result: TokenSearchResult, rows: int = 10) -> RenderableType:
    """The best and the worst tokens, with bars."""
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "left", "right", "left"):
        table.add_column(justify=justify)
    top = max(abs(token.activation) for token in [*result.tokens, *result.worst]) or 1.0
    for title, tokens in (("best", result.tokens[:rows]), ("worst", result.worst[:rows])):
        table.add_row("", Text(title, style="dim"))
        for rank, token in enumerate(tokens, start=1):
            bar = "█" * round(24 * abs(token.activation) / top)
            style = "green" if token.activation >= 0 else "red"
            table.add_row(
                Text(str(rank), style="dim"),
                Text(token.token, style="bold"),
                f"{token.activation:.3f}",
                Text(bar, style=style),
            )
    return Group(
        heading("token search", result),
        Text(),
        start_line(result),
        Text(),
        table,
        Text(),
        _searched(result),
        Text(),
    )


def similar(result: SimilarResult, rows: int = 15) -> RenderableType:
    """Nearest tokens, their distance and their activation."""
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    table.add_column()
    table.add_row(Text("token", style="dim"), Text(result.metric, style="dim"), Text("activation", style="dim"))
    top = max(abs(token.activation) for token in result.tokens) or 1.0
    for token in result.tokens[:rows]:
        bar = "█" * round(24 * abs(token.activation) / top)
        style = "green" if token.activation >= 0 else "red"
        table.add_row(
            Text(token.token, style="bold"),
            f"{token.distance:.3f}",
            f"{token.activation:.3f}",
            Text(bar, style=style),
        )
    return Group(heading("similar", result), Text(), start_line(result), Text(), Padding(table, (0, 0, 0, 1)), Text())


def _searched(result: TokenSearchResult) -> Text:
    return Text(f" {result.searched:,} tokens at position {result.position} · {result.seconds:.1f} s", style="dim")
