"""The diagnosis on planted cases, where one knows what happens to the best token."""

import dataclasses

import pytest
import torch

import textdream
from tests.experiments.planted import POSITION, Planted, annealed, diagnosed, model_with
from tests.tiny import TEXT, tiny
from textdream.configs import DiagnoseConfig, DreamConfig
from textdream.experiments.diagnose import Diagnosis, diagnose_dream
from textdream.experiments.findings import explanation
from textdream.experiments.verdict import rough, ruled_out
from textdream.experiments.watch import MIXTURES

QUICK = DiagnoseConfig(steps=60, neighbours=5, controls=6)


def finding(result, name):
    return next(found for found in result.findings if found.name == name)


@pytest.fixture(scope="module")
def weights():
    """Each token's embedding is a unit vector of its own: nothing is near anything."""
    return model_with()


@pytest.fixture(scope="module")
def line():
    """All embeddings lie on a line, in the order of the ids: neighbours act alike."""
    return model_with(lambda rows: torch.arange(rows)[:, None] * torch.eye(1, 96))


@pytest.fixture(scope="module")
def two(weights):
    """A best token and another."""
    return weights.tokens.allowed[40].item(), weights.tokens.allowed[20].item()


def test_a_linear_objective_is_annealed_to_its_best_token(weights):
    height = torch.linspace(0, 1, 96)
    result = diagnosed(weights, lambda w: (w * height.to(w)).sum(-1))
    assert result.succeeded
    assert result.explained_by == []
    assert "did not fail" in result.explanation
    assert result.end.ids[POSITION] == int(weights.tokens.allowed.max())
    assert result.positions[0].better == 0
    assert finding(result, "reached").value == pytest.approx(1)
    assert finding(result, "end_gap").value == pytest.approx(0, abs=1e-3)
    assert result.positions[0].best_path.fell_behind is None


def test_a_best_token_that_led_and_lost_was_ruled_out(weights, two):
    """Alone, one token is worth twice the other; mixed, the second gains from the first until it has all the weight."""
    best, other = two
    result = diagnosed(weights, lambda w: 2 * w[:, best] + w[:, other] + 8 * w[:, best] * w[:, other] ** 2)
    found = result.positions[0]
    assert not result.succeeded
    assert (found.tokens[0].id, found.token.id, found.better) == (best, other, 1)
    assert result.explained_by == ["ruled_out", "gap"]
    path, winner = found.best_path, found.winner_path
    assert (path.id, winner.id) == (best, other)
    assert path.highest_rank == 1
    assert 0 < path.highest_step < path.fell_behind < 400
    assert finding(result, "fell_behind").value == path.fell_behind
    # 2·⅓ + ⅔ + 8·⅓·(⅔)² = 2.5 at its peak; the heavier token alone gives 1.
    assert finding(result, "end_gap").value == pytest.approx(1.5, abs=0.2)
    assert finding(result, "end_gap").value > finding(result, "end_gap").control
    assert finding(result, "reached").value == pytest.approx(0.5, abs=0.01)


def test_it_is_not_ruled_out_where_the_other_term_is_missing(weights, two):
    best, other = two
    result = diagnosed(weights, lambda w: 2 * w[:, best] + w[:, other])
    assert result.succeeded
    assert result.end.ids[POSITION] == best
    assert result.positions[0].best_path.fell_behind is None


def test_a_spike_that_nothing_points_to_is_a_rough_neighbourhood(weights, two):
    best, _ = two
    height = torch.linspace(0, 1, 96)

    def score(w):
        return (w * height.to(w)).sum(-1) - (1 + height[best]) * w[:, best] + 3 * w[:, best] ** 8

    result = diagnosed(weights, score)
    found = result.positions[0]
    assert not result.succeeded
    assert found.tokens[0].id == best
    assert found.best_path.highest_rank > 5
    assert found.shared == 0
    assert result.explained_by == ["rough_neighbourhoods"]


def test_a_neighbourhood_that_leads_there_more_than_a_random_one_is_not_rough(weights, two):
    """Few of the neighbours are among the best, and still more than around any random token: that is no rough place."""
    best, _ = two
    height = torch.linspace(0, 1, 96)
    target = Planted(
        weights, lambda w: (w * height.to(w)).sum(-1) - (1 + height[best]) * w[:, best] + 3 * w[:, best] ** 8
    )
    diagnosis = Diagnosis(weights, annealed(weights, target), DiagnoseConfig(neighbours=5), target)
    for _ in diagnosis:
        pass
    seen = diagnosis._evidence(3.0)
    assert rough(seen)
    (found,) = seen.positions

    def with_shared(own, random):
        changed = found.model_copy(update={"shared": own, "control_shared": random})
        return dataclasses.replace(seen, positions=[changed], neighbours=30)

    assert rough(with_shared(1, [0] * 19 + [1]))
    more = with_shared(1, [0] * 20)
    assert not rough(more)
    assert "leads to the best more than a random token's does" in explanation(more)
    assert not rough(with_shared(3, [5] * 20)), "a tenth of the neighbours"


def test_a_position_where_nothing_matters_is_left_out_of_the_findings():
    """A causal model's target does not read what stands behind it."""
    model = tiny("gpt2")
    config = DreamConfig(method="anneal", steps=30, free="all", certify=False)
    dreamed = textdream.dream(model, TEXT, textdream.neuron(2, 1), config, position=1)
    result = diagnose_dream(model, dreamed, QUICK)
    behind = [found for found in result.positions if found.position > 1]
    read = [found for found in result.positions if found.position <= 1]
    assert behind
    assert {found.smoothness for found in behind} == {None}
    assert finding(result, "smoothness").value == pytest.approx(sum(found.smoothness for found in read) / len(read))
    assert finding(result, "shared_neighbours").value == pytest.approx(sum(found.shared for found in read) / len(read))
    counts = [count for found in read for count in found.control_shared]
    assert finding(result, "shared_neighbours").control == pytest.approx(sum(counts) / len(counts))


def test_a_dream_that_keeps_its_best_text_is_judged_by_that(weights, two):
    """The same run failed by its last step."""
    best, other = two
    target = Planted(weights, lambda w: 2 * w[:, best] + w[:, other] + 8 * w[:, best] * w[:, other] ** 2)
    last = annealed(weights, target)
    reported = {"ids": [*last.final.ids[:POSITION], best, *last.final.ids[POSITION + 1 :]], "activation": 2.0}
    kept = last.model_copy(update={"best": last.final.model_copy(update=reported)})
    config = DiagnoseConfig(neighbours=5)
    assert not diagnose_dream(weights, last, config, target).succeeded
    result = diagnose_dream(weights, kept, config, target)
    assert result.succeeded
    assert result.explained_by == []
    assert "though its last step stands at 50%" in result.explanation
    assert finding(result, "reached").value == pytest.approx(1)


@pytest.mark.parametrize("preset", ["pair", "pair-gumbel"])
def test_random_mixtures_have_the_weights_of_the_run(preset, monkeypatch):
    model = tiny("bert_mlm")
    config = DreamConfig(method="anneal", preset=preset, steps=3, free="2:5", certify=False)
    dreamed = textdream.dream(model, TEXT, textdream.neuron(2, 1), config, position=3)
    soft, real = [], model.engine.soft_values

    def counted(start, free, weights, objectives):
        soft.append(weights.detach().clone())
        return real(start, free, weights, objectives)

    monkeypatch.setattr(model.engine, "soft_values", counted)
    diagnose_dream(model, dreamed, QUICK)
    first, mixed, last, mixed_end = soft[0], soft[1], soft[-MIXTURES - 1], soft[-1]
    for own, shuffled in ((first, mixed), (last, mixed_end)):
        assert torch.allclose(own.sort(-1).values, shuffled.sort(-1).values)
        assert not torch.equal(own, shuffled)


def test_a_smooth_hill_that_is_missed_is_explained_by_none(line):
    """Two hills on a line: the annealing climbs the lower one, on whose side the mixture begins."""

    def score(x):
        return 2 * torch.exp(-(((x[:, 0] - 60) / 8) ** 2)) + torch.exp(-(((x[:, 0] - 10) / 20) ** 2))

    result = diagnosed(line, score)
    assert not result.succeeded
    assert result.positions[0].shared == 4
    assert finding(result, "shared_neighbours").control < 2
    assert result.explained_by == []
    assert "none of the suspicions" in result.explanation


def test_a_gap_can_be_all(weights, two):
    """Any even mixture of a group is worth a lot, none of the group alone."""
    best, _ = two
    group = [token for token in weights.tokens.allowed.tolist()[:30] if token != best]

    def score(w):
        share = w[:, group]
        return 3 * (share.sum(-1) ** 2 - share.square().sum(-1)) + 0.5 * w[:, best] ** 4

    result = diagnosed(weights, score, end_temperature=2.0)
    assert not result.succeeded
    assert "gap" in result.explained_by
    assert "ruled_out" not in result.explained_by
    assert finding(result, "mean_gap").value > 1


def test_an_objective_of_ones_own_is_given_with_the_dream(weights, two):
    best, _ = two
    target = Planted(weights, lambda w: w[:, best])
    result = diagnose_dream(weights, annealed(weights, target, steps=40), DiagnoseConfig(neighbours=5), target)
    assert result.positions[0].tokens[0].id == best


def test_it_is_not_ruled_out_where_random_tokens_fare_the_same(weights, two):
    best, other = two
    target = Planted(weights, lambda w: 2 * w[:, best] + w[:, other] + 8 * w[:, best] * w[:, other] ** 2)
    diagnosis = Diagnosis(weights, annealed(weights, target), DiagnoseConfig(neighbours=5), target)
    for _ in diagnosis:
        pass
    seen = diagnosis._evidence(2.0)
    assert ruled_out(seen)
    paths = seen.positions[0].control_paths.model_copy(update={"highest_ranks": [1, 2, 3]})
    same = dataclasses.replace(seen, positions=[seen.positions[0].model_copy(update={"control_paths": paths})])
    assert not ruled_out(same)
    assert "Being ruled out does not explain it" in explanation(same)
