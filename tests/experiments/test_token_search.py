import pytest
import torch

import textdream
from tests.tiny import TEXT, plain, tiny

TARGETS = [("resid_post", 2), ("mlp_post", 1), ("attn_out", 0)]


@pytest.fixture(scope="module", params=["bert", "gpt2", "opt"])
def case(request):
    return tiny(request.param), request.param


def brute(model, name, site, layer, position, change, index=3):
    ids = torch.tensor([model.tokens.encode(TEXT)]).repeat(len(model.tokens.allowed), 1)
    ids[:, change] = model.tokens.allowed
    with torch.no_grad():
        return plain(model.hf, name, site, layer, input_ids=ids)[:, position, index]


@pytest.mark.parametrize("change", [3, 6])
@pytest.mark.parametrize(("site", "layer"), TARGETS)
def test_best_and_worst_equal_brute_force(case, site, layer, change):
    model, name = case
    values = brute(model, name, site, layer, 3, change)
    config = textdream.TokenSearchConfig(change=change, top=20)
    result = textdream.token_search(model, TEXT, textdream.neuron(layer, 3, site=site), config, position=3)
    for found, order in ((result.tokens, values.sort(descending=True)), (result.worst, values.sort())):
        assert [token.activation for token in found] == pytest.approx(order.values[:20].tolist(), rel=1e-5, abs=1e-6)
        by_id = dict(zip(model.tokens.allowed.tolist(), values.tolist(), strict=True))
        assert [by_id[token.id] for token in found] == pytest.approx(
            [token.activation for token in found], rel=1e-5, abs=1e-6
        )
        assert [token.token for token in found] == model.tokens.names([token.id for token in found])
    assert len({token.id for token in result.tokens}) == 20
    assert result.position == change
    assert result.searched == len(values)


def test_more_than_there_are_gives_all(case):
    model, name = case
    result = textdream.token_search(
        model, TEXT, textdream.neuron(2, 3), textdream.TokenSearchConfig(top=10_000), position=3
    )
    assert sorted(token.id for token in result.tokens) == model.tokens.allowed.tolist()
    assert [t.id for t in result.worst] == [t.id for t in result.tokens][::-1] or name


def test_rough_screening_changes_nothing(bert, monkeypatch):
    exact = textdream.token_search(bert, TEXT, textdream.neuron(2, 3), textdream.TokenSearchConfig(top=5), position=3)
    values = bert.engine.values
    generator = torch.Generator().manual_seed(0)
    monkeypatch.setattr(
        bert.engine,
        "search_values",
        lambda ids, objective: values(ids, objective) + 0.05 * (torch.rand(len(ids), generator=generator) - 0.5),
    )
    rough = textdream.token_search(bert, TEXT, textdream.neuron(2, 3), textdream.TokenSearchConfig(top=5), position=3)
    assert [t.id for t in rough.tokens] == [t.id for t in exact.tokens]
    assert [t.id for t in rough.worst] == [t.id for t in exact.worst]


def test_the_start_is_the_text_as_it_is(bert):
    result = textdream.token_search(bert, TEXT, textdream.neuron(2, 3), position=3)
    assert result.start.ids == bert.tokens.encode(TEXT)
    own = next((t for t in [*result.tokens, *result.worst] if t.id == result.start.ids[3]), None)
    assert own is None or own.activation == pytest.approx(result.start.activation, rel=1e-5)


@pytest.mark.parametrize("change", [0, 13, 99, -1])
def test_positions_without_a_word_are_refused(bert, change):
    with pytest.raises(textdream.InputError, match="ordinary token"):
        textdream.token_search(
            bert, TEXT, textdream.neuron(2, 3), textdream.TokenSearchConfig(change=change), position=3
        )


def test_no_position_is_refused(bert):
    with pytest.raises(textdream.InputError, match="position"):
        textdream.token_search(bert, TEXT, textdream.channel(2, 3))


def test_top_must_be_positive():
    with pytest.raises(textdream.InputError):
        textdream.TokenSearchConfig(top=0)
