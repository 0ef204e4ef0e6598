"""The temperature-annealed softmax: descend on a mixture of tokens that hardens as the temperature falls.

Poerner et al. 2018; Bäuerle and Wexler 2020 (PAIR). With `pair_preset` this is PAIR's loop, in its order: soft value and
gradient at the present temperature, Adam, then the heaviest tokens, then the temperature. Each step here reports the
state that step of PAIR's files reports. The default differs where PAIR's run fails: the start text survives the first
softmax, several Gumbel samples share a step, the schedule is given by its end, and forward passes see real tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.configs import AnnealConfig
from textdream.errors import InputError
from textdream.objectives import normalised
from textdream.optimizers.problem import Mixture, Problem, Step, as_row

TOP_TOKENS = 5
"""Heaviest tokens noted at each free position."""
NOTED = 50
"""They are noted at every so many steps, and at the last."""


def anneal(problem: Problem, config: AnnealConfig) -> Iterator[Step]:
    """Yield steps 0 (the start) to `config.steps` (the end, which PAIR reported).

    Raises
    ------
    InputError
        If the mixture has no finite value any more.
    """
    free = list(problem.free)
    objective = problem.objective
    climb = problem.climb
    if config.normalise:
        climb = normalised(objective).bind(problem.model, None, len(problem.start))
    logits = start_logits(problem, config).requires_grad_(True)
    adam = torch.optim.Adam([logits], lr=config.learning_rate)
    temperature = config.start_temperature
    decay = config.decay or (config.end_temperature / config.start_temperature) ** (
        1 / max(1, config.steps - config.warmup)
    )
    for number in range(config.steps + 1):
        with torch.enable_grad():
            weights = sample_weights(logits, temperature, config, problem.generator)
            soft, climbed = problem.engine.soft_values(problem.start, free, weights, (objective, climb))
            (gradient,) = torch.autograd.grad(-climbed.mean(), logits)
        if not (soft.isfinite().all() and climbed.isfinite().all()):
            raise InputError(
                f"the mixture of tokens has no finite value at step {number} of the annealing",
                "a number that can be climbed",
                "give a smaller learning rate, or higher temperatures",
            )
        ids = snapped(problem, logits.detach(), weights.detach(), config)
        hard = float(problem.decide(ids)[0])
        pair = (
            (float(climbed.detach().mean()), float(problem.engine.values(ids[:1], climb)[0]))
            if config.normalise
            else None
        )
        top = heaviest(weights[0].detach()) if number % NOTED == 0 or number == config.steps else None
        yield Step(
            "anneal",
            as_row(ids[0]),
            hard,
            mixture=Mixture(float(soft.detach().mean()), temperature, pair, top, logits.detach(), weights[0].detach()),
            progress=(number, config.steps),
        )
        logits.grad = gradient
        adam.step()
        if number > config.warmup or (config.decay is None and number >= config.warmup):
            temperature = max(temperature * decay, config.end_temperature)


def start_logits(problem: Problem, config: AnnealConfig) -> Float[Tensor, "free d_vocab"]:
    """One-hot logits of the start text; scaled so that the first softmax gives the start token `start_weight`.

    Of d_vocab tokens, one-hot logits at temperature 2 give it e^½ / (d_vocab - 1 + e^½), 5e-5 for BERT: the start is lost.
    """
    device = problem.engine.device
    size = problem.engine.table.shape[0]
    # Rows that pad the table to a round size have no token and are never mixed in.
    mixed = torch.arange(size) < len(problem.model.tokens.tokenizer) if config.whole_vocabulary else problem.allowed
    height = 1.0
    if config.start_weight is not None:
        weight = config.start_weight
        height = config.start_temperature * math.log(weight / (1 - weight) * (int(mixed.sum()) - 1))
    logits = torch.zeros(len(problem.free), size, dtype=problem.engine.dtype, device=device)
    logits[torch.arange(len(problem.free)), problem.start[list(problem.free)]] = height
    return logits.masked_fill(~mixed.to(device), -torch.inf)


def sample_weights(
    logits: Float[Tensor, "free d_vocab"],
    temperature: float,
    config: AnnealConfig,
    generator: torch.Generator,
) -> Float[Tensor, "samples free d_vocab"]:
    """softmax((logits + noise) / temperature), the noise Gumbel or none; one-hot in the forward pass if straight-through."""
    noisy = logits.expand(config.samples if config.gumbel else 1, -1, -1)
    if config.gumbel:
        uniform = torch.rand(noisy.shape, generator=generator).to(logits)
        noisy = noisy - torch.log(-torch.log(uniform.clamp_min(torch.finfo(uniform.dtype).tiny)))
    weights = torch.softmax(noisy / temperature, dim=-1)
    if not config.straight_through:
        return weights
    hard = torch.zeros_like(weights).scatter_(-1, weights.argmax(-1, keepdim=True), 1.0)
    return hard + weights - weights.detach()


def snapped(problem: Problem, logits: Tensor, weights: Tensor, config: AnnealConfig) -> Int[Tensor, "texts pos"]:
    """The heaviest tokens as real texts: of the logits first, then of each noisy sample."""
    choices = logits.argmax(-1)[None]
    if config.gumbel:
        choices = torch.cat([choices, weights.argmax(-1)])
        # PAIR's noisy run reports the tokens of its one sample.
        choices = choices.flip(0) if config.samples == 1 else choices
    ids = problem.start.repeat(len(choices), 1)
    ids[:, list(problem.free)] = choices.cpu()
    return ids


def heaviest(weights: Float[Tensor, "free d_vocab"]) -> tuple[tuple[tuple[int, float], ...], ...]:
    """(id, weight) of the heaviest tokens at each free position."""
    top = weights.topk(min(TOP_TOKENS, weights.shape[-1]))
    return tuple(
        tuple(zip(ids, values, strict=True))
        for ids, values in zip(top.indices.tolist(), top.values.tolist(), strict=True)
    )
