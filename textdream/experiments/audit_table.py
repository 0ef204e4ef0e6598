"""From the runs of an audit to its counts, its table, and what follows in words. Pure functions of the records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from statistics import fmean

from textdream.experiments.audit_statistics import LEVEL, Run, token_changes
from textdream.records import AuditCount, AuditRun, AuditSentence, AuditToken, Replacement
from textdream.records.shift_audit import RunKind

KEPT = 3
"""Replacements listed at most."""
NAMED = 12
"""Tokens named at most in the words."""


def audit_tokens(sentences: Sequence[AuditSentence], runs: Sequence[AuditRun]) -> list[AuditToken]:
    """Every watched token's rates, test and replacements, the surest first."""
    became: dict[str, Counter[str]] = {}
    found = []
    for run in runs:
        sentence = sentences[run.sentence]
        tokens = {sentence.tokens[position] for position in sentence.others}
        places = [(place, token) for place, token in zip(run.changed, run.became, strict=True)]
        others = [(sentence.tokens[place], token) for place, token in places if place in sentence.others]
        found.append(Run(run.sentence, run.kind, tokens, {before for before, _ in others}))
        if run.kind == "concept":
            for before, after in dict.fromkeys(others):
                became.setdefault(before, Counter())[after] += 1
    return [
        AuditToken(
            **{
                **asdict(change),
                "concept_interval": list(change.concept_interval),
                "random_interval": list(change.random_interval),
            },
            became=_replacements(became.get(change.token, Counter())),
        )
        for change in token_changes(found)
    ]


def audit_counts(sentences: Sequence[AuditSentence], runs: Sequence[AuditRun], length: float) -> list[AuditCount]:
    """What the runs of each kind did as a whole."""
    kinds: tuple[RunKind, ...] = ("concept", "random")
    return [_count(kind, sentences, [run for run in runs if run.kind == kind], length) for kind in kinds]


def _count(kind: RunKind, sentences: Sequence[AuditSentence], runs: Sequence[AuditRun], length: float) -> AuditCount:
    became: Counter[str] = Counter()
    for run in runs:
        sentence, now = sentences[run.sentence], dict(zip(run.changed, run.became, strict=True))
        if not now.keys().isdisjoint(sentence.positions):
            became[" ".join(now.get(place, sentence.tokens[place]) for place in sentence.positions)] += 1
    others = [not set(run.changed).isdisjoint(sentences[run.sentence].others) for run in runs]
    return AuditCount(
        kind=kind,
        runs=len(runs),
        word_changed=became.total() / len(runs),
        word_became=_replacements(became),
        others_changed=sum(others) / len(runs),
        left=fmean(run.distance for run in runs) / length,
    )


def _replacements(found: Counter[str]) -> list[Replacement]:
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [Replacement(token=token, runs=runs) for token, runs in ordered[:KEPT]]


def audit_text(
    word: str, ends: tuple[str, str], counts: Sequence[AuditCount], tokens: Sequence[AuditToken], sentences: int
) -> str:
    """What was found, what follows from it and what does not."""
    concept, random = counts
    along = f"along {ends[0]} → {ends[1]}"
    tested = sum(token.tested for token in tokens)
    more = [token.token for token in tokens if token.more]
    itself = (
        f"{word!r} itself changed in {concept.word_changed:.0%} of the concept's runs and in {random.word_changed:.0%} of "
        f"the random ones; {concept.left:.0%} and {random.left:.0%} of the shift is left, which no text found gives."
    )
    unlisted = (
        "That a token is not listed does not say that it is free of the concept: rare ones cannot be told from chance."
    )
    could = f"of {tested} token{'s' * (tested != 1)} that could be told from chance"
    against = f"more often {along} than along random directions of the same length"
    if not tested:
        return (
            f"No token changed in enough of the {sentences} sentences to be told from chance, however its changes had "
            f"fallen: more sentences, or more of a kind, would be needed. {itself} Nothing follows about any token."
        )
    if not more:
        return f"None {could} changes {against}. {itself} {unlisted}"
    several = len(more) > 1
    return (
        f"{len(more)} {could} {'change' if several else 'changes'} {against}: {_listed(more)}. {itself} It follows that in "
        f"these sentences this direction changes {'them' if several else 'it'} more often than random ones do on average; "
        f"if no token did, the chance of even one in the table would be at most {LEVEL:.0%}. It does not follow that the "
        f"directions of other concepts would not, nor that the same holds in other sentences. {unlisted}"
    )


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    rest = f" and {len(names) - NAMED} others" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + rest
