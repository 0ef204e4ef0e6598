"""What a fill-mask result claims, held against one ordinary forward pass: each probability, each rank, and the order."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

import torch

from textdream.experiments.plain import plain_logits
from textdream.model.model import Model
from textdream.records import FillMaskResult

# The least number that has a logarithm: a probability may round to 0.
LEAST = 5e-324

PredictionClaim = tuple[str, float, float]
"""Where in the file, the value reported, and as the model gives it."""


def prediction_claims(result: FillMaskResult, model: Model) -> Iterator[PredictionClaim]:
    """Every probability, as its natural logarithm: one of a millionth is then held to as many digits as one of a half."""
    logits = plain_logits(model, torch.tensor([result.start.ids]))[0]
    row = logits[result.position - 1 if result.predicts == "next" else result.position]
    found = row.double().softmax(-1)
    order = found.sort(descending=True).values
    for index, token in enumerate(result.tokens):
        yield f"tokens.{index}.probability", _log(token.probability), _log(float(found[token.id]))
        # Of equals any may come first, so the order is held by value.
        yield f"tokens.{index}", _log(token.probability), _log(float(order[index]))
    ranked = [("given", result.given)] if result.given is not None else []
    for where, one in [*ranked, *((f"asked.{index}", token) for index, token in enumerate(result.asked))]:
        yield f"{where}.probability", _log(one.probability), _log(float(found[one.id]))
        yield f"{where}.rank", _log(one.probability), _log(float(order[min(one.rank, len(order)) - 1]))


def prediction_names(result: FillMaskResult) -> Iterator[tuple[str, int, str]]:
    """Where a token id stands beside its name: the place, the id, the name."""
    for index, token in enumerate(result.tokens):
        yield f"tokens.{index}.token", token.id, token.token
    for index, token in enumerate(result.asked):
        yield f"asked.{index}.token", token.id, token.token
    if result.given is not None:
        yield "given.token", result.given.id, result.given.token


def _log(probability: float) -> float:
    return log(max(probability, LEAST))
