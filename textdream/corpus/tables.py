"""The last stage: from the scan's state to the index's tables, a few hundred units at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from safetensors.numpy import save

from textdream.corpus.accumulate import Accumulator
from textdream.corpus.extremes import EMPTY, key_tails, key_values
from textdream.corpus.sample import Sorted
from textdream.corpus.scan import Scan, name
from textdream.corpus.store import connect, write_parquet
from textdream.model import Read

# Units whose sample is sorted at once.
UNITS = 512

_UNIT = "site VARCHAR, layer INTEGER, kind VARCHAR, neuron INTEGER"
COLUMNS = {
    "neurons": f"{_UNIT}, count BIGINT, mean DOUBLE, variance DOUBLE, minimum FLOAT, maximum FLOAT, top_count BIGINT, "
    "histogram BIGINT[], quantiles FLOAT[]",
    "extremes": f"{_UNIT}, side VARCHAR, rank INTEGER, sentence BIGINT, position INTEGER, value FLOAT",
    "bands": f"{_UNIT}, band INTEGER, draw INTEGER, sentence BIGINT, position INTEGER, value FLOAT",
}


def write_tables(scan: Scan, folder: Path) -> Iterator[int]:
    """Write every table but the sentences; yields how many of the (site, layer)s are done."""
    order, tokens = scan.spool.tokens()
    with connect(folder) as connection:
        for table, columns in COLUMNS.items():
            connection.execute(f"CREATE TABLE {table} ({columns})")
        for number, (read, one) in enumerate(scan.accumulators.items()):
            for begin in range(0, one.units, UNITS):
                some = slice(begin, min(begin + UNITS, one.units))
                unit = _units(read, one, some)
                sample = Sorted(scan.spool.values(name(read), some)[order])
                _insert(connection, "neurons", _statistics(unit, one, some, sample))
                _insert(connection, "extremes", _extremes(unit, one, some))
                rng = np.random.default_rng([scan.plan.seed, begin, *name(read).encode()])
                _insert(connection, "bands", _bands(unit, sample, tokens, rng))
            yield number + 1
        for table in COLUMNS:
            write_parquet(connection, table, f"SELECT * FROM {table}", folder)
    directions = {name(read): value.numpy() for read, value in scan.directions.items()}
    (folder / "directions.safetensors").write_bytes(save(directions))


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: dict[str, np.ndarray]) -> None:
    """Append columns to a table; a column of two dimensions becomes one of lists."""
    flat: dict[str, np.ndarray] = {}
    columns = []
    for column, values in rows.items():
        if values.ndim == 1:
            flat[column] = np.ascontiguousarray(values)
            columns.append(column)
            continue
        parts = {f"{column}{i}": np.ascontiguousarray(part) for i, part in enumerate(values.T)}
        flat |= parts
        columns.append(f"[{', '.join(parts)}]")
    connection.register("rows", flat)
    connection.execute(f"INSERT INTO {table} SELECT {', '.join(columns)} FROM rows")
    connection.unregister("rows")


def _units(read: Read, one: Accumulator, some: slice) -> dict[str, np.ndarray]:
    """The columns that say which unit a row is of."""
    every = np.arange(some.start, some.stop)
    neuron = every < one.neurons
    kinds = np.array(["random", "neuron"], dtype=object)
    return {
        "site": np.full(len(every), read.site, dtype=object),
        "layer": np.full(len(every), read.layer),
        "kind": kinds[neuron.astype(int)],
        "neuron": np.where(neuron, every, every - one.neurons),
    }


def _at(unit: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {column: values[rows] for column, values in unit.items()}


def _statistics(unit: dict[str, np.ndarray], one: Accumulator, some: slice, sample: Sorted) -> dict[str, np.ndarray]:
    best = key_values(one.extremes.keys[:, some, 0])
    low, high = -best[1], best[0]
    tops = np.concatenate([one.top_count, np.zeros(one.units - one.neurons, np.int64)])
    return {
        **unit,
        "count": np.full(len(low), one.count),
        "mean": one.mean[some],
        "variance": one.m2[some] / one.count,
        "minimum": low + np.float32(0),
        "maximum": high,
        "top_count": tops[some],
        "histogram": sample.histogram(low, high),
        "quantiles": sample.quantiles(),
    }


def _extremes(unit: dict[str, np.ndarray], one: Accumulator, some: slice) -> dict[str, np.ndarray]:
    # By unit, then side, then rank.
    keys = one.extremes.keys[:, some].transpose(1, 0, 2)
    positions = one.extremes.positions[:, some].transpose(1, 0, 2)
    row, side, rank = (keys != EMPTY).nonzero()
    keys = keys[row, side, rank]
    return {
        **_at(unit, row),
        "side": np.array(["most", "least"], dtype=object)[side],
        "rank": rank,
        "sentence": key_tails(keys),
        "position": positions[row, side, rank],
        "value": np.where(side == 1, np.float32(0) - key_values(keys), key_values(keys)),
    }


def _bands(
    unit: dict[str, np.ndarray], sample: Sorted, tokens: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    drawn: list[Any] = list(sample.bands(rng))
    units = len(unit["neuron"])
    row, draw = (index.ravel() for index in np.mgrid[:units, : len(drawn)])
    where = np.stack([one[2] for one in drawn], 1).ravel() if drawn else np.zeros(0, int)
    values = np.stack([one[3] for one in drawn], 1).ravel() if drawn else np.zeros(0, np.float32)
    return {
        **_at(unit, row),
        "band": np.array([one[0] for one in drawn], int)[draw],
        "draw": np.array([one[1] for one in drawn], int)[draw],
        "sentence": tokens[where, 0],
        "position": tokens[where, 1],
        "value": values,
    }
