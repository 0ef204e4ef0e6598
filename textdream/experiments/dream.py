"""The dream: search the text that raises a target, step by step, and say how good it is."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import torch

from textdream.configs import DreamConfig, pair_preset
from textdream.errors import InputError
from textdream.experiments.setting import Setting, bind, free_positions, header, prepare
from textdream.model import Model
from textdream.objectives import Objective
from textdream.optimizers import Problem, Step, anneal, gcg, hotflip, sweep
from textdream.records import Certificate, DreamResult, Sample, TopToken
from textdream.records import Step as StepRecord

OPTIMIZERS: dict[str, Any] = {"gcg": gcg, "hotflip": hotflip, "sweep": sweep, "anneal": anneal}


class Dream:
    """A dream under way: iterate over its steps, and ask for the result at any time.

    Stopping early (a break, an exception, Ctrl-C) loses at most the step under way: `result()` gives the best so far.

    Parameters
    ----------
    model
        From `textdream.load`.
    text
        Where to start. May be empty for a random start.
    target
        The objective, for example `neuron(4, 138)`.
    config
        How to search.
    word, position
        Where the target is read, if it does not say so itself.
    """

    def __init__(
        self,
        model: Model,
        text: str,
        target: Objective,
        config: DreamConfig | None = None,
        *,
        word: str | None = None,
        position: int | None = None,
    ) -> None:
        self.model = model
        self.config = config = config or DreamConfig()
        self.method_config = method_config(config)
        self._generator = torch.Generator().manual_seed(config.seed)
        self._sign = -1.0 if config.minimise else 1.0
        self.settings = [self._setting(kind, text, target, word, position) for kind in _starts(config)]
        self.problems = [self._problem(setting) for setting in self.settings]
        self.steps: list[StepRecord] = []
        self._certificates: dict[int, Certificate] = {}
        self.finished = False
        self._final: Step | None = None
        self._evaluations = -model.engine.evaluations
        self._begin = time.perf_counter()
        self._start_value = float(model.engine.values(self.settings[0].ids[None], self.settings[0].objective)[0])

    def _setting(self, kind: str, text: str, target: Objective, word: str | None, position: int | None) -> Setting:
        if kind == "given":
            return prepare(self.model, text, target, word=word, position=position)
        if text.strip():
            given = prepare(self.model, text, target, word=word, position=position)
            length = len(self.model.tokens.open_positions(given.ids.tolist()))
            ids = self.model.tokens.random_ids(length, self._generator)
            return bind(self.model, torch.tensor(ids), target, given.position, given.word)
        if word is not None:
            raise InputError(f"--word {word!r} was given with a random text", "a position in it", "give --position")
        room = self.model.tokens.max_length - len(self.model.tokens.tokenizer("", verbose=False)["input_ids"])
        if not 1 <= self.config.length <= room:
            raise InputError(f"--length {self.config.length} was given", f"1 to {room} tokens", "give another length")
        ids = self.model.tokens.random_ids(self.config.length, self._generator)
        return bind(self.model, torch.tensor(ids), target, position)

    def _problem(self, setting: Setting) -> Problem:
        return Problem(
            model=self.model,
            objective=-setting.objective if self.config.minimise else setting.objective,
            start=setting.ids,
            free=free_positions(setting, self.config.free),
            round_trip=self.config.round_trip,
            generator=self._generator,
        )

    def __iter__(self) -> Iterator[Step]:
        """Run the method from each start, then the certifying sweep from the best."""
        for index, problem in enumerate(self.problems):
            yield from self._run(index, OPTIMIZERS[self.config.method](problem, self.method_config))
        if self.config.certify and self.config.method != "sweep":
            index = self._best_index()
            best = self.problems[index].best
            if best is not None:
                finish = dataclasses.replace(self.problems[index], start=torch.tensor(best[0]))
                self.problems[index] = finish
                yield from self._run(index, sweep(finish, self.config.sweep), final=False)
        self.finished = True

    def _run(self, index: int, steps: Iterator[Step], final: bool = True) -> Iterator[Step]:
        for step in steps:
            if final:
                self._final = step
            if step.certificate is not None:
                self._certificates[index] = step.certificate
            # A sweep says how far it is at each position; only what changes the text is written down.
            if step.phase != "sweep" or not self.steps or self.steps[-1].tokens != self.model.tokens.names(step.ids):
                self.steps.append(self._record(step))
            yield step

    def _record(self, step: Step) -> StepRecord:
        names, soft = self.model.tokens.names, step.mixture
        top = None
        if soft is not None and soft.top is not None:
            top = [[TopToken(id=i, token=names([i])[0], weight=w) for i, w in position] for position in soft.top]
        return StepRecord(
            step=len(self.steps),
            tokens=names(step.ids),
            hard=self._sign * step.value,
            phase=step.phase,
            soft=None if soft is None else self._sign * soft.value,
            temperature=None if soft is None else soft.temperature,
            soft_normalised=None if soft is None or soft.normalised is None else self._sign * soft.normalised[0],
            hard_normalised=None if soft is None or soft.normalised is None else self._sign * soft.normalised[1],
            top_tokens=top,
            note=step.note,
        )

    def _best_index(self) -> int:
        values = [problem.best[1] if problem.best else -float("inf") for problem in self.problems]
        return values.index(max(values))

    @property
    def certificate(self) -> Certificate | None:
        """That of the best text, if it has one."""
        return self._certificates.get(self._best_index())

    @property
    def best(self) -> Sample:
        """The best real text so far."""
        best = self.problems[self._best_index()].best
        return self.start if best is None else self.model.sample(best[0], self._sign * best[1])

    @property
    def start(self) -> Sample:
        """The text at the start."""
        return self.model.sample(self.settings[0].ids, self._start_value)

    @property
    def evaluations(self) -> int:
        """Real candidate texts evaluated so far, in either precision."""
        return self._evaluations + self.model.engine.evaluations

    def result(self) -> DreamResult:
        """The record of what was reached; complete, or marked as interrupted."""
        setting = self.settings[0]
        final = (
            self.start if self._final is None else self.model.sample(self._final.ids, self._sign * self._final.value)
        )
        return DreamResult(
            **header(self.model, self.config, time.perf_counter() - self._begin),
            target=setting.objective.target(),
            start=self.start,
            final=final,
            best=self.best,
            free=list(self.problems[0].free),
            method=self.config.method,
            minimise=self.config.minimise,
            evaluations=self.evaluations,
            certificate=self.certificate,
            interrupted=not self.finished,
            steps=self.steps,
        )


def dream(
    model: Model,
    text: str,
    target: Objective,
    config: DreamConfig | None = None,
    *,
    word: str | None = None,
    position: int | None = None,
) -> DreamResult:
    """Search the text that raises `target`, from `text`, to the end. See `Dream` for the parameters.

    Raises
    ------
    InputError
        If the text, the target or the settings do not fit the model.
    """
    run = Dream(model, text, target, config, word=word, position=position)
    for _ in run:
        pass
    return run.result()


def _starts(config: DreamConfig) -> list[str]:
    kinds = {"given": ["given"], "random": ["random"], "both": ["given", "random"]}
    if config.start not in kinds:
        raise InputError(f"--start {config.start!r} was given", "given, random or both", "give one of these")
    return kinds[config.start]


def method_config(config: DreamConfig) -> Any:
    """The settings of the method, with the preset and the steps put in."""
    if config.method not in OPTIMIZERS:
        raise InputError(
            f"--method {config.method!r} was given", f"one of {', '.join(OPTIMIZERS)}", "give one of these"
        )
    if config.preset is not None and config.method != "anneal":
        raise InputError(
            f"--preset {config.preset} was given with --method {config.method}",
            "--method anneal",
            "give both, or neither",
        )
    for method in OPTIMIZERS:
        used = config.preset is None if method == config.method else method == "sweep" and config.certify
        settings = getattr(config, method)
        if not used and settings != type(settings)():
            instead = f"--preset {config.preset}" if method == config.method else f"--method {config.method}"
            raise InputError(f"--{method}.… was given with {instead}", "settings that it uses", "leave one out")
    chosen = getattr(config, config.method) if config.preset is None else pair_preset(config.preset)
    if config.steps is not None:
        chosen = dataclasses.replace(chosen, steps=config.steps)
    return chosen
