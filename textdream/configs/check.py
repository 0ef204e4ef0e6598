"""The one check that all settings share: a number within its limits."""

from __future__ import annotations

from math import isfinite
from typing import Any

from textdream.errors import InputError


def check(config: Any, low: float, *names: str, above: bool = False, high: float = float("inf")) -> None:
    """Raise InputError for a number below `low` (or at it, with `above`), over `high`, or not finite."""
    for name in names:
        value = getattr(config, name)
        if value is None or (isfinite(value) and low <= value <= high and not (above and value == low)):
            continue
        limit = "more than" if above else "at least"
        upto = f" and at most {high}" if isfinite(high) else ""
        flag = "--" + name.replace("_", "-")
        raise InputError(f"{flag} {value} was given", f"a number of {limit} {low}{upto}", "give another value")
