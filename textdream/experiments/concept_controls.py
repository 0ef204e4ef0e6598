"""Is a concept's vector more than chance? Held-out accuracy, agreement, and both for shuffled labels and random directions.

All of it is pure: activations, labels, groups and a seed give the figures, so that `verify` can compute them again.

The rule of the verdict. A layer's vector is better than its controls if the lower end of the 95 % interval of its held-out
accuracy lies above the 95 % quantile of the accuracies that shuffled labels give, and above that of random directions.
Shuffled labels say what a vector finds where there is nothing to find; random directions what any direction gets, which is a
lot where the two words differ by far more than their sentences do (Bolukbasi et al. 2021). The rule is applied to each layer by
itself; layers of one model are too alike to count as so many tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from textdream.experiments.concept_vectors import FITS, Boundary, Fit, calibrated
from textdream.records import ConceptLayer, ConceptSentence, VectorScore
from textdream.records.concept import KINDS

Array = np.ndarray
Z95 = 1.959963984540054
LIMIT = 0.95
DIRECTIONS = 10
"""Random directions for each shuffle: they cost one product, where a shuffle costs as many fits as there are folds."""


@dataclass(frozen=True)
class Plan:
    """How activations are held out."""

    positive: Bool[Array, " n"]
    groups: Integer[Array, " n"]
    folds: int
    repeats: int
    controls: int
    seed: int


@dataclass(frozen=True)
class HeldOut:
    """One cross-validation: every sentence scored by a vector that it had no part in."""

    scores: Float[Array, " n"]
    vectors: Float[Array, "fold d"]

    @property
    def agreement(self) -> float:
        """Of its folds' vectors.

        Never of vectors of several cross-validations: the sentences that two vectors share are others there, and pooled figures
        would not compare with those of a shuffle, which is folded once.
        """
        return agreement(self.vectors)

    def accuracy(self, positive: Bool[Array, " n"]) -> float:
        """Share of the sentences on the right side; a score of exactly 0 is half right."""
        return float(np.where(self.scores == 0, 0.5, (self.scores > 0) == positive).mean())


def fold_count(positive: Bool[Array, " n"], groups: Integer[Array, " n"], wanted: int) -> int:
    """As many folds as wanted, but no more than either set has groups: else a fold's vector would lack one set."""
    return min(wanted, len(np.unique(groups[positive])), len(np.unique(groups[~positive])))


def fold_of(
    positive: Bool[Array, " n"], groups: Integer[Array, " n"], folds: int, draw: np.random.Generator
) -> Integer[Array, " n"]:
    """The fold of each sentence. Groups stay whole, and groups of either set, or of both, are spread evenly."""
    found = np.zeros(len(groups), dtype=np.int64)
    dealt = 0
    for kind in _by_kind(positive, groups):
        for group in draw.permutation(kind):
            found[groups == group] = dealt % folds
            dealt += 1
    return found


def _by_kind(positive: Bool[Array, " n"], groups: Integer[Array, " n"]) -> list[Integer[Array, " m"]]:
    """The groups with positive sentences alone, with both, with negative ones alone.

    In this order those of either set follow each other, so that dealt in turn they never all fall into one fold.
    """
    yes, no = np.unique(groups[positive]), np.unique(groups[~positive])
    return [np.setdiff1d(yes, no), np.intersect1d(yes, no), np.setdiff1d(no, yes)]


def shuffled(positive: Bool[Array, " n"], groups: Integer[Array, " n"], draw: np.random.Generator) -> Bool[Array, " n"]:
    """Labels that mean nothing, with the structure kept: pairs are turned round or not, other groups trade their labels."""
    only_yes, both, only_no = _by_kind(positive, groups)
    found = positive.copy()
    for group in both[draw.random(len(both)) < 0.5]:
        found[groups == group] ^= True
    single = np.concatenate([only_yes, only_no])
    labels = np.repeat([True, False], [len(only_yes), len(only_no)])
    for group, label in zip(single, draw.permutation(labels), strict=True):
        found[groups == group] = label
    return found


def hold_out(x: Float[Array, "n d"], positive: Bool[Array, " n"], folds: Integer[Array, " n"], fit: Fit) -> HeldOut:
    """One cross-validation."""
    scores = np.zeros(len(x))
    vectors = []
    for fold in np.unique(folds):
        out = folds == fold
        boundary: Boundary = fit(x[~out], positive[~out])
        scores[out] = boundary.scores(x[out])
        vectors.append(boundary.vector)
    return HeldOut(scores, np.stack(vectors))


def agreement(vectors: Float[Array, "m d"]) -> float:
    """Mean cosine of all pairs of unit vectors: (|Σ v|² - m) / (m (m - 1))."""
    m = len(vectors)
    if m < 2:
        return 0.0
    return float((np.square(vectors.sum(0)).sum() - np.square(vectors).sum()) / (m * (m - 1)))


def wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of `count` observations (1927)."""
    middle = (share + Z95**2 / (2 * count)) / (1 + Z95**2 / count)
    half = Z95 * math.sqrt(share * (1 - share) / count + Z95**2 / (4 * count**2)) / (1 + Z95**2 / count)
    # At shares of 0 and 1 rounding must not put the share outside.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


@dataclass(frozen=True)
class Random:
    """What random directions do with the same sentences."""

    accuracies: Float[Array, " draw"]
    agreement: float
    """Of the directions with each other: they are made of no sentences, so that there are no folds of theirs to agree."""

    @property
    def limit(self) -> float:
        """The 95 % quantile."""
        return float(np.quantile(self.accuracies, LIMIT))


def random_directions(x: Float[Array, "n d"], plan: Plan, stream: int) -> Random:
    """Held-out accuracy of random unit vectors, each with the sign and the threshold that its training folds suggest."""
    draw = np.random.default_rng([plan.seed, stream, 1])
    vectors = draw.standard_normal((DIRECTIONS * plan.controls, x.shape[1]))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    projected = x @ vectors.T
    folds = fold_of(plan.positive, plan.groups, plan.folds, draw)
    right = np.zeros(projected.shape)
    for fold in range(plan.folds):
        out = folds == fold
        above = projected[~out & plan.positive].mean(0)
        below = projected[~out & ~plan.positive].mean(0)
        says = (projected[out] - (above + below) / 2) * np.sign(above - below) > 0
        right[out] = says == plan.positive[out, None]
    return Random(right.mean(0), agreement(vectors))


def measure(
    x: Float[Array, "n d"], plan: Plan, fit: Fit, against: Random, stream: int
) -> tuple[VectorScore, tuple[float, float]]:
    """(the figures of one way of making a vector at one layer, its calibration).

    Parameters
    ----------
    against
        Random directions on the same activations.
    stream
        A number of its own for each layer: what is drawn for one layer does not depend on which others are measured.

    The interval is Wilson's, over groups and not over sentences: the errors of a pair go together, and counting both would make
    it too narrow.
    """
    draw = np.random.default_rng([plan.seed, stream, 2])
    runs = [
        hold_out(x, plan.positive, fold_of(plan.positive, plan.groups, plan.folds, draw), fit)
        for _ in range(plan.repeats)
    ]
    chance, together = [], []
    for _ in range(plan.controls):
        labels = shuffled(plan.positive, plan.groups, draw)
        run = hold_out(x, labels, fold_of(labels, plan.groups, plan.folds, draw), fit)
        chance.append(run.accuracy(labels))
        together.append(run.agreement)
    accuracy = float(np.mean([run.accuracy(plan.positive) for run in runs]))
    low, high = wilson(accuracy, len(np.unique(plan.groups)))
    limit = float(np.quantile(chance, LIMIT))
    score = VectorScore(
        accuracy=accuracy,
        interval=[low, high],
        shuffled=float(np.mean(chance)),
        shuffled_limit=limit,
        agreement=float(np.mean([run.agreement for run in runs])),
        shuffled_agreement=float(np.mean(together)),
        better=low > max(limit, against.limit),
    )
    # A sentence that was scored in every repeat is still one sentence.
    scores = np.mean([run.scores for run in runs], axis=0)
    return score, calibrated(scores, plan.positive)


def verdict(score: VectorScore, random_limit: float) -> str:
    """Whether a layer's vector is better than its controls, and if not, than which."""
    low = score.interval[0]
    if score.better:
        return "better than its controls"
    equal = [
        f"{name}, of which a twentieth reach {limit:.1%}"
        for name, limit in (("shuffled labels", score.shuffled_limit), ("random directions", random_limit))
        if low <= limit
    ]
    return f"not better than {' and '.join(equal)}"


def layer_scores(
    x: Float[np.ndarray, "n d"], plan: Plan, layer: int
) -> tuple[Random, dict[str, VectorScore], dict[str, tuple[float, float]]]:
    """(random directions, figures by kind, calibration by kind) of one layer."""
    against = random_directions(x, plan, layer)
    found = {kind: measure(x, plan, FITS[kind], against, layer) for kind in KINDS}
    return against, {kind: score for kind, (score, _) in found.items()}, {kind: c for kind, (_, c) in found.items()}


def concept_layer(
    x: Float[np.ndarray, "n d"], plan: Plan, layer: int, against: Random, scores: dict[str, VectorScore]
) -> ConceptLayer:
    """The record of one layer."""
    first = scores["mean_difference"]
    return ConceptLayer(
        **dict(first),
        layer=layer,
        random=float(against.accuracies.mean()),
        random_limit=against.limit,
        random_agreement=against.agreement,
        distance=float(np.linalg.norm(x[plan.positive].mean(0) - x[~plan.positive].mean(0))),
        logistic=scores["logistic"],
        verdict=verdict(first, against.limit),
    )


def labels_of(sentences: Sequence[ConceptSentence]) -> tuple[np.ndarray, np.ndarray]:
    """(positive [n] bool, group [n]) of the sentences."""
    positive = np.array([sentence.positive for sentence in sentences])
    return positive, np.array([sentence.group for sentence in sentences], dtype=np.int64)
