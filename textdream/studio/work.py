"""An experiment under way, as the engine sees it: an iterator of signs of life that can be asked for its result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textdream.experiments.concept import ConceptFit
from textdream.experiments.diagnose import Diagnosis
from textdream.experiments.dream import Dream
from textdream.experiments.progress import Progress
from textdream.records import Result
from textdream.records import Step as StepRecord


@dataclass(frozen=True)
class Sign:
    """One sign of life."""

    phase: str
    done: int
    total: int
    news: str | None = None
    steps: tuple[StepRecord, ...] = ()
    """Of a dream, those that are new."""
    headline: str | None = None


class Work(ABC):
    """What the engine runs. Stopping early loses at most the step under way."""

    @abstractmethod
    def __iter__(self) -> Iterator[Sign]:
        """Run it."""

    @property
    @abstractmethod
    def found(self) -> bool:
        """Whether there is something to report."""

    @abstractmethod
    def result(self) -> Result:
        """The record of what was reached."""

    def write(self, concept: Path) -> None:  # noqa: B027 (most make nothing)
        """Write what it made beside the result, if anything."""


class Searching(Work):
    """A search of the library that yields `Progress`, and has `found` and `result`."""

    def __init__(self, search: Any) -> None:
        self.search = search

    def __iter__(self) -> Iterator[Sign]:
        for step in self.search:
            yield _sign(step)

    @property
    def found(self) -> bool:
        """Whether there is something to report."""
        return bool(self.search.found)

    def result(self) -> Result:
        """The record of what was reached."""
        return self.search.result()


class Fitting(Work):
    """A concept that is fitted; a part of one is no result."""

    def __init__(self, fit: ConceptFit) -> None:
        self.fit = fit

    def __iter__(self) -> Iterator[Sign]:
        for step in self.fit:
            yield _sign(step)

    @property
    def found(self) -> bool:
        """Whether every layer was measured."""
        return self.fit.finished

    def result(self) -> Result:
        """The record."""
        return self.fit.result()

    def write(self, concept: Path) -> None:
        """Write the concept file."""
        self.fit.write(concept)


class Dreaming(Work):
    """A dream, with its steps."""

    def __init__(self, dream: Dream) -> None:
        self.dream = dream
        self._told = 0

    def __iter__(self) -> Iterator[Sign]:
        best: float | None = None
        line = None
        for step in self.dream:
            new = tuple(self.dream.steps[self._told :])
            self._told = len(self.dream.steps)
            for one in new:
                value = -one.hard if self.dream.config.minimise else one.hard
                if best is None or value > best:
                    best, line = value, f"{self.dream.best.text} ({one.hard:.3f})"
            done, total = step.progress or (0, 0)
            yield Sign(step.phase, done, total, steps=new, headline=line)

    @property
    def found(self) -> bool:
        """Whether a step was made."""
        return bool(self.dream.steps)

    def result(self) -> Result:
        """The record of what was reached."""
        return self.dream.result()


class Diagnosing(Work):
    """A text that is annealed first, and then the diagnosis; stopped before, the annealing is what there is to keep."""

    def __init__(self, dream: Dream, diagnosis: Callable[[Any], Diagnosis]) -> None:
        self.dream = dream
        self._make = diagnosis
        self.diagnosis: Diagnosis | None = None

    def __iter__(self) -> Iterator[Sign]:
        for step in self.dream:
            done, total = step.progress or (0, 0)
            yield Sign("annealing", done, total)
        self.diagnosis = self._make(self.dream.result())
        for sign in self.diagnosis:
            yield _sign(sign)

    @property
    def found(self) -> bool:
        """Whether there is something to report."""
        return bool(self.dream.steps)

    def result(self) -> Result:
        """The diagnosis, or the dream that it is of."""
        if self.diagnosis is not None and self.diagnosis.found:
            return self.diagnosis.result()
        return self.dream.result()


@dataclass
class Single(Work):
    """An experiment that is one step. It cannot be paused; where it says how far it is, it can be stopped."""

    phase: str
    run: Callable[[Callable[[int, int], None]], Result]
    """Is given what hears (done, total)."""
    heard: Callable[[Sign], None] = field(default=lambda _: None)
    _found: Result | None = None

    def __iter__(self) -> Iterator[Sign]:
        yield Sign(self.phase, 0, 0)
        self._found = self.run(lambda done, total: self.heard(Sign(self.phase, done, total)))

    @property
    def found(self) -> bool:
        """Whether it is done."""
        return self._found is not None

    def result(self) -> Result:
        """The record."""
        assert self._found is not None
        return self._found


def _sign(step: Progress) -> Sign:
    return Sign(step.phase, step.done, step.total, step.news)
