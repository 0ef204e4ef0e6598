import pytest
import torch

import textdream
from tests.model.common import close
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
