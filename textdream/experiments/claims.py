"""What each kind of result claims: token ids, and the value that the target is said to have on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.experiments.prediction_claims import prediction_names
from textdream.model.model import Model
from textdream.records import (
    CorpusTopResult,
    DiagnoseResult,
    FillMaskResult,
    NeuronsResult,
    Sample,
    SimilarResult,
    TokenSearchResult,
    TokenValue,
)

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
    if isinstance(result, DiagnoseResult):
        for found in result.positions:
            for path in filter(None, (found.best_path, found.winner_path)):
                yield f"positions.{found.position}.paths.token", path.id, path.token


def derived(result: Any, table: Float[Tensor, "d_vocab d_embed"]) -> Iterator[tuple[str, Any, Any]]:
    """What a result says that follows from the rest of it: where in the file, what it says, what follows."""
    for where, values in _orders(result):
        if values != sorted(values):
            yield where, "best first", "another order"
    if isinstance(result, TokenSearchResult):
        leading = max((result.tokens, *(column.tokens for column in result.map or ())), key=lambda t: t[0].activation)
        if leading[0].activation > result.tokens[0].activation:
            yield "position", result.position, "the position with the best token"
        best = result.pairs[0].activation if result.pairs else result.tokens[0].activation
        if result.best is not None and result.best.activation != best:
            yield "best.activation", result.best.activation, best
    if isinstance(result, SimilarResult):
        here = table[result.start.ids[result.position]]
        for index, token in enumerate(result.tokens):
            row = table[token.id]
            cosine = 1 - float(torch.cosine_similarity(row, here, dim=0))
            found = cosine if result.metric == "cosine" else float((row - here).norm())
            if abs(found - token.distance) > 1e-4 * max(1.0, found):
                yield f"tokens.{index}.distance", token.distance, found


def _orders(result: Any) -> Iterator[tuple[str, list[Any]]]:
    """Lists that are said to be in order, as keys that rise."""
    if isinstance(result, TokenSearchResult):
        lists = [("", result.tokens, result.worst)]
        lists += [(f"map.{one.position}.", one.tokens, one.worst) for one in result.map or ()]
        for where, tokens, worst in lists:
            yield f"{where}tokens", [-token.activation for token in tokens]
            yield f"{where}worst", [token.activation for token in worst]
        yield "pairs", [-pair.activation for pair in result.pairs or ()]
    elif isinstance(result, SimilarResult):
        yield "tokens", [token.distance for token in result.tokens]
    elif isinstance(result, NeuronsResult):
        yield "neurons", [(-unit.percentile, -unit.z) for unit in result.neurons]
    elif isinstance(result, CorpusTopResult):
        yield "sentences", [-sentence.activation for sentence in result.sentences]
        yield "least", [sentence.activation for sentence in result.least]


def _tokens(result: Any) -> Iterator[tuple[str, int, TokenValue]]:
    """Tokens said to be tried at a position: where in the file, the position, the token with its value."""
    if isinstance(result, FillMaskResult):  # Its tokens are predicted, not tried.
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
