"""Corpus indexes of tiny models, and what stands in them by brute force."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import textdream
from tests.tiny import WORDS, plain
from textdream.configs import CorpusConfig
from textdream.corpus.build import index_corpus


def sentences(count: int, seed: int, low: int = 2, high: int = 6) -> list[str]:
    """Different sentences of the tiny vocabulary."""
    draw = random.Random(seed)
    words = [word for word in WORDS if word.isalpha()]
    found: dict[str, None] = {}
    while len(found) < count:
        found[" ".join(draw.choices(words, k=draw.randint(low, high)))] = None
    return list(found)


def make_index(
    model: textdream.Model, texts: Sequence[str], folder: Path, name: str = "texts.txt", **settings: Any
) -> Path:
    """An index of some sentences, one a line."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(texts) + "\n", encoding="utf-8")
    index_corpus(model, [str(folder / name)], folder / "index", CorpusConfig(**settings))
    return folder / "index"


@dataclass(frozen=True)
class Truth:
    """A unit's value at every ordinary token of a corpus, by the plain forward pass."""

    values: list[dict[int, float]]
    """Of each sentence: position, value."""

    @property
    def all(self) -> torch.Tensor:
        """All values."""
        return torch.tensor([value for one in self.values for value in one.values()])

    def best(self, sign: float = 1.0) -> list[float]:
        """The highest (or with sign -1 the lowest) value of each sentence, best first."""
        return sorted(
            (max(one.values(), key=lambda value: sign * value) for one in self.values), key=lambda v: -sign * v
        )


@torch.no_grad()
def truth(
    model: textdream.Model, name: str, texts: Sequence[str], site: str, layer: int, unit: int | Sequence[float]
) -> Truth:
    """By one forward pass a sentence; `unit` is a neuron, or the numbers of a direction."""
    found = []
    for text in texts:
        ids = model.tokens.encode(text)
        x = plain(model.hf, name, site, layer, input_ids=torch.tensor([ids]))[0]
        values = x[:, unit] if isinstance(unit, int) else x @ torch.tensor(unit)
        found.append({place: float(values[place]) for place in model.tokens.open_positions(ids)})
    return Truth(found)
