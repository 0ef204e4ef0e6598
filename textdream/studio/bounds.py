"""How large a setting may be in the studio: what one run may ask of a machine that others share."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from textdream.errors import InputError

BOUNDS: dict[str, float] = {
    "beam": 64,
    "budget": 3600,
    "candidates": 4096,
    "controls": 1000,
    "directions": 100,
    "evaluations": 100_000_000,
    "folds": 100,
    "length": 4096,
    "most": 20_000,
    "neighbours": 1000,
    "patience": 100_000,
    "repeats": 100,
    "samples": 16,
    "steps": 100_000,
    "top": 1000,
    "topk": 4096,
    "warmup": 100_000,
}
"""The largest value of each number, by its name; others are bounded by the model."""


def check_bounds(form: Any) -> None:
    """Raise InputError for a setting beyond its bound."""
    for config in (getattr(form, name) for name in type(form).model_fields):
        if is_dataclass(config):
            _check(config)


def _check(config: Any) -> None:
    for one in fields(config):
        value = getattr(config, one.name)
        if is_dataclass(value):
            _check(value)
        elif one.name in BOUNDS and isinstance(value, int | float) and value > BOUNDS[one.name]:
            raise InputError(
                f"--{one.name.replace('_', '-')} {value} was given",
                f"at most {BOUNDS[one.name]:,} in the studio",
                "give less, or use the command line",
            )
