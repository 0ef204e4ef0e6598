"""Why a dream failed: PAIR's suspicions as measurements, each with a control."""

from __future__ import annotations

from typing import Literal

from pydantic import FiniteFloat

from textdream.records.dream import Step
from textdream.records.result import Index, Record, Result, Sample, Target
from textdream.records.tokens import NeighbourValue, TokenValue

Explanation = Literal["ruled_out", "rough_neighbourhoods", "gap"]


class Finding(Record):
    """One measurement, the same measurement on a control, and both in a sentence."""

    name: str
    value: FiniteFloat | None
    """Null where the method has nothing of the kind, or the measurement was interrupted."""
    control: FiniteFloat | None
    text: str


class TokenPath(Record):
    """A token's way through an annealing. The lists go along with the result's `steps`."""

    id: Index
    token: str
    weights: list[FiniteFloat]
    """softmax(logits / temperature), without the noise of a Gumbel run."""
    ranks: list[Index]
    """1 = the heaviest; tokens of equal weight share the last of their places."""
    highest_rank: Index
    """Over all steps, not only those listed."""
    highest_step: Index
    fell_behind: Index | None
    """The step from which it was lighter than the token that won, for good; null if it was not at the end."""


class ControlPaths(Record):
    """The same of tokens drawn at random, one number for each."""

    highest_ranks: list[Index]
    fell_behind: list[Index | None]
    median_weights: list[FiniteFloat]
    """At each of the result's `steps`."""
    median_ranks: list[FiniteFloat]


class PositionDiagnosis(Record):
    """One free position: which token would have been best there, what became of it, and what lies around it."""

    position: Index
    token: TokenValue
    """The one in the `context`, with the value of that text."""
    better: Index
    """Tokens of the vocabulary that would raise the target further there."""
    tokens: list[TokenValue]
    """The most activating ones, best first."""
    neighbours: list[NeighbourValue]
    """Nearest to the best token in embedding space, nearest first, without itself."""
    shared: Index
    """Neighbours that are among the most activating tokens."""
    smoothness: FiniteFloat | None
    """Rank correlation, over tokens near the best one, of distance and difference of activation from it (see `similar`)."""
    control_shared: list[Index]
    """The same around each of the `control_tokens`."""
    control_smoothness: list[FiniteFloat]
    best_path: TokenPath | None = None
    winner_path: TokenPath | None = None
    """Of the token with which the annealing ended."""
    control_paths: ControlPaths | None = None


class DiagnoseResult(Result):
    """What became of the best tokens while a dream was searched, and which of PAIR's suspicions explains a failure."""

    type: Literal["diagnose"] = "diagnose"
    target: Target
    """In PAIR's unit (`normalised`) where the method climbs that."""
    findings: list[Finding]
    succeeded: bool
    """Whether the end has nearly all of the gain over the start that the best text known has; `explanation` gives the rule."""
    explained_by: list[Explanation]
    explanation: str
    """A paragraph: which finding explains the failure, by rules that it states."""
    method: str
    free: list[Index]
    minimise: bool = False
    start: Sample
    end: Sample
    """Where the method ended."""
    best: Sample
    """The best text known: met on the way, or the end with one token replaced."""
    context: Sample
    """The text in which tokens were tried: the end, or the start."""
    positions: list[PositionDiagnosis]
    control_tokens: list[str]
    steps: list[Step]
    """Of the annealing, the early ones denser, with the soft value beside the hard one; empty where there is none."""
    reproduced: bool | None = None
    """Whether the second run, in which tokens were watched, ended with the text of the first."""
    interrupted: bool = False
