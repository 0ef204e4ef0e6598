"""What the engine leaves behind in the model and the process: nothing."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import textdream
from tests.model.common import close
from tests.tiny import (
    FAMILIES,
    LAYERS,
    block_of,
    plain_mode,
    plain_neuron,
    some_ids,
    tiny_hf,
    tokenizer_of,
)


def hooks(hf):
    return [
        len(getattr(module, kind))
        for module in hf.modules()
        for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    ]


def state(hf):
    return {
        "hooks": hooks(hf),
        "training": [module.training for module in hf.modules()],
        "grads": [parameter.grad for parameter in hf.parameters()],
        "requires": [parameter.requires_grad for parameter in hf.parameters()],
        "weights": [parameter.detach().clone() for parameter in hf.parameters()],
        "torch": torch.random.get_rng_state(),
        "numpy": np.random.get_state()[1].tolist(),
        "grad_mode": torch.is_grad_enabled(),
    }


def same(before, after):
    for key in ("hooks", "training", "requires", "numpy", "grad_mode"):
        assert before[key] == after[key], key
    assert torch.equal(before["torch"], after["torch"])
    for key in ("grads", "weights"):
        for one, two in zip(before[key], after[key], strict=True):
            assert (one is None) == (two is None)
            assert one is None or torch.equal(one, two)


def mixed_mode(name):
    """Some modules in training mode, some not; some parameters frozen; gradients of the caller's own."""
    hf = tiny_hf(name)
    block_of(hf, name, 1).eval()
    parameters = list(hf.parameters())
    parameters[0].requires_grad_(False)
    parameters[2].grad = torch.ones_like(parameters[2])
    return hf


@pytest.mark.parametrize("name", ["bert", "gpt2", "albert", "mpnet"])
def test_the_callers_model_and_random_state_stay_as_they_were(name):
    hf = mixed_mode(name)
    before = state(hf)
    model = textdream.load(hf, tokenizer_of(name))
    same(before, state(hf))
    ids = some_ids(model)
    objective = (textdream.neuron(1, 3) + textdream.neuron(2, 1, site="mlp_post")).bind(model, 2, 7)
    model.engine.values(ids, objective)
    model.engine.search_values(ids, objective)
    same(before, state(hf))
    model.engine.gradients(ids, objective, [1, 2])
    same(before, state(hf))
    for method in ("gcg", "hotflip", "sweep", "anneal"):
        config = textdream.DreamConfig(method=method, free="all", steps=3, start="both", length=4)
        textdream.dream(model, "the cat sat on", textdream.neuron(1, 3), config, position=1)
        same(before, state(hf))


def test_no_generator_of_the_caller_moves():
    """In a process of its own: beartype, which checks the other tests, draws from `random` itself."""
    code = """
import random, numpy, torch, textdream
from tests.tiny import tiny_hf, tokenizer_of
hf, tokenizer = tiny_hf("bert"), tokenizer_of("bert")
def states():
    return torch.random.get_rng_state().tolist(), random.getstate(), numpy.random.get_state()[1].tolist()
before = states()
textdream.load("minilm")
model = textdream.load(hf, tokenizer)
for method in ("gcg", "hotflip", "sweep", "anneal"):
    config = textdream.DreamConfig(method=method, free="all", steps=3, start="both")
    textdream.dream(model, "the cat sat on", textdream.neuron(1, 3), config, position=1)
assert states() == before
"""
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2], env=one_thread)


@pytest.mark.parametrize("call", ["values", "gradients"])
@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt])
def test_hooks_and_modes_are_restored_after_an_exception(call, raised):
    hf = mixed_mode("bert")
    model = textdream.load(hf, tokenizer_of("bert"))
    objective = textdream.neuron(2, 3, position=2).bind(model, None, 7)
    broken = [True]

    def breaks(*_):
        if broken[0]:
            raise raised("inside the model")

    block_of(hf, "bert", 1).register_forward_hook(breaks)
    before = state(hf)
    arguments = (objective,) if call == "values" else (objective, [1])
    with pytest.raises(raised, match="inside the model"):
        getattr(model.engine, call)(some_ids(model), *arguments)
    same(before, state(hf))
    broken[0] = False
    close(
        model.engine.values(some_ids(model), objective),
        plain_neuron(model, "bert", some_ids(model), "resid_post", 2, 2, 3),
    )


@pytest.mark.parametrize("name", list(FAMILIES))
def test_nothing_runs_after_the_deepest_site(name):
    hf = tiny_hf(name)
    model = textdream.load(hf, tokenizer_of(name))
    ids = some_ids(model)
    objectives = [
        (textdream.neuron(1, 3, site="mlp_pre", position=2).bind(model, None, 7), 1, "up"),
        (textdream.neuron(1, 3, site="resid_post", position=2).bind(model, None, 7), 1, None),
    ]
    order = []
    for module_name, module in hf.named_modules():
        module.register_forward_pre_hook(lambda _, __, name=module_name: order.append(name))
    with torch.no_grad(), plain_mode(hf):
        hf(ids)
    whole, prefix = list(order), f"{hf.base_model_prefix}." if hf.base_model is not hf else ""
    for objective, layer, part in objectives:
        path = prefix + FAMILIES[name].blocks.format(layer)
        last = f"{path}.{getattr(FAMILIES[name], part)}" if part else path
        for run in (
            lambda objective=objective: model.engine.values(ids, objective),
            lambda objective=objective: model.engine.gradients(ids, objective, [1]),
        ):
            order.clear()
            run()
            calls = [index for index, called in enumerate(whole) if called == last]
            stop = calls[layer] if FAMILIES[name].shared else calls[0]
            inside = len([n for n in whole[stop + 1 :] if part is None and n.startswith(path + ".")])
            if FAMILIES[name].shared and part is None:
                inside //= LAYERS - layer
            # With input embeddings given, the table is not looked up.
            ran = [called for called in order if "embed" not in called and "wte" not in called]
            expected = [n for n in whole[: stop + 1 + inside] if "embed" not in n and "wte" not in n]
            assert ran == expected


def test_a_stop_inside_a_model_leaves_its_later_outputs_right(bert):
    ids = some_ids(bert)
    bert.engine.values(ids, textdream.neuron(0, 3, position=2).bind(bert, None, 7))
    with torch.no_grad(), plain_mode(bert.hf):
        states = bert.hf(ids, output_hidden_states=True).hidden_states
    assert len(states) == LAYERS + 1
