"""The last stage: from the scan's state to the index's tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import save_file

from textdream.corpus.accumulate import EMPTY, Accumulator, key_sentences, key_values
from textdream.corpus.scan import Scan
from textdream.corpus.store import ROWS, connect, write_parquet
from textdream.model import Read

BINS, BANDS, DRAWS = 64, 10, 5

_UNIT = "site VARCHAR, layer INTEGER, kind VARCHAR, neuron INTEGER"
_COLUMNS = {
    "neurons": f"{_UNIT}, count BIGINT, mean DOUBLE, variance DOUBLE, minimum FLOAT, maximum FLOAT, top_count BIGINT,"
    " histogram BIGINT[], quantiles FLOAT[]",
    "extremes": f"{_UNIT}, side VARCHAR, rank INTEGER, sentence BIGINT, position INTEGER, value FLOAT",
    "bands": f"{_UNIT}, band INTEGER, draw INTEGER, sentence BIGINT, position INTEGER, value FLOAT",
}


def write_tables(scan: Scan, folder: Path, work: Path, seed: int) -> int:
    """Write every table but the sentences; returns the tokens in the sample."""
    tokens = np.fromfile(work / "tokens.spool", np.int64).reshape(-1, 3)
    # In the order of their hashes: equal values then stand in a random order, the same for every run.
    order = np.argsort(tokens[:, 0].view(np.uint64), kind="stable")
    tokens = tokens[order]
    with connect(work) as connection:
        for name, columns in _COLUMNS.items():
            connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
        for number, (read, one) in enumerate(scan.accumulators.items()):
            path = work / f"{read.site}.{read.layer}.spool"
            values = np.fromfile(path, np.float32).reshape(len(tokens), -1)[order]
            sample = Sample(values, tokens, np.random.default_rng([seed, number]))
            _insert_unit(connection, read, one, sample)
        for name in _COLUMNS:
            write_parquet(connection, f"SELECT * FROM {name}", folder / f"{name}.parquet", ROWS[name])
    partial = folder / "directions.safetensors.partial"
    directions = {f"{read.site}.{read.layer}": value.numpy() for read, value in scan.directions.items()}
    save_file(directions, partial)
    os.replace(partial, folder / "directions.safetensors")
    return len(tokens)


class Sample:
    """One (site, layer)'s values at the sampled tokens."""

    def __init__(
        self, values: Float[np.ndarray, "tokens units"], tokens: Int[np.ndarray, "tokens 3"], rng: np.random.Generator
    ) -> None:
        self.order = np.argsort(values, axis=0, kind="stable")
        self.sorted = np.take_along_axis(values, self.order, 0)
        self.tokens, self.rng = tokens, rng

    def histogram(self, low: np.ndarray, high: np.ndarray) -> Int[np.ndarray, "units bins"]:
        """Tokens in each of `BINS` bins of equal width from `low` to `high`, the last closed."""
        edges = low[:, None] + (high - low)[:, None].astype(np.float64) * np.arange(1, BINS) / BINS
        inner = np.stack([np.searchsorted(column, edge) for column, edge in zip(self.sorted.T, edges, strict=True)])
        ends = np.full((len(inner), 1), len(self.sorted))
        return np.diff(inner, axis=1, prepend=0, append=ends).astype(np.int64)

    def quantiles(self) -> Float[np.ndarray, "units 11"]:
        """The smallest value, each tenth, the largest."""
        return np.quantile(self.sorted, np.linspace(0, 1, BANDS + 1), axis=0).T.astype(np.float32)

    def bands(self) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
        """(band, draw, rows [units], values [units]): tokens drawn without return from each tenth of the sorted sample."""
        count, units = self.sorted.shape
        cuts = [count * band // BANDS for band in range(BANDS + 1)]
        for band, (begin, end) in enumerate(zip(cuts, cuts[1:], strict=False)):
            draws = min(DRAWS, end - begin)
            ranks = begin + np.argpartition(self.rng.random((end - begin, units)), max(0, draws - 1), axis=0)[:draws]
            for draw, rank in enumerate(ranks):
                yield band, draw, self.order[rank, np.arange(units)], self.sorted[rank, np.arange(units)]


def _insert_unit(connection: duckdb.DuckDBPyConnection, read: Read, one: Accumulator, sample: Sample) -> None:
    units = len(one.mean)
    kind = np.array(["neuron"] * one.neurons + ["random"] * (units - one.neurons), dtype=object)
    neuron = np.concatenate([np.arange(one.neurons), np.arange(units - one.neurons)])
    unit = {
        "site": np.full(units, read.site, dtype=object),
        "layer": np.full(units, read.layer),
        "kind": kind,
        "neuron": neuron,
    }
    extremes = key_values(one.keys).numpy()
    high, low = extremes[0, :, 0], -extremes[1, :, 0]
    bins, quantiles = sample.histogram(low, high), sample.quantiles()
    rows = {
        **unit, "count": np.full(units, one.count), "mean": one.mean.numpy(), "variance": (one.m2 / one.count).numpy(),
        "minimum": low, "maximum": high,
        "top_count": np.concatenate([one.top_count.numpy(), np.zeros(units - one.neurons, np.int64)]),
        **{f"h{i}": np.ascontiguousarray(bins[:, i]) for i in range(BINS)},
        **{f"q{i}": np.ascontiguousarray(quantiles[:, i]) for i in range(BANDS + 1)},
    }  # fmt: skip
    lists = ", ".join(f"h{i}" for i in range(BINS)), ", ".join(f"q{i}" for i in range(BANDS + 1))
    connection.execute(
        "INSERT INTO neurons SELECT site, layer, kind, neuron, count, mean, variance, minimum, maximum, top_count, "
        f"[{lists[0]}], [{lists[1]}] FROM rows"
    )
    sentences, positions = key_sentences(one.keys).numpy(), one.positions.numpy()
    filled = (one.keys != EMPTY).numpy()
    sign = np.array([1, -1], np.float32)[:, None, None]
    u, side, rank = (index.ravel() for index in np.mgrid[:units, :2, : one.k])
    there = filled[side, u, rank]
    u, side, rank = u[there], side[there], rank[there]
    rows = {
        **{name: value[u] for name, value in unit.items()},
        "side": np.array(["most", "least"], dtype=object)[side], "rank": rank,
        "sentence": sentences[side, u, rank], "position": positions[side, u, rank], "value": (sign * extremes)[side, u, rank],
    }  # fmt: skip
    connection.execute("INSERT INTO extremes SELECT * FROM rows")
    drawn = list(sample.bands())
    u, d = (index.ravel() for index in np.mgrid[:units, : len(drawn)])
    row = np.stack([one[2] for one in drawn])[d, u]
    rows = {
        **{name: value[u] for name, value in unit.items()},
        "band": np.array([one[0] for one in drawn])[d], "draw": np.array([one[1] for one in drawn])[d],
        "sentence": sample.tokens[row, 1], "position": sample.tokens[row, 2],
        "value": np.stack([one[3] for one in drawn])[d, u],
    }  # fmt: skip
    connection.execute("INSERT INTO bands SELECT * FROM rows")
