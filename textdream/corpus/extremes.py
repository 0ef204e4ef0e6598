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

Course = Callable[[int], tuple[Float[np.ndarray, "pos units"], int]]


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
        course: Course,
    ) -> None:
        """Take in the highest and lowest values of some texts.

        Parameters
        ----------
        course
            For the number of a text in this batch: the units along it, and the position of the first row.
        """
        self._take(0, highest, sentences, course)
        self._take(1, -lowest, sentences, course)

    def _take(self, side: int, best: np.ndarray, sentences: np.ndarray, course: Course) -> None:
        keys, positions = self.keys[side], self.positions[side]
        # Only units whose best text here can beat the worst that is kept, by its value or by coming earlier: soon very few.
        top, worst = best.max(0), key_values(keys[:, -1])
        earlier = sentences.min() < key_tails(keys[:, -1])
        units = ((top > worst) | ((top == worst) & earlier)).nonzero()[0]
        if not len(units):
            return
        kept = keys[units]
        offered = make_keys(best[:, units], sentences[:, None]).T
        both = np.concatenate([kept, offered], axis=1)
        # The k largest, in no order, then in order.
        index = np.argpartition(both, both.shape[1] - self.k, axis=1)[:, -self.k :]
        chosen = np.take_along_axis(both, index, 1)
        order = np.argsort(chosen, axis=1)[:, ::-1]
        index, chosen = np.take_along_axis(index, order, 1), np.take_along_axis(chosen, order, 1)
        places = np.take_along_axis(positions[units], np.minimum(index, self.k - 1), 1)
        new = index >= self.k
        row, rank = new.nonzero()
        texts = index[row, rank] - self.k
        found = np.empty(len(texts), np.int32)
        for text in np.unique(texts):
            here = (texts == text).nonzero()[0]
            values, first = course(int(text))
            values = values[:, units[row[here]]]
            found[here] = first + (values.argmin(0) if side else values.argmax(0))
        places[row, rank] = found
        keys[units], positions[units] = chosen, places


def make_keys(
    values: Float[np.ndarray, "*shape"], tails: Integer[np.ndarray, "*wider"]
) -> Integer[np.ndarray, "*shape"]:
    """Entries of float32 values and the numbers behind them."""
    bits = (values.astype(np.float32) + np.float32(0)).view(np.int32)  # -0.0 + 0.0 is 0.0
    ordered = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits).astype(np.int64)
    return (ordered << 32) | (LAST - tails)


def key_values(keys: Integer[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The value in each entry; minus infinity where it is empty."""
    ordered = (keys >> 32).astype(np.int32)
    values = np.where(ordered < 0, ordered ^ 0x7FFFFFFF, ordered).astype(np.int32).view(np.float32)
    return np.where(keys == EMPTY, np.float32(-np.inf), values)


def key_tails(keys: Integer[np.ndarray, "*shape"]) -> Integer[np.ndarray, "*shape"]:
    """The number behind the value in each entry."""
    return LAST - (keys & 0xFFFFFFFF)
