"""What "exact" is said of: the text, the text up to a token that the layer cannot tell, or an activation only."""

import pytest
import torch

import textdream
from tests.tiny import TEXT, tiny, tiny_hf, tokenizer_of
from textdream.records import Rival


def config(**changes):
    return textdream.ReconstructConfig(**{"corpus": "random", "budget": 1e4, "evaluations": 800, **changes})


@pytest.fixture(scope="module")
def twins():
    """A model in which `house` and `##s`, which stands at position 3 of TEXT, have the same embedding."""
    hf, tokenizer = tiny_hf("bert"), tokenizer_of("bert")
    with torch.no_grad():
        table = hf.get_input_embeddings().weight
        table[tokenizer.convert_tokens_to_ids("house")] = table[tokenizer(TEXT)["input_ids"][3]]
    return textdream.load(hf, tokenizer)


def drawn(result, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result.show()
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    return " ".join(out.split())


def test_equal_embeddings_make_a_text_exact_up_to_a_token(twins, tmp_path, capsys, monkeypatch):
    search = textdream.Reconstruction(twins, TEXT, config(layers="0,1"))
    news = [step.news for step in search if step.news]
    result = search.result()
    exact = [one for one in result.layers if one.exact]
    assert exact
    for one in exact:
        assert one.ambiguous
        assert {one.best.tokens[3], one.rival.token} == {"house", "##s"}
        assert any(f"layer {one.layer}: exact up to {one.best.tokens[3]} ↔ {one.rival.token}" in line for line in news)
    text = drawn(result, capsys, monkeypatch)
    assert "✓ exact up to" in text
    assert f"{exact[0].best.tokens[3]} ↔ {exact[0].rival.token}" in text
    assert f"0 of 2 layers exact, {len(exact)} up to a token" in text
    textdream.write_result(result, tmp_path / "r.json")
    report = textdream.verify(tmp_path / "r.json", twins)
    assert report.holds, report.mismatches


def test_a_rival_above_the_floor_leaves_the_text_exact(capsys, monkeypatch):
    result = textdream.reconstruct(tiny("bert"), TEXT, config(layers="0"))
    (one,) = result.layers
    assert one.exact
    assert not one.ambiguous
    text = drawn(result, capsys, monkeypatch)
    assert "1 of 1 layer exact ·" in text
    assert "up to" not in text
    at_the_floor = Rival(position=1, id=8, token="a", loss=one.floor)
    assert one.model_copy(update={"rival": at_the_floor}).ambiguous


def test_of_part_of_a_layer_the_activation_is_exact_not_the_text(capsys, monkeypatch):
    """At the second position of a causal model two tokens are told, and are found; a neuron is drawn as if it were."""
    search = textdream.Reconstruction(tiny("gpt2"), TEXT, config(layers="0", position=1))
    assert any("layer 0: activation exact" in step.news for step in search if step.news)
    position = search.result()
    assert position.layers[0].exact
    neuron = textdream.reconstruct(tiny("bert"), TEXT, config(layers="0", neuron=3, evaluations=30))
    neuron = neuron.model_copy(update={"layers": [one.model_copy(update={"exact": True}) for one in neuron.layers]})
    for result in (position, neuron):
        text = drawn(result, capsys, monkeypatch)
        assert "✓ activation exact" in text
        assert "✓ exact" not in text
        assert "1 of 1 layer with the activation exact" in text
