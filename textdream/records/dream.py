"""The result of a dream: texts, steps, certificate."""

from __future__ import annotations

from typing import Literal

from pydantic import FiniteFloat

from textdream.records.manifest import CorpusInfo
from textdream.records.result import Index, OrUnknown, Record, Result, Sample, Target
from textdream.records.sentences import Sentence


class TopToken(Record):
    """A token's weight in the soft mixture."""

    id: OrUnknown[Index]
    token: str
    weight: FiniteFloat


class Step(Record):
    """One step of a dream: real tokens, their value, and the soft mixture's where there is one."""

    step: Index
    tokens: list[str]
    hard: OrUnknown[FiniteFloat]
    """The target's value on `tokens`."""
    phase: str
    """The optimiser at work: the method, or `sweep` while the certificate is made."""
    soft: FiniteFloat | None = None
    """The target's value on the weighted mixture of tokens; never a result."""
    temperature: FiniteFloat | None = None
    hard_normalised: FiniteFloat | None = None
    """`hard` in the unit of PAIR's files, where the method climbs that."""
    soft_normalised: FiniteFloat | None = None
    top_tokens: list[list[TopToken]] | None = None
    """For each free position, the heaviest tokens of the mixture."""
    note: str | None = None


class Counterexample(Record):
    """A single replacement that is better than the text which was to be certified."""

    position: Index
    id: Index
    token: str
    activation: FiniteFloat


class Certificate(Record):
    """Whether any single replacement of a free token raises the target further (1-opt)."""

    opt: Literal[1] = 1
    checked: Index
    """Replacements evaluated around the text: free positions × tokens allowed there."""
    holds: bool
    screened: Literal["float32", "bfloat16"]
    """Precision in which all of them were evaluated; those near the text's own value were decided in float32."""
    decided: Index
    """Replacements decided in float32."""
    screen_error: FiniteFloat
    """Largest difference between the two precisions among random replacements, measured before the search."""
    margin: FiniteFloat
    """Replacements that screened below the text's value by more than this were not decided in float32."""
    round_trip: bool
    """Whether a replacement also had to survive decoding and tokenising."""
    better: Counterexample | None = None
    """The best replacement found, where the certificate does not hold."""


class CorpusStart(Sentence):
    """A sentence that the dream started from, and the best text that the dream of it reached."""

    reached: Sample
    """The target is read at the sentence's position."""


class Baseline(Sentence):
    """The best sentence of a corpus for the dream's target: what a dream has to beat."""

    corpus: CorpusInfo
    bound: FiniteFloat
    """What no other sentence goes beyond: the last of those that the index kept, and twice the largest difference between
    its precision and float32 among them; the best itself, where the index kept all."""
    beats: bool
    """Whether the dream's best is better than the sentence and the bound, by more than float32 rounding."""
    ratio: FiniteFloat | None
    """The dream's best over the sentence's activation; null where the sentence has the wrong sign."""
    passed_over: Index
    """Better sentences that no dream started from: not the same after retokenising."""
    sentences: list[CorpusStart]
    """The sentences that dreams started from, best first."""


class DreamResult(Result):
    """The search for the text that raises a target."""

    type: Literal["dream"] = "dream"
    target: Target
    start: Sample
    final: Sample
    """Where the method's last step stood."""
    best: Sample
    """The best real text seen; in imported files that know no text's value, the last."""
    free: list[Index]
    method: str
    minimise: bool = False
    evaluations: OrUnknown[Index]
    """Real candidate texts evaluated, each precision counted."""
    certificate: Certificate | None = None
    baseline: Baseline | None = None
    interrupted: bool = False
    steps: list[Step]
