"""Runs of a long benchmark, kept one a line, so that a stopped one goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def append(path: Path, row: dict[str, Any]) -> None:
    """Keep one run."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def kept(path: Path) -> list[dict[str, Any]]:
    """The runs so far, oldest first."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]
