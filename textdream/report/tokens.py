"""Lists and maps of tokens drawn in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textdream.records import PositionTokens, SimilarResult, TokenSearchResult
from textdream.report.common import heading, number, start_line
from textdream.report.token_map import TokenMap


def token_search(result: TokenSearchResult) -> RenderableType:
    """One position: its best and worst tokens. Several: a map. Two together: the best pairs, and the map of each alone."""
    parts: list[RenderableType] = [heading("token search", result), Text(), start_line(result), Text()]
    if result.pairs:
        parts += [_pairs(result), Text(), Padding(_pairs_note(result), (0, 0, 0, 1)), Text(), _dim(" one at a time")]
    if result.map is not None:
        parts.append(TokenMap(result))
        parts.append(_leading(result.map))
    else:
        parts.append(_best_and_worst(result))
    parts += [Text(), _searched(result)]
    if result.interrupted:
        parts.append(Text(f" interrupted: {_missing(result)}", style="bold yellow"))
    return Group(*parts, Text())


def _best_and_worst(result: TokenSearchResult, rows: int = 10) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "left", "right", "left"):
        table.add_column(justify=justify)
    top = max(abs(token.activation) for token in [*result.tokens, *result.worst]) or 1.0
    for title, tokens in (("best", result.tokens[:rows]), ("worst", result.worst[:rows])):
        if tokens:
            table.add_row("", Text(title, style="dim"))
        for rank, token in enumerate(tokens, start=1):
            table.add_row(
                Text(str(rank), style="dim"),
                Text(token.token, style="bold"),
                number(token.activation, result.target),
                _bar(token.activation, top),
            )
    return table


def _pairs(result: TokenSearchResult, rows: int = 10) -> RenderableType:
    pairs = (result.pairs or [])[:rows]
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "left", "left", "right", "left"):
        table.add_column(justify=justify)
    table.add_row("", *(_dim(f"position {position}") for position in result.positions or []))
    gain = pairs[0].activation - result.start.activation
    for rank, pair in enumerate(pairs, start=1):
        names = [Text(name, style="bold") for name in pair.tokens]
        share = max(0.0, (pair.activation - result.start.activation) / gain) if gain > 0 else 0.0
        table.add_row(_dim(str(rank)), *names, f"{pair.activation:.3f}", Text("█" * round(24 * share), style="green"))
    return table


def _pairs_note(result: TokenSearchResult) -> Text:
    """What the beam proves and what it does not."""
    found, every = result.certificate, result.searched**2
    share = f"the beam saw {(result.pairs_searched or 0) / every:.1g} of all {every:.1e} pairs: a better one may exist"
    if found is None:
        return Text(f"no proof: the beam had not come to rest; {share}", style="yellow")
    return Text.assemble(
        ("✓ 1-opt in both  ", "bold green"),
        f"no other token at either position betters the first pair ({found.checked:,} tried)\n",
        (share, "dim"),
    )


def _leading(columns: Sequence[PositionTokens], rows: int = 3) -> RenderableType:
    """The positions where a replacement does most."""
    table = Table.grid(padding=(0, 2))
    leading = sorted(columns, key=lambda column: -column.tokens[0].activation)[:rows]
    for rank, column in enumerate(leading):
        best = column.tokens[0]
        swap = Text.assemble(column.token, (" → ", "dim"), (best.token, "bold"))
        value = Text(f"{best.activation:.3f}", style="bold green" if rank == 0 else "")
        table.add_row(_dim(" best single" if rank == 0 else ""), swap, value, _dim(f"position {column.position}"))
    return table


def _missing(result: TokenSearchResult) -> str:
    if result.pairs is not None:
        return "the beam over pairs was not finished"
    done = {column.position for column in result.map or []}
    left = [str(position) for position in result.positions or [] if position not in done]
    return f"position{'s' * (len(left) > 1)} {', '.join(left)} not searched" if left else "pairs not searched"


def _bar(value: float, top: float) -> Text:
    return Text("█" * round(24 * abs(value) / top), style="green" if value >= 0 else "red")


def _dim(text: str) -> Text:
    return Text(text, style="dim")


def similar(result: SimilarResult, rows: int = 15) -> RenderableType:
    """Nearest tokens, their distance and their activation, and whether the one says anything of the other."""
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    table.add_column()
    table.add_row(_dim("token"), _dim(result.metric), _dim("activation"))
    top = max(abs(token.activation) for token in result.tokens) or 1.0
    for token in result.tokens[:rows]:
        table.add_row(
            Text(token.token, style="bold"),
            f"{token.distance:.3f}",
            number(token.activation, result.target),
            _bar(token.activation, top),
        )
    parts: list[RenderableType] = [heading("similar", result), Text(), start_line(result), Text()]
    return Group(*parts, Padding(table, (0, 0, 0, 1)), Text(), Padding(_smoothness(result), (0, 0, 0, 1)), Text())


def _smoothness(result: SimilarResult) -> Text:
    """The rank correlation in words: against what chance gives for so few tokens."""
    count = len(result.tokens) - 1
    far = _dim(f"the furthest token of the vocabulary is at {result.furthest:.3f}")
    if result.rank_correlation is None or count < 3:
        return far
    chance = 1.96 / (count - 1) ** 0.5
    if abs(result.rank_correlation) <= chance:
        words = "distance says nothing about activation here"
    elif result.rank_correlation > 0:
        words = "the further a token, the less alike it acts"
    else:
        words = "the nearer a token, the less alike it acts"
    line = f"rank correlation of distance and difference of activation, {count} neighbours: "
    return Text.assemble(
        line, (f"{result.rank_correlation:+.2f}", "bold"), f"\n{words} (chance alone: ±{chance:.2f})\n", far
    )


def _searched(result: TokenSearchResult) -> Text:
    places = f"{len(result.map)} positions" if result.map is not None else f"position {result.position}"
    if result.imported is not None:
        return _dim(f" the {len(result.tokens)} best at position {result.position}")
    count = f" · {result.evaluations:,} evaluations" if result.evaluations else ""
    return _dim(
        f" {result.searched:,} tokens at {'each of ' * (result.map is not None)}{places}{count} · {result.seconds:.1f} s"
    )
