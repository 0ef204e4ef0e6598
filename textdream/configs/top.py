"""What a corpus index is asked."""

from __future__ import annotations

from dataclasses import dataclass

from textdream.configs.check import check


@dataclass(frozen=True)
class CorpusTopConfig:
    """Which unit of an index is shown, and how much of it."""

    layer: int | None = None
    """Layer, counted from 0."""
    neuron: int | None = None
    """Index in the site's last dimension."""
    site: str = "resid_post"
    """A site of the index: resid_post, mlp_post …"""
    random_direction: int | None = None
    """Show a random direction of the index in place of the neuron (the first, or this one): what does chance look like?"""
    direction: str | None = None
    """Show a direction of a safetensors file, such as a concept's, in place of the neuron: the corpus is scanned once more."""
    top: int = 10
    """Sentences shown at either end, of those that the index keeps."""
    quantiles: bool = False
    """Show samples of the ten bands from the lowest tenth of the tokens to the highest."""
    against: str | None = None
    """A second index: its best sentences beside the first's, and how much the two agree."""
    seed: int = 0
    """Seed of the other units that agreement is measured against."""

    def __post_init__(self) -> None:
        check(self, 1, "top")
        check(self, 0, "seed", high=2**63 - 1)


@dataclass(frozen=True)
class NeuronsConfig:
    """Which units are measured, and how many are kept."""

    index: str | None = None
    """The corpus index to measure against, a folder made by `textdream corpus index`."""
    site: str | None = None
    """Only this site of the index."""
    layer: int | None = None
    """Only this layer."""
    top: int = 20
    """How many are kept."""
    seed: int = 0
    """Written into the result; nothing is drawn."""

    def __post_init__(self) -> None:
        check(self, 1, "top")
