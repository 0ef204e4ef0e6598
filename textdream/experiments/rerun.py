"""A dream's run once more, from its result file: the same method, settings, start and random draws."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import torch

from textdream.configs import AnnealConfig, DreamConfig
from textdream.errors import InputError, ResultError
from textdream.experiments.dream import method_config
from textdream.model import Model
from textdream.objectives import Objective
from textdream.optimizers import Problem
from textdream.records import DreamResult


def annealing_of(result: DreamResult) -> AnnealConfig | None:
    """The settings of a dream's annealing; None for other methods.

    Raises
    ------
    ResultError
        If the file does not hold a whole run from one start.
    """
    if result.settings.get("start") == "both":
        raise ResultError("the dream began from several texts (--start both)", "one run", "dream again from one")
    if result.method != "anneal":
        return None
    try:
        config = _config(result.settings)
        found = method_config(config)
    except (TypeError, InputError) as error:
        raise ResultError(
            f"the dream's settings cannot be used ({error})", "those that textdream wrote", "dream again"
        ) from None
    if config.start not in ("given", "random"):
        raise ResultError(
            f"the dream began from several texts (--start {config.start})", "one run", "dream again from one"
        )
    if sum(step.phase == "anneal" for step in result.steps) != found.steps + 1:
        raise ResultError("the dream was interrupted", "a run to its end", "dream again")
    assert isinstance(found, AnnealConfig)
    return found


def problem_of(result: DreamResult, model: Model, objective: Objective) -> Problem:
    """What the dream's method was given; `objective` as it was climbed, to be maximised."""
    config = _config(result.settings)
    generator = torch.Generator().manual_seed(config.seed)
    if config.start == "random":
        # Drawn again for the sake of the draws that follow.
        model.tokens.random_ids(len(result.start.ids) - model.tokens.frame, generator)
    return Problem(
        model=model,
        objective=objective,
        start=torch.tensor(result.start.ids),
        free=tuple(result.free),
        round_trip=config.round_trip,
        generator=generator,
    )


def _config(settings: dict[str, Any]) -> DreamConfig:
    """The settings in a file as the config that they came from."""
    default = DreamConfig()
    found: dict[str, Any] = {}
    for field in fields(DreamConfig):
        if field.name in settings:
            value, inner = settings[field.name], getattr(default, field.name)
            method: Any = type(inner)
            found[field.name] = method(**value) if is_dataclass(inner) else value
    return DreamConfig(**found)
