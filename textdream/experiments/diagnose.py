"""Why did a dream fail? PAIR's two suspicions and the gap between mixtures and tokens, measured, each with a control.

Bäuerle and Wexler (2020) looked at single runs: tokens that would have been best were gone early from the softmax, and the
neighbours of the best token in embedding space did not act like it. Here both are measured at every free position, and
beside them random tokens, so that one can say whether it is more than what happens to any token.

The best token of a position is looked for in the text where the method ended. Only there is it sure that the token would
have raised what was reached; in the start text, whose other words are gone by then, it is a good first move at most.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch
from jaxtyping import Int
from torch import Tensor

from textdream.configs import AnnealConfig, DiagnoseConfig, DreamConfig
from textdream.errors import ResultError
from textdream.experiments.dream import Dream
from textdream.experiments.findings import explanation, findings
from textdream.experiments.landscape import NEAR, landscape
from textdream.experiments.progress import Progress
from textdream.experiments.rerun import annealing_of, problem_of
from textdream.experiments.setting import header
from textdream.experiments.verdict import Evidence, Gap, explained_by
from textdream.experiments.vocabulary import PositionSearch
from textdream.experiments.watch import Watch
from textdream.model import Model
from textdream.objectives import Objective, normalised, objective_of
from textdream.optimizers import Step
from textdream.records import DiagnoseResult, DreamResult, PositionDiagnosis, Sample
from textdream.records import Step as StepRecord

RANDOM_TEXTS = 200
LISTED = 300
"""Steps of the annealing that are written down, at most; what is said of it is measured at all."""


class Diagnosis:
    """A diagnosis under way: iterate over it, and ask for the result once the tokens were searched.

    Parameters
    ----------
    model
        The model that the dream was made with.
    dream
        The result to be explained.
    config
        How.
    target
        The dream's objective, where it is one of your own; else it is read from the result.

    Raises
    ------
    ResultError
        If the dream belongs to another model, began from several texts, or is an annealing that was interrupted.
    """

    def __init__(
        self,
        model: Model,
        dream: DreamResult,
        config: DiagnoseConfig | None = None,
        target: Objective | None = None,
    ) -> None:
        if dream.imported is not None:
            raise ResultError(
                "the dream was imported from a file of PAIR's, whose model is unknown",
                "a dream of textdream's own, which can be run again",
                "dream the text with this model first",
            )
        if model.info.sha256 != dream.model.sha256:
            raise ResultError(
                f"the dream was made with weights {dream.model.sha256[:12]}…",
                f"{model.name} here has {model.info.sha256[:12]}…",
                "give the model it was made with as --model",
            )
        self.model, self.dream, self.config = model, dream, config or DiagnoseConfig()
        self._begin = time.perf_counter()
        self.method = annealing_of(dream)
        target = target or objective_of(dream.target, model)
        if self.method is not None and self.method.normalise:
            target = normalised(target)
        self.objective = target.bind(model, dream.target.position, len(dream.start.ids))
        self.sign = -1.0 if dream.minimise else 1.0
        self._raised: Objective = -self.objective if dream.minimise else self.objective
        self._generator = torch.Generator().manual_seed(self.config.seed)
        allowed = model.tokens.allowed
        drawn = torch.randperm(len(allowed), generator=self._generator)[: self.config.controls]
        self._controls = allowed[drawn]
        # A search that was held to text is measured by text; what an annealing mixes are all tokens.
        self._round_trip = self.method is None and bool(dream.settings.get("round_trip", True))
        self._end = torch.tensor((dream.best if self.method is None else dream.final).ids)
        self._start = torch.tensor(dream.start.ids)
        self._context = self._start if self.config.context == "start" else self._end
        # PAIR's annealing reports its last step; every other method keeps the best text that it met.
        self._reported = self._end if dream.settings.get("preset") is not None else torch.tensor(dream.best.ids)
        self._positions: list[PositionDiagnosis] = []
        self._steps: list[StepRecord] = []
        self._passed: tuple[int, float, tuple[int, ...]] | None = None
        self._gap: Gap | None = None
        self._reproduced: bool | None = None
        self.finished = False
        self._start_value, self._end_value = self._value(self._start), self._value(self._end)
        self._random = self._random_values()

    @property
    def found(self) -> bool:
        """Whether there is something to report."""
        return bool(self._positions)

    def __iter__(self) -> Iterator[Progress]:
        """Search each free position, then run an annealing again and watch."""
        count, size = len(self.dream.free), len(self.model.tokens.allowed)
        for number, position in enumerate(self.dream.free):
            if number < len(self._positions):
                continue
            search = PositionSearch(self.model, self._raised, self._context, position, self._round_trip)
            for done in search:
                yield Progress("searching tokens", number * size + done, count * size)
            found = landscape(search, self._controls, self.config.neighbours, self.sign)
            self._positions.append(found)
            news = f"{position:3d}  {found.token.token} → {found.tokens[0].token}  {found.tokens[0].activation:.3f}"
            yield Progress("searching tokens", (number + 1) * size, count * size, news)
        if self.method is not None:
            yield from self._watch(self.method)
        self.finished = True

    def _value(self, ids: Int[Tensor, " pos"]) -> float:
        """Higher is better."""
        return float(self.model.engine.values(ids[None], self._raised)[0])

    def _random_values(self) -> list[float]:
        """Of the start with random tokens at the free positions, higher is better."""
        allowed = self.model.tokens.allowed
        ids = self._start.repeat(RANDOM_TEXTS, 1)
        shape = RANDOM_TEXTS, len(self.dream.free)
        ids[:, self.dream.free] = allowed[torch.randint(len(allowed), shape, generator=self._generator)]
        return self.model.engine.values(ids, self._raised).tolist()

    def _watch(self, method: AnnealConfig) -> Iterator[Progress]:
        """The same run again, with the best tokens, the winners and the controls watched."""
        problem = problem_of(self.dream, self.model, self._raised)
        pairs = [[found.tokens[0].id, int(self._end[found.position])] for found in self._positions]
        watched = torch.cat([torch.tensor(pairs), self._controls.expand(len(pairs), -1)], dim=1)
        watch = Watch(problem, method, watched, self._generator)
        listed, step = spaced(method.steps), None
        self._steps = []
        for number, step in enumerate(watch):
            if self._passed is None or step.value > self._passed[1]:
                self._passed = number, step.value, step.ids
            if number in listed:
                self._steps.append(self._record(number, step))
            yield Progress("annealing again, watching tokens", number, method.steps)
        assert step is not None
        self._reproduced = step.ids == tuple(self._end.tolist())
        if not self._reproduced:
            # Another machine or version: what was watched is not what happened.
            self._steps, self._passed = [], None
            return
        self._gap = watch.gap(self._start_value)
        self._positions = [
            found.model_copy(update=watch.paths(row, sorted(listed))) for row, found in enumerate(self._positions)
        ]

    def _record(self, number: int, step: Step) -> StepRecord:
        assert step.mixture is not None
        return StepRecord(
            step=number,
            tokens=self.model.tokens.names(step.ids),
            hard=self.sign * step.value,
            phase=step.phase,
            soft=self.sign * step.mixture.value,
            temperature=step.mixture.temperature,
        )

    def result(self) -> DiagnoseResult:
        """The record: complete, or marked as interrupted.

        Raises
        ------
        ResultError
            If no position was searched yet.
        """
        if not self._positions:
            raise ResultError("no position was searched", "at least one", "iterate over the diagnosis first")
        best = self._best()
        seen = self._evidence(best.activation * self.sign)
        return DiagnoseResult(
            **header(self.model, self.config, time.perf_counter() - self._begin),
            target=self.objective.target(),
            findings=findings(seen),
            succeeded=seen.succeeded,
            explained_by=explained_by(seen),
            explanation=explanation(seen),
            method=self.dream.method,
            free=list(self.dream.free),
            minimise=self.dream.minimise,
            start=self._sample(self._start, self._start_value),
            end=self._sample(self._end, self._end_value),
            best=best,
            context=self._sample(self._context, self._value(self._context)),
            positions=self._positions,
            control_tokens=self.model.tokens.names(self._controls.tolist()),
            steps=self._steps,
            reproduced=self._reproduced,
            interrupted=not self.finished,
        )

    def _sample(self, ids: Tensor | tuple[int, ...], value: float) -> Sample:
        return self.model.sample(ids, self.sign * value)

    def _best(self) -> Sample:
        """The best text known: of the dream, of its run, and with one token replaced."""
        candidates = [(self._end_value, self._end), (self._start_value, self._start)]
        candidates.append((self._value(torch.tensor(self.dream.best.ids)), torch.tensor(self.dream.best.ids)))
        if self._passed is not None:
            candidates.append((self._passed[1], torch.tensor(self._passed[2])))
        for found in self._positions:
            ids = self._context.clone()
            ids[found.position] = found.tokens[0].id
            candidates.append((self.sign * found.tokens[0].activation, ids))
        value, ids = max(candidates, key=lambda candidate: candidate[0])
        return self._sample(ids, value)

    def _evidence(self, best: float) -> Evidence:
        return Evidence(
            method="annealing" if self.method is not None else f"dream by {self.dream.method}",
            start=self._start_value,
            end=self._end_value,
            best=best,
            random=self._random,
            passed=None if self._passed is None else self._passed[:2],
            positions=self._positions,
            neighbours=self.config.neighbours,
            near=min(NEAR, len(self.model.tokens.allowed) - 1),
            steps=None if self.method is None else self.method.steps,
            reported=self._value(self._reported),
            repeated=self._reproduced is not False,
            gap=self._gap,
            searched=len(self.model.tokens.allowed),
            sign=self.sign,
        )


def spaced(steps: int) -> set[int]:
    """Steps from 0 to `steps`, evenly spaced on a logarithmic scale: most is decided early."""
    return {round(math.expm1(part / LISTED * math.log1p(steps))) for part in range(LISTED + 1)}


def annealed(
    model: Model,
    text: str,
    target: Objective,
    config: DiagnoseConfig | None = None,
    *,
    word: str | None = None,
    position: int | None = None,
) -> Dream:
    """The annealing that a diagnosis of a text looks at, ready to run: without a certificate, in the unit that it climbs."""
    config = config or DiagnoseConfig()
    preset = None if config.preset == "repaired" else config.preset
    settings = DreamConfig(
        free=config.free, method="anneal", preset=preset, steps=config.steps, seed=config.seed, certify=False
    )
    return Dream(model, text, normalised(target) if preset else target, settings, word=word, position=position)


def diagnose(
    model: Model,
    text: str,
    target: Objective,
    config: DiagnoseConfig | None = None,
    *,
    word: str | None = None,
    position: int | None = None,
) -> DiagnoseResult:
    """Anneal a text as PAIR did (or as `config` says), and say why it failed, or that it did not.

    Raises
    ------
    InputError
        If the text, the target or the settings do not fit the model.
    """
    run = annealed(model, text, target, config, word=word, position=position)
    for _ in run:
        pass
    return diagnose_dream(model, run.result(), config, target)


def diagnose_dream(
    model: Model, dream: DreamResult, config: DiagnoseConfig | None = None, target: Objective | None = None
) -> DiagnoseResult:
    """Say why a dream failed, or that it did not. See `Diagnosis` for the parameters and errors."""
    diagnosis = Diagnosis(model, dream, config, target)
    for _ in diagnosis:
        pass
    return diagnosis.result()
