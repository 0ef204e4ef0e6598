"""The dream: search the text that raises a target, step by step, and say how good it is."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any

import torch

from textdream.configs import DreamConfig, pair_preset
from textdream.errors import InputError
from textdream.experiments.from_corpus import corpus_best, corpus_starts
from textdream.experiments.setting import Setting, bind, free_positions, header, prepare
from textdream.experiments.sharing import halved
from textdream.model import Model
from textdream.objectives import Objective
from textdream.optimizers import Problem, Step, anneal, gcg, hotflip, sweep
from textdream.records import Baseline, Certificate, DreamResult, Sample, TopToken
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
        kinds = _starts(config, text, word, position)
        self.corpus = corpus_best(model, target, config)
        self.settings = [self._setting(kind, text, target, word, position) for kind in kinds]
        sentences = self.corpus.starts if self.corpus else ()
        self.settings += [bind(model, torch.tensor(one.ids), target, one.position) for one in sentences]
        self.problems = [self._problem(setting) for setting in self.settings]
        self.steps: list[StepRecord] = []
        self.under_way = 0
        """Which start the last step belongs to."""
        self._origins: list[int] = []
        self._certificates: dict[int, Certificate] = {}
        self.finished = False
        self._finals: dict[int, Step] = {}
        self._evaluations = -model.engine.evaluations
        self._begin = time.perf_counter()
        self._known = {len(kinds) + number: one.activation for number, one in enumerate(sentences)}
        """Values of starts that are known without a pass of the model."""

    def _setting(self, kind: str, text: str, target: Objective, word: str | None, position: int | None) -> Setting:
        if kind == "given":
            return prepare(self.model, text, target, word=word, position=position)
        if text.strip():
            given = prepare(self.model, text, target, word=word, position=position)
            length = len(given.ids) - self.model.tokens.frame
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
        optimizer = OPTIMIZERS[self.config.method]
        searches = [self._run(index, optimizer(each, self.method_config)) for index, each in enumerate(self.problems)]
        # An annealing has moved nothing yet when halving would choose.
        if corpus_starts(self.config.start) is None or self.config.method == "anneal":
            yield from chain(*searches)
        else:
            yield from halved(searches, self._height)
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
            self.under_way = index
            if final:
                self._finals[index] = step
            if step.certificate is not None:
                self._certificates[index] = step.certificate
            # A sweep says how far it is at each position; only what changes the text is written down.
            if step.phase != "sweep" or not self.steps or self.steps[-1].tokens != self.model.tokens.names(step.ids):
                self.steps.append(self._record(step))
                self._origins.append(index)
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

    def _height(self, index: int) -> float:
        """The best value from a start, so far; higher is better."""
        best = self.problems[index].best
        return -float("inf") if best is None else best[1]

    def _best_index(self) -> int:
        return max(range(len(self.problems)), key=self._height)

    @property
    def _told(self) -> int:
        """The start that the result tells of: the best's own, where starts have positions and lengths of their own."""
        return self._best_index() if corpus_starts(self.config.start) else 0

    @property
    def certificate(self) -> Certificate | None:
        """That of the best text, if it has one."""
        return self._certificates.get(self._best_index())

    @property
    def best(self) -> Sample:
        """The best real text so far."""
        index = self._best_index()
        best = self.problems[index].best
        if best is None:
            return self.start
        # A text decided in another batch differs by rounding: where nothing is better, best and start are the same value.
        unmoved = list(best[0]) == self.settings[index].ids.tolist()
        return self.model.sample(best[0], self._start_value(index) if unmoved else self._sign * best[1])

    @property
    def start(self) -> Sample:
        """The text at the start: of several sentences of a corpus, that which the best came from."""
        return self.model.sample(self.settings[self._told].ids, self._start_value(self._told))

    def _start_value(self, index: int) -> float:
        """The value of a start; worked out once, when it is first asked for: making a dream costs no pass of the model."""
        if index not in self._known:
            setting = self.settings[index]
            self._known[index] = float(self.model.engine.values(setting.ids[None], setting.objective)[0])
        return self._known[index]

    @property
    def evaluations(self) -> int:
        """Real candidate texts evaluated so far, in either precision."""
        return self._evaluations + self.model.engine.evaluations

    def result(self) -> DreamResult:
        """The record of what was reached; complete, or marked as interrupted."""
        told = self._told
        last = self._finals.get(told)
        best = self.best
        return DreamResult(
            **header(self.model, self.config, time.perf_counter() - self._begin),
            target=self.settings[told].objective.target(),
            start=self.start,
            final=self.start if last is None else self.model.sample(last.ids, self._sign * last.value),
            best=best,
            free=list(self.problems[told].free),
            method=self.config.method,
            minimise=self.config.minimise,
            evaluations=self.evaluations,
            certificate=self.certificate,
            baseline=self._baseline(best),
            interrupted=not self.finished,
            steps=self._steps_of(told),
        )

    def _steps_of(self, told: int) -> list[StepRecord]:
        """Those of the start that the result tells of; of all, where they are read at one position."""
        if not corpus_starts(self.config.start):
            return self.steps
        mine = [step for step, origin in zip(self.steps, self._origins, strict=True) if origin == told]
        return [step.model_copy(update={"step": number}) for number, step in enumerate(mine)]

    def _baseline(self, best: Sample) -> Baseline | None:
        if self.corpus is None:
            return None
        begin = len(self.settings) - len(self.corpus.starts)
        reached = []
        for number in range(len(self.corpus.starts)):
            found = self.problems[begin + number].best
            if found is not None:
                reached.append((number, self.model.sample(found[0], self._sign * found[1])))
        return self.corpus.baseline(best.activation, self._sign, reached)


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


def _starts(config: DreamConfig, text: str, word: str | None, position: int | None) -> list[str]:
    """The starts that are no sentences of a corpus. Beside those, a text that is given is one more."""
    if corpus_starts(config.start):
        if not text.strip() and (word is not None or position is not None):
            where = f"--word {word!r}" if word is not None else f"--position {position}"
            raise InputError(f"{where} was given without a text", "each sentence's own position", "leave it out")
        if config.free not in (None, "word", "all"):
            raise InputError(
                f"--free {config.free} was given with --start {config.start}", "word or all", "give one of these"
            )
        return ["given"] if text.strip() else []
    kinds = {"given": ["given"], "random": ["random"], "both": ["given", "random"]}
    if config.start not in kinds:
        raise InputError(f"--start {config.start!r} was given", "given, random, both or top:10", "give one of these")
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
