import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textdream.experiments.audit_statistics import Run, Stratum, holm, hypergeometric, stratified_tail, token_changes


def runs_of(changes, tokens=("ball",)):
    """One sentence a row: (concept's changed tokens, a list of them for the random runs)."""
    for sentence, (concept, randoms) in enumerate(changes):
        yield Run(sentence, "concept", tokens, concept)
        yield from (Run(sentence, "random", tokens, changed) for changed in randoms)


def mcnemar(b, c):
    """P(X ≥ b), X ~ binomial(b + c, 1/2): sentences in which only the concept, or only the random run, changed it."""
    n = b + c
    return sum(len(list(itertools.combinations(range(n), k))) for k in range(b, n + 1)) / 2**n


@pytest.mark.parametrize(
    ("b", "c", "both", "none"), [(5, 0, 3, 4), (6, 2, 0, 1), (3, 3, 2, 2), (0, 4, 1, 0), (0, 0, 2, 2)]
)
def test_with_one_random_run_a_sentence_it_is_mcnemars_exact_test(b, c, both, none):
    changed: list[str] = ["ball"]
    rows = [(changed, [[]])] * b + [([], [changed])] * c + [(changed, [changed])] * both + [([], [[]])] * none
    (found,) = token_changes(runs_of(rows))
    assert found.p == pytest.approx(mcnemar(b, c))
    assert found.sentences == len(rows)
    assert found.concept == pytest.approx((b + both) / len(rows))
    assert found.random == pytest.approx((c + both) / len(rows))
    assert found.concept_interval[0] <= found.concept <= found.concept_interval[1]


@st.composite
def strata(draw):
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        runs = draw(st.integers(2, 4))
        concept = draw(st.integers(1, runs - 1))
        changed = draw(st.integers(0, runs))
        low, high = max(0, concept + changed - runs), min(concept, changed)
        rows.append(Stratum(runs, concept, changed, draw(st.integers(low, high))))
    return rows


@given(strata())
@settings(max_examples=40, deadline=None)
def test_the_tail_is_what_trying_every_relabelling_gives(rows):
    """Brute force: which of a sentence's runs are the concept's, in every way, independently."""
    counts = []
    for row in rows:
        flags = [True] * row.changed + [False] * (row.runs - row.changed)
        counts.append([sum(chosen) for chosen in itertools.combinations(flags, row.concept_runs)])
    totals = [sum(chosen) for chosen in itertools.product(*counts)]
    observed = sum(row.concept_changed for row in rows)
    p, smallest = stratified_tail(rows)
    assert p == pytest.approx(np.mean([total >= observed for total in totals]))
    assert smallest == pytest.approx(np.mean([total == max(totals) for total in totals]))


@given(st.integers(1, 12), st.data())
def test_chances_add_up_to_one(runs, data):
    low, chances = hypergeometric(runs, data.draw(st.integers(0, runs)), data.draw(st.integers(0, runs)))
    assert low >= 0
    assert chances.sum() == pytest.approx(1)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_lies_between_none_and_bonferroni(p):
    adjusted = holm(p)
    for raw, found in zip(p, adjusted, strict=True):
        assert raw <= found <= min(1.0, raw * len(p)) + 1e-12
    order = sorted(range(len(p)), key=lambda index: p[index])
    assert [adjusted[index] for index in order] == sorted(adjusted)


def drawn(rng, chances, sentences, randoms, lift=None):
    """Runs in which every token changes with a chance of its own, times one of the sentence; `lift` is a token that the concept
    changes more often."""
    tokens = [f"t{number}" for number in range(len(chances))]
    for sentence in range(sentences):
        here = [token for token in tokens if rng.random() < 0.8]
        mood = rng.random()
        for kind in ("concept", *["random"] * randoms):
            shared = rng.random()  # Tokens of one run change together.
            more = {lift: 0.6} if kind == "concept" else {}
            changed = [
                token
                for token in here
                if 0.5 * (rng.random() + shared) < min(1.0, mood * chances[int(token[1:])] + more.get(token, 0.0))
            ]
            yield Run(sentence, kind, here, changed)


@pytest.mark.parametrize("randoms", [1, 3])
def test_under_the_null_a_false_token_is_as_rare_as_the_level_says(randoms):
    """The concept is a direction like any other: 150 audits, at most 5 % with any token, and binomial luck (3 sd)."""
    rng = np.random.default_rng(randoms)
    audits = 150
    false = 0
    for _ in range(audits):
        chances = rng.random(5)
        false += any(change.more for change in token_changes(drawn(rng, chances, 20, randoms)))
    assert false <= audits * 0.05 + 3 * (audits * 0.05 * 0.95) ** 0.5


@given(st.integers(0, 2**32), st.integers(1, 5), st.floats(0.001, 0.2))
@settings(max_examples=10, deadline=None)
def test_each_p_value_alone_keeps_every_level(seed, randoms, level):
    rng = np.random.default_rng(seed)
    p = [change.p for _ in range(30) for change in token_changes(drawn(rng, [0.5], 12, randoms))]
    assert sum(value <= level for value in p) <= len(p) * level + 4.5 * (len(p) * level * (1 - level)) ** 0.5 + 1


def test_a_token_that_the_concept_changes_is_found_and_stands_first():
    rng = np.random.default_rng(0)
    found = token_changes(drawn(rng, [0.3] * 6, 60, 3, lift="t4"))
    assert [change.token for change in found if change.more] == ["t4"]
    assert found[0].token == "t4"
    assert found[0].concept > found[0].random


def test_a_token_too_rare_to_be_significant_is_listed_and_costs_nothing():
    changed = ["ball"]
    rows = [(changed, [[]])] * 6 + [([], [[]])] * 4
    runs = list(runs_of(rows))
    rare = [Run(100, "concept", ("rare",), ("rare",)), Run(100, "random", ("rare",), ())]
    alone, beside = token_changes(runs), token_changes(runs + rare)
    assert beside[0] == alone[0]
    assert [change.tested for change in beside] == [True, False]
    assert beside[1].adjusted == 1.0
    assert not beside[1].more


def test_tokens_that_change_less_often_are_not_said_to_change_more():
    changed = ["ball"]
    (found,) = token_changes(runs_of([([], [changed])] * 30))
    assert found.p == 1.0
    assert not found.more


def test_sentences_with_runs_of_one_kind_say_nothing():
    assert token_changes([Run(0, "concept", ("a",), ("a",)), Run(1, "random", ("a",), ())]) == []
    assert token_changes([]) == []


def test_the_order_of_runs_does_not_matter():
    rng = np.random.default_rng(1)
    runs = list(drawn(rng, [0.2, 0.5, 0.8], 20, 2))
    assert token_changes(runs) == token_changes(runs[::-1])
