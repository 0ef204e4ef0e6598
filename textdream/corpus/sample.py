"""A uniform sample of tokens, for what cannot be summed up on the way: histogram, quantiles, decile bands.

A token is in the sample if a hash of its text, its position and the seed is low enough. So the sample is known before the
scan begins, whatever the order; its tokens are written to disk when the scan comes by, and nothing is computed twice. All
tokens are drawn alike and independently, which says more of the distribution than all tokens of as many whole sentences.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer

from textdream.corpus.accumulate import widened
from textdream.corpus.extremes import LAST, key_tails, key_values, make_keys

BINS, BANDS, DRAWS = 64, 10, 5


def token_hashes(texts: Sequence[str], lengths: Sequence[int], seed: int) -> list[Integer[np.ndarray, " _pos"]]:
    """For each text one 64-bit number a position, which depends on the text, the position and the seed alone."""
    key = seed.to_bytes(8, "little")
    starts = b"".join(hashlib.blake2b(text.encode(), digest_size=8, key=key).digest() for text in texts)
    hashes = np.repeat(np.frombuffer(starts, "<u8"), lengths)
    begins = np.cumsum([0, *lengths[:-1]])
    positions = np.arange(len(hashes)) - np.repeat(begins, lengths)
    return np.split(_mixed(hashes + positions.astype(np.uint64)), begins[1:])


def _mixed(x: Integer[np.ndarray, " n"]) -> Integer[np.ndarray, " n"]:
    """SplitMix64 (Steele, Lea and Flood 2014): neighbouring numbers become unrelated ones."""
    x = x * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


class Spool:
    """The sample on disk while the scan runs: a file of rows for each (site, layer), and one that says which tokens they are.

    Attributes
    ----------
    rows
        Tokens in it.
    """

    def __init__(self, folder: Path, layouts: Mapping[str, np.dtype[np.void]]) -> None:
        self.folder, self.rows = folder, 0
        self.layouts = dict(layouts)
        self._bytes = {"tokens": 24, **{name: layout.itemsize for name, layout in layouts.items()}}

    def path(self, name: str) -> Path:
        """Where a (site, layer), or `tokens`, is."""
        return self.folder / f"{name}.spool"

    def write(self, name: str, rows: np.ndarray, at: int) -> None:
        """Put rows into a file, the first as its row `at`."""
        if len(rows):
            with self.path(name).open("r+b") as file:
                file.seek(at * self._bytes[name])
                file.write(np.ascontiguousarray(rows).data)

    def advance(self, rows: int) -> None:
        """Count rows that every file has now."""
        self.rows += rows

    def cut(self, rows: int) -> None:
        """Take off what is behind the first `rows` rows."""
        self.rows = rows
        for name, size in self._bytes.items():
            with self.path(name).open("ab") as file:
                file.truncate(rows * size)

    def sync(self) -> None:
        """See to it that the disk has everything."""
        for name in self._bytes:
            with self.path(name).open("rb") as file:
                os.fsync(file.fileno())

    def tokens(self) -> tuple[Integer[np.ndarray, " rows"], Integer[np.ndarray, "rows 2"]]:
        """The order of the rows by their hashes, and (sentence, position) of each in that order.

        In that order, equal values stand in a random order that is the same for every run.
        """
        found = np.fromfile(self.path("tokens"), np.int64).reshape(-1, 3)
        order = np.argsort(found[:, 0].view(np.uint64), kind="stable")
        return order, found[order, 1:]

    def values(self, name: str, units: slice) -> Float[np.ndarray, "rows some"]:
        """Some units of a (site, layer), in the order of the file."""
        layout = self.layouts[name]
        rows = np.memmap(self.path(name), layout, "r", shape=(self.rows,)) if self.rows else np.empty(0, layout)
        neurons = layout["neurons"].shape[0]
        directions = slice(max(0, units.start - neurons), max(0, units.stop - neurons))
        return np.concatenate([widened(rows["neurons"][:, units]), rows["directions"][:, directions]], axis=1)


class Sorted:
    """Units' values at the sampled tokens, sorted from the lowest to the highest."""

    def __init__(self, values: Float[np.ndarray, "rows units"]) -> None:
        # Whole numbers that hold value and row are sorted faster than an order of floats is found.
        self.keys = make_keys(np.ascontiguousarray(values.T), np.arange(len(values)))
        self.keys.sort(axis=1)

    def histogram(
        self, low: Float[np.ndarray, " units"], high: Float[np.ndarray, " units"]
    ) -> Integer[np.ndarray, "units bins"]:
        """Tokens in each of `BINS` bins of equal width between two values; the last holds its upper end too."""
        width = (high.astype(np.float64) - low) / BINS
        edges = low[:, None] + width[:, None] * np.arange(1, BINS)
        # A float32 lies below an edge if it lies below the first float32 that does not.
        rounded = edges.astype(np.float32)
        rounded = np.where(rounded < edges, np.nextafter(rounded, np.float32(np.inf)), rounded)
        limits = make_keys(rounded, np.array(LAST))
        below = np.stack([np.searchsorted(keys, limit) for keys, limit in zip(self.keys, limits, strict=True)])
        return np.diff(below, axis=1, prepend=0, append=self.keys.shape[1]).astype(np.int64)

    def quantiles(self) -> Float[np.ndarray, "units 11"]:
        """The lowest value, each tenth (between two values, on the line that joins them), the highest."""
        place = np.linspace(0, self.keys.shape[1] - 1, BANDS + 1)
        below, above = np.floor(place).astype(int), np.ceil(place).astype(int)
        part = place - below
        low, high = key_values(self.keys[:, below]), key_values(self.keys[:, above])
        return (low * (1 - part) + high * part).astype(np.float32)

    def bands(self, rng: np.random.Generator) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
        """(band, draw, row [units], value [units]): tokens drawn without return from each tenth of the sorted sample."""
        units, count = self.keys.shape
        every = np.arange(units)
        for band in range(BANDS):
            begin, end = count * band // BANDS, count * (band + 1) // BANDS
            for draw, number in enumerate(distinct(rng, end - begin, min(DRAWS, end - begin), units)):
                keys = self.keys[every, begin + number]
                yield band, draw, key_tails(keys), key_values(keys)


def distinct(rng: np.random.Generator, count: int, draws: int, times: int) -> list[Integer[np.ndarray, " times"]]:
    """Different numbers below `count`, every set of them as likely as any other (Floyd 1987), `times` times over."""
    drawn: list[np.ndarray] = []
    for last in range(count - draws, count):
        number = rng.integers(0, last + 1, times)
        seen = np.any([number == earlier for earlier in drawn], axis=0) if drawn else np.zeros(times, bool)
        drawn.append(np.where(seen, last, number))
    return drawn
