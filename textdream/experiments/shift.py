"""Text rebuilt from an activation in which one word's was moved (PAIR, figure 6)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from textdream.configs import ShiftConfig
from textdream.corpus.plan import choose_layers
from textdream.errors import InputError
from textdream.experiments.progress import Progress
from textdream.experiments.rebuilding import goal_of
from textdream.experiments.resume import check_kept
from textdream.experiments.setting import header
from textdream.experiments.shift_marks import Asked, asked_by_concept, asked_by_replacement, shift_marks
from textdream.experiments.shift_vector import Shift, read_shift
from textdream.inversion import Goal, Hybrid
from textdream.model import Model, Read
from textdream.objectives.base import check_position
from textdream.records import ShiftDirection, ShiftResult, ShiftRun

IN_VAIN = 2
"""Rounds without a gain after which the nearest text is taken to be found: a shifted activation need not be any text's."""
# Settings that may change when a run is resumed. The concept is held to its bytes, wherever its file is now.
OWN = ("layers", "magnitudes", "concept")


class Shifting:
    """Runs under way: iterate over it, and ask for the result once one is done.

    Parameters
    ----------
    model
        From `textdream.load`.
    text
        The text in which a word's activation is moved.
    config
        Which word, by what, how far.
    kept
        An earlier result of the same text and settings: its runs are taken over.

    Raises
    ------
    InputError
        If text, word, layers or concept do not fit the model.
    ResultError
        If `kept` is of another model, text, concept or settings.
    """

    def __init__(self, model: Model, text: str, config: ShiftConfig, *, kept: ShiftResult | None = None) -> None:
        config.check_complete()
        self.model, self.config = model, config
        self._begin, self._before = time.perf_counter(), 0.0
        self.ids: Int[Tensor, " pos"] = torch.tensor(model.tokens.encode(text))
        if len(model.tokens.open_positions(self.ids.tolist())) < 2:
            raise InputError("the text has one token", "at least two, so that others may change", "give a sentence")
        chosen = choose_layers(config.layers, model.info.layers)
        if config.word is not None:
            self.positions = model.tokens.word_positions(text, config.word)
        else:
            self.positions = [check_position(config.position, len(self.ids))]
        self.shift: Shift | None = None
        self.other: tuple[Int[Tensor, " other"], list[int]] | None = None
        if config.concept is not None:
            self.shift = read_shift(model, config, None if config.layers == "all" else chosen)
            chosen = list(self.shift.vectors)
        else:
            self.other = _other(model, str(config.replace_with), len(self.positions))
        self.layers = chosen
        self._done: dict[tuple[int, float | None], ShiftRun] = {}
        vectors = {} if self.shift is None else self.shift.vectors
        self._directions = {
            layer: ShiftDirection(layer=layer, vector=vector.tolist()) for layer, vector in vectors.items()
        }
        self.finished = False
        if kept is not None:
            self._take_over(kept)

    def __iter__(self) -> Iterator[Progress]:
        """One layer after the other, one magnitude after the other."""
        magnitudes: tuple[float | None, ...] = (None,) if self.shift is None else self.config.numbers
        asked = [(layer, magnitude) for layer in self.layers for magnitude in dict.fromkeys(magnitudes)]
        left = [key for key in asked if key not in self._done]
        total, done = len(asked), len(asked) - len(left)
        if done:
            yield Progress("shifting", done, total, f"{done} of {total} runs are there already")
        for layer, magnitude in left:
            goal = self._goal(layer)
            for _ in self._run(goal, self._shifted(goal, magnitude), magnitude):
                yield Progress("shifting", done, total)
            done += 1
            run = self._done[layer, magnitude]
            pairs = ", ".join(f"{self._name(p)} → {run.best.tokens[p]}" for p in run.changed[:4])
            far = "replaced" if magnitude is None else f"{magnitude:+g}"
            yield Progress("shifting", done, total, f"layer {layer} {far}: {pairs or 'no change'}")
        self.finished = True

    @property
    def found(self) -> bool:
        """Whether there is something to report."""
        return bool(self._done)

    def result(self) -> ShiftResult:
        """The record of the runs that are done, by layer and magnitude.

        Raises
        ------
        InputError
            If none is.
        """
        if not self.found:
            raise InputError("no run is done yet", "at least one", "iterate over it first")
        return ShiftResult(
            **header(self.model, self.config, self._before + time.perf_counter() - self._begin),
            start=self.model.bare_sample(self.ids),
            word=self.config.word,
            positions=self.positions,
            concept=None if self.shift is None else self.shift.source,
            replacement=None if self.other is None else self.model.bare_sample(self.other[0]),
            replacement_positions=None if self.other is None else self.other[1],
            unit=self.config.unit,
            directions=[self._directions[layer] for layer in sorted(self._directions)],
            runs=sorted(self._done.values(), key=lambda run: (run.layer, run.magnitude or 0.0)),
            interrupted=not self.finished,
        )

    def _name(self, position: int) -> str:
        return self.model.tokens.names([int(self.ids[position])])[0]

    def _goal(self, layer: int) -> Goal:
        """The goal that the start text's own activation is."""
        read = Read("resid_post", layer)
        return goal_of(self.model, read, self.ids, self.model.engine.activations(self.ids[None], [read])[read])

    def _shifted(self, goal: Goal, magnitude: float | None) -> Goal:
        """The same with the word's activation moved, or replaced."""
        target, layer = goal.target.clone(), goal.read.layer
        if self.shift is not None and layer is not None and magnitude is not None:
            target[self.positions] += magnitude * self.shift.vectors[layer]
        elif self.other is not None:
            ids, positions = self.other
            target[self.positions] = self.model.engine.activations(ids[None], [goal.read])[goal.read][0, positions]
        return replace(goal, target=target)

    def _run(self, goal: Goal, shifted: Goal, magnitude: float | None) -> Iterator[None]:
        """Search from the start text until nothing helps, then keep what was found."""
        begin = time.perf_counter()
        search = Hybrid(shifted, None, torch.Generator().manual_seed(self.config.seed), self.ids)
        yield from until_in_vain(search, self.config.budget, self.config.evaluations)
        found = search.found
        assert found.ids is not None
        assert found.errors is not None
        size = shifted.target.numel()
        changed = (found.ids != self.ids).nonzero().flatten().tolist()
        layer = goal.read.layer or 0
        self._done[layer, magnitude] = ShiftRun(
            layer=layer,
            magnitude=magnitude,
            best=self.model.bare_sample(found.ids),
            changed=changed,
            marks=shift_marks(self.model, self.ids.tolist(), found.ids.tolist(), self._asked(magnitude)),
            distance=(found.loss * size) ** 0.5,
            shifted=float((shifted.target - goal.target).norm()),
            floor=(shifted.noise(found.ids) * size) ** 0.5,
            evaluations=found.evaluations,
            seconds=round(time.perf_counter() - begin, 3),
        )

    def _asked(self, magnitude: float | None) -> Asked:
        """The tokens that the shift leads to."""
        if self.other is not None:
            return asked_by_replacement(self.positions, self.other[0].tolist(), self.other[1])
        assert self.shift is not None
        return asked_by_concept(self.model, self.ids.tolist(), self.positions, self.shift.source, magnitude)

    def _take_over(self, kept: ShiftResult) -> None:
        """Runs of an earlier result of the same settings; none is lost, whichever layers are asked for now."""
        source = None if self.shift is None else self.shift.source.sha256
        check_kept(
            kept,
            self.model,
            self.config,
            OWN,
            text=(kept.start.ids, self.ids.tolist()),
            concept=(None if kept.concept is None else kept.concept.sha256, source),
        )
        self._done = {(run.layer, run.magnitude): run for run in kept.runs}
        self._directions = {one.layer: one for one in kept.directions} | self._directions
        self._before = kept.seconds


def until_in_vain(search: Hybrid, budget: float, evaluations: int | None) -> Iterator[None]:
    """Run a search until nothing helps, or so many seconds or evaluations are spent."""
    begin = time.perf_counter()
    for _ in search:
        yield
        spent = time.perf_counter() - begin >= budget
        if spent or search.stalls >= IN_VAIN or (evaluations is not None and search.found.evaluations >= evaluations):
            return


def shift(model: Model, text: str, config: ShiftConfig, *, kept: ShiftResult | None = None) -> ShiftResult:
    """Rebuild text from shifted activations, to the end. See `Shifting` for the parameters.

    Raises
    ------
    InputError
        If text, word, layers or concept do not fit the model.
    """
    search = Shifting(model, text, config, kept=kept)
    for _ in search:
        pass
    return search.result()


def _other(model: Model, given: str, count: int) -> tuple[Int[Tensor, " other"], list[int]]:
    """(ids, positions) of WORD/TEXT."""
    word, slash, text = given.partition("/")
    if not slash or not word.strip() or not text.strip():
        raise InputError(
            f"--replace-with {given!r} was given", "WORD/TEXT, such as 'he/he played baseball .'", "give both"
        )
    positions = model.tokens.word_positions(text, word)
    if len(positions) != count:
        raise InputError(
            f"{word!r} has {len(positions)} token{'s' * (len(positions) > 1)}",
            f"as many as the word that is shifted: {count}",
            "give a word of that length",
        )
    return torch.tensor(model.tokens.encode(text)), positions
