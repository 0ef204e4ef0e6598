"""What is kept of a (site, layer) while a corpus runs through it: moments, extremes, how often each unit is the highest.

A unit is a neuron or one of the random directions, whose projections stand behind the neurons in one row. Nothing here
depends on how texts fall into batches, up to the rounding of the sums; the extremes do not even up to that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

# An extreme is one whole number: its value as a float32 whose bits are put in order, then the sentence, the earlier the
# larger. So the largest keys are the highest values, and of equal values those that came first.
LAST_SENTENCE = 2**31 - 1
EMPTY = -(2**63)


@dataclass(frozen=True)
class Group:
    """Texts of equal length in a batch: which rows are theirs, of ordinary tokens only."""

    start: int
    length: int
    sentences: Int[Tensor, " count"]
    first: int
    """Position of the first ordinary token."""

    @property
    def rows(self) -> slice:
        """Their rows in the batch."""
        return slice(self.start, self.start + self.length * len(self.sentences))


class Accumulator:
    """Running statistics of one (site, layer).

    Attributes
    ----------
    count
        Tokens seen.
    mean, m2
        Mean and sum of squared deviations, [units], float64.
    top_count
        Tokens at which a neuron was the layer's highest (the first, where several are), [neurons].
    keys, positions
        The k most ([0]) and least ([1]) activating sentences of each unit and where in them, [2, units, k], best first.
    """

    def __init__(self, neurons: int, directions: int, k: int) -> None:
        units = neurons + directions
        self.neurons, self.k, self.count = neurons, k, 0
        self.mean, self.m2 = torch.zeros(units, dtype=torch.float64), torch.zeros(units, dtype=torch.float64)
        self.top_count = torch.zeros(neurons, dtype=torch.int64)
        self.keys = torch.full((2, units, k), EMPTY, dtype=torch.int64)
        self.positions = torch.zeros((2, units, k), dtype=torch.int32)

    def add(self, values: Float[Tensor, "tokens units"], groups: list[Group]) -> None:
        """Take in a batch."""
        count = len(values)
        mean = values.sum(0, dtype=torch.float64) / count
        m2 = (values - mean.float()).square().sum(0, dtype=torch.float64)
        self.merge_moments(count, mean, m2)
        top = values[:, : self.neurons].argmax(1)
        self.top_count += torch.bincount(top, minlength=self.neurons)
        highest = torch.cat([values[g.rows].view(-1, g.length, values.shape[1]).amax(1) for g in groups])
        lowest = torch.cat([values[g.rows].view(-1, g.length, values.shape[1]).amin(1) for g in groups])
        sentences = torch.cat([group.sentences for group in groups])
        for side, best in enumerate((highest, -lowest)):
            self._take(side, best, sentences, values, groups)

    def merge_moments(self, count: int, mean: Tensor, m2: Tensor) -> None:
        """Chan, Golub and LeVeque 1979: moments of two sets from those of each."""
        total = self.count + count
        delta = mean - self.mean
        self.mean += delta * (count / total)
        self.m2 += m2 + delta.square() * (self.count * count / total)
        self.count = total

    def _take(self, side: int, best: Tensor, sentences: Tensor, values: Tensor, groups: list[Group]) -> None:
        """Merge the sentences' best values [sentences, units] into one side, for those units that gain."""
        kept, where = self.keys[side], self.positions[side]
        worst = kept[:, -1]
        # The value of the worst kept is all that is compared at first: whole keys are made for the units that may gain.
        gaining = (best >= key_values(worst)).any(0).nonzero().flatten()
        if not len(gaining):
            return
        keys = make_keys(best[:, gaining], sentences[:, None]).T
        both = torch.cat([kept[gaining], keys], dim=1)
        top, index = both.topk(self.k, dim=1)
        unit, rank = (index >= self.k).nonzero(as_tuple=True)
        new = torch.gather(where[gaining], 1, index.clamp_max(self.k - 1))
        text = index[unit, rank] - self.k
        new[unit, rank] = _positions(side, text, gaining[unit], values, groups)
        kept[gaining], where[gaining] = top, new


def _positions(side: int, texts: Tensor, units: Tensor, values: Tensor, groups: list[Group]) -> Tensor:
    """Where in its text each unit is highest (lowest, for side 1), the first such position."""
    found = torch.empty(len(texts), dtype=torch.int32)
    begin = 0
    for group in groups:
        here = ((texts >= begin) & (texts < begin + len(group.sentences))).nonzero().flatten()
        if len(here):
            rows = group.start + (texts[here] - begin)[:, None] * group.length + torch.arange(group.length)
            course = values[rows, units[here, None]]
            found[here] = ((-course if side else course).argmax(1) + group.first).int()
        begin += len(group.sentences)
    return found


def make_keys(values: Float[Tensor, "*shape"], sentences: Int[Tensor, "..."]) -> Int[Tensor, "*shape"]:
    """One whole number for a value and its sentence, ordered by value, then earlier sentences first."""
    bits = (values + 0.0).view(torch.int32)  # -0.0 + 0.0 is 0.0
    ordered = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    return (ordered.long() << 32) | (LAST_SENTENCE - sentences)


def key_values(keys: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The value in a key; minus infinity where it is empty."""
    ordered = (keys >> 32).int()
    values = torch.where(ordered < 0, ordered ^ 0x7FFFFFFF, ordered).view(torch.float32)
    return torch.where(keys == EMPTY, -torch.inf, values)


def key_sentences(keys: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    """The sentence in a key."""
    return LAST_SENTENCE - (keys & 0xFFFFFFFF)


def token_hashes(texts: list[str], lengths: list[int], seed: int) -> list[np.ndarray]:
    """For each text, one 64-bit number a token, which depends on text, position and seed alone."""
    import hashlib

    key = seed.to_bytes(8, "little")
    found = []
    for text, length in zip(texts, lengths, strict=True):
        digest = hashlib.blake2b(text.encode(), digest_size=8, key=key).digest()
        found.append(_splitmix(np.frombuffer(digest, np.uint64) + np.arange(length, dtype=np.uint64)))
    return found


def _splitmix(x: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014): neighbouring numbers become unrelated ones."""
    x = x * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
