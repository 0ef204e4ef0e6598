"""An interrupted layer that is gone on with: what it had is never lost to something worse."""

import itertools

import pytest
import torch

import textdream
from tests.tiny import TEXT, plain, tiny

ENOUGH = {"hybrid": 60, "sipit": 8, "anneal": 3}
"""Signs of life after which the first run of each method is stopped."""


def config(method, **changes):
    base = {"layers": "2", "corpus": "random", "budget": 1e4, "method": method}
    if method == "anneal":
        base = {**base, "preset": "pair", "steps": 400, "method": "auto"}
    return textdream.ReconstructConfig(**{**base, **changes})


def stopped(model, settings, signs, kept=None):
    """The result after so many signs of life of the layer."""
    search = textdream.Reconstruction(model, TEXT, settings, kept=kept)
    steps = (step for step in search if step.phase == "layer 2")
    for _ in itertools.islice(steps, signs):
        pass
    return search.result()


def loss_of(model, name, result):
    ids = torch.tensor([result.layers[0].best.ids, result.start.ids])
    with torch.no_grad():
        states = plain(model.hf, name, "resid_post", 2, input_ids=ids)
    return float((states[0] - states[1]).square().mean())


@pytest.mark.parametrize(("name", "method"), [("bert", "hybrid"), ("gpt2", "sipit"), ("bert", "anneal")])
def test_an_early_second_stop_keeps_the_better_text(name, method, tmp_path):
    model, settings = tiny(name), config(method)
    early = stopped(model, settings, 1)
    first = stopped(model, settings, ENOUGH[method])
    assert not first.layers[0].finished
    assert first.layers[0].loss < early.layers[0].loss
    again = stopped(model, settings, 1, kept=first)
    assert again.layers[0].loss <= first.layers[0].loss * (1 + 1e-6)
    assert again.layers[0].best == first.layers[0].best
    assert loss_of(model, name, again) == pytest.approx(again.layers[0].loss, rel=1e-3, abs=1e-12)
    assert not again.layers[0].finished
    textdream.write_result(again, tmp_path / "r.json")
    report = textdream.verify(tmp_path / "r.json", model)
    assert report.holds, report.mismatches


def test_a_run_that_is_gone_on_with_counts_what_both_have_spent():
    model = tiny("bert")
    first = stopped(model, config("hybrid"), 8)
    again = stopped(model, config("hybrid"), 1, kept=first)
    alone = stopped(model, config("hybrid"), 1)
    assert again.layers[0].evaluations == first.layers[0].evaluations + alone.layers[0].evaluations + 1
    assert again.layers[0].gradients == first.layers[0].gradients + alone.layers[0].gradients
    assert again.layers[0].seconds >= first.layers[0].seconds


def test_a_worse_text_that_was_kept_gives_way():
    model = tiny("bert")
    first = stopped(model, config("hybrid"), 1)
    again = stopped(model, config("hybrid"), 60, kept=first)
    assert again.layers[0].loss < first.layers[0].loss
    assert again.layers[0].best != first.layers[0].best


def test_an_annealing_that_comes_to_its_end_is_the_run_that_was_asked_for():
    model, settings = tiny("bert"), config("anneal")
    straight = textdream.reconstruct(model, TEXT, settings).layers[0]
    kept = stopped(model, settings, 1)
    right = kept.layers[0].model_copy(update={"best": kept.start, "loss": 0.0})
    again = textdream.reconstruct(model, TEXT, settings, kept=kept.model_copy(update={"layers": [right]})).layers[0]
    assert (again.best, again.last, again.finished) == (straight.best, straight.last, True)


@pytest.mark.parametrize("position", [None, 4])
def test_no_lens_is_fitted_for_a_neuron(position, monkeypatch):
    """One number is all that it tells, and no search of it asks a lens."""
    monkeypatch.setattr("textdream.experiments.reconstruct.lenses", lambda *_: pytest.fail("a lens was fitted"))
    settings = config("hybrid", neuron=3, position=position, evaluations=30)
    search = textdream.Reconstruction(tiny("bert"), TEXT, settings)
    assert {step.phase for step in search} == {"layer 2"}
    assert search.result().lens is None
