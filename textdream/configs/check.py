"""The one check that all settings share: a number within its limits; and what the limits are, for forms."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from textdream.errors import InputError


@dataclass(frozen=True)
class Limits:
    """What a number may be."""

    low: float
    above: bool
    """Whether `low` itself is too low."""
    high: float


def check(config: Any, low: float, *names: str, above: bool = False, high: float = float("inf")) -> None:
    """Raise InputError for a number below `low` (or at it, with `above`), over `high`, or not finite."""
    for name in names:
        if (found := vars(config).get("_limits")) is not None:
            found[name] = Limits(low, above, high)
        value = getattr(config, name)
        if value is None or (isfinite(value) and low <= value <= high and not (above and value == low)):
            continue
        limit = "more than" if above else "at least"
        upto = f" and at most {high}" if isfinite(high) else ""
        flag = "--" + name.replace("_", "-")
        raise InputError(f"{flag} {value} was given", f"a number of {limit} {low}{upto}", "give another value")


def limits(kind: type) -> dict[str, Limits]:
    """The limits of a config's numbers, as its own checks have them: these are run, and say what they check.

    A limit that depends on another setting (the end of a schedule lies below its beginning) is left out.
    """
    seen: list[dict[str, Limits]] = []
    for factor in (1.0, 1.5):
        config = kind()
        for name, value in list(vars(config).items()):
            if isinstance(value, float):
                object.__setattr__(config, name, factor * value)
        object.__setattr__(config, "_limits", {})
        getattr(config, "__post_init__", lambda: None)()
        seen.append(vars(config)["_limits"])
    return {name: found for name, found in seen[0].items() if seen[1].get(name) == found}
