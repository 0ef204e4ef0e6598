"""Texts rebuilt from shifted activations, drawn in the terminal: layers × magnitudes, equal neighbours in one row."""

from __future__ import annotations

from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textdream.records import ShiftResult, ShiftRun
from textdream.report.text import joined

STYLES = {"unchanged": "", "intended": "bold green", "otherwise": "bold red", "special": "dim"}
SIGNS = {"intended": "✓", "otherwise": "✗"}


def shift(result: ShiftResult) -> RenderableType:
    """For each layer the magnitudes at which the text changes, and the text from there on."""
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "right", "left", "right"):
        table.add_column(justify=justify, vertical="top")
    table.add_row(_dim("layer"), _dim("magnitude"), "", _dim("left" if result.imported is None else "loss"))
    layer = None
    for (number, *_), group in groupby(result.runs, key=_row):
        runs = list(group)
        table.add_row(str(number) if number != layer else "", _span(runs), _text(runs[0]), _left(runs))
        layer = number
    what = Text.assemble((" shift", "bold"), ("  ·  ", "dim"), result.model.name, ("  ·  ", "dim"), _source(result))
    start = joined(result.start.tokens, read=result.positions[0])
    parts: list[RenderableType] = [what, Text(), Text.assemble(" ", start), Text(), table, Text()]
    parts.append(Padding(_legend(result), (0, 0, 0, 1)))
    if result.interrupted:
        parts.append(Text(" interrupted: --resume goes on with the runs that are left", style="bold yellow"))
    return Group(*parts, Text())


def _row(run: ShiftRun) -> tuple[int, tuple[str, ...], bool]:
    """What runs of one row have in common; one that shifts nothing, of which nothing can be left, stands alone."""
    return run.layer, tuple(run.best.tokens), run.loss is None and run.shifted <= run.floor


def _source(result: ShiftResult) -> str:
    if result.concept is None:
        assert result.replacement is not None
        places = result.replacement_positions or []
        word = "".join(result.replacement.tokens[place].removeprefix("##") for place in places).lstrip("Ġ▁")
        return f"the activation of “{word}” in “{result.replacement.text}”"
    unit = "largest entry" if result.unit == "largest" else "distance of the sets"
    ends = " → ".join(filter(None, (result.concept.negative, result.concept.positive))) or "an unnamed concept"
    return f"{ends if result.concept.negative else f'to {ends}'}, in units of the {unit}"


def _span(runs: list[ShiftRun]) -> str:
    first, last = runs[0].magnitude, runs[-1].magnitude
    if first is None or last is None:
        return "replaced"
    return f"{first:+g}" if first == last else f"{first:+g} … {last:+g}"


def _text(run: ShiftRun) -> Text:
    tokens = [token + SIGNS.get(mark, "") for token, mark in zip(run.best.tokens, run.marks, strict=True)]
    styles = {position: STYLES[mark] for position, mark in enumerate(run.marks) if STYLES[mark]}
    return joined(tokens, styles=styles, apart=run.changed)


def _left(runs: list[ShiftRun]) -> Text:
    """The share of the shift that no text found takes up, at its smallest and largest in the row; the loss, if imported."""
    if losses := [run.loss for run in runs if run.loss is not None]:
        least, most = f"{min(losses):.2g}", f"{max(losses):.2g}"
        return _dim(least if least == most else f"{least}–{most}")
    shares = [run.distance / run.shifted for run in runs if run.shifted > run.floor]
    if not shares:
        return _dim("0%")
    low, high = min(shares), max(shares)
    return _dim(f"{low:.0%}" if round(low, 2) == round(high, 2) else f"{low:.0%}–{high:.0%}")


def _legend(result: ShiftResult) -> Text:
    if result.imported is not None:
        return _dim(
            "✓ changed to the word that the shift asked for   ✗ changed otherwise\n"
            "loss: mean squared distance from the shifted activation that remains"
        )
    return _dim(
        "✓ changed to the word that the shift asked for   ✗ changed otherwise\n"
        "left: distance to the shifted activation that remains, of the distance it was shifted"
    )


def _dim(text: str) -> Text:
    return Text(text, style="dim")
