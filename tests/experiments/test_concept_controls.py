import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textdream.experiments import concept_controls
from textdream.experiments.concept_controls import (
    Plan,
    agreement,
    fold_count,
    fold_of,
    hold_out,
    layer_scores,
    measure,
    random_directions,
    shuffled,
    verdict,
    wilson,
)
from textdream.experiments.concept_vectors import calibrated, logistic, mean_difference, probability


@st.composite
def labelled(draw):
    """(positive, groups): pairs, triples and single sentences of either label, with two groups of each at least."""
    kinds = draw(st.lists(st.sampled_from(["+", "-", "+-", "++", "+--"]), min_size=2, max_size=12))
    kinds += ["+-", "+-"] if draw(st.booleans()) else ["+", "+", "-", "-"]
    pairs = [(label == "+", group) for group, kind in enumerate(kinds) for label in kind]
    return np.array([label for label, _ in pairs]), np.array([group for _, group in pairs])


@given(labelled(), st.integers(2, 6), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_groups_stay_whole_and_every_fold_leaves_both_labels(case, wanted, seed):
    positive, groups = case
    folds = fold_count(positive, groups, wanted)
    assert 2 <= folds <= wanted
    found = fold_of(positive, groups, folds, np.random.default_rng(seed))
    assert set(found) == set(range(folds))
    assert all(len(set(found[groups == group])) == 1 for group in groups)
    for fold in range(folds):
        left = positive[found != fold]
        assert left.any()
        assert not left.all()


@given(labelled(), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_shuffling_keeps_the_structure(case, seed):
    positive, groups = case
    found = shuffled(positive, groups, np.random.default_rng(seed))

    def kinds(labels):
        return sorted(len(set(labels[groups == group])) for group in set(groups.tolist()))

    assert kinds(found) == kinds(positive)
    mixed = [group for group in groups if len(set(positive[groups == group])) == 2]
    for group in mixed:
        here = found[groups == group] == positive[groups == group]
        assert here.all() or not here.any()
    single = [group for group in set(groups.tolist()) if group not in mixed]
    assert sum(found[groups == group][0] for group in single) == sum(positive[groups == group][0] for group in single)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize(("size", "folds"), [(2, 2), (3, 3), (100, 5)])
def test_labels_that_mean_nothing_agree_as_shuffled_ones_do(size, folds, paired):
    """On noise, either is above the other no more often than a coin falls on one side (both tails together: 1 in 1,000)."""
    seeds = 60
    above = 0
    for seed in range(seeds):
        x = np.random.default_rng(seed).standard_normal((2 * size, 96))
        groups = np.arange(2 * size) % size if paired else np.arange(2 * size)
        plan = Plan(np.arange(2 * size) < size, groups, folds, 3, 20, seed)
        score, _ = measure(x, plan, mean_difference, random_directions(x, plan, 0), 0)
        above += score.agreement > score.shuffled_agreement
    tail = sum(math.comb(seeds, count) for count in range(min(above, seeds - above) + 1)) / 2**seeds
    assert 2 * tail > 1e-3, above


def test_the_figure_of_agreement_is_the_same_for_labels_and_for_shuffled_ones():
    """Were the shuffles to leave the labels as they are, both figures would be means of the same."""
    x, plan = planted(3, gap=1.0)
    plan = dataclasses.replace(plan, folds=3, repeats=40, controls=40)
    # The groups of three pairs can be folded in one way alone.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(concept_controls, "shuffled", lambda positive, *_: positive)
        score, _ = measure(x, plan, mean_difference, random_directions(x, plan, 0), 0)
    assert score.agreement == pytest.approx(score.shuffled_agreement)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_agreement_is_the_mean_cosine_of_all_pairs(count):
    vectors = np.random.default_rng(count).standard_normal((count, 5))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = np.mean([one @ two for one, two in itertools.combinations(vectors, 2)])
    assert agreement(vectors) == pytest.approx(expected)


def test_wilson_is_what_the_textbook_says():
    # Newcombe (1998), 81 of 263, without continuity correction.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(1.0, 10) == pytest.approx((0.7225, 1.0), abs=5e-5)
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.2775), abs=5e-5)


@given(st.integers(1, 400), st.floats(0, 1))
def test_wilson_holds_the_share(count, share):
    low, high = wilson(share, count)
    assert 0 <= low <= share <= high <= 1


def planted(size, width=60, gap=0.0, seed=0):
    """Pairs of activations, a gap between them along the first unit."""
    draw = np.random.default_rng(seed)
    context = draw.standard_normal((size, width))
    x = np.concatenate([context, context + 0.3 * draw.standard_normal((size, width))])
    x[:size, 0] += gap
    return x, Plan(np.arange(2 * size) < size, np.tile(np.arange(size), 2), 5, 2, 20, 0)


@pytest.mark.parametrize("kind", ["mean_difference", "logistic"])
def test_a_planted_concept_is_found_and_said_to_be_better(kind):
    x, plan = planted(60, gap=6.0)
    against, scores, _ = layer_scores(x, plan, 0)
    found = scores[kind]
    assert found.better
    assert found.accuracy > 0.9
    assert found.interval[0] < found.accuracy <= found.interval[1]
    assert found.agreement > 0.8
    assert found.shuffled == pytest.approx(0.5, abs=0.06)
    assert found.shuffled_agreement < found.agreement
    assert abs(against.agreement) < 0.05
    assert verdict(found, against.limit) == "better than its controls"


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_not_said_to_be_something(seed):
    x, plan = planted(40, seed=seed)
    against, scores, _ = layer_scores(x, plan, 0)
    assert not scores["mean_difference"].better
    assert not scores["logistic"].better
    assert verdict(scores["mean_difference"], against.limit).startswith("not better than shuffled labels")


def test_where_any_direction_does_as_well_that_is_said():
    draw = np.random.default_rng(0)
    x = 1e-3 * draw.standard_normal((40, 60))
    x[:20] += draw.standard_normal(60)
    plan = Plan(np.arange(40) < 20, np.tile(np.arange(20), 2), 5, 1, 20, 0)
    against, scores, _ = layer_scores(x, plan, 0)
    found = scores["mean_difference"]
    assert found.accuracy == 1.0
    assert not found.better
    assert verdict(found, against.limit) == "not better than random directions, of which a twentieth reach 100.0%"


def test_held_out_sentences_have_no_part_in_their_vector():
    x, plan = planted(10, gap=1.0)
    folds = fold_of(plan.positive, plan.groups, 5, np.random.default_rng(0))
    run = hold_out(x, plan.positive, folds, mean_difference)
    for fold in range(5):
        out = folds == fold
        y, label = x[~out], plan.positive[~out]
        v = y[label].mean(0) - y[~label].mean(0)
        middle = (y[label].mean(0) + y[~label].mean(0)) / 2
        expected = (x[out] - middle) @ v / np.linalg.norm(v)
        assert run.scores[out] == pytest.approx(expected)


def test_a_layer_does_not_depend_on_which_others_are_measured():
    x, plan = planted(12, gap=1.0)
    first, second = layer_scores(x, plan, 3), layer_scores(x, plan, 3)
    assert first[1] == second[1]
    assert first[1] != layer_scores(x, plan, 4)[1]


@pytest.mark.parametrize("seed", range(3))
def test_logistic_regression_is_at_its_optimum_in_the_models_own_units(seed):
    """The gradient of the penalised loss, written out in standardised units, is zero at the vector that came back."""
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((60, 4)) * [1, 5, 0.2, 2] + [0, 3, -1, 10]
    positive = x[:, 1] / 5 + draw.standard_normal(60) > 0.6
    boundary = logistic(x, positive)
    # The unit vector has lost its length; the best length and intercept along it are the optimum's own.
    mean, sd = x.mean(0), x.std(0)
    z = (x - mean) / sd
    weight = np.where(positive, 60 / (2 * positive.sum()), 60 / (2 * (~positive).sum()))

    def loss(length):
        w = boundary.vector * sd * length
        logit = z @ w + (mean @ boundary.vector - boundary.threshold) * length
        return (weight * np.logaddexp(0, np.where(positive, -logit, logit))).sum() + (w @ w) / 2

    lengths = np.geomspace(0.01, 100, 4001)
    best = lengths[np.argmin([loss(length) for length in lengths])]
    w = boundary.vector * sd * best
    logit = z @ w + (mean @ boundary.vector - boundary.threshold) * best
    error = weight * (1 / (1 + np.exp(-logit)) - positive)
    assert np.abs(z.T @ error + w).max() < 0.05


def test_units_that_do_not_move_are_left_out_of_the_vector():
    draw = np.random.default_rng(0)
    x = draw.standard_normal((40, 4))
    positive = x[:, 0] > 0
    x[:, 3] = np.where(positive, 1e-30, -1e-30)
    vector = logistic(x, positive).vector
    assert vector[3] == 0
    assert abs(vector[0]) > 0.9


def test_calibration_gives_back_the_frequencies():
    draw = np.random.default_rng(0)
    scores = draw.uniform(-4, 4, 4000)
    positive = draw.random(4000) < 1 / (1 + np.exp(-(1.5 * scores - 1)))
    slope, intercept = calibrated(scores, positive)
    assert slope == pytest.approx(1.5, abs=0.15)
    assert intercept == pytest.approx(-1, abs=0.15)


def test_calibration_is_finite_where_the_sets_do_not_overlap():
    scores = np.array([-2.0, -1.0, 1.0, 2.0])
    slope, intercept = calibrated(scores, scores > 0)
    # Platt's targets for two of each: 3/4 and 1/4.
    assert slope > 0
    assert intercept == pytest.approx(0, abs=1e-3)
    assert 0.7 < probability(2.0, slope, intercept) < 0.9


@pytest.mark.parametrize("z", [-1e6, -3.0, 0.0, 3.0, 1e6])
def test_probability_never_overflows(z):
    expected = 0.0 if z < -700 else 1 / (1 + math.exp(-z))
    assert probability(z, 1.0, 0.0) == pytest.approx(expected)
