"""Lines that several drawings share."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from textdream.records import Imported, Target
from textdream.report.text import joined, short_target


def heading(what: str, result: Any) -> Text:
    """What it is, of which model, for which target."""
    where = short_target(result.target)
    return Text.assemble((f" {what}", "bold"), ("  ·  ", "dim"), result.model.name, ("  ·  ", "dim"), where)


def start_line(result: Any) -> Text:
    """The start text with its changed position marked, and its activation."""
    marked = joined(result.start.tokens, changed=[result.position], read=result.target.position)
    return Text.assemble(" ", marked, (f"   {number(result.start.activation, result.target)}", "bold"))


def number(value: float | None, target: Target) -> str:
    """An activation; in PAIR's unit, where it is about a hundredth, with a digit more. A dash where none is known."""
    return "–" if value is None else f"{value:.{4 if target.normalised else 3}f}"


def origin(imported: Imported) -> Text:
    """Where an imported result comes from, and what that means for its values."""
    name = imported.file or "a file"
    return Text(f" imported from PAIR's {name}: the values are PAIR's, and cannot be verified\n", style="dim")
