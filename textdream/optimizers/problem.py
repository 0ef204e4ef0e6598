"""What every optimiser is given, and what each of its steps says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from textdream.model import Engine, Model
from textdream.objectives import Objective
from textdream.records import Certificate


@dataclass(frozen=True)
class Mixture:
    """The soft side of a step: what the objective gives on weighted mixtures of tokens, and the heaviest tokens."""

    value: float
    temperature: float
    normalised: tuple[float, float] | None = None
    """(soft, hard) in PAIR's unit, where that is climbed."""
    top: tuple[tuple[tuple[int, float], ...], ...] | None = None
    """For each free position, (id, weight) of the heaviest tokens."""
    logits: Float[Tensor, "free d_vocab"] | None = field(default=None, repr=False, compare=False)
    """What the softmax is taken of, before noise: for whoever watches single tokens. The next step changes it in place."""
    weights: Float[Tensor, "free d_vocab"] | None = field(default=None, repr=False, compare=False)
    """The mixture itself (of several noisy samples the first)."""


@dataclass(frozen=True)
class Step:
    """One step of an optimiser: the real text where it stands, and that text's exact value."""

    phase: str
    ids: tuple[int, ...]
    value: float
    """The objective on `ids`, in float32."""
    mixture: Mixture | None = None
    note: str | None = None
    progress: tuple[int, int] | None = None
    """(done, of), where the end is known."""
    certificate: Certificate | None = None
    """With the last step of a sweep."""


@dataclass
class Problem:
    """A text to start from, positions that may change, and an objective to raise: all an optimiser may know.

    `best` is the best real text that was ever decided; it is there whenever the search is stopped.
    """

    model: Model
    objective: Objective
    """Bound; maximised. For a minimum, the negative."""
    start: Int[Tensor, " pos"]
    free: tuple[int, ...]
    round_trip: bool = True
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))
    best: tuple[tuple[int, ...], float] | None = None

    @property
    def engine(self) -> Engine:
        """The model's engine."""
        return self.model.engine

    @cached_property
    def climb(self) -> Objective:
        """What is climbed: the objective, or one that rises with it and is not flat where it is."""
        return self.objective.climb()

    @cached_property
    def allowed(self) -> Bool[Tensor, " d_vocab"]:
        """Which ids may be proposed."""
        mask = torch.zeros(self.engine.table.shape[0], dtype=torch.bool)
        mask[self.model.tokens.allowed] = True
        return mask

    def decide(self, ids: Int[Tensor, "batch pos"]) -> Float[Tensor, " batch"]:
        """Exact values of the objective in float32; the best text that may count as a result is remembered."""
        values = self.engine.values(ids, self.objective)
        for index in values.argsort(descending=True).tolist():
            if self.best is not None and float(values[index]) <= self.best[1]:
                break
            if self.counts(ids[index]):
                self.best = (tuple(ids[index].tolist()), float(values[index]))
                break
        return values

    def height(self, ids: Int[Tensor, "batch pos"]) -> Float[Tensor, " batch"]:
        """Exact values of what is climbed. Where that is not the objective itself, the best text is remembered too."""
        if self.climb is self.objective:
            return self.decide(ids)
        self.decide(ids)
        return self.engine.values(ids, self.climb)

    def screen(self, ids: Int[Tensor, "batch pos"]) -> Float[Tensor, " batch"]:
        """Values of what is climbed, in the search precision."""
        return self.engine.search_values(ids, self.climb)

    def gradient(self, ids: Int[Tensor, " pos"]) -> Float[Tensor, "free d_vocab"]:
        """First-order gain of each token at each free position over the one there; -inf for tokens that may not be proposed."""
        return self._gain(ids, self.engine.gradients(ids[None], self.climb, self.free)[0].cpu())

    def mean_gradient(self, ids: Int[Tensor, " pos"], samples: int) -> Float[Tensor, "free d_vocab"]:
        """`gradient`, its slope at each position averaged over texts that hold random tokens there.

        The slope at the present token says little of tokens far from it. Where a text cannot be bettered by the tokens of
        best local gain, the mean slope is the better guide: at such a text of minilm, the 20 best of all tokens ranked
        1,988 (median) by the local gain and 101 by the mean over 8 samples.
        """
        tokens = self.model.tokens.allowed
        slopes = []
        for position in self.free:
            drawn = tokens[torch.randint(len(tokens), (samples,), generator=self.generator)]
            texts = replaced(ids, torch.full_like(drawn, position), drawn)
            slopes.append(self.engine.gradients(texts, self.climb, [position])[:, 0].mean(0).cpu())
        return self._gain(ids, torch.stack(slopes))

    def _gain(self, ids: Int[Tensor, " pos"], slope: Float[Tensor, "free d_vocab"]) -> Float[Tensor, "free d_vocab"]:
        here = slope.gather(1, ids[list(self.free)][:, None])
        return (slope - here).masked_fill(~self.allowed, -torch.inf)

    def counts(self, ids: Int[Tensor, " pos"]) -> bool:
        """Whether a text may be a result: the start, or allowed tokens that survive the round trip if that is asked."""
        changed = ids[ids != self.start]
        if not bool(self.allowed[changed].all()):
            return False
        return len(changed) == 0 or not self.round_trip or bool(self.model.tokens.survives(ids[None])[0])

    def surviving(self, ids: Int[Tensor, "batch pos"]) -> Int[Tensor, "kept pos"]:
        """Different candidates in order, without those that put in special or unused tokens, or (if that is asked) do not
        survive the round trip."""
        rows = {tuple(row): index for index, row in reversed(list(enumerate(ids.tolist())))}
        ids = ids[sorted(rows.values())]
        ids = ids[(self.allowed[ids] | (ids == self.start)).all(1)]
        return ids[self.model.tokens.survives(ids)] if self.round_trip and len(ids) else ids


def replaced(
    ids: Int[Tensor, " pos"], positions: Int[Tensor, " batch"], tokens: Int[Tensor, " batch"]
) -> Int[Tensor, "batch pos"]:
    """Copies of `ids`, each with one token put at one position."""
    candidates = ids.repeat(len(positions), 1)
    candidates[torch.arange(len(positions)), positions] = tokens
    return candidates


def as_row(ids: Tensor | Sequence[int]) -> tuple[int, ...]:
    """Ids as a tuple of ints."""
    return tuple(int(id_) for id_ in ids)
