"""The nearest tokens in embedding space, and what the target does with each: is the neighbourhood smooth? (PAIR, figure 4)."""

from __future__ import annotations

import time

import torch

from textdream.configs import SimilarConfig
from textdream.experiments.neighbourhood import embedding_distances, smoothness
from textdream.experiments.setting import header, prepare
from textdream.experiments.token_search import change_position
from textdream.model import Model
from textdream.objectives import Objective
from textdream.optimizers.problem import replaced
from textdream.records import NeighbourValue, SimilarResult


def similar(
    model: Model,
    text: str,
    target: Objective,
    config: SimilarConfig | None = None,
    *,
    word: str | None = None,
    position: int | None = None,
) -> SimilarResult:
    """Neighbours of the token at one position, nearest first, itself (distance 0) among them.

    Raises
    ------
    InputError
        If the text, the target or the position do not fit the model.
    """
    config = config or SimilarConfig()
    begin = time.perf_counter()
    setting = prepare(model, text, target, word=word, position=position)
    change = change_position(setting, config.change)
    allowed = model.tokens.allowed
    distances = embedding_distances(model.engine.table.cpu(), int(setting.ids[change]), config.metric)[allowed]
    nearest = distances.argsort(stable=True)[: config.top]
    tokens = allowed[nearest]
    candidates = replaced(setting.ids, torch.full_like(tokens, change), tokens)
    values = model.engine.values(candidates, setting.objective)
    start_value = float(model.engine.values(setting.ids[None], setting.objective)[0])
    others = tokens != setting.ids[change]
    return SimilarResult(
        **header(model, config, time.perf_counter() - begin),
        target=setting.objective.target(),
        start=model.sample(setting.ids, start_value),
        position=change,
        metric=config.metric,
        furthest=float(distances.max()),
        rank_correlation=smoothness(distances[nearest][others], values[others], start_value),
        tokens=[
            NeighbourValue(id=int(id_), token=name, distance=float(distances[row]), activation=float(value))
            for id_, name, row, value in zip(tokens, model.tokens.names(tokens.tolist()), nearest, values, strict=True)
        ],
    )
