"""PAIR's files in tests/data/pair, and what becomes of them; `python -m tests.records.pair_files` writes imported/ again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from textdream.records import read_pair

FOLDER = Path(__file__).parents[1] / "data" / "pair"
FILES = sorted(FOLDER.glob("*.json"))


def golden(path: Path) -> Path:
    """What is to become of a file."""
    return path.parent / "imported" / path.name


def lasting(result: Any) -> dict[str, Any]:
    """A result without what changes from day to day."""
    data = json.loads(result.to_json())
    return {key: value for key, value in data.items() if key not in ("textdream", "created")}


if __name__ == "__main__":
    for path in FILES:
        result = read_pair(path)
        kept = [line for line in result.to_json().splitlines() if not line.startswith((' "textdream"', ' "created"'))]
        golden(path).write_text("\n".join(kept) + "\n", encoding="utf-8")
