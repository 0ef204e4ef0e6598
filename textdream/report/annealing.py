"""The mixture of tokens at a position while it is annealed, drawn in the terminal: steps as rows, the heaviest tokens."""

from __future__ import annotations

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from textdream.records import DreamResult, Step

BAR = 12
"""Columns of the terminal for a weight of 1."""


def annealing(result: DreamResult, rows: int = 12, tokens: int = 3) -> RenderableType:
    """Some of the steps, first and last among them, and the tokens that were heaviest there.

    Parameters
    ----------
    result
        A dream whose steps have `top_tokens`; the first free position that has any is drawn.
    rows, tokens
        How many at most.
    """
    steps = [step for step in result.steps if step.top_tokens and any(step.top_tokens)]
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim", no_wrap=True)
    if not steps:
        return table
    place = next(place for place, found in enumerate(steps[0].top_tokens or []) if found)
    soft = any(step.soft is not None for step in steps)
    table.add_row("step", *([Text("soft", style="dim")] if soft else []), Text("heaviest tokens", style="dim"))
    count = min(rows, len(steps))
    for row in range(count):
        step = steps[row * (len(steps) - 1) // max(1, count - 1)]
        value = [f"{step.soft:.4f}" if step.soft is not None else "–"] if soft else []
        table.add_row(f"{step.step:,}", *value, *_cells(step, place, tokens))
    return table


def _cells(step: Step, place: int, tokens: int) -> list[Text]:
    found = (step.top_tokens or [])[place][:tokens]
    first = Text("█" * round(BAR * min(1.0, max(0.0, found[0].weight))), style="cyan") if found else Text()
    names = [Text.assemble((token.token, "bold" if at == 0 else ""), (f" {_weight(token.weight)}", "dim"))
             for at, token in enumerate(found)]  # fmt: skip
    return [*names, *[Text()] * (tokens - len(names)), first]


def _weight(weight: float) -> str:
    return f"{weight:.2f}" if weight >= 0.005 or weight == 0 else f"{weight:.0e}"
