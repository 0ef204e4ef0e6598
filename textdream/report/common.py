"""Lines that several drawings share."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from textdream.report.text import joined, short_target


def heading(what: str, result: Any) -> Text:
    """What it is, of which model, for which target."""
    where = short_target(result.target)
    return Text.assemble((f" {what}", "bold"), ("  ·  ", "dim"), result.model.name, ("  ·  ", "dim"), where)


def start_line(result: Any) -> Text:
    """The start text with its changed position marked, and its activation."""
    marked = joined(result.start.tokens, changed=[result.position], read=result.target.position)
    return Text.assemble(" ", marked, (f"   {result.start.activation:.3f}", "bold"))
