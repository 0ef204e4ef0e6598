"""The runs of an audit as a Parquet file: for work outside, and to go on from. In pandas:

runs = pandas.read_parquet("audit.parquet")
runs.groupby("kind").changed.apply(lambda found: (found.str.len() > 0).mean())
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
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
EXPECTED = "a file that `textdream shift audit --runs` wrote"


@dataclass(frozen=True)
class KeptRuns:
    """The runs of a Parquet file."""

    identity: dict[str, Any]
    """What runs must agree in to be of one audit."""
    runs: dict[tuple[int, ...], list[AuditRun]]
    """By the sentence's ids: the concept's, then the random ones in order."""


def write_runs(path: Path, identity: dict[str, Any], result: ShiftAuditResult) -> None:
    """Write all runs, a row for each, whole or not at all.

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
                "SELECT ids, sentence, kind, direction, best_ids, changed, became, distance, floor, evaluations, seconds "
                f"FROM read_parquet(?, {READ}) ORDER BY sentence, kind, direction",
                [one_file(path)],
            ).fetchall()
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0][:120]
            raise ResultError(f"{path} cannot be read ({reason})", EXPECTED, "give another --runs file") from None
    names = ("sentence", "kind", "direction", "ids", "changed", "became", "distance", "floor", "evaluations", "seconds")
    runs: dict[tuple[int, ...], list[AuditRun]] = {}
    try:
        found = json.loads(identity or "")
        if not isinstance(found, dict):
            raise ValueError("no object")
        for ids, *values in rows:
            run = AuditRun.model_validate(dict(zip(names, values, strict=True)))
            runs.setdefault(tuple(ids), []).append(run)
    except (ValueError, ValidationError):
        raise ResultError(f"{path} holds no runs of an audit", EXPECTED, "give another --runs file") from None
    return KeptRuns(found, runs)
