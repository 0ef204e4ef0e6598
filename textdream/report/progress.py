"""A long search while it runs: a bar with the time left on a terminal, a line for each find elsewhere."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from textdream.report.readable import visible

NEWS = 6
"""Finds that stay on the screen."""


class LiveProgress:
    """Draws signs of life on a console (standard error: standard output is for results)."""

    def __init__(self, console: Console) -> None:
        self.console = console
        columns = (TextColumn("{task.description}"), BarColumn(24), TaskProgressColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console)
        self._phase: str | None = None
        self._task: Any = None
        self._news: deque[str] = deque(maxlen=NEWS)
        self._live = Live(console=console, refresh_per_second=4, transient=True, get_renderable=self._draw)
        self._shown = console.is_terminal

    def __enter__(self) -> LiveProgress:
        if self._shown:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._live.stop()

    def update(self, phase: str, done: int, total: int, news: str | None = None) -> None:
        """Take in one sign of life."""
        if phase != self._phase:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._phase, self._task = phase, self._bar.add_task(f" {phase}", total=total)
            self._line(f"{phase} …")
        self._bar.update(self._task, completed=done, total=total)
        if news is not None:
            news = visible(news)
            self._news.append(news)
            self._line(f"  {news}")

    def _line(self, line: str) -> None:
        if not self._shown:
            self.console.print(Text(line), soft_wrap=True)

    def _draw(self) -> RenderableType:
        return Group(Text(), self._bar, *(Text(f"   {news}", style="dim") for news in self._news))
