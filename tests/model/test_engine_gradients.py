"""Gradients, in float64 against central differences of a plain forward pass."""

import pytest
import torch

import textdream
from tests.model.common import close
from tests.tiny import (
    FAMILIES,
    LAYERS,
    plain,
    some_ids,
    tiny_hf,
    tokenizer_of,
)


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
