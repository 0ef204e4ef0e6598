"""The runs of an audit as a Parquet file: for work outside, and to go on from. In pandas:

runs = pandas.read_parquet("audit.parquet")
runs.groupby("kind").changed.apply(lambda found: (found.str.len() > 0).mean())
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from textdream.corpus.store import READ, one_file, quoted
from textdream.errors import ResultError
from textdream.records import AuditRun, ShiftAuditResult, write_bytes

KEY = "textdream.shift_audit/1"
COLUMNS = (
    "sentence INTEGER, text VARCHAR, frame VARCHAR, topic VARCHAR, ids INTEGER[], tokens VARCHAR[], positions INTEGER[], "
    "kind VARCHAR, direction INTEGER, best_ids INTEGER[], changed INTEGER[], became VARCHAR[], distance DOUBLE, length DOUBLE, "
    "floor DOUBLE, evaluations INTEGER, seconds DOUBLE"
)
NAMES = tuple(column.split()[0] for column in COLUMNS.split(", "))
RUN = ("sentence", "kind", "direction", "changed", "became", "distance", "floor", "evaluations", "seconds")
"""Columns that are fields of a run by the same name."""
EXPECTED = "a file that `textdream shift audit --runs` wrote"


@dataclass(frozen=True)
class KeptRuns:
    """The runs of a Parquet file."""

    identity: dict[str, Any]
    """What runs must agree in to be of one audit."""
    runs: dict[tuple[int, ...], list[AuditRun]]
    """By the sentence's ids: the concept's, then the random ones in order."""
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    """As the file has them, to be written again beside those of another plan."""


def write_runs(path: Path, identity: dict[str, Any], result: ShiftAuditResult, kept: KeptRuns | None = None) -> None:
    """Write all runs, a row for each, whole or not at all; and those of an earlier audit that are not among them.

    Columns: sentence (its number), text, frame, topic, ids, tokens, positions (of the word); kind (concept or random), direction
    (its number in the sentence), best_ids (of the nearest text found), changed (positions), became (tokens there now), distance,
    length (of the shift), floor, evaluations, seconds.

    Raises
    ------
    ResultError
        If the file cannot be written.
    """
    import duckdb

    rows = []
    for run in result.runs:
        one = result.sentences[run.sentence]
        about = [run.sentence, one.text, one.frame, one.topic, one.ids, one.tokens, one.positions]
        found = [run.kind, run.direction, run.ids, run.changed, run.became]
        rows.append([*about, *found, run.distance, result.length, run.floor, run.evaluations, run.seconds])
    if kept is not None:
        rows += _left_over(rows, [one.ids for one in result.sentences], kept.rows)
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute(f"CREATE TABLE runs ({COLUMNS})")
        connection.executemany(f"INSERT INTO runs VALUES ({', '.join('?' * len(rows[0]))})", rows)
        file = Path(folder) / "runs.parquet"
        text = json.dumps(identity).replace("'", "''")
        connection.execute(
            f"COPY runs TO '{quoted(file)}' (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{'{KEY}': '{text}'}})"
        )
        write_bytes(path, file.read_bytes())


def read_runs(path: Path) -> KeptRuns:
    """The runs to go on from.

    Raises
    ------
    ResultError
        If it is no such file.
    """
    import duckdb

    if not path.is_file():
        raise ResultError(f"{path} is no file", EXPECTED, "check the path")
    with duckdb.connect() as connection:
        try:
            connection.execute("SET threads = 1")
            header = connection.execute("SELECT key, value FROM parquet_kv_metadata(?)", [one_file(path)]).fetchall()
            identity = {bytes(key).decode(): bytes(value).decode() for key, value in header}.get(KEY)
            rows = connection.execute(
                f"SELECT {', '.join(NAMES)} FROM read_parquet(?, {READ}) ORDER BY sentence, kind, direction",
                [one_file(path)],
            ).fetchall()
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0][:120]
            raise ResultError(f"{path} cannot be read ({reason})", EXPECTED, "give another --runs file") from None
    runs: dict[tuple[int, ...], list[AuditRun]] = {}
    try:
        found = json.loads(identity or "")
        if not isinstance(found, dict):
            raise ValueError("no object")
        for row in rows:
            values = dict(zip(NAMES, row, strict=True))
            run = AuditRun.model_validate({**{name: values[name] for name in RUN}, "ids": values["best_ids"]})
            runs.setdefault(tuple(values["ids"]), []).append(run)
    except (ValueError, ValidationError):
        raise ResultError(f"{path} holds no runs of an audit", EXPECTED, "give another --runs file") from None
    return KeptRuns(found, runs, rows)


def _left_over(rows: list[list[Any]], sentences: list[list[int]], kept: list[tuple[Any, ...]]) -> list[list[Any]]:
    """Kept rows of sentences or directions that `rows` lack, numbered on: no plan takes a finished run away."""
    numbers = {tuple(ids): number for number, ids in enumerate(sentences)}
    ids_at, kind_at, direction_at = (NAMES.index(name) for name in ("ids", "kind", "direction"))
    there = {(tuple(row[ids_at]), row[kind_at], row[direction_at]) for row in rows}
    left = []
    for row in kept:
        ids = tuple(row[ids_at])
        if (ids, row[kind_at], row[direction_at]) not in there:
            left.append([numbers.setdefault(ids, len(numbers)), *row[1:]])
    return left
