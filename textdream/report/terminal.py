"""Results drawn in the terminal with rich: one drawing a kind."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from textdream.report.common import origin
from textdream.report.concept import classify, concept
from textdream.report.diagnose import diagnose
from textdream.report.dreams import dream
from textdream.report.neurons import neurons
from textdream.report.predictions import fill_mask
from textdream.report.readable import readable
from textdream.report.reconstruct import reconstruct
from textdream.report.shift import shift
from textdream.report.shift_audit import shift_audit
from textdream.report.tokens import similar, token_search
from textdream.report.top import corpus_top

DRAWINGS: dict[str, Any] = {
    "dream": dream,
    "token_search": token_search,
    "similar": similar,
    "diagnose": diagnose,
    "corpus_top": corpus_top,
    "neurons": neurons,
    "fill_mask": fill_mask,
    "concept": concept,
    "classify": classify,
    "reconstruct": reconstruct,
    "shift": shift,
    "shift_audit": shift_audit,
}


def show(result: Any, console: Console | None = None) -> None:
    """Draw a result on `console` (default: standard output)."""
    console = console or Console()
    result = readable(result)
    console.print(DRAWINGS[result.type](result))
    if result.imported is not None:
        console.print(origin(result.imported))
