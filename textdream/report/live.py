"""A dream drawn while it happens: redrawn in place on a terminal, a line for each gain elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from textdream.report.readable import readable
from textdream.report.text import differences, joined, sparkline

PHASES = {
    "gcg": "dreaming (gcg)",
    "hotflip": "dreaming (hotflip)",
    "anneal": "dreaming (anneal)",
    "sweep": "proving: every token at every free position",
}


class LiveDream:
    """Draws steps on a console (standard error: standard output is for results).

    Parameters
    ----------
    start
        Tokens of the start text.
    read
        Position whose activation is read.
    minimise
        Whether lower is better.
    """

    def __init__(self, console: Console, start: Sequence[str], read: int | None, minimise: bool = False) -> None:
        start = readable(start, token=True)
        self.console, self.start, self.read = console, start, read
        self.sign = -1.0 if minimise else 1.0
        self.values: list[float] = []
        self.best: tuple[float, Sequence[str]] | None = None
        self.best_origin = start, read
        self.searched = 0
        self.tokens: Sequence[str] = start
        self.phase, self.progress, self.pass_began = "", (0, 1), time.monotonic()
        self.began = time.monotonic()
        self._live = Live(console=console, refresh_per_second=4, transient=True, get_renderable=self._draw)
        self._shown = console.is_terminal

    def __enter__(self) -> LiveDream:
        if self._shown:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._live.stop()

    def update(
        self,
        phase: str,
        tokens: Sequence[str],
        value: float,
        progress: tuple[int, int] | None,
        origin: tuple[Sequence[str], int | None] | None = None,
    ) -> None:
        """Take in one step; `origin` is (tokens of its start, position that is read), where there are several starts."""
        tokens = readable(tokens, token=True)
        if origin:
            self.start, self.read = readable(origin[0], token=True), origin[1]
        if phase != self.phase:
            self.phase = phase
            self._line(f"{PHASES.get(phase, phase)} …")
        self.tokens, self.progress = tokens, progress or (0, 1)
        if self.progress[0] == 0:  # A sweep that has found something begins anew.
            self.pass_began, self.searched = time.monotonic(), 0
        self.values.append(value)
        if self.best is None or self.sign * value > self.sign * self.best[0]:
            self.best = (value, tokens)
            self.best_origin = self.start, self.read
            self._line(
                Text.assemble(f"{time.monotonic() - self.began:6.1f} s  {value:8.3f}  ", joined(tokens, read=self.read))
            )
        elif phase == "sweep" and self.progress[0] > self.searched:
            self.searched = self.progress[0]
            self._line(
                f"{time.monotonic() - self.began:6.1f} s  {self.progress[0]} of {self.progress[1]} positions searched"
            )

    def _line(self, line: str | Text) -> None:
        if not self._shown:
            self.console.print(line, soft_wrap=True, highlight=False)

    def _draw(self) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(justify="right", style="dim", no_wrap=True, width=5)
        grid.add_column(justify="right", no_wrap=True, width=7)
        grid.add_column(overflow="fold")
        if self.best is not None:
            if self.values:
                changed = differences(self.best[1], self.tokens)
                grid.add_row("now", f"{self.values[-1]:.3f}", joined(self.tokens, changed=changed, read=self.read))
            start, read = self.best_origin
            changed = differences(start, self.best[1])
            grid.add_row(
                "best",
                Text(f"{self.best[0]:.3f}", style="bold green"),
                joined(self.best[1], changed=changed, read=read),
            )
        done, total = self.progress
        spent = time.monotonic() - self.pass_began
        left = f", about {_duration(spent / done * (total - done))} left" if done and total > done else ""
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(total=max(1, total), completed=done, width=24),
            Text(f"{done}/{total}{left}", style="dim"),
        )
        phase = Text(PHASES.get(self.phase, self.phase), style="bold")
        climb = Text(sparkline(self.values, 48), style="cyan")
        return Group(
            Text(),
            Padding(phase, (0, 0, 0, 1)),
            grid,
            Padding(climb, (0, 0, 0, 1)),
            Padding(bar, (0, 0, 0, 1)),
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
