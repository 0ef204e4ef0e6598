import pytest
import torch

import textdream
from tests.tiny import tiny
from textdream.lens import Lenses, lenses
from textdream.lens import store as kept
from textdream.lens.linear import PENALTY, Sums
from textdream.lens.texts import texts


def last(*arguments, **options):
    *steps, found = lenses(*arguments, **options)
    assert isinstance(found, Lenses)
    return steps, found


def test_the_closed_form_is_the_minimum():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(200, 5, generator=generator), torch.randn(200, 3, generator=generator)
    sums = Sums(5, 3)
    for part in (slice(0, 70), slice(70, 200)):
        sums.add(x[part], y[part])
    lens = sums.fit()
    weight, bias = (value.double().requires_grad_(True) for value in (lens.weight, lens.bias))
    x, y = x.double(), y.double()
    penalty = PENALTY * x.var(0, unbiased=False).mean() * len(x)
    loss = (x @ weight + bias - y).square().sum() + penalty * weight.square().sum()
    loss.backward()
    assert weight.grad.abs().max() < 1e-3
    assert bias.grad.abs().max() < 1e-3


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_the_first_layer_is_read_far_above_chance(name):
    model = tiny(name)
    _, found = last(model, "resid_post", [0], "random")
    ids = torch.tensor([model.tokens.encode("the cats sat on a mat , and he ran .")])
    read = textdream.model.Read("resid_post", 0)
    guess = found.by_layer[0].guess(model.engine.activations(ids, [read])[read][0])
    nearest = torch.cdist(guess, model.engine.table).argmin(1)
    free = model.tokens.open_positions(ids[0].tolist())
    assert (nearest == ids[0])[free].float().mean() > 10 / len(model.tokens.allowed)


def test_it_is_fitted_once(bert, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    steps, first = last(bert, "resid_post", [0, 2], "random")
    assert steps[-1] == (first.tokens, first.tokens)
    assert len(list((tmp_path / "textdream" / "lenses").iterdir())) == 1
    steps, second = last(bert, "resid_post", [2], "random")
    assert not steps
    assert torch.equal(first.by_layer[2].weight, second.by_layer[2].weight)
    assert (second.source, second.sha256, second.texts) == (first.source, first.sha256, first.texts)
    steps, third = last(bert, "resid_post", [1, 2], "random")
    assert steps
    assert set(third.by_layer) == {0, 1, 2}
    assert kept.cache_folder() == tmp_path / "textdream" / "lenses"


def test_another_model_site_or_corpus_has_a_lens_of_its_own(bert, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "some.txt"
    file.write_text("the cat sat on a mat\nhe saw the old house\nthe dog ran to the sea\n" * 2, encoding="utf-8")
    found = [
        last(bert, "resid_post", [1], "random")[1],
        last(tiny("bert", seed=1), "resid_post", [1], "random")[1],
        last(bert, "mlp_post", [1], "random")[1],
        last(bert, "resid_post", [1], str(file))[1],
    ]
    assert len(list((tmp_path / "cache" / "textdream" / "lenses").iterdir())) == 4
    assert found[3].texts == 3
    assert found[3].source.name == "some.txt"
    assert len({one.by_layer[1].weight.sum().item() for one in found}) == 4


@pytest.mark.parametrize("content", [b"", b"rubble", None])
def test_a_broken_cache_is_done_without(bert, monkeypatch, tmp_path, content):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if content is None:
        (tmp_path / "cache").write_text("a file where the folder should be")
    else:
        last(bert, "resid_post", [0], "random")
        for path in (tmp_path / "cache" / "textdream" / "lenses").iterdir():
            path.write_bytes(content)
    assert last(bert, "resid_post", [0], "random")[0]


def test_an_unknown_vocabulary_falls_back_to_random_texts(bert):
    _, found = last(bert, "resid_post", [0])
    assert "random" in found.source.name


def test_a_corpus_without_sentences_is_refused(bert, tmp_path):
    file = tmp_path / "few.txt"
    file.write_text("the cat sat\n", encoding="utf-8")
    with pytest.raises(textdream.TextdreamError, match="at least 2"):
        last(bert, "resid_post", [0], str(file))


def test_random_texts_hold_allowed_tokens_in_their_frame(bert):
    found = texts(bert, "random")
    allowed = set(bert.tokens.allowed.tolist())
    for batch in found.batches:
        assert set(batch[:, 0].tolist()) == {0}
        assert set(batch[:, -1].tolist()) == {2}
        assert set(batch[:, 1:-1].flatten().tolist()) <= allowed
    assert found.sha256 == texts(bert, "random").sha256
