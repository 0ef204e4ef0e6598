"""The rows of benchmarks/quality.py: what is compared, and what is kept of each run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rows import kept

from textdream.configs import AnnealConfig, GcgConfig, HotflipConfig, SweepConfig, pair_preset
from textdream.optimizers import anneal, gcg, hotflip, sweep

RESULTS = Path(__file__).parent / "results"
RUNS = RESULTS / "quality-runs.jsonl"
NEURONS, FEW, SEEDS, LENGTH, POSITION, DRAW = 60, 12, (0, 1, 2), 12, 6, 30
METHODS: dict[str, tuple[Any, Any]] = {
    # As in success.py: a fifth of the default, which goes on long after the corpus is beaten.
    "gcg": (gcg, GcgConfig(steps=20)),
    "hotflip": (hotflip, HotflipConfig()),
    "sweep": (sweep, SweepConfig()),
    "anneal": (anneal, AnnealConfig()),
    "pair": (anneal, pair_preset("pair")),
}
LIMITS = {"gcg": 120.0, "hotflip": 120.0, "sweep": 240.0, "anneal": 240.0, "pair": 900.0}
"""Processor seconds of one run."""
MOMENTS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
"""Processor seconds at which the best so far is noted."""
SHORT = 32
"""Tokens of a sentence that is started from, at most: a longer one costs every method more and says no more of it."""
DRAWN = {"anneal", "gcg"}
"""Methods that draw random numbers."""

Neuron = tuple[str, int, int]
"""Site, layer, neuron."""
Case = tuple[str, str, Neuron, int]
"""Free, start, neuron, seed."""


@dataclass(frozen=True)
class Bar:
    """What a corpus says of one neuron."""

    site: str
    layer: int
    neuron: int
    corpus: str
    """Hash of the corpus."""
    sentences: int
    best: float
    text: str
    start: str
    start_position: int
    start_value: float


@dataclass(frozen=True)
class Run:
    """One method on one neuron under one condition; of the method `truth`, the best token of the vocabulary."""

    method: str
    free: str
    start: str
    site: str
    layer: int
    neuron: int
    seed: int
    corpus: str
    begin: float
    best: float
    final: float
    certified: bool
    ended: bool
    """Whether it came to its own end."""
    seconds: float
    evaluations: int
    curve: list[float]
    """The best at each of MOMENTS that the run reached, then at its end."""
    passed: float | None
    """Processor seconds until it was better than the corpus's best."""
    processor: str
    text: str

    def best_at(self, moment: float) -> float:
        """The best after so many seconds, which is one of MOMENTS."""
        return self.curve[min(MOMENTS.index(moment), len(self.curve) - 1)]

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from other runs."""
        return (self.method, *self.condition)

    @property
    def truth(self) -> tuple[Any, ...]:
        """The key of the best token under its condition: from a corpus sentence nothing is drawn, and one seed stands for all."""
        *where, seed = self.condition
        return ("truth", *where, 0 if self.start == "corpus" else seed)

    @property
    def condition(self) -> tuple[Any, ...]:
        """What it shares with other methods."""
        return (self.free, self.start, self.site, self.layer, self.neuron, self.seed)


@dataclass(frozen=True)
class Pace:
    """How long gcg takes by the clock on all cores, the whole sentence free."""

    start: str
    site: str
    layer: int
    neuron: int
    corpus: str
    threads: int
    wall: float
    """Seconds to its end."""
    passed: float | None
    """Seconds until it was better than the corpus's best."""
    processor: str

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from others."""
        return (self.start, self.site, self.layer, self.neuron, self.processor)


def neurons() -> list[Neuron]:
    """Both sites and all layers in turn."""
    draw = random.Random(DRAW)
    sites = (("resid_post", 384), ("mlp_post", 1536))
    return [(site, number % 6, draw.randrange(width)) for number in range(NEURONS // 2) for site, width in sites]


@dataclass(frozen=True)
class Rows:
    """All that is kept; of two of one kind, the later."""

    bars: dict[Neuron, Bar]
    runs: dict[tuple[Any, ...], Run]
    paces: dict[tuple[Any, ...], Pace]


def read_rows() -> Rows:
    """What is measured so far."""
    bars: dict[Neuron, Bar] = {}
    runs: dict[tuple[Any, ...], Run] = {}
    paces: dict[tuple[Any, ...], Pace] = {}
    for row in kept(RUNS):
        kind = row.pop("kind")
        if kind == "bar":
            bar = Bar(**row)
            bars[bar.site, bar.layer, bar.neuron] = bar
        elif kind == "pace":
            pace = Pace(**row)
            paces[pace.key] = pace
        else:
            found = Run(**row)
            runs[found.key] = found
    return Rows(bars, runs, paces)
