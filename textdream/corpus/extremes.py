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

# For a side (0: where it is highest, 1: lowest), texts of the batch and a unit for each: the position in the text.
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
        highest: Float[np.ndarray, "texts units"],
        lowest: Float[np.ndarray, "texts units"],
        sentences: Integer[np.ndarray, " texts"],
        places: Places,
    ) -> None:
        """Take in the highest and lowest values of some texts, whose numbers are `sentences`."""
        self._take(0, highest, sentences, places)
        self._take(1, -lowest, sentences, places)

    def _take(self, side: int, best: np.ndarray, sentences: np.ndarray, places: Places) -> None:
        keys, positions = self.keys[side], self.positions[side]
        # Only units whose best text here can beat the worst that is kept, by its value or by coming earlier: soon few.
        top, worst, tails = best.max(0), key_values(keys[:, -1]), key_tails(keys[:, -1])
        units = ((top > worst) | ((top == worst) & (sentences.min() < tails))).nonzero()[0]
        if not len(units):
            return
        offered = best[:, units]
        beats = (offered > worst[units]) | ((offered == worst[units]) & (sentences[:, None] < tails[units]))
        row, text = np.ascontiguousarray(beats.T).nonzero()
        # Side by side with what is kept, as many columns as the unit with the most offers needs.
        counts = np.bincount(row, minlength=len(units))
        column = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        shape = (len(units), int(counts.max(initial=0)))
        new, source = np.full(shape, EMPTY, np.int64), np.full(shape, -1)
        new[row, column], source[row, column] = make_keys(offered[text, row], sentences[text]), text
        both = np.concatenate([keys[units], new], axis=1)
        order = np.argsort(both, axis=1)[:, : -self.k - 1 : -1]
        source = np.take_along_axis(np.concatenate([np.full((len(units), self.k), -1), source], axis=1), order, 1)
        where = np.take_along_axis(positions[units], np.minimum(order, self.k - 1), 1)
        row, rank = (source >= 0).nonzero()
        where[row, rank] = places(side, source[row, rank], units[row])
        keys[units], positions[units] = np.take_along_axis(both, order, 1), where


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
