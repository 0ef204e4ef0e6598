"""From a result's target back to the objective."""

import pytest
import torch

import textdream
from tests.experiments.test_verify import TARGETS
from tests.tiny import TEXT, tiny
from textdream.objectives import normalised, objective_of
from textdream.records import Target


@pytest.fixture(scope="module", params=["bert_mlm", "gpt2"])
def model(request):
    return tiny(request.param)


def again(objective, model, position):
    """The objective bound, and the one that its description gives."""
    ids = torch.tensor([model.tokens.encode(TEXT)])
    bound = objective.bind(model, position, ids.shape[1])
    return ids, bound, objective_of(bound.target(), model).bind(model, position, ids.shape[1])


@pytest.mark.parametrize("target", list(TARGETS))
def test_the_way_there_and_back(model, target):
    ids, bound, found = again(*TARGETS[target][:1], model, TARGETS[target][1])
    assert found.target().model_dump(exclude={"vector", "terms"}) == bound.target().model_dump(
        exclude={"vector", "terms"}
    )
    assert float(model.engine.values(ids, found)[0]) == pytest.approx(
        float(model.engine.values(ids, bound)[0]), rel=1e-6
    )


@pytest.mark.parametrize(
    ("name", "target"), [("bert_class", textdream.logit(1)), ("bert", textdream.neuron(None, 3, site="pooled"))]
)
def test_targets_without_a_position(name, target):
    ids, bound, found = again(target, tiny(name), None)
    assert found == bound
    assert found.target() == bound.target()
    assert ids.shape[0] == 1


@pytest.mark.parametrize(
    "target",
    [
        Target(kind="neuron", site="resid_post", layer=1, position=3),
        Target(kind="neuron", neuron=1),
        Target(kind="logit"),
        Target(kind="direction", site="resid_post", layer=1, position=3),
    ],
)
def test_incomplete_targets_are_refused(bert, target):
    with pytest.raises(textdream.InputError, match="not complete"):
        objective_of(target, bert)


def test_normalising_twice_is_normalising_once(bert):
    one = normalised(textdream.neuron(2, 3))
    for twice in (normalised(one), normalised(-one), normalised(0.5 * one + normalised(textdream.neuron(1, 3)))):
        assert "Normalised(base=Normalised" not in repr(twice)
    assert normalised(one) is one
    assert normalised(-one).target().terms[0].normalised


def test_pairs_preset_climbs_a_normalised_target_as_it_is(bert):
    config = textdream.DreamConfig(method="anneal", preset="pair", steps=5, certify=False)
    raw = textdream.dream(bert, TEXT, textdream.neuron(2, 3), config, position=3)
    unit = textdream.dream(bert, TEXT, normalised(textdream.neuron(2, 3)), config, position=3)
    for a, b in zip(raw.steps, unit.steps, strict=True):
        assert b.hard == pytest.approx(b.hard_normalised) == pytest.approx(a.hard_normalised)
        assert b.soft == pytest.approx(b.soft_normalised) == pytest.approx(a.soft_normalised)
