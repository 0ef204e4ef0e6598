"""Which tokens change more often along a concept than along random directions of the same length? Pure functions.

A run moves one word of one sentence along one direction and rebuilds the text. Of every token that a sentence holds, it is
known whether it changed.

The test is exact and paired by sentence. Within a sentence, if the concept were a direction like any other, each of its runs
could as well have been the concept's. Of n runs, c of them the concept's and k of them with the token changed, the number of
changes that fall to the concept is then hypergeometric; over sentences these numbers add up, and the tail of the sum at what was
observed is the p-value (the exact form of Cochran 1954 and Mantel and Haenszel 1959; with one random run a sentence, McNemar's
exact test). Sentences in which all runs or none changed the token say nothing, and weigh nothing.

What it takes: random directions drawn anew for every sentence. What it says: this direction changes the token more often than
random directions do on average. It does not say that no other direction does.

The correction is Holm's (1979): tokens of one sentence change together, and Holm holds under any dependence; and a claim that a
model links a pronoun to a word should not have a false word in it, where Benjamini and Hochberg would allow one in twenty. Tokens
that could not be significant however their changes fell are no tests: that is known from the counts which the test is
conditioned on, not from the outcome (Tarone 1990).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import Literal

import numpy as np
from jaxtyping import Float

from textdream.experiments.concept_controls import wilson

LEVEL = 0.05


@dataclass(frozen=True)
class Run:
    """One reconstruction after a shift."""

    sentence: int
    """Runs of one sentence have the same number."""
    kind: Literal["concept", "random"]
    tokens: Collection[str]
    """Different tokens of the sentence that might change: without the shifted word and those meant to change with it."""
    changed: Collection[str]
    """Those that did."""


@dataclass(frozen=True)
class TokenChange:
    """How often a token changes, along the concept and along random directions."""

    token: str
    sentences: int
    """That hold it and have runs of both kinds."""
    concept: float
    """Share of the concept's runs in which it changed; sentences weigh the same."""
    concept_interval: tuple[float, float]
    """Wilson's 95 % interval; sentences are counted, not runs: those of one sentence are too alike."""
    random: float
    random_interval: tuple[float, float]
    p: float
    """One-sided: of as many changes falling to the concept by chance."""
    tested: bool
    """Whether `p` could have been at or below the level, and so counts among the tests."""
    adjusted: float
    """`p` after Holm's correction over the tested tokens; 1 for others."""
    more: bool
    """Whether `adjusted` is at or below the level."""


@dataclass(frozen=True, order=True)
class Stratum:
    """What one sentence says of one token."""

    runs: int
    concept_runs: int
    changed: int
    """Runs of either kind in which the token changed."""
    concept_changed: int


def token_changes(runs: Iterable[Run], level: float = LEVEL) -> list[TokenChange]:
    """Every token's rates and test, the surest first.

    Parameters
    ----------
    runs
        Of all sentences, both kinds. Sentences with runs of one kind only say nothing and are left out.
    level
        Of the whole table: the chance of a single false token in it, if no token changes more often along the concept.
    """
    strata = _strata(runs)
    found = [_rates(token, rows, level) for token, rows in strata.items()]
    tested = [change for change in found if change.tested]
    adjusted = dict(zip((change.token for change in tested), holm([change.p for change in tested]), strict=True))
    corrected = [
        replace(change, adjusted=adjusted[change.token], more=adjusted[change.token] <= level)
        if change.tested
        else change
        for change in found
    ]
    return sorted(
        corrected, key=lambda change: (change.adjusted, change.p, change.random - change.concept, change.token)
    )


def _strata(runs: Iterable[Run]) -> dict[str, list[Stratum]]:
    by_sentence: dict[int, list[Run]] = {}
    for run in runs:
        by_sentence.setdefault(run.sentence, []).append(run)
    found: dict[str, list[Stratum]] = {}
    for group in by_sentence.values():
        concept = [run for run in group if run.kind == "concept"]
        if not concept or len(concept) == len(group):
            continue
        for token in sorted(set().union(*(run.tokens for run in group))):
            stratum = Stratum(
                len(group),
                len(concept),
                sum(token in run.changed for run in group),
                sum(token in run.changed for run in concept),
            )
            found.setdefault(token, []).append(stratum)
    # In an order of their own: the last digit of a figure must not hang on the order in which runs came.
    return {token: sorted(rows) for token, rows in found.items()}


def _rates(token: str, rows: Sequence[Stratum], level: float) -> TokenChange:
    count = len(rows)
    concept = sum(row.concept_changed / row.concept_runs for row in rows) / count
    random = sum((row.changed - row.concept_changed) / (row.runs - row.concept_runs) for row in rows) / count
    p, smallest = stratified_tail(rows)
    return TokenChange(
        token=token,
        sentences=count,
        concept=concept,
        concept_interval=wilson(concept, count),
        random=random,
        random_interval=wilson(random, count),
        p=p,
        tested=smallest <= level,
        adjusted=1.0,
        more=False,
    )


def stratified_tail(rows: Sequence[Stratum]) -> tuple[float, float]:
    """(P(T ≥ observed), the smallest p-value that these counts allow), T = Σ of independent hypergeometrics."""
    total: Float[np.ndarray, " changes"] = np.ones(1)
    shift = observed = 0
    for row in rows:
        low, chances = hypergeometric(row.runs, row.changed, row.concept_runs)
        shift += low
        observed += row.concept_changed
        if len(chances) > 1:
            total = np.convolve(total, chances)
    place = observed - shift
    return min(1.0, float(total[place:].sum())), float(total[-1])


def hypergeometric(runs: int, changed: int, drawn: int) -> tuple[int, Float[np.ndarray, " counts"]]:
    """(smallest count, chances from there on) of the changed runs among `drawn` of `runs`, `changed` of which changed."""
    low, high = max(0, drawn + changed - runs), min(drawn, changed)
    ways = comb(runs, drawn)
    return low, np.array(
        [comb(changed, count) * comb(runs - changed, drawn - count) / ways for count in range(low, high + 1)]
    )


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: the i-th smallest of m times m - i + 1, never falling, at most 1."""
    order = sorted(range(len(p)), key=lambda index: p[index])
    adjusted = [1.0] * len(p)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, p[index] * (len(p) - rank)))
        adjusted[index] = highest
    return adjusted
