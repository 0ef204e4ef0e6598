"""A result in a notebook cell (Jupyter, VS Code, Colab): the viewer in a frame of its own, text for terminals."""

from __future__ import annotations

import io
from html import escape
from typing import Any

from rich.console import Console

from textdream.records import Result
from textdream.report.html import html, title
from textdream.report.terminal import show

HEIGHT = 640
"""Pixels; the frame's lower edge can be pulled."""
WIDTH = 100
"""Columns of the text."""


def mimebundle(result: Result) -> dict[str, Any]:
    """What IPython displays, by MIME type.

    The frame is sandboxed: its scripts run, but reach neither the notebook nor its origin.
    """
    name = f"{getattr(result, 'type', 'result')}.json"
    page = html([result], [name])
    frame = (
        f'<div style="height:{HEIGHT}px;min-height:160px;resize:vertical;overflow:hidden">'
        f'<iframe title="{escape(title([result], [name]))}" sandbox="allow-scripts allow-downloads" '
        'style="width:100%;height:calc(100% - 14px);border:0" '
        f'srcdoc="{escape(page)}"></iframe></div>'
    )
    return {"text/plain": _text(result), "text/html": frame}


def _text(result: Result) -> str:
    """The terminal's drawing without colours."""
    file = io.StringIO()
    show(result, Console(file=file, width=WIDTH, force_terminal=False, force_jupyter=False, no_color=True))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).strip("\n")
