"""What a reconstruction claims, recomputed by the plain Hugging Face forward pass: losses, exactness, marks, synonyms."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from math import sqrt
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.experiments.plain import plain_site
from textdream.model.model import Model
from textdream.records import BareSample, LayerReconstruction, ReconstructResult, Target

SLACK = 16.0
"""Rounding differs from processor to processor: a floor may be off by so much either way, and losses at the floor too."""
RELATIVE = 1e-3
"""Of losses well above the floor."""
NEAR = 10

Check = tuple[str, Any, Any, bool]
"""Where in the file, what it says, what the model gives, and whether the two agree."""


def reconstruct_samples(result: ReconstructResult) -> Iterator[tuple[str, BareSample]]:
    """The texts of each layer."""
    for one in result.layers:
        yield f"layers.{one.layer}.best", one.best
        if one.last is not None:
            yield f"layers.{one.layer}.last", one.last


def reconstruct_checks(result: ReconstructResult, model: Model) -> Iterator[Check]:
    """Every number of a reconstruction, with what the plain forward pass gives."""
    double = copy.deepcopy(model.hf).double()
    for one in result.layers:
        where = f"layers.{one.layer}"
        target = result.target.model_copy(update={"layer": one.layer})
        wanted = plain_target(model, [result.start.ids], target)
        floor = _floor(model, double, one.best.ids, target)
        yield f"{where}.floor", one.floor, floor, floor / SLACK <= one.floor <= SLACK * floor
        for name, ids, loss in _losses(one, result.start.ids):
            found = float((plain_target(model, [ids], target) - wanted).square().mean())
            # With rounding r, a mean square L may be off by 2√(L·r²) + r² (Cauchy-Schwarz).
            rounding = SLACK * floor + 2 * sqrt(SLACK * floor * max(found, loss))
            yield f"{where}.{name}", loss, found, abs(found - loss) <= RELATIVE * max(found, loss) + rounding
        exact = float((plain_target(model, [one.best.ids], target) - wanted).square().mean()) <= SLACK * floor
        # Near the floor another processor may decide otherwise; at a loss of nothing none does. But what a file calls exact
        # is so by its own two numbers.
        agree = exact and one.loss <= one.floor if one.exact else not exact or one.loss > 0
        yield f"{where}.exact", one.exact, one.exact == agree, agree
        marks = [_mark(model, a, b) for a, b in zip(one.best.ids, result.start.ids, strict=True)]
        yield f"{where}.marks", one.marks, marks, marks == one.marks
        ordinary = [mark for mark in one.marks if mark != "special"]
        accuracy = ordinary.count("right") / max(1, len(ordinary))
        yield f"{where}.accuracy", one.accuracy, accuracy, abs(accuracy - one.accuracy) < 1e-9


def _losses(one: LayerReconstruction, start: list[int]) -> Iterator[tuple[str, list[int], float]]:
    """(where, ids, what their activation is said to be off by) of a layer's texts, rival and synonyms."""
    yield "loss", one.best.ids, one.loss
    if one.last is not None and one.last_loss is not None:
        yield "last_loss", one.last.ids, one.last_loss
    if one.rival is not None:
        yield "rival.loss", _with(one.best.ids, one.rival.position, one.rival.id), one.rival.loss
    for group in one.synonyms or []:
        for rank, token in enumerate(group.tokens):
            yield f"synonyms.{group.position}.{rank}", _with(start, group.position, token.id), token.change


def reconstruct_names(result: ReconstructResult) -> Iterator[tuple[str, int, str]]:
    """Where a token id stands beside its name, outside of samples."""
    for one in result.layers:
        if one.rival is not None:
            yield f"layers.{one.layer}.rival.token", one.rival.id, one.rival.token
        for group in one.synonyms or []:
            yield f"layers.{one.layer}.synonyms.{group.position}", result.start.ids[group.position], group.token
            for token in group.tokens:
                yield f"layers.{one.layer}.synonyms.{group.position}", token.id, token.token


def _with(ids: list[int], position: int, token: int) -> list[int]:
    return [token if place == position else id_ for place, id_ in enumerate(ids)]


@torch.no_grad()
def plain_target(
    model: Model, rows: list[list[int]], target: Target, hf: Any = None
) -> Float[Tensor, "batch place unit"]:
    """A site's activation at the target's positions and units, by an ordinary forward pass."""
    x = plain_site(model, torch.tensor(rows), str(target.site), target.layer, hf)
    if target.head is not None:
        x = x.unflatten(-1, (model.hf.config.num_attention_heads, -1))[..., target.head, :]
    if target.position is not None:
        x = x[:, target.position : target.position + 1]
    return x if target.neuron is None else x[..., target.neuron : target.neuron + 1]


def _floor(model: Model, double: Any, ids: list[int], target: Target) -> float:
    """Four times the mean squared difference between float32 and float64."""
    exact = plain_target(model, [ids], target, double)
    single = plain_target(model, [ids], target).double()
    least = float((torch.finfo(torch.float32).eps * exact).square().mean())
    return 4 * max(float((single - exact).square().mean()), least)


def _mark(model: Model, id_: int, wanted: int) -> str:
    if wanted in model.tokens.special:
        return "special"
    if id_ == wanted:
        return "right"
    embed = model.hf.get_input_embeddings()
    with torch.no_grad():
        table = embed(torch.arange(embed.weight.shape[0], device=embed.weight.device))
    distances = (table - table[wanted]).norm(dim=1)
    return "near" if int((distances < distances[id_]).sum()) <= NEAR else "wrong"
