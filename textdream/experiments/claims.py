"""What each kind of result claims: token ids, and the value that the target is said to have on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textdream.experiments.audit_claims import audit_names
from textdream.experiments.prediction_claims import prediction_names
from textdream.experiments.reconstruct_claims import reconstruct_names
from textdream.model.model import Model
from textdream.records import DiagnoseResult, FillMaskResult, ReconstructResult, Sample, ShiftAuditResult, TokenValue

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
    for where, position, token in _tokens(result):
        yield where, _with(_around(result), {position: token.id}), token.activation, False
    for index, pair in enumerate(getattr(result, "pairs", None) or []):
        put = dict(zip(result.positions, pair.ids, strict=True))
        yield f"pairs.{index}", _with(result.start, put), pair.activation, False


def names(result: Any) -> Iterator[tuple[str, int, str]]:
    """Where in the file a token id stands beside its name, outside of samples: the place, the id, the name."""
    if isinstance(result, FillMaskResult):
        yield from prediction_names(result)
    for where, _, token in _tokens(result):
        yield f"{where}.token", token.id, token.token
    for index, pair in enumerate(getattr(result, "pairs", None) or []):
        for id_, name in zip(pair.ids, pair.tokens, strict=True):
            yield f"pairs.{index}.tokens", id_, name
    if isinstance(result, ReconstructResult):
        yield from reconstruct_names(result)
    if isinstance(result, ShiftAuditResult):
        yield from audit_names(result)
    if isinstance(result, DiagnoseResult):
        for found in result.positions:
            for path in filter(None, (found.best_path, found.winner_path)):
                yield f"positions.{found.position}.paths.token", path.id, path.token


def _tokens(result: Any) -> Iterator[tuple[str, int, TokenValue]]:
    """Tokens said to be tried at a position: where in the file, the position, the token with its value."""
    if isinstance(result, FillMaskResult | ShiftAuditResult):  # Their tokens are predicted, or counted: not tried.
        return
    for kind in ("tokens", "worst"):
        for index, token in enumerate(getattr(result, kind, None) or []):
            yield f"{kind}.{index}", result.position, token
    for column in getattr(result, "map", None) or []:
        for kind in ("tokens", "worst"):
            for index, token in enumerate(getattr(column, kind)):
                yield f"map.{column.position}.{kind}.{index}", column.position, token
    if isinstance(result, DiagnoseResult):
        for found in result.positions:
            yield f"positions.{found.position}.token", found.position, found.token
            for kind in ("tokens", "neighbours"):
                for index, token in enumerate(getattr(found, kind)):
                    yield f"positions.{found.position}.{kind}.{index}", found.position, token


def _around(result: Any) -> Sample:
    """The text in which tokens were tried."""
    return result.context if isinstance(result, DiagnoseResult) else result.start


def _with(sample: Sample, put: Mapping[int, int]) -> list[int]:
    """A sample's ids with tokens put at positions."""
    return [put.get(position, id_) for position, id_ in enumerate(sample.ids)]
