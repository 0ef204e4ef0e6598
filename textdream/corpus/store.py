"""Parquet files by DuckDB: the same rows give the same bytes, and one neuron's rows are found without reading the rest."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

# How every Parquet file is read: without this, a folder named `layer=1` would overwrite the column `layer`.
READ = "hive_partitioning = false"
# Rows in a row group, and how they are packed. DuckDB skips groups by their smallest and largest values, so that a
# neuron's rows cost one or two groups. The hundred sentences of a card lie anywhere: of 700,000, they were found in 34 ms
# from small groups packed with snappy, in 48 ms with zstd, in 133 ms from groups of DuckDB's own size.
LAYOUT = {
    "sentences": (2048, "snappy"),
    "neurons": (2048, "zstd"),
    "extremes": (16384, "zstd"),
    "bands": (16384, "zstd"),
}


def connect(work: Path) -> duckdb.DuckDBPyConnection:
    """A database in the folder `work` that holds little in memory and spills the rest there."""
    (work / "spill").mkdir(exist_ok=True)
    connection = duckdb.connect(str(work / "tables.duckdb"))
    connection.execute("SET memory_limit = '512MB'")
    connection.execute(f"SET temp_directory = '{quoted(work / 'spill')}'")
    connection.execute("SET preserve_insertion_order = true")
    return connection


def write_parquet(connection: duckdb.DuckDBPyConnection, table: str, query: str, folder: Path) -> None:
    """Write the rows of `query`, in its order, as `table`."""
    rows, packing = LAYOUT[table]
    # One thread: with several, how rows fall into groups would depend on which was first.
    connection.execute("SET threads = 1")
    connection.execute(
        f"COPY ({query}) TO '{quoted(folder / table)}.parquet' "
        f"(FORMAT parquet, COMPRESSION {packing}, ROW_GROUP_SIZE {rows})"
    )


def quoted(path: Path) -> str:
    """A path inside an SQL string."""
    return str(path).replace("'", "''")


def one_file(path: Path) -> str:
    """A path as DuckDB's readers take it: `*`, `?` and `[` in it are themselves, and no pattern that other files fit too."""
    return re.sub(r"[*?[]", r"[\g<0>]", str(path))
