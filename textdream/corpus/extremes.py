"""The k most and least activating sentences of every unit, kept up to date while a corpus runs by.

An entry is one whole number: a float32 whose bits are put into order, and behind it the sentence, the earlier the larger.
So the largest entries are the highest values and, of equal values, the first sentences, whatever order they came in.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Integer

LAST = 2**32 - 1
EMPTY = -(2**63)

# For a side (0: where it is highest, 1: lowest), texts of the batch in order and a unit for each: the position in the text.
Places = Callable[[int, Integer[np.ndarray, " n"], Integer[np.ndarray, " n"]], Integer[np.ndarray, " n"]]


class Extremes:
    """The best sentences of every unit.

    Attributes
    ----------
    keys
        Entries of the most ([0]) and least ([1]) activating sentences, [2, units, k], best first. Values of the least are
        negated.
    positions
        Where in the sentence the value is, the first place that has it, [2, units, k].
    """

    def __init__(self, units: int, k: int) -> None:
        self.k = k
        self.keys = np.full((2, units, k), EMPTY, np.int64)
        self.positions = np.zeros((2, units, k), np.int32)

    def take(
        self,
        side: int,
        best: Float[np.ndarray, "texts units"],
        sentences: Integer[np.ndarray, " texts"],
        places: Places,
    ) -> None:
        """Take in the highest values of some texts, whose numbers are `sentences`; for side 1 the lowest, negated."""
        keys, positions = self.keys[side], self.positions[side]
        worst, tails = key_values(keys[:, -1]), key_tails(keys[:, -1])
        # One comparison for all: a text must beat the worst that is kept, or equal it where it may come earlier.
        bound = np.where(sentences.min() < tails, np.nextafter(worst, np.float32(-np.inf)), worst)
        beats = best > bound
        if np.count_nonzero(beats) > best.shape[1] * self.k:
            # Where little is kept yet, nearly all do: but only the k best of the batch can stay.
            every = make_keys(np.ascontiguousarray(best.T), sentences)
            beats &= (every >= np.partition(every, -self.k, axis=1)[:, -self.k, None]).T
        text, unit = np.divmod(np.flatnonzero(beats), best.shape[1])
        new = make_keys(best[text, unit], sentences[text])
        better = (new > keys[unit, -1]).nonzero()[0]
        if len(better):
            text, unit, new = text[better], unit[better], new[better]
            self._merge(keys, positions, unit, new, places(side, text, unit))

    def _merge(
        self,
        keys: Integer[np.ndarray, "units k"],
        positions: Integer[np.ndarray, "units k"],
        unit: Integer[np.ndarray, " n"],
        new: Integer[np.ndarray, " n"],
        where: Integer[np.ndarray, " n"],
    ) -> None:
        """Sort new entries, each of a unit, into those that are kept."""
        order = np.argsort(unit)
        counts = np.bincount(unit)
        units = counts.nonzero()[0]
        counts = counts[units]
        # Side by side with what is kept, as many columns as the unit with the most offers needs.
        row = np.repeat(np.arange(len(units)), counts)
        column = self.k + np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        both = np.full((len(units), self.k + int(counts.max())), EMPTY, np.int64)
        places = np.zeros(both.shape, np.int32)
        both[:, : self.k], places[:, : self.k] = keys[units], positions[units]
        both[row, column], places[row, column] = new[order], where[order]
        best = np.argsort(both, axis=1)[:, : -self.k - 1 : -1]
        keys[units], positions[units] = np.take_along_axis(both, best, 1), np.take_along_axis(places, best, 1)


def make_keys(
    values: Float[np.ndarray, "*shape"], tails: Integer[np.ndarray, "*wider"]
) -> Integer[np.ndarray, "*shape"]:
    """Entries of float32 values and the numbers behind them."""
    bits = (values.astype(np.float32) + np.float32(0)).view(np.int32)  # -0.0 + 0.0 is 0.0
    bits ^= (bits >> 31) & np.int32(0x7FFFFFFF)  # Of a negative float, the larger bits are the lower value.
    keys = bits.astype(np.int64)
    keys <<= 32
    keys |= LAST - tails
    return keys


def key_values(keys: Integer[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The value in each entry; minus infinity where it is empty."""
    bits = (keys >> 32).astype(np.int32)
    bits ^= (bits >> 31) & np.int32(0x7FFFFFFF)
    return np.where(keys == EMPTY, np.float32(-np.inf), bits.view(np.float32))


def key_tails(keys: Integer[np.ndarray, "*shape"]) -> Integer[np.ndarray, "*shape"]:
    """The number behind the value in each entry."""
    return LAST - (keys & 0xFFFFFFFF)
