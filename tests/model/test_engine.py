import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import textdream
from tests.tiny import (
    BY_STRUCTURE,
    FAMILIES,
    INNER,
    LAYERS,
    block_of,
    plain,
    plain_mode,
    plain_neuron,
    sites_of,
    some_ids,
    tiny,
    tiny_hf,
    tokenizer_of,
)
from textdream.model import Read


class Keep:
    """An objective that keeps what it was given."""

    def __init__(self, read):
        self.reads = frozenset({read})
        self.seen = []

    def value(self, activations):
        (value,) = activations.values()
        self.seen.append(value)
        return value.flatten(1).sum(1)

    @property
    def whole(self):
        return torch.cat(self.seen)


def close(found, expected, relative=1e-5):
    scale = float(expected.abs().max())
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= relative * scale


@pytest.fixture(scope="module")
def made():
    return {}


def get(made, name):
    if name not in made:
        made[name] = tiny(name)
    return made[name]


@pytest.mark.parametrize(
    ("name", "site", "layer"), [(name, site, layer) for name in FAMILIES for site, layer in sites_of(name)]
)
def test_values_equal_a_plain_forward(made, name, site, layer):
    model = get(made, name)
    ids = some_ids(model)
    with torch.no_grad():
        expected = plain(model.hf, name, site, layer, input_ids=ids)
    if site == "head":
        heads = model.hf.config.num_attention_heads
        for head, part in enumerate(expected.unflatten(-1, (heads, -1)).unbind(-2)):
            keep = Keep(Read("head", layer, head=head))
            model.engine.values(ids, keep)
            close(keep.whole, part)
        return
    keep = Keep(Read(site, layer))
    model.engine.values(ids, keep)
    close(keep.whole, expected)
    if expected.ndim == 3:
        at = Keep(Read(site, layer, position=3))
        model.engine.values(ids, at)
        close(at.whole, expected[:, 3])


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama", "phi"])
def test_mlp_post_is_the_activation_of_mlp_pre(made, name):
    model = get(made, name)
    ids = some_ids(model)
    assert model.layout.gated == FAMILIES[name].gated
    pre, post = Keep(Read("mlp_pre", 1)), Keep(Read("mlp_post", 1))
    model.engine.values(ids, pre)
    model.engine.values(ids, post)
    assert post.whole.shape[-1] == INNER
    if not model.layout.gated:
        approximate = "none" if name == "bert" else "tanh"
        close(post.whole, torch.nn.functional.gelu(pre.whole, approximate=approximate))


@pytest.mark.parametrize("name", list(FAMILIES))
def test_resid_post_equals_hidden_states(made, name):
    model = get(made, name)
    ids = some_ids(model)
    with torch.no_grad(), plain_mode(model.hf):
        states = model.hf(ids, output_hidden_states=True).hidden_states
    for read, expected in [(Read("embed"), states[0])] + [
        (Read("resid_post", layer), states[layer + 1]) for layer in range(LAYERS - 1)
    ]:
        keep = Keep(read)
        model.engine.values(ids, keep)
        close(keep.whole, expected)


def test_softcapped_logits_are_the_models_own():
    from transformers import Gemma2Config, Gemma2ForCausalLM

    tokenizer = tokenizer_of("llama")
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=24, head_dim=8, max_position_embeddings=40, final_logit_softcapping=2.0,
    )  # fmt: skip
    hf = Gemma2ForCausalLM(config).eval()
    with torch.no_grad():
        hf.get_input_embeddings().weight.normal_()
    model = textdream.load(hf, tokenizer)
    ids = some_ids(model)
    keep = Keep(Read("logits", None, 3))
    model.engine.values(ids, keep)
    with torch.no_grad():
        close(keep.whole, hf(ids).logits[:, 3])


@pytest.mark.parametrize(
    ("site", "layer"), [("embed", None), ("resid_post", 0), ("resid_post", 5), ("mlp_pre", 2), ("mlp_post", 5),
                        ("attn_out", 3), ("head", 4)],
)  # fmt: skip
def test_minilm_equals_a_plain_forward(minilm, site, layer):
    ids = torch.tensor([minilm.tokens.encode("then he compressed his temples with his hands .")])
    keep = Keep(Read(site, layer, head=7 if site == "head" else None))
    minilm.engine.values(ids, keep)
    with torch.no_grad():
        expected = plain(minilm.hf, "bert", site, layer, input_ids=ids)
    close(keep.whole, expected if site != "head" else expected.unflatten(-1, (12, -1))[..., 7, :])


def test_many_small_batches_give_what_one_gives(bert):
    objective = textdream.neuron(2, 3, position=2).bind(bert, None, 7)
    ids = some_ids(bert, batch=23)
    expected = plain_neuron(bert, "bert", ids, "resid_post", 2, 2, 3)
    before = bert.engine.batch_tokens
    try:
        for tokens in (7, 20, 64):
            bert.engine.batch_tokens = tokens
            close(bert.engine.values(ids, objective), expected)
    finally:
        bert.engine.batch_tokens = before


def test_no_candidates_give_no_values(bert):
    objective = textdream.neuron(2, 3, position=2).bind(bert, None, 7)
    assert bert.engine.values(torch.zeros(0, 7, dtype=torch.long), objective).shape == (0,)


def test_evaluations_are_counted():
    model = tiny("bert")
    objective = textdream.neuron(2, 3, position=2).bind(model, None, 7)
    before = model.engine.evaluations
    model.engine.values(some_ids(model, 5), objective)
    model.engine.search_values(some_ids(model, 6), objective)
    assert model.engine.evaluations - before == 11


def test_a_bfloat16_model_is_read_in_float32():
    hf = tiny_hf("gpt2").to(torch.bfloat16)
    model = textdream.load(hf, tokenizer_of("gpt2"))
    objective = textdream.neuron(2, 3, position=2).bind(model, None, 7)
    ids = some_ids(model)
    values = model.engine.values(ids, objective)
    assert values.dtype == torch.float32
    assert hf.dtype == torch.bfloat16
    with torch.no_grad():
        close(values, plain(hf.float(), "gpt2", "resid_post", 2, input_ids=ids)[:, 2, 3])


def test_a_model_moved_to_double_after_loading_is_right():
    model = tiny("bert")
    model.hf.double()
    objective = textdream.neuron(2, 3, position=2).bind(model, None, 7)
    assert model.engine.values(some_ids(model), objective).dtype == torch.float64


# Gradients, in float64 against central differences of a plain forward pass.


def plain_soft(hf, name, ids, positions, weights, site, layer, position, index):
    table = hf.get_input_embeddings()(torch.arange(hf.get_input_embeddings().weight.shape[0]))
    rows = torch.nn.functional.one_hot(ids, len(table)).double()
    rows[list(positions)] = weights
    return plain(hf, name, site, layer, inputs_embeds=(rows @ table)[None])[0, position, index]


def norms_in_double(hf):
    """Llama's and Gemma's norms compute in float32 whatever the model's precision is, which drowns small differences."""
    for module in hf.modules():
        if type(module).__name__.endswith("RMSNorm"):
            gemma = type(module).__name__.startswith("Gemma")
            scale, eps = module.weight + gemma, module.eps if gemma else module.variance_epsilon
            module.forward = lambda x, scale=scale, eps=eps: torch.nn.functional.rms_norm(x, x.shape[-1:], scale, eps)


SLOPES = [
    (name, site, layer)
    for name in FAMILIES
    for site, layer in [("resid_post", LAYERS - 1), ("mlp_post", 1), ("logits", None)]
    if site != "logits" or (FAMILIES[name].logits and name != "bert_class")
]


@pytest.mark.parametrize(("name", "site", "layer"), SLOPES)
def test_gradients_equal_finite_differences(name, site, layer):
    hf = tiny_hf(name).double()
    norms_in_double(hf)
    model = textdream.load(hf, tokenizer_of(name))
    ids = some_ids(model, batch=1, pos=6)[0]
    positions, position, index = [1, 3, 5], 5, 4
    objective = textdream.neuron(layer, index, site=site, position=position).bind(model, None, 6)
    found = model.engine.gradients(ids[None], objective, positions)[0]
    eps, generator = 1e-5, torch.Generator().manual_seed(0)
    size = found.shape[1]
    one_hot = torch.nn.functional.one_hot(ids[positions], size).double()
    mixed = torch.softmax(torch.randn(3, size, generator=generator, dtype=torch.float64), -1)
    soft = mixed.clone().requires_grad_(True)
    value = model.engine.soft_values(ids, positions, soft[None], [objective])
    (soft_found,) = torch.autograd.grad(value.sum(), soft)

    def at(weights):
        with torch.no_grad():
            return float(plain_soft(hf, name, ids, positions, weights, site, layer, position, index))

    assert float(value.detach()) == pytest.approx(at(mixed), rel=1e-10)
    for base, slopes in ((one_hot, found), (mixed, soft_found)):
        scale = float(slopes.abs().max())
        for free in range(3):
            for token in torch.randint(size, (4,), generator=generator).tolist():
                step = torch.zeros_like(base)
                step[free, token] = eps
                difference = (at(base + step) - at(base - step)) / (2 * eps)
                assert float(slopes[free, token]) == pytest.approx(difference, rel=1e-6, abs=1e-7 * scale)


def test_one_hot_weights_give_the_value_of_the_text(encoder_or_decoder):
    model = encoder_or_decoder
    ids = some_ids(model, batch=1)[0]
    objective = textdream.neuron(2, 3, position=4).bind(model, None, 7)
    weights = torch.nn.functional.one_hot(ids[[1, 2]], model.engine.table.shape[0]).float()[None]
    (value,) = model.engine.soft_values(ids, [1, 2], weights, [objective])
    close(value.detach(), model.engine.values(ids[None], objective))


# What the engine leaves behind: nothing.


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


# Memory.


@pytest.mark.parametrize("message", [
    "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: not enough memory: you tried to allocate "
    "99 bytes. Error code 12 (Cannot allocate memory)",
    "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1000 bytes.",
    "CUDA out of memory. Tried to allocate 20.00 MiB",
])  # fmt: skip
def test_batches_back_off_when_memory_is_short(message):
    model = tiny("bert")
    objective = textdream.neuron(2, 3, position=2).bind(model, None, 7)
    ids = some_ids(model, batch=40)
    expected = plain_neuron(model, "bert", ids, "resid_post", 2, 2, 3)
    sizes = []

    def short(_module, args):
        sizes.append(len(args[0]))
        if len(args[0]) > 6:
            raise RuntimeError(message)

    handle = block_of(model.hf, "bert", 1).register_forward_pre_hook(short)
    try:
        close(model.engine.values(ids, objective), expected)
    finally:
        handle.remove()
    assert max(sizes) == 40
    assert sizes[-1] <= 6
    assert model.engine.batch_tokens <= 6 * 7


def test_memory_short_for_a_single_text_is_a_model_error():
    model = tiny("bert")
    objective = textdream.neuron(2, 3, position=2).bind(model, None, 7)

    def short(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    block_of(model.hf, "bert", 1).register_forward_pre_hook(short)
    with pytest.raises(textdream.ModelError, match="memory ran out"):
        model.engine.values(some_ids(model), objective)


def test_other_runtime_errors_are_passed_on(bert):
    objective = textdream.neuron(2, 3, position=2).bind(bert, None, 7)

    def breaks(*_):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    handle = block_of(bert.hf, "bert", 1).register_forward_pre_hook(breaks)
    try:
        with pytest.raises(RuntimeError, match="mat1"):
            bert.engine.values(some_ids(bert), objective)
    finally:
        handle.remove()


@pytest.mark.parametrize("name", BY_STRUCTURE)
def test_search_values_of_a_model_without_a_fast_pass_rank_alike(made, name):
    model = get(made, name)
    objective = textdream.neuron(2, 3, position=2).bind(model, None, 7)
    ids = some_ids(model, 64)
    found, exact = model.engine.search_values(ids, objective), model.engine.values(ids, objective)
    assert float(torch.corrcoef(torch.stack([found, exact]))[0, 1]) > 0.99
