"""Parquet files by DuckDB: the same rows give the same bytes, and one neuron's rows are found without reading the rest."""

from __future__ import annotations

from pathlib import Path

import duckdb

# Rows in a row group. DuckDB skips groups by their smallest and largest values, so that a neuron's rows cost one or two
# groups; below 2,048 it makes them no smaller.
ROWS = {"sentences": 2048, "neurons": 2048, "extremes": 16384, "bands": 16384}


def connect(work: Path) -> duckdb.DuckDBPyConnection:
    """A database in the folder `work` that holds little in memory and spills the rest there."""
    (work / "spill").mkdir(exist_ok=True)
    connection = duckdb.connect(str(work / "tables.duckdb"))
    connection.execute("SET memory_limit = '512MB'")
    connection.execute(f"SET temp_directory = '{quoted(work / 'spill')}'")
    connection.execute("SET preserve_insertion_order = true")
    return connection


def write_parquet(connection: duckdb.DuckDBPyConnection, query: str, target: Path, rows: int) -> None:
    """Write the rows of `query`, in its order."""
    # One thread: with several, how rows fall into groups would depend on which was first.
    connection.execute("SET threads = 1")
    connection.execute(
        f"COPY ({query}) TO '{quoted(target)}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows})"
    )


def quoted(path: Path) -> str:
    """A path inside an SQL string."""
    return str(path).replace("'", "''")
