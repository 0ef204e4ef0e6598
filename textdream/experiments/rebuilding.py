"""What a reconstruction is given: how much of the text its activation tells, the goal of a layer, the method, the target."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.configs import ReconstructConfig
from textdream.errors import InputError
from textdream.inversion import Goal
from textdream.model import Model, Read
from textdream.model.sites import BLOCK_SITES
from textdream.records import Target


def told_ids(model: Model, text: str, config: ReconstructConfig) -> Int[Tensor, " pos"]:
    """The ids of a text, as far as the activation can tell them: in a causal model, at one position, up to that position.

    Raises
    ------
    InputError
        If the text cannot be encoded, or the position is outside of it.
    """
    ids = torch.tensor(model.tokens.encode(text))
    if config.position is None:
        return ids
    if config.position >= len(ids):
        raise InputError(
            f"position {config.position} is outside the text",
            f"it has {len(ids)} tokens: 0 to {len(ids) - 1}",
            "see `textdream tokens`",
        )
    if not model.tokens.causal:
        return ids
    told = ids[: config.position + 1]
    if len(model.tokens.open_positions(told.tolist())) < 2:
        raise InputError(
            f"position {config.position} of {model.name} sees one token",
            "one that sees at least two: positions of a causal model see themselves and those before",
            "give a later --position",
        )
    return told


def goal_of(
    model: Model,
    read: Read,
    ids: Int[Tensor, " pos"],
    states: Float[Tensor, "1 pos d"],
    config: ReconstructConfig | None = None,
) -> Goal:
    """The goal that the states of a text set: of its ids, only the special ones are handed on."""
    config = config or ReconstructConfig()
    frame = tuple(id_ if id_ in model.tokens.special else None for id_ in ids.tolist())
    goal = Goal(model, read, torch.zeros(1, 1), frame, config.position, config.neuron)
    return replace(goal, target=goal.select(states)[0].float())


def chosen_method(model: Model, config: ReconstructConfig) -> str:
    """The method that auto stands for."""
    if config.chosen != "auto":
        return config.chosen
    return "sipit" if model.tokens.causal and config.position is None and config.neuron is None else "hybrid"


def check_setting(model: Model, ids: Int[Tensor, " pos"], config: ReconstructConfig, layers: list[int]) -> None:
    """Raise InputError unless text, layers, site, position, neuron and method fit the model."""
    if len(model.tokens.open_positions(ids.tolist())) < 2:
        raise InputError("the text has one token", "at least two", "give a sentence; `token-search` tries one token")
    if config.site not in BLOCK_SITES:
        raise InputError(f"--site {config.site!r} was given", f"one of {', '.join(BLOCK_SITES)}", "give one of them")
    heads = model.hf.config.num_attention_heads
    if (config.site == "head") != (config.head is not None):
        raise InputError("--site head and --head go together", "both or none", "give the other, or leave both out")
    if config.head is not None and config.head >= heads:
        raise InputError(
            f"head {config.head} is not in {model.name}", f"0 to {heads - 1}", "give one of them with --head"
        )
    for layer in layers:
        model.layout.place(config.site, layer)
    width = model.width(config.site, layers[0])
    if config.neuron is not None and config.neuron >= width:
        raise InputError(f"neuron {config.neuron} is not in {config.site}", f"0 to {width - 1}", "give one of them")
    if config.chosen == "sipit" and not model.tokens.causal:
        raise InputError(
            f"--method sipit was given for {model.name}, whose positions see those after them",
            "a causal model",
            "leave it out, or give --method hybrid",
        )
    if config.chosen == "sipit" and (config.position is not None or config.neuron is not None):
        raise InputError(
            "--method sipit was given for part of a layer", "a whole layer", "leave out --position and --neuron"
        )


def target_of(model: Model, config: ReconstructConfig) -> Target:
    """What of each layer the search was given."""
    parts = [
        config.site if config.head is None else f"{config.site} {config.head}",
        "all positions" if config.position is None else f"position {config.position}",
        "(and the text up to it)" if config.position is not None and model.tokens.causal else "",
        "" if config.neuron is None else f"neuron {config.neuron}",
    ]
    return Target(
        kind="layer" if config.neuron is None else "neuron",
        site=config.site,
        head=config.head,
        position=config.position,
        neuron=config.neuron,
        description=" ".join(filter(None, parts)),
    )
