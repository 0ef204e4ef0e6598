"""What is kept of a (site, layer) while a corpus runs through it: moments, extremes, how often each unit is the highest.

A unit is a neuron or one of the random directions, whose projections stand behind the neurons in each row. Extremes and
counts do not depend on the order in which batches are taken in, and several threads may do that side by side; moments do in
the last digits of a float64, so that they are merged apart, in the order of the corpus.

The activations of a batch come by once, and everything is taken from them in pieces that stay in the processor's cache.
numpy's loops are used for that: on one thread they were two to ten times faster than torch's for sums over rows, sums of
squares and the highest of a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor

from textdream.corpus.extremes import Extremes

# Ordinary tokens in a piece: with 1,536 neurons in float32 well within a megabyte of second-level cache.
PIECE = 120


@dataclass(frozen=True)
class Group:
    """Texts of equal length in a batch, token after token, text after text."""

    start: int
    """Its first row in the batch."""
    length: int
    """Tokens of a text, special ones counted."""
    first: int
    """Position of the first ordinary token."""
    last: int
    """Position after the last ordinary token: none between the two is special."""
    sentences: Integer[np.ndarray, " count"]
    """Numbers of the texts, in the corpus."""

    @property
    def ordinary(self) -> int:
        """Ordinary tokens of all its texts."""
        return len(self.sentences) * (self.last - self.first)


@dataclass(frozen=True)
class Piece:
    """A few texts of one group."""

    rows: slice
    """In the batch."""
    shape: tuple[int, int]
    """Texts, and tokens of each, special ones counted."""
    first: int
    last: int
    texts: slice
    """Numbers of its texts in the batch."""


def cut(groups: Sequence[Group]) -> list[Piece]:
    """Cut a batch into pieces of about `PIECE` ordinary tokens, and at least one text."""
    pieces = []
    text = 0
    for group in groups:
        at_once = max(1, PIECE // (group.last - group.first))
        for begin in range(0, len(group.sentences), at_once):
            count = min(at_once, len(group.sentences) - begin)
            row = group.start + begin * group.length
            rows = slice(row, row + count * group.length)
            texts = slice(text + begin, text + begin + count)
            pieces.append(Piece(rows, (count, group.length), group.first, group.last, texts))
        text += len(group.sentences)
    return pieces


@dataclass(frozen=True)
class Moments:
    """Of some tokens: mean and sum of squared deviations, [units], float64."""

    count: int
    mean: Float[np.ndarray, " units"]
    m2: Float[np.ndarray, " units"]


class Accumulator:
    """Running statistics of one (site, layer).

    Attributes
    ----------
    count
        Ordinary tokens whose moments were merged.
    mean, m2
        Mean and sum of squared deviations, [units], float64.
    near
        A number near the mean, which sums are taken from: the first batch's mean, [units], float32.
    top_count
        Tokens at which a neuron was the highest of the layer (the first of several equals), [neurons].
    extremes
        The k most and the k least activating sentences of each unit.
    """

    def __init__(self, directions: Float[Tensor, "directions neurons"], k: int) -> None:
        self.directions = directions
        count, self.neurons = directions.shape
        self.units = self.neurons + count
        self.count = 0
        self.mean, self.m2 = np.zeros(self.units), np.zeros(self.units)
        self.near = np.zeros(self.units, np.float32)
        self.top_count = np.zeros(self.neurons, np.int64)
        self.extremes = Extremes(self.units, k)
        high = directions.bfloat16()
        self._halves = torch.cat([high, (directions - high.float()).bfloat16()])
        self._one_at_a_time = Lock()

    def take(self, values: Float[Tensor, "tokens neurons"], groups: Sequence[Group]) -> tuple[Rows, Moments]:
        """Take in a batch but for its moments; returns its rows of units, and the moments to `merge`.

        The first batch has to be merged before any other is taken.

        Parameters
        ----------
        values
            The batch's activations, special tokens among them, float32 or bfloat16, on the CPU.
        groups
            The texts in it.

        Raises
        ------
        FloatingPointError
            If there is NaN or infinity in it; then nothing is taken in.
        """
        rows = Rows(values, self.project(values).numpy())
        # Sums are of differences from a number near the mean, so that their squares lose no digits.
        begin = groups[0].start + groups[0].first
        near = self.near if self.count else rows.units(slice(begin, begin + 1))[0]
        found = _look(rows, near, cut(groups), sum(len(group.sentences) for group in groups))
        count = sum(group.ordinary for group in groups)
        total, squares = found.sums.sum(0, dtype=np.float64), found.squares.sum(0, dtype=np.float64)
        if not np.isfinite(squares).all():
            raise FloatingPointError("NaN or infinity among the activations")
        sentences = np.concatenate([group.sentences for group in groups])

        def places(side: int, texts: np.ndarray, units: np.ndarray) -> np.ndarray:
            return _places(rows, groups, side, texts, units)

        top = np.bincount(np.concatenate(found.top), minlength=self.neurons)
        with self._one_at_a_time:
            self.top_count += top
            self.extremes.take(0, found.highest, sentences, places)
            self.extremes.take(1, -found.lowest, sentences, places)
        return rows, Moments(count, near + total / count, np.maximum(squares - total * total / count, 0.0))

    def merge(self, new: Moments) -> None:
        """Moments of two sets together from those of each (Chan, Golub and LeVeque 1979)."""
        total = self.count + new.count
        delta = new.mean - self.mean
        self.mean = self.mean + delta * (new.count / total)
        self.m2 = self.m2 + new.m2 + delta * delta * (self.count * (new.count / total))
        if not self.count:
            self.near = self.mean.astype(np.float32)
        self.count = total

    def project(self, values: Float[Tensor, "tokens neurons"]) -> Float[Tensor, "tokens directions"]:
        """Activations along the random directions.

        In bfloat16 a direction is the sum of its rounded self and of what the rounding took away.
        """
        if values.dtype != torch.bfloat16:
            return values.float() @ self.directions.T
        high, low = (values @ self._halves.T).float().chunk(2, dim=1)
        return high + low

    def state(self) -> dict[str, np.ndarray]:
        """Everything that changes, as arrays."""
        return {
            "count": np.array(self.count), "mean": self.mean, "m2": self.m2, "near": self.near,
            "top_count": self.top_count, "keys": self.extremes.keys, "positions": self.extremes.positions,
        }  # fmt: skip

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go back to a state."""
        self.count = int(state["count"])
        self.mean, self.m2, self.near, self.top_count = (state[key] for key in ("mean", "m2", "near", "top_count"))
        self.extremes.keys, self.extremes.positions = state["keys"], state["positions"]


class Rows:
    """A batch's activations with the projections behind them, turned into float32 where they are looked at."""

    def __init__(
        self, values: Float[Tensor, "tokens neurons"], projected: Float[np.ndarray, "tokens directions"]
    ) -> None:
        # numpy has no bfloat16: its bits are the upper half of a float32's.
        self.half = values.dtype == torch.bfloat16
        self.values = values.view(torch.int16).numpy().view(np.uint16) if self.half else values.float().numpy()
        self.projected = projected
        self.neurons = self.values.shape[1]

    def units(self, rows: Any) -> Float[np.ndarray, "n units"]:
        """All units at some rows."""
        return np.concatenate([widened(self.values[rows]), self.projected[rows]], axis=1)

    def records(self, rows: Integer[np.ndarray, " n"]) -> np.ndarray:
        """All units at some rows as records of `row_layout`: in the precision in which they came."""
        layout = row_layout(self.neurons, self.projected.shape[1], self.half)
        found = np.empty(len(rows), layout)
        found["neurons"], found["directions"] = self.values[rows], self.projected[rows]
        return found

    def courses(
        self, starts: Integer[np.ndarray, " n"], length: int, units: Integer[np.ndarray, " n"]
    ) -> Float[np.ndarray, "n pos"]:
        """For each of n, one unit at `length` rows from a start on."""
        found = np.empty((len(starts), length), np.float32)
        neuron = units < self.neurons
        for part, raw, unit in ((neuron, self.values, units), (~neuron, self.projected, units - self.neurons)):
            # Numbers in the flat array: taken in half the time that a pair of row and column needs.
            width = raw.shape[1]
            flat = (starts[part] * width + unit[part])[:, None] + np.arange(0, length * width, width)
            found[part] = widened(raw.reshape(-1).take(flat))
        return found

    def write(self, piece: Piece, out: Float[np.ndarray, "text pos units"]) -> None:
        """The ordinary tokens of a piece into `out`."""
        ordinary = slice(piece.first, piece.last)
        raw = self.values[piece.rows].reshape(*piece.shape, -1)[:, ordinary]
        if self.half:
            # Moved up by sixteen bits all at once, over memory without gaps: in half the time of a shift on the way.
            bits = out.view(np.uint32)
            bits[..., : self.neurons] = raw
            np.multiply(bits, np.uint32(2**16), out=bits)
        else:
            out[..., : self.neurons] = raw
        out[..., self.neurons :] = self.projected[piece.rows].reshape(*piece.shape, -1)[:, ordinary]


def row_layout(neurons: int, directions: int, half: bool) -> np.dtype[np.void]:
    """A token's units as they are stored: neurons as float32, or as the bits of a bfloat16."""
    return np.dtype([("neurons", np.uint16 if half else np.float32, neurons), ("directions", np.float32, directions)])


def widened(raw: np.ndarray) -> Float[np.ndarray, "*shape"]:
    """Float32 as it is, or the float32 of a bfloat16's bits."""
    return raw if raw.dtype == np.float32 else (raw.astype(np.uint32) << 16).view(np.float32)


def _places(
    rows: Rows, groups: Sequence[Group], side: int, texts: Integer[np.ndarray, " n"], units: Integer[np.ndarray, " n"]
) -> Integer[np.ndarray, " n"]:
    """Where in each of some texts of the batch a unit is highest (lowest, for side 1): the first such position."""
    found = np.empty(len(texts), np.int64)
    begins = np.cumsum([0, *(len(group.sentences) for group in groups)])
    # In the order of the texts, so that a text's rows are fetched from memory once.
    cuts = np.searchsorted(texts, begins)
    for group, begin, here in zip(groups, begins, map(slice, cuts, cuts[1:]), strict=False):
        starts = group.start + (texts[here] - begin) * group.length + group.first
        courses = rows.courses(starts, group.last - group.first, units[here])
        found[here] = group.first + (courses.argmin(1) if side else courses.argmax(1))
    return found


@dataclass(frozen=True)
class _Found:
    """What the pieces of a batch give."""

    highest: Float[np.ndarray, "texts units"]
    lowest: Float[np.ndarray, "texts units"]
    sums: Float[np.ndarray, "pieces units"]
    """Of differences from a number near the mean, and of their squares."""
    squares: Float[np.ndarray, "pieces units"]
    top: list[Integer[np.ndarray, " _tokens"]]
    """The highest neuron at each token."""


def _look(rows: Rows, near: Float[np.ndarray, " units"], pieces: Sequence[Piece], texts: int) -> _Found:
    """Everything that is taken from the values of a batch, in pieces that stay in the cache."""
    units = len(near)

    def empty(count: int) -> np.ndarray:
        return np.empty((count, units), np.float32)

    found = _Found(empty(texts), empty(texts), empty(len(pieces)), empty(len(pieces)), [])
    buffer = empty(max(p.shape[0] * (p.last - p.first) for p in pieces))
    for piece, sums, squares in zip(pieces, found.sums, found.squares, strict=True):
        count, length = piece.shape[0], piece.last - piece.first
        here = buffer[: count * length]
        by_text = here.reshape(count, length, -1)
        rows.write(piece, by_text)
        by_text.max(1, out=found.highest[piece.texts])
        by_text.min(1, out=found.lowest[piece.texts])
        found.top.append(here[:, : rows.neurons].argmax(1))
        np.subtract(here, near, out=here)
        here.sum(0, out=sums)
        np.einsum("tu,tu->u", here, here, out=squares)
    return found
