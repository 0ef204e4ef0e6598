"""Objectives that are planted: functions of one token, or of the weights of a mixture at one position, on a tiny GPT-2."""

from __future__ import annotations

import torch

import textdream
from tests.tiny import TEXT, tiny_hf, tokenizer_of
from textdream.configs import AnnealConfig, DiagnoseConfig, DreamConfig
from textdream.experiments.diagnose import diagnose_dream
from textdream.model import Read
from textdream.objectives import Objective
from textdream.records import Target

POSITION, WIDTH = 3, 96


def model_with(table=None):
    """A model whose embedding rows are those of the unit matrix (a mixture's embedding is its weights), or of `table`."""
    hf = tiny_hf("gpt2", n_embd=WIDTH)
    with torch.no_grad():
        weight = hf.get_input_embeddings().weight
        weight.copy_(torch.eye(len(weight), WIDTH) if table is None else table(len(weight)))
    return textdream.load(hf, tokenizer_of("gpt2"))


class Planted(Objective):
    """A function of what is put in at `positions`: their embeddings, one row after the other."""

    def __init__(self, model, score, *positions):
        self.score, self.positions = score, positions or (POSITION,)
        self.offsets = [model.hf.transformer.wpe.weight[position].detach() for position in self.positions]

    @property
    def reads(self):
        return frozenset(Read("embed", None, position) for position in self.positions)

    def value(self, activations):
        found = [activations[Read("embed", None, position)] for position in self.positions]
        return self.score(*(x - offset.to(x.dtype) for x, offset in zip(found, self.offsets, strict=True)))

    def bind(self, model, position, length):
        return self

    def target(self):
        return Target(kind="neuron", site="embed", neuron=0, position=self.positions[0], description="planted")


def annealed(model, target, **changes):
    """A dream by the plain annealed softmax that climbs the objective itself, and reports its last step as PAIR's did."""
    settings = {"learning_rate": 0.1, "gumbel": False, "straight_through": False, "samples": 1, "start_weight": None}
    anneal = AnnealConfig(**{"steps": 400, **settings, **changes})
    config = DreamConfig(free=str(POSITION), method="anneal", certify=False, anneal=anneal)
    found = textdream.dream(model, TEXT, target, config, position=POSITION)
    return found.model_copy(update={"best": found.final})


def diagnosed(model, score, **changes):
    target = Planted(model, score)
    return diagnose_dream(model, annealed(model, target, **changes), DiagnoseConfig(neighbours=5), target)
