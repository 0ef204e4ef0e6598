import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

import textdream
from tests.tiny import INNER, LAYERS, WIDTH, plain, some_ids, tiny

BERT, MLM, GPT2 = tiny("bert"), tiny("bert_mlm"), tiny("gpt2")
IDS = some_ids(BERT, 6, 7)
POSITION = 4


def value(objective, model=BERT, ids=IDS, position=POSITION):
    return model.engine.values(ids, objective.bind(model, position, ids.shape[1]))


def site(name, layer, model=BERT, family="bert", ids=IDS):
    with torch.no_grad():
        return plain(model.hf, family, name, layer, input_ids=ids)


def near(found, expected, relative=1e-5):
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= relative * max(1.0, float(expected.abs().max()))


kinds = {
    "neuron": textdream.neuron,
    "channel": textdream.channel,
    "layer": lambda layer, _: textdream.layer(layer),
    "mlp_post": lambda layer, index: textdream.neuron(layer, index, site="mlp_post"),
}
leaves = st.tuples(st.sampled_from(list(kinds)), st.integers(0, LAYERS - 1), st.integers(0, WIDTH - 1))
weights = st.floats(-3, 3, allow_nan=False).map(lambda number: round(number, 2))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.just("+"), inner, inner),
        st.tuples(st.just("-"), inner, inner),
        st.tuples(st.just("*"), inner, weights),
        st.tuples(st.just("negative"), inner),
    ),
    max_leaves=5,
)


def grown(tree):
    """The objective that a tree describes. Built in the test: what checks types here draws random numbers."""
    kind, *parts = tree
    if kind in kinds:
        return kinds[kind](*parts)
    if kind == "negative":
        return -grown(parts[0])
    if kind == "*":
        return grown(parts[0]) * parts[1]
    one, two = map(grown, parts)
    return one + two if kind == "+" else one - two


laws = settings(max_examples=15, deadline=None)


@given(a=trees, b=trees)
@laws
def test_addition_commutes(a, b):
    a, b = grown(a), grown(b)
    near(value(a + b), value(b + a))
    near(value(a + b), value(a) + value(b))


@given(a=trees, b=trees)
@laws
def test_subtraction_is_addition_of_the_negative(a, b):
    a, b = grown(a), grown(b)
    near(value(a - b), value(a + -b))
    near(value(a - b), -value(b - a))


@given(a=trees, weight=weights)
@laws
def test_scaling_scales(a, weight):
    a = grown(a)
    near(value(a * 2), 2 * value(a))
    near(value(weight * a), weight * value(a))
    near(value(a * weight), value(weight * a))


@given(a=trees)
@laws
def test_the_negative_of_the_negative_is_itself(a):
    a = grown(a)
    negative = -a
    near(value(-negative), value(a))


@given(a=trees)
@laws
def test_sums_multiply_out(a):
    a = grown(a)
    bound = a.bind(BERT, POSITION, 7)
    target = bound.target()
    if target.kind != "sum":
        return
    assert all(term.terms is None for term in target.terms)
    near(value(a), sum(term.weight * described(term) for term in target.terms))


def described(term):
    """A term's value from its description alone."""
    x = site(term.site, term.layer)
    if term.kind == "layer":
        return x[:, term.position].square().mean(-1)
    x = x[..., term.neuron]
    return x.mean(-1) if term.kind == "channel" else x[:, term.position]


def test_a_nested_sum_has_the_products_as_weights():
    one, two, three = (textdream.neuron(0, index) for index in range(3))
    target = (2 * (one - 3 * (two + three))).bind(BERT, POSITION, 7).target()
    assert [(term.neuron, term.weight) for term in target.terms] == [(0, 2), (1, -6), (2, -6)]


def test_a_normalised_sum_inside_a_sum_stays_whole():
    inner = textdream.normalised(textdream.neuron(0, 1) + textdream.neuron(0, 2))
    target = (2 * inner).bind(BERT, POSITION, 7).target()
    assert [term.weight for term in target.terms] == [2]
    assert target.terms[0].normalised
    assert len(target.terms[0].terms) == 2


@pytest.mark.parametrize(("where", "layer"), [("resid_post", 1), ("mlp_post", 2), ("attn_out", 0), ("embed", None)])
def test_a_neuron_is_one_unit_at_one_position(where, layer):
    expected = site(where, layer)
    for index in (0, 5, 15):
        near(value(textdream.neuron(layer, index, site=where)), expected[:, POSITION, index])
        near(value(textdream.neuron(layer, index, site=where, position=2)), expected[:, 2, index])


@pytest.mark.parametrize(("where", "layer"), [("resid_post", 1), ("mlp_post", 2), ("embed", None)])
def test_a_channel_is_the_mean_of_its_neurons(where, layer):
    neurons = [value(textdream.neuron(layer, 6, site=where, position=position)) for position in range(7)]
    near(value(textdream.channel(layer, 6, site=where)), torch.stack(neurons).mean(0))


def test_a_layer_is_the_mean_of_squares():
    near(value(textdream.layer(1)), site("resid_post", 1)[:, POSITION].square().mean(-1))
    near(value(textdream.layer(1, mean=True)), site("resid_post", 1).square().mean((1, 2)))


def test_a_head_is_its_part_of_the_mixed_values():
    whole = site("head", 1).unflatten(-1, (2, -1))
    for head in (0, 1):
        near(value(textdream.neuron(1, 3, site="head", head=head)), whole[:, POSITION, head, 3])


@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_a_basis_direction_is_its_neuron(scale):
    vector = [0.0] * WIDTH
    vector[5] = scale
    near(value(textdream.direction(1, vector)), value(textdream.neuron(1, 5)))
    near(value(textdream.direction(1, torch.tensor(vector), mean=True)), value(textdream.channel(1, 5)))


def test_a_direction_is_a_projection_on_the_unit_vector(tmp_path):
    vector = torch.randn(WIDTH, generator=torch.Generator().manual_seed(0))
    save_file({"v": vector}, tmp_path / "v.safetensors")
    expected = site("resid_post", 1)[:, POSITION] @ (vector / vector.norm())
    near(value(textdream.direction(1, vector)), expected)
    near(value(textdream.direction(1, tmp_path / "v.safetensors")), expected)
    target = textdream.direction(1, vector).bind(BERT, POSITION, 7).target()
    assert sum(number**2 for number in target.vector) == pytest.approx(1.0)


def test_normalised_is_pairs_equation():
    states = torch.stack([site("resid_post", layer)[:, POSITION] for layer in range(LAYERS)])
    expected = states[1, :, 3] / states.square().sum((0, 2)).sqrt()
    near(value(textdream.normalised(textdream.neuron(1, 3))), expected)
    near(value(textdream.normalised(-2 * textdream.neuron(1, 3))), -2 * expected)


def test_a_normalised_channel_is_divided_by_the_norm_over_all_positions():
    states = torch.stack([site("resid_post", layer) for layer in range(LAYERS)])
    expected = states[1, :, :, 3].mean(-1) / states.square().sum((0, 2, 3)).sqrt()
    near(value(textdream.normalised(textdream.channel(1, 3))), expected)


@pytest.mark.parametrize(("model", "family"), [(MLM, "bert_mlm"), (GPT2, "gpt2")])
def test_logits_and_their_difference(model, family):
    ids = some_ids(model, 6, 7)
    logits = site("logits", None, model, family, ids)
    near(value(textdream.logit(20), model, ids), logits[:, POSITION, 20])
    difference = logits[:, POSITION, 20] - logits[:, POSITION, 9]
    near(value(textdream.logit_difference(20, 9), model, ids), difference)
    near(value(textdream.logit(20) - textdream.logit(9), model, ids), difference)


def test_tokens_of_logits_may_be_words():
    bound = textdream.logit_difference("moon", "sun").bind(MLM, 2, 7).target()
    assert MLM.tokens.names([bound.token, bound.minus_token]) == ["moon", "sun"]


def test_classes_are_named_by_number_or_label():
    model = tiny("bert_class")
    model.hf.config.label2id, model.hf.config.id2label = {"bad": 0, "good": 1}, {0: "bad", 1: "good"}
    ids = some_ids(model, 6, 7)
    logits = site("logits", None, model, "bert_class", ids)
    for name, index in (("good", 1), ("0", 0), (1, 1)):
        near(value(textdream.logit(name), model, ids), logits[:, index])
    near(value(textdream.logit_difference("good", "bad"), model, ids), logits[:, 1] - logits[:, 0])


def test_pooled_units_have_no_position():
    pooled = site("pooled", None)
    near(value(textdream.neuron(None, 3, site="pooled")), pooled[:, 3])
    near(value(textdream.layer(None, site="pooled")), pooled.square().mean(-1))
    vector = torch.randn(WIDTH, generator=torch.Generator().manual_seed(0))
    near(value(textdream.direction(None, vector, site="pooled")), pooled @ (vector / vector.norm()))


@pytest.mark.parametrize(
    "objective",
    [
        textdream.channel(None, 3, site="pooled"),
        textdream.neuron(None, 3, site="pooled", position=2),
        textdream.direction(None, [1.0] * WIDTH, site="pooled", mean=True),
        textdream.direction(1, [1.0] * WIDTH, position=2, mean=True),
        textdream.layer(1, position=2, mean=True),
    ],
    ids=["channel of pooled", "position of pooled", "mean of pooled", "direction both", "layer both"],
)
def test_what_cannot_be_averaged_or_placed_is_refused_or_right(objective):
    """Either a sentence, or one number a candidate; never a crash inside the engine."""
    try:
        bound = objective.bind(BERT, POSITION, 7)
    except textdream.InputError:
        return
    assert BERT.engine.values(IDS, bound).shape == (6,)


# Climbing.


@pytest.mark.parametrize("model", [BERT, GPT2])
def test_climbing_a_feed_forward_neuron_has_the_same_summit_where_it_fires(model):
    ids = some_ids(model, 300, 7)
    fired = 0
    for index in range(8):
        objective = textdream.neuron(1, index, site="mlp_post").bind(model, POSITION, 7)
        after, before = (model.engine.values(ids, part) for part in (objective, objective.climb()))
        if float(after.max()) > 0:
            fired += 1
            assert int(after.argmax()) == int(before.argmax())
        assert objective.climb() is not objective
    assert fired >= 6


def test_gated_neurons_and_other_sites_are_climbed_as_they_are():
    llama = tiny("llama")
    gated = textdream.neuron(1, 3, site="mlp_post").bind(llama, POSITION, 7)
    assert gated.climb() is gated
    plain_one = textdream.neuron(1, 3).bind(BERT, POSITION, 7)
    assert plain_one.climb() is plain_one


def test_a_lowered_feed_forward_neuron_is_not_climbed_before_its_activation():
    lowered = (-textdream.neuron(1, 3, site="mlp_post")).bind(BERT, POSITION, 7)
    near(BERT.engine.values(IDS, lowered.climb()), BERT.engine.values(IDS, lowered))


# What is not there.


@pytest.mark.parametrize(
    ("objective", "sentence"),
    [
        (textdream.neuron(3, 0), "3 layers: 0 to 2"),
        (textdream.neuron(-1, 0), "3 layers: 0 to 2"),
        (textdream.neuron(1, WIDTH), "16 units: 0 to 15"),
        (textdream.neuron(1, -1), "16 units: 0 to 15"),
        (textdream.neuron(1, INNER, site="mlp_post"), "24 units: 0 to 23"),
        (textdream.neuron(1, 3, position=7), "7 tokens: 0 to 6"),
        (textdream.neuron(1, 3, position=-1), "7 tokens: 0 to 6"),
        (textdream.neuron(1, 0, site="head", head=2), "2 heads: 0 to 1"),
        (textdream.neuron(1, 0, site="head"), "2 heads: 0 to 1"),
        (textdream.neuron(1, 8, site="head", head=1), "8 units: 0 to 7"),
        (textdream.neuron(1, 0, head=1), "--head goes with"),
        (textdream.neuron(1, 0, site="nowhere"), "no site"),
        (textdream.channel(9, 0), "3 layers"),
        (textdream.channel(1, 99), "16 units"),
        (textdream.layer(7), "3 layers"),
        (textdream.direction(7, [1.0] * WIDTH), "3 layers"),
        (textdream.direction(1, [1.0] * 5), "5 numbers.*16 units"),
        (textdream.logit(3), "no head"),
        (textdream.normalised(textdream.neuron(9, 3)), "3 layers"),
        (textdream.neuron(1, 3) + textdream.neuron(1, 99), "16 units"),
    ],
)
def test_out_of_range_is_one_sentence(objective, sentence):
    with pytest.raises(textdream.InputError, match=sentence):
        objective.bind(BERT, POSITION, 7)


def test_a_missing_position_is_one_sentence():
    with pytest.raises(textdream.InputError, match="no position"):
        textdream.neuron(1, 3).bind(BERT, None, 7)


@pytest.mark.parametrize("token", [-1, 10_000])
def test_tokens_outside_the_logits_are_refused(token):
    with pytest.raises(textdream.InputError, match="logits"):
        textdream.logit(token).bind(MLM, 2, 7)


@pytest.mark.parametrize(
    ("vector", "sentence"),
    [
        ([1.0, float("nan")], "NaN or infinite"),
        ([1.0, float("inf")], "NaN or infinite"),
        ([0.0, 0.0], "zero"),
        ([[1.0], [2.0]], "shape"),
        ([], "zero|empty"),
    ],
)
def test_vectors_that_are_none_are_refused(vector, sentence):
    with pytest.raises(textdream.InputError, match=sentence):
        textdream.direction(1, torch.tensor(vector))


def test_vector_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(textdream.InputError, match="cannot be read"):
        textdream.direction(1, tmp_path / "absent.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"no tensors here")
    with pytest.raises(textdream.InputError, match="cannot be read"):
        textdream.direction(1, tmp_path / "bad.safetensors")
    save_file({"a": torch.ones(2), "b": torch.ones(2)}, tmp_path / "two.safetensors")
    with pytest.raises(textdream.InputError, match="2 tensors"):
        textdream.direction(1, tmp_path / "two.safetensors")


def test_descriptions_say_what_is_raised():
    assert str(textdream.neuron(1, 3).bind(BERT, POSITION, 7)) == "resid_post 1 neuron 3 at position 4"
    assert str(textdream.channel(1, 3)) == "resid_post 1 neuron 3 averaged over positions"
    target = (textdream.neuron(1, 3) - 0.5 * textdream.channel(2, 4)).bind(BERT, POSITION, 7).target()
    assert target.description == (
        "1 × resid_post 1 neuron 3 at position 4 - 0.5 × resid_post 2 neuron 4 averaged over positions"
    )
