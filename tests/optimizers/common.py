from __future__ import annotations

import torch

import textdream
from tests.tiny import TEXT, plain, replacements, tiny
from textdream.configs import AnnealConfig, GcgConfig, HotflipConfig, SweepConfig
from textdream.optimizers import Problem, anneal, gcg, hotflip, sweep

NOISE = 1e-5
METHODS = {
    "gcg": (gcg, GcgConfig(steps=8, candidates=24, topk=20)),
    "hotflip": (hotflip, HotflipConfig(steps=20, candidates=16)),
    "sweep": (sweep, SweepConfig()),
    "anneal": (anneal, AnnealConfig(steps=25)),
}
SITES = [("resid_post", 2), ("mlp_post", 1), ("attn_out", 0)]


def problem_for(model, target=None, text=TEXT, position=3, free=None, seed=0, start=None, **options):
    ids = torch.tensor(model.tokens.encode(text)) if start is None else torch.as_tensor(start)
    target = target or textdream.neuron(2, 3)
    return Problem(
        model=model,
        objective=target.bind(model, position, len(ids)),
        start=ids,
        free=tuple(free if free is not None else model.tokens.open_positions(ids.tolist())),
        generator=torch.Generator().manual_seed(seed),
        **options,
    )


def run(method, problem, **changes):
    optimizer, config = METHODS[method]
    return list(optimizer(problem, type(config)(**{**vars(config), **changes})))


def value_of(model, name, ids, site="resid_post", layer=2, position=3, index=3):
    """Reference values of the neuron, one a row."""
    with torch.no_grad():
        return plain(model.hf, name, site, layer, input_ids=torch.as_tensor(ids))[:, position, index]


def is_one_opt(problem, name, ids, sign=1.0, **where):
    """Brute force with plain forward passes: no allowed single replacement is better by more than float32's noise."""
    rows = replacements(problem.model, ids, problem.free, problem.round_trip)
    here = float(value_of(problem.model, name, [list(ids)], **where)[0]) * sign
    best = float((sign * value_of(problem.model, name, rows, **where)).max())
    return best <= here + 2 * NOISE * max(1.0, abs(here))


def models():
    return {"bert": tiny("bert"), "gpt2": tiny("gpt2")}
