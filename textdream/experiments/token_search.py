"""Every token of the vocabulary at one position, exactly ranked."""

from __future__ import annotations

import time

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.configs import TokenSearchConfig
from textdream.errors import InputError
from textdream.experiments.setting import Setting, header, prepare
from textdream.model import Model
from textdream.objectives import Objective
from textdream.optimizers.problem import replaced
from textdream.optimizers.sweep import PROBES, Screening
from textdream.records import TokenSearchResult, TokenValue


def token_search(
    model: Model,
    text: str,
    target: Objective,
    config: TokenSearchConfig | None = None,
    *,
    word: str | None = None,
    position: int | None = None,
) -> TokenSearchResult:
    """Try every allowed token at one position; the best and the worst, with float32 values.

    All are screened in the search precision; those that could be among the `top` best or worst by the measured
    difference of the precisions are decided in float32.

    Raises
    ------
    InputError
        If the text, the target or the position do not fit the model.
    """
    config = config or TokenSearchConfig()
    begin = time.perf_counter()
    setting = prepare(model, text, target, word=word, position=position)
    change = change_position(setting, config.change)
    tokens = model.tokens.allowed
    candidates = replaced(setting.ids, torch.full_like(tokens, change), tokens)
    scores = model.engine.search_values(candidates, setting.objective)
    best = extremes(setting, candidates, scores, config.top)
    worst = extremes(setting, candidates, -scores, config.top, sign=-1.0)
    start_value = float(model.engine.values(setting.ids[None], setting.objective)[0])
    return TokenSearchResult(
        **header(model, config, time.perf_counter() - begin),
        target=setting.objective.target(),
        start=model.sample(setting.ids, start_value),
        position=change,
        searched=len(tokens),
        tokens=_records(model, tokens, best),
        worst=_records(model, tokens, worst),
    )


def change_position(setting: Setting, change: int | None) -> int:
    """The position at which tokens are tried: given, or the one that is read."""
    change = setting.position if change is None else change
    possible = setting.model.tokens.open_positions(setting.ids.tolist())
    if change is None:
        raise InputError("no position was given", "where tokens are tried", "give --position, --word or --change")
    if change not in possible:
        raise InputError(
            f"position {change} holds no ordinary token",
            f"one of {possible[0]} to {possible[-1]}",
            "see `textdream tokens`",
        )
    return change


def extremes(
    setting: Setting,
    candidates: Int[Tensor, "batch pos"],
    scores: Float[Tensor, " batch"],
    top: int,
    sign: float = 1.0,
) -> list[tuple[int, float]]:
    """(row, exact value) of the `top` candidates of highest `sign` · value, best first."""
    order = scores.argsort(descending=True)
    engine = setting.model.engine

    def exact(rows: Tensor) -> Tensor:
        return sign * engine.values(candidates[rows], setting.objective)

    chosen = order[: max(top, PROBES)]
    values = exact(chosen)
    screening = Screening()
    screening.probe(values - scores[chosen])
    # What may belong to the top: anything that screened within the margin of the last one that surely does.
    floor = float(values.topk(min(top, len(values))).values[-1]) - screening.margin
    more = order[len(chosen) :]
    more = more[scores[more] >= floor]
    if len(more):
        chosen, values = torch.cat([chosen, more]), torch.cat([values, exact(more)])
    first = values.argsort(descending=True, stable=True)[:top]
    return [(int(chosen[i]), sign * float(values[i])) for i in first]


def _records(model: Model, tokens: Tensor, rows: list[tuple[int, float]]) -> list[TokenValue]:
    names = model.tokens.names([int(tokens[row]) for row, _ in rows])
    return [
        TokenValue(id=int(tokens[row]), token=name, activation=value)
        for (row, value), name in zip(rows, names, strict=True)
    ]
