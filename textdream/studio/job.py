"""A run that the engine knows: its file, its form, and the experiment while it is in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from textdream.records import ReconstructResult
from textdream.studio.events import Channel
from textdream.studio.places import Located
from textdream.studio.runs import Progress, Run
from textdream.studio.work import Sign, Work

EVERY = 3.0
"""Seconds at least between two writings of a result while the run goes on."""


@dataclass
class Job:
    """A run that the engine knows."""

    run: Run
    located: Located
    client: str
    kept: ReconstructResult | None = None
    channel: Channel = field(default_factory=Channel)
    progress: Progress | None = None
    pausing: bool = False
    stopping: bool = False
    work: Work | None = None
    signs: Iterator[Sign] | None = None
    evaluations: int | None = None
    """The model's count when it was paused: others count on meanwhile."""
    began: float = 0.0
    before: float = 0.0
    """Seconds of work before the last pause."""
    born: float = 0.0
    wait: float = EVERY
    written: float = 0.0
    wrote: bool = False

    @property
    def seconds(self) -> float:
        """Engine time, without pauses."""
        return self.before + (time.perf_counter() - self.began if self.run.state == "running" else 0.0)
