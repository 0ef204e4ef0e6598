"""Audits of shifts: which other tokens change with a word, along a concept and along random directions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from textdream.records.concept import SetAside
from textdream.records.result import Index, Record, Result
from textdream.records.shift import Distance, ShiftDirection, ShiftSource

Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
Interval = Annotated[list[Share], Field(min_length=2, max_length=2)]
RunKind = Literal["concept", "random"]


class AuditSentence(Record):
    """A sentence in which the word's activation was shifted."""

    text: str
    ids: Annotated[list[Index], Field(min_length=1)]
    tokens: list[str]
    positions: Annotated[list[Index], Field(min_length=1)]
    """Where the word is."""
    others: list[Index]
    """Positions whose tokens are watched: neither the word's nor special."""
    frame: str | None = None
    topic: str | None = None


class AuditRun(Record):
    """One shift in one sentence, and the text that comes nearest to the shifted activation."""

    sentence: Index
    """Its number in `sentences`."""
    kind: RunKind
    direction: Index
    """Number of the random direction within the sentence; 0 for the concept."""
    ids: list[Index]
    """Of the nearest text found."""
    changed: list[Index]
    """Positions whose token differs from the sentence's."""
    became: list[str]
    """The tokens that stand there now."""
    distance: Distance
    """Euclidean distance of that text's activation from the shifted one, over all positions: what no text found gives."""
    floor: Distance
    """The distance that float32 rounding alone may make."""
    evaluations: Index
    seconds: Distance


class Replacement(Record):
    """What a token became, and in how many runs."""

    token: str
    """Several, with spaces between, where a word of several tokens changed."""
    runs: Index


class AuditCount(Record):
    """What the runs of one kind did as a whole."""

    kind: RunKind
    runs: Index
    word_changed: Share
    """Share of the runs in which the word itself changed."""
    word_became: list[Replacement]
    """The most frequent first, three at most."""
    others_changed: Share
    """Share of the runs in which any other token changed."""
    left: Distance
    """Share of the shift's length that no text found takes up, on average."""


class AuditToken(Record):
    """How often a token changes, along the concept and along random directions."""

    token: str
    sentences: Index
    """That hold it, beside the word."""
    concept: Share
    """Share of the concept's runs in which it changed; sentences weigh the same."""
    concept_interval: Interval
    """Wilson's, 95 %; sentences are counted, not runs."""
    random: Share
    random_interval: Interval
    p: Share
    """Exact, one-sided, paired by sentence: of as many changes falling to the concept by chance."""
    tested: bool
    """Whether `p` could have been at or below the level, and so counts among the tests."""
    adjusted: Share
    """`p` after Holm's correction over the tested tokens; 1 for others."""
    more: bool
    """Whether it changes more often along the concept: `adjusted` is at or below the level."""
    became: list[Replacement]
    """In the concept's runs: the most frequent first, three at most."""


class ShiftAuditResult(Result):
    """One word's activation moved along a concept in many sentences, against random directions of the same length.

    A random direction has independent normal entries, Python's `random.Random(f"{seed} {text}").gauss(0, 1)` one after the other,
    and the concept's length.
    """

    type: Literal["shift_audit"] = "shift_audit"
    word: str
    concept: ShiftSource
    layer: Index
    magnitude: FiniteFloat
    unit: Literal["largest", "distance"]
    direction: ShiftDirection
    """What was added at magnitude 1."""
    length: Annotated[FiniteFloat, Field(gt=0)]
    """How far each activation was shifted, along the concept and along random directions."""
    directions: Annotated[int, Field(ge=1)]
    """Random ones for each sentence."""
    source: str
    """The frames, or the file."""
    planned: Index
    """Sentences that were to be run."""
    sentences: list[AuditSentence]
    """Those that were."""
    set_aside: list[SetAside]
    runs: list[AuditRun]
    counts: list[AuditCount]
    level: Share
    """Of the whole table: the chance of a single false token in it, if none changes more often along the concept."""
    tokens: list[AuditToken]
    """The surest first."""
    text: str
    """What was found, what follows from it and what does not."""
    interrupted: bool = False

    @property
    def ends(self) -> tuple[str, str]:
        """(from, to): the concept's words in the way the shift goes."""
        words = self.concept.negative, self.concept.positive
        return words if self.magnitude > 0 else words[::-1]

    @model_validator(mode="after")
    def _runs_are_whole(self) -> ShiftAuditResult:
        expected = [
            (number, kind, direction)
            for number in range(len(self.sentences))
            for kind, direction in (("concept", 0), *(("random", direction) for direction in range(self.directions)))
        ]
        if [(run.sentence, run.kind, run.direction) for run in self.runs] != expected:
            raise ValueError("runs are not each sentence's concept and random directions, in order")
        for sentence in self.sentences:
            size = len(sentence.ids)
            if len(sentence.tokens) != size or max([*sentence.positions, *sentence.others]) >= size:
                raise ValueError("a sentence's tokens or positions do not fit its ids")
        for run in self.runs:
            size = len(self.sentences[run.sentence].ids)
            if len(run.ids) != size or len(run.became) != len(run.changed) or max(run.changed, default=0) >= size:
                raise ValueError("a run's ids or changes do not fit its sentence")
        if self.interrupted != (len(self.sentences) < self.planned):
            raise ValueError("interrupted, and yet all sentences, or the other way round")
        return self
