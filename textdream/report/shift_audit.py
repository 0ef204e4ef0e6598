"""Audits of shifts drawn in the terminal: the tokens that change more along the concept than at random, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textdream.records import AuditCount, AuditToken, ShiftAuditResult

BAR = 14
BESIDE = 5
"""Tokens shown at most of those that are not told from chance."""
NAMED = 2
"""Tokens that the word became, in a line of 80 columns."""
WIDEST = 14
"""Of a token, in characters."""


def shift_audit(result: ShiftAuditResult) -> RenderableType:
    """The tokens that change more than chance, then the next ones, what the runs did as a whole, and what follows."""
    parts: list[RenderableType] = [_heading(result), _about(result), Text()]
    more = [token for token in result.tokens if token.more]
    rest = [token for token in result.tokens if token.tested and not token.more]
    if more or rest:
        parts += [Padding(_table(more, rest[:BESIDE]), (0, 0, 0, 1)), Text()]
        if len(rest) > BESIDE:
            parts.append(_dim(f" · not told from chance, and {len(rest) - BESIDE} more like these"))
        parts += [
            _dim(" share of sentences in which the token changed, with its 95 % interval"),
            _dim(" ● along the concept, ○ along random directions, 0 to 100 %; ✓ p ≤ 0.05"),
            _dim(" p: exact, paired by sentence, after Holm's correction"),
            Text(),
        ]
    parts += [*(_count(count, result.word) for count in result.counts), Text()]
    parts.append(Padding(Text(result.text), (0, 0, 0, 1)))
    for aside in result.set_aside:
        example = f"  {aside.examples[0]}" if ": " in aside.examples[0] else ""
        line = f" set aside {aside.count:,}: {aside.reason}{example}"
        parts.append(Text(line, style="dim", no_wrap=True, overflow="ellipsis"))
    if result.interrupted:
        done = f" interrupted: {len(result.sentences)} of {result.planned} sentences are done"
        parts.append(Text(done, style="bold yellow"))
    return Group(*parts, Text())


def _heading(result: ShiftAuditResult) -> Text:
    dot = ("  ·  ", "dim")
    ends = f"{result.ends[0]} → {result.ends[1]}"
    where = f"layer {result.layer}, magnitude {result.magnitude:+g}"
    return Text.assemble((" shift audit", "bold"), dot, result.model.name, dot, (ends, "bold"), dot, where)


def _about(result: ShiftAuditResult) -> Text:
    count, each = len(result.sentences), result.directions
    directions = f"{each} random direction{'s' * (each != 1)} in each"
    about = f" {count} sentence{'s' * (count != 1)} with {result.word!r} ({result.source}), {directions}"
    return Text(about, style="dim")


def _table(more: Sequence[AuditToken], rest: Sequence[AuditToken]) -> Table:
    table = Table.grid(padding=(0, 1))
    for justify in ("left", "left", "right", "left", "left", "left", "right", "left"):
        table.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
    titles = ("", "token", "of", "concept", "", "random", "p", "became")
    table.add_row(*(_dim(title) for title in titles))
    for token in (*more, *rest):
        style = "" if token.more else "dim"
        table.add_row(
            Text("✓", style="bold green") if token.more else _dim("·"),
            Text(_short(token.token), style="bold" if token.more else "dim"),
            Text(str(token.sentences), style="dim"),
            Text(_rate(token.concept, token.concept_interval), style=style),
            _bar(token),
            Text(_rate(token.random, token.random_interval), style=style),
            Text(_p(token.adjusted), style=style),
            Text(", ".join(_short(found.token) for found in token.became), style="dim"),
        )
    return table


def _bar(token: AuditToken) -> Text:
    cells = ["·"] * BAR
    concept, random = (round((BAR - 1) * share) for share in (token.concept, token.random))
    cells[random] = "○"
    cells[concept] = "●" if concept != random else "◉"
    text = Text("".join(cells), style="dim")
    text.stylize("not dim bold green" if token.more else "not dim", concept, concept + 1)
    return text


def _rate(share: float, interval: Sequence[float]) -> str:
    low, high = (round(100 * end) for end in interval)
    return f"{round(100 * share):3d}% {low}-{high}"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def _short(token: str) -> str:
    return token if len(token) <= WIDEST else token[: WIDEST - 1] + "…"


def _count(count: AuditCount, word: str) -> Text:
    kind = "concept" if count.kind == "concept" else "random "
    return Text.assemble(
        (f" {kind}  ", "bold"),
        f"{word!r} changed {count.word_changed:4.0%}{_became(count)}, other words {count.others_changed:4.0%}, "
        f"left {count.left:4.0%}",
    )


def _became(count: AuditCount) -> str:
    """What the word became most often, and whether that is all."""
    named = count.word_became[:NAMED]
    if not named:
        return ""
    rest = sum(found.runs for found in named) < round(count.word_changed * count.runs)
    names = [f"{_short(found.token)} ×{found.runs}" for found in named]
    return f" ({', '.join([*names, '…'] if rest else names)})"


def _dim(text: str) -> Text:
    return Text(text, style="dim")
