"""A diagnosis drawn in the terminal: the verdict, the paths of the weights, soft against hard, neighbours, findings."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import expm1, log1p, log10

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textdream.records import DiagnoseResult, PositionDiagnosis
from textdream.report.common import heading
from textdream.report.text import differences, joined, sparkline

WIDTH = 52
"""Columns of a line of bars."""
DRAWN = 3
"""Positions whose paths are drawn; the others are a line each in the table."""
LIGHTEST = 1e-6


def diagnose(result: DiagnoseResult) -> RenderableType:
    """All of it."""
    parts: list[RenderableType] = [heading("diagnose", result), Padding(_texts(result), (1, 0, 0, 1))]
    parts += [Padding(_verdict(result), (1, 1, 0, 1))]
    watched = [found for found in result.positions if found.best_path is not None]
    if watched:
        parts.append(_title("weight in the softmax, and where it fell behind (both scales logarithmic)"))
        parts += [Padding(_paths(result, found), (0, 0, 0, 1)) for found in _most_missed(result, watched)[:DRAWN]]
    if len(result.steps) > 1:
        parts += [_title("soft against hard value, one scale"), Padding(_values(result), (0, 0, 0, 1))]
    if len(result.positions) > 1:
        parts += [_title("positions"), Padding(_positions(result), (0, 0, 0, 1))]
    else:
        parts += [_title(f"nearest to {result.positions[0].tokens[0].token}"), Padding(_near(result), (0, 0, 0, 1))]
    parts += [_title("findings"), Padding(_findings(result), (0, 1, 0, 1)), Text(), _footer(result)]
    if result.interrupted:
        parts.append(Text(" interrupted: these are the findings so far", style="bold yellow"))
    return Group(*parts, Text())


def _title(text: str) -> RenderableType:
    return Padding(Text(text, style="dim"), (1, 0, 0, 1))


def _texts(result: DiagnoseResult) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for name in ("start", "end", "best"):
        sample = getattr(result, name)
        changed = differences(result.start.tokens, sample.tokens)
        value = Text(f"{sample.activation:.4g}", style="bold green" if name == "best" else "")
        grid.add_row(name, value, joined(sample.tokens, changed=changed, read=result.target.position))
    return grid


def _verdict(result: DiagnoseResult) -> RenderableType:
    """The paragraph, its first sentence marked."""
    mark = ("✓ ", "bold green") if result.succeeded else ("✗ ", "bold red")
    first, _, rest = result.explanation.partition(": ")
    return Text.assemble(mark, (f"{first}: ", "bold"), rest)


def _most_missed(result: DiagnoseResult, found: list[PositionDiagnosis]) -> list[PositionDiagnosis]:
    sign = -1.0 if result.minimise else 1.0
    return sorted(found, key=lambda position: -sign * position.tokens[0].activation)


def _paths(result: DiagnoseResult, found: PositionDiagnosis) -> RenderableType:
    """Three lines: the best token, the winner, random tokens; and where the best fell behind."""
    best, winner, random = found.best_path, found.winner_path, found.control_paths
    assert best is not None
    assert winner is not None
    assert random is not None
    lines = [(best.token, best.weights, "green"), (winner.token, winner.weights, "cyan")]
    if best.id == winner.id:
        lines = lines[:1]
    lines.append(("random", random.median_weights, "dim"))
    logs = [[log10(max(LIGHTEST, weight)) for weight in weights] for _, weights, _ in lines]
    limits = min(map(min, logs)), 0.0
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, width=14, justify="right")
    grid.add_column(no_wrap=True, width=WIDTH)
    grid.add_row(Text(f"position {found.position}", style="bold"), _outcome(found))
    for (name, _, style), values in zip(lines, logs, strict=True):
        label = Text(name if len(name) <= 14 else name[:13] + "…", style="dim" if name == "random" else "")
        grid.add_row(label, Text(_line(result, values, limits), style=style))
    if best.fell_behind is not None:
        grid.add_row("", _marker(best.fell_behind, result.steps[-1].step))
    grid.add_row(Text("step", style="dim"), _ticks(result.steps[-1].step))
    return grid


def _column(step: int, steps: int) -> int:
    """Where a step stands on the logarithmic axis."""
    return round(log1p(step) / log1p(steps) * (WIDTH - 1))


def _line(result: DiagnoseResult, values: Sequence[float], limits: tuple[float, float]) -> str:
    """Bars over the axis: in each column the last step that is not beyond it."""
    numbers = [step.step for step in result.steps]
    ends = [expm1((column + 0.5) / (WIDTH - 1) * log1p(numbers[-1])) for column in range(WIDTH)]
    picked = [values[max(0, bisect_right(numbers, end) - 1)] for end in ends]
    return sparkline(picked, WIDTH, limits)


def _ticks(steps: int) -> Text:
    """Round numbers below the axis, as many as there is room for."""
    line = ""
    for step in [0, *(10**power for power in range(1 + int(log10(steps)))), steps]:
        name, column = f"{step:,}", _column(step, steps)
        column = min(column, WIDTH - len(name))
        if column >= len(line) + bool(line):
            line = line.ljust(column) + name
    return Text(line, style="dim")


def _outcome(found: PositionDiagnosis) -> Text:
    best = found.tokens[0]
    swap = f"{found.token.token} {found.token.activation:.4g}"
    if not found.better:
        return Text.assemble(swap, ("  no other token is better", "dim"))
    return Text.assemble(swap, (" → ", "dim"), (f"{best.token} {best.activation:.4g}", "bold"))


def _marker(step: int, steps: int) -> Text:
    """An arrow below the step, and the words on the side where there is room."""
    column = _column(step, steps)
    words = f"behind for good from step {step:,}"
    if column + len(words) + 2 <= WIDTH:
        return Text(" " * column + f"▲ {words}", style="yellow")
    return Text(f"{words} ▲".rjust(column + 1), style="yellow")


def _values(result: DiagnoseResult) -> RenderableType:
    hard, soft = [step.hard for step in result.steps], [step.soft or 0.0 for step in result.steps]
    limits = min(hard + soft), max(hard + soft)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, width=14, justify="right")
    grid.add_column(no_wrap=True, width=WIDTH)
    grid.add_column(justify="right")
    for name, values, style in (("soft", soft, "magenta"), ("hard", hard, "cyan")):
        grid.add_row(name, Text(_line(result, values, limits), style=style), f"{values[-1]:.4g}")
    grid.add_row(Text("step", style="dim"), _ticks(result.steps[-1].step))
    return grid


def _near(result: DiagnoseResult, rows: int = 8) -> RenderableType:
    found = result.positions[0]
    leading = {token.id for token in found.tokens}
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "right", "right", "left"):
        table.add_column(justify=justify)
    table.add_row("", Text("distance", style="dim"), Text("activation", style="dim"))
    top = max(abs(token.activation) for token in [found.tokens[0], *found.neighbours]) or 1.0
    for name, distance, value, among in [
        (found.tokens[0].token, 0.0, found.tokens[0].activation, True),
        *((token.token, token.distance, token.activation, token.id in leading) for token in found.neighbours[:rows]),
    ]:
        bar = Text("█" * round(20 * abs(value) / top), style="green" if value >= 0 else "red")
        bar.append(" among the best" if among else "", style="dim")
        table.add_row(Text(name, style="bold"), f"{distance:.3f}", f"{value:.4g}", bar)
    return table


def _positions(result: DiagnoseResult) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    titles = ("", "token", "best there", "value", "highest rank", "behind from", "shared", "ρ")
    for title in titles:
        table.add_column(justify="left" if title in ("token", "best there") else "right")
    table.add_row(*(Text(title, style="dim") for title in titles))
    for found in result.positions:
        path, best = found.best_path, found.tokens[0]
        behind = None if path is None else path.fell_behind
        table.add_row(
            Text(str(found.position), style="dim"),
            found.token.token,
            Text(best.token, style="bold" if found.better else "dim"),
            f"{best.activation:.4g}",
            "" if path is None else f"{path.highest_rank:,}",
            "" if behind is None else f"{behind:,}",
            str(found.shared),
            "" if found.smoothness is None else f"{found.smoothness:+.2f}",
        )
    return table


def _findings(result: DiagnoseResult) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for found in result.findings:
        numbers = [_short(found.value), _short(found.control)]
        head = Text.assemble((found.name, "bold"), "\n", (" / ".join(numbers), "dim"))
        table.add_row(head, Text(found.text))
    return table


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _footer(result: DiagnoseResult) -> Text:
    again = {True: " · run again with the same end", False: " · run again with another end", None: ""}
    where = "" if len(result.free) == 1 else f" · tokens tried in the {result.settings.get('context')} text"
    return Text(f" {result.method}{where}{again[result.reproduced]} · {result.seconds:.1f} s", style="dim")
