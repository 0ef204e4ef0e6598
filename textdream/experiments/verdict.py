"""Did the dream fail, and which of PAIR's suspicions explains it: rules with numbers.

- It **succeeded** if what it reports has at least 90 % of the gain over the start that the best text known has; where nothing
  better than the start is known, if that is no lower. PAIR's annealing reports its last step, other methods the best text met.
- The best tokens were **ruled out while annealing** if, at half of the positions where another token would have been better or
  more, the best one stood among the heaviest 30 (`neighbours`) at some step and was behind the winner for good at the end.
- **Rough neighbourhoods** explain it if an annealing was watched, the best tokens of more than half of those positions never
  stood there and lost, and their neighbourhoods are rough: on average distance and activation correlate no more than chance
  allows, fewer than a tenth of the nearest neighbours are among the most activating tokens, and no more than around some random
  token (of 20, one has so many by chance in 1 of 21 cases at least).
- **The gap** explains it if at the end the mixture was better than its real tokens by at least half of what was missing, and
  by more than any mixture of random tokens with the same weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from textdream.optimizers.screening import noise
from textdream.records import Explanation, PositionDiagnosis

SUCCESS = 0.9
CONTENDERS = 0.5
SHARED = 0.1
GAP = 0.5


@dataclass(frozen=True)
class Gap:
    """Soft against hard value over the steps, higher is better."""

    mean: float
    """Of soft minus hard."""
    end: float
    below_start: float
    """Share of steps whose hard value is worse than the start's."""
    mixed_mean: float | None
    """Of random mixtures with the run's weights: none for a run whose forward passes see real tokens."""
    mixed_end: float | None
    """The largest of several with the weights of the last step."""


@dataclass(frozen=True)
class Evidence:
    """All that the rules read. Values are signed so that higher is better."""

    method: str
    start: float
    end: float
    best: float
    random: list[float]
    """Of the start with random tokens at the free positions."""
    passed: tuple[int, float] | None
    """(step, value) of the best text that the run itself met."""
    positions: list[PositionDiagnosis]
    neighbours: int
    near: int
    steps: int | None
    """Of the annealing; none where the method has no mixture."""
    reported: float
    """Of the text that the method reports: its last step, or the best it met."""
    repeated: bool
    """False if the annealing ended elsewhere when it was run again."""
    gap: Gap | None
    """None where there is no mixture, or it was not watched to the end."""
    searched: int
    """Tokens tried at each position."""
    sign: float = 1.0

    @property
    def missed(self) -> list[PositionDiagnosis]:
        """Positions where another token would have been better."""
        return [found for found in self.positions if found.better]

    @property
    def telling(self) -> list[PositionDiagnosis]:
        """Positions at which it matters what stands there: a causal model's target reads nothing behind it."""
        return [found for found in self.positions if tells(found)]

    def share(self, value: float) -> float | None:
        """Of the best text's gain over the start; None where nothing better than the start is known."""
        gain = self.best - self.start
        return (value - self.start) / gain if gain > noise(self.start) else None

    @property
    def succeeded(self) -> bool:
        """By the first rule."""
        share = self.share(self.reported)
        return self.reported >= self.start - noise(self.start) if share is None else share >= SUCCESS


def explained_by(seen: Evidence) -> list[Explanation]:
    """Which suspicions explain a failure, by the rules above; none of a success."""
    if seen.succeeded:
        return []
    found: list[Explanation] = []
    if ruled_out(seen):
        found.append("ruled_out")
    elif rough_explains(seen):
        found.append("rough_neighbourhoods")
    if gap_explains(seen):
        found.append("gap")
    return found


def contenders(seen: Evidence) -> list[PositionDiagnosis]:
    """Missed positions whose best token stood among the heaviest and lost."""
    paths = [(found, found.best_path) for found in seen.missed]
    return [
        found
        for found, path in paths
        if path is not None and path.highest_rank <= seen.neighbours and path.fell_behind is not None
    ]


def ruled_out(seen: Evidence) -> bool:
    """By the second rule."""
    if seen.gap is None or not seen.missed:
        return False
    share = len(contenders(seen)) / len(seen.missed)
    return share >= CONTENDERS and share > random_contenders(seen)


def random_contenders(seen: Evidence) -> float:
    """The share of random tokens, at missed positions, that stood among the heaviest."""
    ranks = [rank for found in seen.missed if found.control_paths for rank in found.control_paths.highest_ranks]
    return mean(rank <= seen.neighbours for rank in ranks) if ranks else 0.0


def tells(found: PositionDiagnosis) -> bool:
    """Whether tokens differ at a position by more than rounding."""
    first, last = found.tokens[0].activation, found.tokens[-1].activation
    return abs(first - last) > noise(first)


def correlation(positions: Sequence[PositionDiagnosis]) -> tuple[float | None, int]:
    """Mean rank correlation around the best tokens, and over how many: none where the neighbours all act alike."""
    found = [position.smoothness for position in positions if position.smoothness is not None]
    return (mean(found) if found else None), len(found)


def shared_at_random(positions: Sequence[PositionDiagnosis]) -> list[float]:
    """Neighbours among the best, for each random token, on average over positions."""
    return [mean(counts) for counts in zip(*(found.control_shared for found in positions), strict=True)]


def rough(seen: Evidence) -> bool:
    """Whether the neighbourhoods of the best tokens point nowhere, and no more than those of random tokens do."""
    missed = seen.missed
    if not missed:
        return False
    shared = mean(found.shared for found in missed)
    if shared >= SHARED * seen.neighbours or shared > max(shared_at_random(missed), default=0.0):
        return False
    found, samples = correlation(missed)
    return found is None or found <= chance(seen.near, samples)


def rough_explains(seen: Evidence) -> bool:
    """By the third rule."""
    return seen.gap is not None and rough(seen) and len(contenders(seen)) < CONTENDERS * len(seen.missed)


def gap_explains(seen: Evidence) -> bool:
    """By the last rule."""
    gap = seen.gap
    if gap is None or gap.mixed_end is None:
        return False
    return gap.end >= GAP * (seen.best - seen.end) and gap.end > gap.mixed_end


def chance(count: int, samples: int = 1) -> float:
    """Mean rank correlation that 95 % of unrelated samples of this size, so many together, stay below, either way."""
    return 1.96 / ((count - 1) * samples) ** 0.5
