"""How a dream is searched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from textdream.configs.check import check
from textdream.configs.methods import AnnealConfig, GcgConfig, HotflipConfig, Preset, SweepConfig

Method = Literal["gcg", "sweep", "hotflip", "anneal"]


@dataclass(frozen=True)
class DreamConfig:
    """How a dream is searched."""

    free: str | None = None
    """Positions that may change: word (the one that is read), all, 3:9 (3 to 8, as in Python), or 2,5,7; default: word, or all
    others where that one is masked."""
    method: Method = "gcg"
    """How to search."""
    preset: Preset | None = None
    """PAIR's parameters, for --method anneal."""
    steps: int | None = None
    """Steps of the method, in place of its default."""
    start: str = "given"
    """given (the text), random (tokens), both, or top:10: the ten best sentences of --from-corpus."""
    from_corpus: str | None = None
    """A corpus index: its best sentence for this neuron is what the dream has to beat."""
    length: int = 12
    """Tokens of a random start where no text is given, special ones not counted."""
    seed: int = 0
    """Seed of every random choice."""
    certify: bool = True
    """Finish with an exact sweep that proves that no single token is better."""
    minimise: bool = False
    """Search for the lowest activation."""
    round_trip: bool = True
    """Keep only text that gives the same tokens when it is decoded and tokenised again."""
    gcg: GcgConfig = field(default_factory=GcgConfig)
    """Settings of --method gcg."""
    hotflip: HotflipConfig = field(default_factory=HotflipConfig)
    """Settings of --method hotflip."""
    sweep: SweepConfig = field(default_factory=SweepConfig)
    """Settings of --method sweep and of the certificate."""
    anneal: AnnealConfig = field(default_factory=AnnealConfig)
    """Settings of --method anneal."""

    def __post_init__(self) -> None:
        check(self, 1, "steps", "length")
        check(self, 0, "seed", high=2**63 - 1)
