"""How a corpus is read and scanned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textdream.configs.check import check


@dataclass(frozen=True)
class CorpusConfig:
    """How a corpus is read and scanned."""

    sites: str = "resid_post,mlp_post"
    """Sites, with commas: resid_post, mlp_pre, mlp_post, attn_out."""
    layers: str = "all"
    """all, a range such as 0:6 (0 to 5, as in Python), or a list such as 2,5."""
    split: Literal["lines", "sentences"] = "lines"
    """What one sentence is: a line (or record), or what is found in prose."""
    field: str = "text"
    """Field of a .jsonl or .parquet file, or of a data set, that holds the text."""
    top: int = 32
    """Most and least activating sentences kept for each neuron."""
    seed: int = 0
    """Seed of the sample and of the random directions."""

    def __post_init__(self) -> None:
        check(self, 1, "top", high=1024)
        check(self, 0, "seed", high=2**63 - 1)
