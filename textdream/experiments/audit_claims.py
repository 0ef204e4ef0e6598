"""What an audit of shifts claims: its runs recomputed by the plain Hugging Face forward pass, and its table from the runs."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from math import isclose
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.experiments.audit_plan import random_directions
from textdream.experiments.audit_statistics import LEVEL
from textdream.experiments.audit_table import audit_counts, audit_text, audit_tokens
from textdream.experiments.frames import frame_sentences
from textdream.experiments.reconstruct_claims import RELATIVE, SLACK, Check, plain_target
from textdream.model.model import Model
from textdream.records import AuditRun, AuditSentence, ShiftAuditResult, Target


def audit_names(result: ShiftAuditResult) -> Iterator[tuple[str, int, str]]:
    """Where a token's name stands for an id: what changed tokens became."""
    for number, run in enumerate(result.runs):
        for position, token in zip(run.changed, run.became, strict=True):
            yield f"runs.{number}.became", run.ids[position], token


def audit_checks(result: ShiftAuditResult, model: Model) -> Iterator[Check]:
    """Every number of an audit, with what the plain forward pass gives or what follows from the runs."""
    vector = torch.tensor(result.direction.vector)
    length = float((result.magnitude * vector).norm())
    yield "length", result.length, length, isclose(result.length, length, rel_tol=1e-5)
    yield "direction.layer", result.direction.layer, result.layer, result.direction.layer == result.layer
    yield "level", result.level, LEVEL, result.level == LEVEL
    for number, sentence in enumerate(result.sentences):
        yield from _sentence(f"sentences.{number}", sentence, result, model)
    double: Any = copy.deepcopy(model.hf).double()
    each = 1 + result.directions
    for number, sentence in enumerate(result.sentences):
        runs = result.runs[number * each : (number + 1) * each]
        drawn = random_directions(result.seed, sentence.text, result.directions, len(vector))
        shifts = torch.cat([result.magnitude * vector[None], length * drawn])
        yield from _runs(number * each, sentence, runs, shifts, result.layer, model, double)
    yield from _table(result)


def _sentence(where: str, sentence: AuditSentence, result: ShiftAuditResult, model: Model) -> Iterator[Check]:
    """That the word stands where it is said to, and that the sentence is the frame's."""
    places = model.tokens.occurrences(sentence.text, result.word)
    first = places[0] if places else []
    yield f"{where}.positions", sentence.positions, first, sentence.positions == first
    others = [place for place in model.tokens.open_positions(sentence.ids) if place not in first]
    yield f"{where}.others", sentence.others, others, sentence.others == others
    if sentence.frame is not None:
        texts = {found.text for found in frame_sentences(result.word, [sentence.frame])}
        yield f"{where}.text", sentence.text, f"a sentence of {sentence.frame}", sentence.text in texts


def _runs(
    first: int,
    sentence: AuditSentence,
    runs: list[AuditRun],
    shifts: Float[Tensor, "runs d_model"],
    layer: int,
    model: Model,
    double: Any,
) -> Iterator[Check]:
    """The runs of one sentence."""
    site = Target(kind="layer", site="resid_post", layer=layer)
    texts = [run.ids for run in runs]
    before, *states = plain_target(model, [sentence.ids, *texts], site)
    exacts = plain_target(model, texts, site, double)
    for number, (run, state, exact, shift) in enumerate(zip(runs, states, exacts, shifts, strict=True), start=first):
        where = f"runs.{number}"
        wanted = before.clone()
        wanted[sentence.positions] += shift.to(wanted)
        least = float((torch.finfo(torch.float32).eps * exact).norm())
        floor = 2 * max(float((state.double() - exact).norm()), least)
        distance = float((state - wanted).norm())
        agree = abs(distance - run.distance) <= RELATIVE * max(distance, run.distance) + SLACK * floor
        yield f"{where}.distance", run.distance, distance, agree
        yield f"{where}.floor", run.floor, floor, floor / SLACK <= run.floor <= SLACK * floor
        changed = [place for place, (a, b) in enumerate(zip(run.ids, sentence.ids, strict=True)) if a != b]
        yield f"{where}.changed", run.changed, changed, changed == run.changed
        free = {*sentence.positions, *sentence.others}
        yield f"{where}.ids", changed, "changes at no special token", free.issuperset(changed)


def _table(result: ShiftAuditResult) -> Iterator[Check]:
    """Counts, table and words, from the runs."""
    counts = audit_counts(result.sentences, result.runs, result.length)
    tokens = audit_tokens(result.sentences, result.runs)
    for name, said, found in (("counts", result.counts, counts), ("tokens", result.tokens, tokens)):
        yield name, len(said), len(found), len(said) == len(found)
        for number, (one, other) in enumerate(zip(said, found, strict=False)):
            for key, value in other:
                ours = getattr(one, key)
                yield f"{name}.{number}.{key}", ours, value, _same(ours, value)
    text = audit_text(result.word, result.ends, result.counts, result.tokens, len(result.sentences))
    yield "text", result.text, text, result.text == text


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=1e-6, abs_tol=1e-12)
    return bool(one == other)
