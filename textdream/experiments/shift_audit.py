"""Which other words change with a word whose activation moves along a concept, more often than along random directions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.configs import ShiftAuditConfig
from textdream.errors import InputError, ResultError
from textdream.experiments.audit_plan import plan_audit, random_directions
from textdream.experiments.audit_runs import KeptRuns
from textdream.experiments.audit_statistics import LEVEL
from textdream.experiments.audit_table import audit_counts, audit_text, audit_tokens
from textdream.experiments.progress import Progress
from textdream.experiments.rebuilding import goal_of
from textdream.experiments.setting import header
from textdream.experiments.shift import until_in_vain
from textdream.experiments.shift_vector import read_shift
from textdream.inversion import Goal, Hybrid
from textdream.model import Model, Read
from textdream.records import AuditRun, AuditSentence, ShiftAuditResult, ShiftDirection
from textdream.records.shift_audit import RunKind


class ShiftAudit:
    """An audit under way: iterate over it, and ask for the result once a sentence is done.

    Stopping early (a break, an exception, Ctrl-C) loses the sentence under way at most.

    Parameters
    ----------
    model
        From `textdream.load`.
    config
        Which word, concept, layer, sentences and how many random directions.
    kept
        Runs of an earlier audit with the same settings (`read_runs`): their sentences are not run again.

    Raises
    ------
    InputError
        If the settings are incomplete, or word, sentences, layer or concept do not fit the model.
    CorpusError
        If a file of sentences cannot be read.
    ResultError
        If `kept` is of another model, concept or settings.
    """

    def __init__(self, model: Model, config: ShiftAuditConfig, *, kept: KeptRuns | None = None) -> None:
        config.check_complete()
        self.model, self.config = model, config
        self._begin, self._before = time.perf_counter(), 0.0
        assert config.layer is not None
        self.layer = config.layer
        model.layout.place("resid_post", self.layer)
        shift = read_shift(model, config, [self.layer])
        self.source, self.vector = shift.source, shift.vectors[self.layer]
        self.length = float((config.magnitude * self.vector).norm())
        self.plan = plan_audit(model, config)
        self._done: dict[int, list[AuditRun]] = {}
        if kept is not None:
            self._take_over(kept)

    def __iter__(self) -> Iterator[Progress]:
        """One sentence after the other: along the concept, then along its random directions."""
        total = len(self.plan.sentences)
        if self._done:
            yield Progress("auditing", len(self._done), total, f"{len(self._done)} sentences are there already")
        for number, sentence in enumerate(self.plan.sentences):
            if number in self._done:
                continue
            done = len(self._done)
            goal = self._goal(sentence)
            runs = []
            for kind, direction, vector in self._vectors(sentence):
                target = goal.target.clone()
                target[sentence.positions] += vector
                for _ in (running := _Running(self, sentence, goal, replace(goal, target=target))):
                    yield Progress("auditing", done, total)
                runs.append(running.record(number, kind, direction))
            self._done[number] = runs
            yield Progress("auditing", done + 1, total, self._news(sentence, runs))

    @property
    def found(self) -> int:
        """Sentences that are done."""
        return len(self._done)

    @property
    def identity(self) -> dict[str, Any]:
        """What runs must agree in to be of one audit; the number of sentences may grow."""
        return {
            "model": self.model.info.sha256,
            "concept": self.source.sha256,
            **{
                name: getattr(self.config, name)
                for name in ("word", "kind", "layer", "magnitude", "unit", "budget", "evaluations", "seed")
            },
        }

    def result(self) -> ShiftAuditResult:
        """The record of the sentences that are done.

        Raises
        ------
        InputError
            If none is.
        """
        if not self._done:
            raise InputError("no sentence is done yet", "at least one", "iterate over the audit first")
        numbers = sorted(self._done)
        sentences = [self.plan.sentences[number] for number in numbers]
        runs = [
            run.model_copy(update={"sentence": place})
            for place, number in enumerate(numbers)
            for run in self._done[number]
        ]
        counts = audit_counts(sentences, runs, self.length)
        tokens = audit_tokens(sentences, runs)
        result = ShiftAuditResult(
            **header(self.model, self.config, self._before + time.perf_counter() - self._begin),
            word=str(self.config.word),
            concept=self.source,
            layer=self.layer,
            magnitude=self.config.magnitude,
            unit=self.config.unit,
            direction=ShiftDirection(layer=self.layer, vector=self.vector.tolist()),
            length=self.length,
            directions=self.config.directions,
            source=self.plan.source,
            planned=len(self.plan.sentences),
            sentences=sentences,
            set_aside=self.plan.set_aside,
            runs=runs,
            counts=counts,
            level=LEVEL,
            tokens=tokens,
            text="",
            interrupted=len(self._done) < len(self.plan.sentences),
        )
        text = audit_text(result.word, result.ends, counts, tokens, len(sentences))
        return result.model_copy(update={"text": text})

    def _vectors(self, sentence: AuditSentence) -> Iterator[tuple[RunKind, int, Float[Tensor, " d_model"]]]:
        """(kind, number, what is added to the word's activation) of each run."""
        yield "concept", 0, self.config.magnitude * self.vector
        drawn = random_directions(self.config.seed, sentence.text, self.config.directions, len(self.vector))
        for number, direction in enumerate(drawn):
            yield "random", number, self.length * direction

    def _goal(self, sentence: AuditSentence) -> Goal:
        """The goal that the sentence's own activation is."""
        read, ids = Read("resid_post", self.layer), torch.tensor(sentence.ids)
        return goal_of(self.model, read, ids, self.model.engine.activations(ids[None], [read])[read])

    def _news(self, sentence: AuditSentence, runs: list[AuditRun]) -> str:
        concept, *others = runs
        pairs = (f"{sentence.tokens[p]} → {to}" for p, to in zip(concept.changed, concept.became, strict=True))
        at_random = sum(len(run.changed) for run in others)
        return f"{sentence.text[:40]}  {', '.join(pairs) or 'no change'}  (random: {at_random})"

    def _take_over(self, kept: KeptRuns) -> None:
        """Whole sentences of an earlier audit."""
        for name, ours in self.identity.items():
            if kept.identity.get(name) != ours:
                raise ResultError(f"the runs to resume have another {name}", "the same", "give another --runs file")
        wanted = 1 + self.config.directions
        for number, sentence in enumerate(self.plan.sentences):
            runs = kept.runs.get(tuple(sentence.ids), [])
            if len(runs) >= wanted:
                self._done[number] = runs[:wanted]
                self._before += sum(run.seconds for run in runs[:wanted])


class _Running:
    """One run under way."""

    def __init__(self, audit: ShiftAudit, sentence: AuditSentence, goal: Goal, shifted: Goal) -> None:
        self.audit, self.shifted = audit, shifted
        self.ids: Int[Tensor, " pos"] = torch.tensor(sentence.ids)
        self._begin = time.perf_counter()
        self._search = Hybrid(shifted, None, torch.Generator().manual_seed(audit.config.seed), self.ids)

    def __iter__(self) -> Iterator[None]:
        yield from until_in_vain(self._search, self.audit.config.budget, self.audit.config.evaluations)

    def record(self, sentence: int, kind: RunKind, direction: int) -> AuditRun:
        """What was found."""
        found, size = self._search.found, self.shifted.target.numel()
        assert found.ids is not None
        changed = (found.ids != self.ids).nonzero().flatten().tolist()
        return AuditRun(
            sentence=sentence,
            kind=kind,
            direction=direction,
            ids=found.ids.tolist(),
            changed=changed,
            became=self.audit.model.tokens.names([int(found.ids[position]) for position in changed]),
            distance=(found.loss * size) ** 0.5,
            floor=(self.shifted.noise(found.ids) * size) ** 0.5,
            evaluations=found.evaluations,
            seconds=round(time.perf_counter() - self._begin, 3),
        )


def shift_audit(model: Model, config: ShiftAuditConfig, *, kept: KeptRuns | None = None) -> ShiftAuditResult:
    """Audit a concept's shifts to the end. See `ShiftAudit` for the parameters.

    Raises
    ------
    InputError
        If the settings are incomplete, or word, sentences, layer or concept do not fit the model.
    """
    audit = ShiftAudit(model, config, kept=kept)
    for _ in audit:
        pass
    return audit.result()
