import pytest
from transformers import PreTrainedConfig

import textdream
from tests.tiny import BY_STRUCTURE, FAMILIES, LAYERS, block_of, tiny, tiny_hf
from textdream.model.sites import BLOCK_SITES, PATHS, SITES, find_layout


@pytest.mark.parametrize("name", list(FAMILIES))
def test_places_are_the_modules_of_the_architecture(name):
    family = FAMILIES[name]
    hf = tiny_hf(name)
    layout = find_layout(hf, {"pooler", "head"})
    assert len(layout.blocks) == LAYERS
    for layer in range(LAYERS):
        block = block_of(hf, name, layer)
        assert layout.blocks[layer] is block
        for site, path in (
            ("mlp_pre", family.up),
            ("mlp_post", family.down),
            ("attn_out", family.out),
            ("head", family.out),
        ):
            place = layout.place(site, layer)
            assert place.module is block.get_submodule(path), site
            assert place.side == ("out" if site in ("mlp_pre", "attn_out") else "in")
            assert place.call == (layer if family.shared else 0)
    assert layout.gated == family.gated


@pytest.mark.parametrize("name", BY_STRUCTURE)
def test_these_are_not_in_the_table(name):
    assert tiny_hf(name).config.model_type not in PATHS


@pytest.mark.parametrize("layer", [-1, LAYERS, 99, None])
@pytest.mark.parametrize("site", BLOCK_SITES)
def test_layers_outside_are_refused_with_the_range(bert, site, layer):
    with pytest.raises(textdream.InputError, match="3 layers: 0 to 2"):
        bert.layout.place(site, layer)


def test_unknown_sites_are_refused_with_the_list(bert):
    with pytest.raises(textdream.InputError, match=", ".join(SITES)):
        bert.layout.place("mlp", 1)


def test_a_model_without_pooler_or_head_says_so(bert, gpt2):
    with pytest.raises(textdream.InputError, match="no pooled output"):
        gpt2.layout.place("pooled", None)
    with pytest.raises(textdream.InputError, match="no head"):
        bert.layout.place("logits", None)


def test_made_up_parts_are_not_offered():
    layout = find_layout(tiny_hf("bert"), set())
    assert layout.pooler is None
    with pytest.raises(textdream.InputError):
        find_layout(tiny_hf("bert_mlm"), set()).place("logits", None)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_widths_are_those_of_the_config(name):
    model = tiny(name)
    config = model.hf.config
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    assert model.width("resid_post", 1) == config.hidden_size == model.info.width
    assert model.width("attn_out", 1) == config.hidden_size
    assert model.width("mlp_post", 1) == model.width("mlp_pre", 0) == 24
    assert model.width("head", 2) == size
    assert model.info.layers == LAYERS


def test_a_model_without_a_stack_of_blocks_says_what_was_looked_for():
    import torch

    class Odd(torch.nn.Module):
        config = PreTrainedConfig(num_hidden_layers=2)

        def __init__(self):
            super().__init__()
            self.config.model_type = "odd"
            self.only = torch.nn.Linear(3, 3)

    with pytest.raises(textdream.ModelError, match="ModuleList of 2 blocks"):
        find_layout(Odd(), set())
