"""The fast pass that searches, held to the Hugging Face blocks."""

import copy

import pytest
import torch

import textdream
from tests.tiny import LAYERS, plain, some_ids, tiny
from textdream.model import Engine, Read
from textdream.model.fused import READABLE, FusedEncoder

ENCODERS = ["bert", "bert_mlm", "distilbert", "roberta", "electra", "albert", "albert_bare"]


@pytest.fixture(scope="module", params=ENCODERS)
def case(request):
    model = tiny(request.param, hidden_dropout_prob=0.1) if request.param.startswith("bert") else tiny(request.param)
    return model, request.param


def one_changed(model):
    """A batch as a search makes it: one text, every token at one position."""
    allowed = model.tokens.allowed
    ids = some_ids(model, 1, 9).repeat(len(allowed), 1)
    ids[:, 4] = allowed
    return ids


def candidates(model, kind):
    return one_changed(model) if kind == "one changed" else some_ids(model, 24, 9)


@torch.no_grad()
def fused_and_plain(model, name, ids, reads, dtype):
    fused = FusedEncoder.build(model.hf, model.layout, dtype)
    x = plain(model.hf, name, "embed", None, input_ids=ids)
    found = fused.run(x.to(dtype), ids, set(reads))
    assert set(found) == set(reads)
    for read in reads:
        expected = plain(model.hf, name, read.site, read.layer, input_ids=ids)
        yield read, found[read].float(), read.select(expected)


READS = [Read(site, layer, position) for site in READABLE for layer in range(LAYERS) for position in (None, 0, 4, 8)]


@pytest.mark.parametrize("kind", ["one changed", "all changed"])
def test_each_site_equals_the_blocks_in_float32(case, kind):
    model, name = case
    ids = candidates(model, kind)
    for wanted in READS:
        for read, found, expected in fused_and_plain(model, name, ids, [wanted], torch.float32):
            assert found.shape == expected.shape
            assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max()), read


@pytest.mark.parametrize(
    "reads",
    [
        [Read("resid_post", layer, 4) for layer in range(LAYERS)],
        [Read("resid_post", 2, 4), Read("resid_post", 2, 1), Read("mlp_post", 2, 7)],
        [Read("resid_post", 2, 4), Read("mlp_post", 2)],
        [Read("mlp_pre", 0), Read("attn_out", 1, 2), Read("mlp_post", 1, 2)],
        [Read("attn_out", 2, 3), Read("mlp_pre", 2, 3)],
    ],
)
def test_several_sites_at_once_equal_the_blocks(case, reads):
    model, name = case
    for read, found, expected in fused_and_plain(model, name, some_ids(model, 24, 9), reads, torch.float32):
        assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max()), read


@pytest.mark.parametrize("kind", ["one changed", "all changed"])
def test_bfloat16_is_off_no_more_than_the_blocks_in_bfloat16_are(case, kind):
    """The yardstick is the Hugging Face model in the same precision: 1.5 times its mean error at most."""
    model, name = case
    ids = candidates(model, kind)
    rounded = copy.deepcopy(model.hf).to(torch.bfloat16)
    for read, found, expected in fused_and_plain(model, name, ids, READS[::5], torch.bfloat16):
        with torch.no_grad():
            yardstick = read.select(plain(rounded, name, read.site, read.layer, input_ids=ids)).float()
        allowed = 1.5 * float((yardstick - expected).abs().mean())
        assert float((found - expected).abs().mean()) <= allowed, read
        assert allowed <= 0.08 * float(expected.abs().mean())


@pytest.mark.parametrize("rows", [1, 200])
def test_minilm_equals_the_blocks_in_float32(minilm, rows):
    ids = torch.tensor([minilm.tokens.encode("then he compressed his temples with his hands .")]).repeat(rows, 1)
    ids[:, 8] = minilm.tokens.allowed[torch.arange(rows) * 37]
    reads = [Read("resid_post", 4, 8), Read("mlp_post", 2, 8), Read("attn_out", 3)]
    for read, found, expected in fused_and_plain(minilm, "bert", ids, reads, torch.float32):
        assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max()), read


def test_minilm_in_bfloat16_is_as_near_as_the_method_says(minilm):
    """0.015 at most on activations near 3 was measured elsewhere; here the whole width, 2 % of the largest."""
    ids = torch.tensor([minilm.tokens.encode("then he compressed his temples with his hands .")]).repeat(300, 1)
    ids[:, 8] = minilm.tokens.allowed[torch.arange(300) * 91]
    for _, found, expected in fused_and_plain(minilm, "bert", ids, [Read("resid_post", 4, 8)], torch.bfloat16):
        assert float((found - expected).abs().max()) <= 0.02 * float(expected.abs().max())


@pytest.mark.parametrize(
    "groups", [[(3, 5), (2, 16), (2, 17), (1, 33)], [(32, 31), (2, 15)]], ids=["many", "to the last row"]
)
@torch.no_grad()
def test_texts_side_by_side_equal_the_blocks_on_each_length_alone(groups, minilm):
    engine = Engine(minilm, torch.float32)
    texts = [some_ids(minilm, count, length) for count, length in groups]
    reads = [Read("resid_post", 5), Read("mlp_post", 3), Read("attn_out", 0)]
    found = dict(engine.sites(texts, reads))
    for read in reads:
        alone = [plain(minilm.hf, "bert", read.site, read.layer, input_ids=ids).flatten(0, 1) for ids in texts]
        expected = torch.cat(alone)
        assert found[read].shape == expected.shape
        assert float((found[read] - expected).abs().max()) <= 1e-5 * float(expected.abs().max()), read


def test_engine_searches_with_what_the_fused_pass_gives(bert):
    objective = (textdream.neuron(2, 3) - 0.5 * textdream.channel(1, 4, site="mlp_post")).bind(bert, 4, 9)
    ids = one_changed(bert)
    exact, found = bert.engine.values(ids, objective), bert.engine.search_values(ids, objective)
    assert float((exact - found).abs().max()) <= 0.03 * float(exact.abs().max())


def test_other_builds_are_left_to_hugging_face():
    assert FusedEncoder.build(tiny("gpt2").hf, tiny("gpt2").layout, torch.float32) is None
    mpnet = tiny("mpnet")
    assert FusedEncoder.build(mpnet.hf, mpnet.layout, torch.float32) is None


def test_sites_outside_the_blocks_are_left_to_hugging_face():
    for site in ("embed", "head", "pooled", "logits"):
        assert not FusedEncoder.can_read([Read("resid_post", 1, 2), Read(site, None, 2)])


@pytest.mark.parametrize("act", ["relu", "gelu_new", "silu"])
def test_other_activation_functions(act):
    model = tiny("bert", hidden_act=act)
    reads = [Read("resid_post", 2, 4), Read("mlp_pre", 1), Read("mlp_post", 1)]
    for read, found, expected in fused_and_plain(model, "bert", some_ids(model, 24, 9), reads, torch.float32):
        assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max()), read


def test_the_searched_values_do_not_depend_on_the_rest_of_the_batch(bert):
    objective = textdream.neuron(2, 3, position=4).bind(bert, None, 9)
    ids = one_changed(bert)
    whole = bert.engine.search_values(ids, objective)
    alone = torch.cat([bert.engine.search_values(row[None], objective) for row in ids[:10]])
    assert float((whole[:10] - alone).abs().max()) <= 0.03 * float(whole.abs().max())
