"""What each kind of result claims: token ids, and the value that the target is said to have on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textdream.model.model import Model
from textdream.records import Sample

Claim = tuple[str, list[int], float, bool]
"""Where in the file, the token ids, the value reported, and whether it is in PAIR's unit."""


def claims(result: Any, model: Model) -> Iterator[Claim]:
    """Every activation in a result, with the ids it belongs to."""
    for name, value in result:
        if isinstance(value, Sample):
            yield name, value.ids, value.activation, False
    to_ids = model.tokens.tokenizer.convert_tokens_to_ids
    for step in getattr(result, "steps", []):
        ids = to_ids(step.tokens)
        yield f"steps.{step.step}.hard", ids, step.hard, False
        if step.hard_normalised is not None:
            yield f"steps.{step.step}.hard_normalised", ids, step.hard_normalised, True
    for kind in ("tokens", "worst"):
        for index, token in enumerate(getattr(result, kind, None) or []):
            ids = list(result.start.ids)
            ids[result.position] = token.id
            yield f"{kind}.{index}", ids, token.activation, False
