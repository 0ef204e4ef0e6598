"""Vectors between two sets of activations: difference of means, logistic regression, and a calibrated probability.

Every vector here is a unit vector with a threshold: score = x · v - threshold, above 0 for the positive set.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

Array = np.ndarray
STRENGTH = 1.0
"""scikit-learn's C: the weight of the data against the L2 penalty, on standardised activations."""

STILL = 1e-6
"""A unit whose standard deviation is this share of the largest one moves by no more than float32 rounds."""


@dataclass(frozen=True)
class Boundary:
    """A unit vector and the projection at which neither set is the likelier."""

    vector: Float[Array, " d"]
    threshold: float

    def scores(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """x · v - threshold."""
        return x @ self.vector - self.threshold


Fit = Callable[[Float[Array, "n d"], Bool[Array, " n"]], Boundary]


def mean_difference(x: Float[Array, "n d"], positive: Bool[Array, " n"]) -> Boundary:
    """From the mean of the negative set to that of the positive one; the threshold lies half way."""
    above, below = x[positive].mean(0), x[~positive].mean(0)
    return halfway(above - below, above, below)


def halfway(vector: Float[Array, " d"], above: Float[Array, " d"], below: Float[Array, " d"]) -> Boundary:
    """A direction as a unit vector, with the threshold half way between two means. Zero stays zero."""
    length = float(np.linalg.norm(vector))
    unit = vector / length if length > 0 else vector
    return Boundary(unit, float((above + below) @ unit) / 2)


def logistic(x: Float[Array, "n d"], positive: Bool[Array, " n"]) -> Boundary:
    """Logistic regression on standardised activations with an L2 penalty, both sets of equal weight, as a unit vector.

    In standardised coordinates z = (x - mean) / sd the log-odds are w · z + b; so in the model's own v = w / sd, and the
    threshold is where they are 0. Units that do not move are left out: a norm's weight of 1e-30, as one unit of minilm's last
    layer has, would be blown up to the size of the others, and its row of v with it.
    """
    # Imported here: scikit-learn takes two seconds, and nothing else in textdream needs it.
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    spread = x.std(0)
    if not spread.any():
        return Boundary(np.zeros(x.shape[1]), 0.0)
    moves = spread > STILL * spread.max()
    scaler = StandardScaler().fit(x[:, moves])
    z = scaler.transform(x[:, moves])
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=5000).fit(z, positive)
    weights = np.zeros(x.shape[1])
    weights[moves] = model.coef_[0] / scaler.scale_
    bias = float(model.intercept_[0] - scaler.mean_ @ weights[moves])
    length = float(np.linalg.norm(weights))
    return Boundary(weights / length, -bias / length) if length > 0 else Boundary(weights, 0.0)


def calibrated(scores: Float[Array, " n"], positive: Bool[Array, " n"]) -> tuple[float, float]:
    """(slope, intercept) such that 1 / (1 + exp(-(slope · score + intercept))) is the probability of the positive set.

    Platt (1999), with his targets (n₊ + 1) / (n₊ + 2) and 1 / (n₋ + 2), which keep the slope finite where the sets do not
    overlap. The scores have to be of sentences that the vectors were not made from, or the probabilities are too sure.
    """
    from sklearn.linear_model import LogisticRegression

    count = np.where(positive, positive.sum(), (~positive).sum())
    target = np.where(positive, (count + 1) / (count + 2), 1 / (count + 2))
    size = float(scores.std()) or 1.0
    both = np.concatenate([scores, scores])[:, None] / size
    labels = np.repeat([True, False], len(scores))
    # Each score counts as positive with the weight of its target, and as negative with the rest.
    model = LogisticRegression(C=math.inf, max_iter=1000).fit(
        both, labels, sample_weight=np.concatenate([target, 1 - target])
    )
    return float(model.coef_[0, 0]) / size, float(model.intercept_[0])


def probability(score: float, slope: float, intercept: float) -> float:
    """1 / (1 + exp(-(slope · score + intercept))), without overflow."""
    z = slope * score + intercept
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


FITS: dict[str, Fit] = {"mean_difference": mean_difference, "logistic": logistic}
