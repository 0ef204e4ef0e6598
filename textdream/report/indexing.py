"""A corpus scan drawn while it runs, and what it made."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from textdream.records import Manifest

STAGES = {"reading": "sentences read", "scanning": "tokens", "writing": "sites and layers written"}
SECONDS_BETWEEN_LINES = 15.0


class LiveIndexing:
    """Draws progress on a console: one line redrawn on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.stage, self.done, self.total = "", 0, 0
        self.began = self.said = time.monotonic()
        self.first = 0
        """Where the stage stood when this began to look."""
        self.rate = 0.0
        """Tokens a second, of the scan."""
        self._live = Live(console=console, refresh_per_second=4, transient=True, get_renderable=self._draw)

    def __enter__(self) -> LiveIndexing:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the drawing away."""
        self._live.stop()

    def update(self, stage: str, done: int, total: int | None) -> None:
        """Take in how far a stage is."""
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.began, self.first, self.said = stage, now, done, 0.0
        self.done, self.total = done, total or 0
        if stage == "scanning" and now > self.began:
            self.rate = (done - self.first) / (now - self.began)
        if not self.console.is_terminal and now - self.said > SECONDS_BETWEEN_LINES:
            self.said = now
            self.console.print(f"{stage}: {self._words()}", soft_wrap=True, highlight=False)

    def _words(self) -> str:
        """How far, how fast, how much longer."""
        words = [
            f"{self.done:,} of {self.total:,} {STAGES[self.stage]}"
            if self.total
            else f"{self.done:,} {STAGES[self.stage]}"
        ]
        if self.stage == "scanning" and self.rate:
            words += [f"{self.rate:,.0f} a second", f"{duration((self.total - self.done) / self.rate)} left"]
        return ", ".join(words)

    def _draw(self) -> RenderableType:
        line = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=max(1, self.total), completed=self.done, width=20, pulse=not self.total)
        line.add_row(Text(self.stage, style="bold"), bar, Text(self._words() if self.stage else "", style="dim"))
        return Padding(line, (0, 0, 0, 1))


def indexed(manifest: Manifest, folder: Path, rate: float = 0.0) -> RenderableType:
    """What an index holds, in a few lines."""
    corpus, places = manifest.corpus, len(manifest.layers)
    neurons = sum(manifest.widths.values()) * places
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="bold", no_wrap=True)
    grid.add_column()
    grid.add_row(
        f"{corpus.sentences:,}",
        f"sentences, {corpus.tokens:,} tokens" + (f", {rate:,.0f} tokens a second" if rate else ""),
    )
    if corpus.duplicates:
        grid.add_row(f"{corpus.duplicates:,}", "repeated sentences, counted once")
    skipped = corpus.skipped
    for count, why in (
        (skipped.long, "left out: longer than the model takes"),
        (skipped.unknown, "left out: characters, marks or over-long words that the tokenizer does not know"),
        (skipped.empty, "left out: no tokens"),
    ):
        if count:
            hint = " (--split sentences cuts prose)" if why.endswith("takes") and manifest.split == "lines" else ""
            grid.add_row(f"{count:,}", Text(why + hint, style="yellow"))
    layers = f"{places} layer{'s'[: places > 1]}"
    grid.add_row(f"{neurons:,}", f"neurons: {', '.join(manifest.sites)} of {layers}")
    grid.add_row(f"{manifest.k}", "most and least activating sentences of each, and of random directions")
    grid.add_row(f"{manifest.sample:,}", "tokens sampled for histogram, quantiles and bands")
    heading = Text.assemble(
        ("corpus index", "bold"), ("  ·  ", "dim"), manifest.model.name, ("  ·  ", "dim"), str(folder)
    )
    return Padding(Group(heading, "", grid), (0, 0, 0, 1))


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
