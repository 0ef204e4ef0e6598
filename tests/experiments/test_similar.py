import pytest
import torch

import textdream
from tests.tiny import TEXT, plain, tiny


@pytest.fixture(scope="module", params=["bert", "gpt2", "gemma"])
def case(request):
    return tiny(request.param), request.param


@pytest.mark.parametrize("change", [3, 5])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbours_equal_brute_force(case, metric, change):
    model, name = case
    config = textdream.SimilarConfig(change=change, metric=metric, top=12)
    result = textdream.similar(model, TEXT, textdream.neuron(2, 3), config, position=3)
    weight = model.hf.get_input_embeddings().weight.detach().double()
    here = weight[model.tokens.encode(TEXT)[change]]
    allowed = model.tokens.allowed
    if metric == "euclidean":
        # Gemma scales its embeddings by the square root of the width when it looks them up.
        distances = (weight[allowed] - here).square().sum(1).sqrt() * (4.0 if name == "gemma" else 1.0)
    else:
        distances = 1 - (weight[allowed] @ here) / (weight[allowed].norm(dim=1) * here.norm())
    order = distances.sort()
    assert [token.distance for token in result.tokens] == pytest.approx(order.values[:12].tolist(), rel=1e-5, abs=2e-6)
    assert [token.id for token in result.tokens] == allowed[order.indices[:12]].tolist()
    assert result.furthest == pytest.approx(float(distances.max()), rel=1e-5)
    assert result.metric == metric
    ids = torch.tensor([model.tokens.encode(TEXT)]).repeat(12, 1)
    ids[:, change] = torch.tensor([token.id for token in result.tokens])
    with torch.no_grad():
        values = plain(model.hf, name, "resid_post", 2, input_ids=ids)[:, 3, 3]
    assert [token.activation for token in result.tokens] == pytest.approx(values.tolist(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_token_itself_comes_first(case, metric):
    model, _ = case
    config = textdream.SimilarConfig(metric=metric, top=1)
    result = textdream.similar(model, TEXT, textdream.neuron(2, 3), config, position=3)
    assert result.tokens[0].id == result.start.ids[3]
    assert result.tokens[0].distance == pytest.approx(0, abs=1e-6)
    assert result.tokens[0].activation == pytest.approx(result.start.activation, rel=1e-5)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_what_is_honest_can_be_verified(case, tmp_path, metric):
    model, _ = case
    config = textdream.SimilarConfig(metric=metric, top=12)
    result = textdream.similar(model, TEXT, textdream.neuron(2, 3), config, position=3)
    textdream.write_result(result, tmp_path / "similar.json")
    assert textdream.verify(tmp_path / "similar.json", model).mismatches == []


def test_special_positions_are_refused(bert):
    with pytest.raises(textdream.InputError, match="ordinary token"):
        textdream.similar(bert, TEXT, textdream.neuron(2, 3), textdream.SimilarConfig(change=0), position=3)
