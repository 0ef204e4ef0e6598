"""The diagnosis in words: every measurement beside its control, and a paragraph that says what explains a failure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, median

from textdream.experiments.verdict import (
    GAP,
    SHARED,
    SUCCESS,
    Evidence,
    chance,
    contenders,
    correlation,
    explained_by,
    gap_explains,
    random_contenders,
    rough,
    rough_explains,
    ruled_out,
    shared_at_random,
)
from textdream.optimizers.screening import noise
from textdream.records import Finding

NOTHING = "Whatever stands at the free positions, the target is the same."
ELSEWHERE = "textdream diagnose with the text and the target runs PAIR's annealing, which has one"


def findings(seen: Evidence) -> list[Finding]:
    """Every measurement with its control."""
    return [reached(seen), highest_rank(seen), fell_behind(seen), smoothness(seen), shared(seen), *gap(seen)]


def reached(seen: Evidence) -> Finding:
    """How far the dream came between the start and the best text known; random texts as control."""
    value = seen.share(seen.reported)
    control = None if value is None else median(seen.share(random) or 0.0 for random in seen.random)
    came = f"The {seen.method} {_came(seen)}"
    if value is None or control is None:
        text = (
            f"{came}. Nothing better than the start ({_number(seen, seen.start)}) is known; random tokens reach"
            f" {_number(seen, median(seen.random))} (median of {len(seen.random)})."
        )
    else:
        text = (
            f"{came}: {value:.0%} of the way from the start ({_number(seen, seen.start)}) to the best text known"
            f" ({_number(seen, seen.best)}); random tokens reach {control:.0%} (median of {len(seen.random)})."
        )
    if len(seen.positions) == 1:
        found = seen.positions[0]
        text += f" Of {seen.searched:,} tokens, {found.better:,} would be better than {found.token.token}."
    else:
        text += f" Another token would be better at {len(seen.missed)} of {len(seen.positions)} positions."
    return Finding(name="reached", value=value, control=control, text=text)


def highest_rank(seen: Evidence) -> Finding:
    """The best place that the best tokens ever had among the weights."""
    name = "highest_rank"
    if (missing := _no_paths(seen, name)) is not None:
        return missing
    paths = [found.best_path for found in seen.missed if found.best_path]
    value = median(path.highest_rank for path in paths)
    control = median(rank for found in seen.missed if found.control_paths for rank in found.control_paths.highest_ranks)
    many = len(paths) > 1
    who = "The best tokens" if many else paths[0].token
    when = "" if many else f", at step {paths[0].highest_step:,}"
    text = (
        f"{who} came as high as rank {value:,.0f} by weight{' (median)' * many}{when};"
        f" a random token came to {control:,.0f} (median)."
    )
    if many:
        text += (
            f" {len(contenders(seen))} of {len(paths)} stood among the heaviest {seen.neighbours} and lost;"
            f" of random tokens {random_contenders(seen):.0%} stood there."
        )
    return Finding(name=name, value=value, control=control, text=text)


def fell_behind(seen: Evidence) -> Finding:
    """The step at which the best tokens were overtaken by the winners for good."""
    name = "fell_behind"
    if (missing := _no_paths(seen, name)) is not None:
        return missing
    paths = [found.best_path for found in seen.missed if found.best_path and found.best_path.fell_behind is not None]
    controls = [
        step
        for found in seen.missed
        if found.control_paths
        for step in found.control_paths.fell_behind
        if step is not None
    ]
    control = median(controls) if controls else None
    random = f"a random token at step {control:,.0f} (median)" if control is not None else "no random token did"
    if not paths:
        return Finding(name=name, value=None, control=control, text="No best token was behind at the end.")
    value = median(path.fell_behind for path in paths if path.fell_behind is not None)
    many = len(paths) > 1
    who = f"{len(paths)} best tokens" if many else paths[0].token
    text = (
        f"{who} fell behind the winner for good at step {value:,.0f} of {seen.steps:,}{' (median)' * many}; {random}."
    )
    return Finding(name=name, value=value, control=control, text=text)


def smoothness(seen: Evidence) -> Finding:
    """Whether tokens near the best one act like it."""
    name = "smoothness"
    if not seen.telling:
        return Finding(name=name, value=None, control=None, text=NOTHING)
    value, samples = correlation(seen.telling)
    controls = [rho for found in seen.telling for rho in found.control_smoothness]
    control = mean(controls) if controls else None
    random = (
        f"around random tokens {control:+.2f}{_spread(controls)}" if control is not None else "so do random tokens'"
    )
    if value is None:
        text = f"The {seen.near} tokens nearest to {_best_names(seen)} all act alike: nothing goes along with distance; {random}."
    else:
        text = (
            f"Over the {seen.near} tokens nearest to {_best_names(seen)}, distance and difference of activation have the rank"
            f" correlation {value:+.2f}; {random}; chance alone stays within ±{chance(seen.near, samples):.2f}."
        )
    return Finding(name=name, value=value, control=control, text=text)


def shared(seen: Evidence) -> Finding:
    """How many neighbours of the best token are themselves among the best."""
    if not seen.telling:
        return Finding(name="shared_neighbours", value=None, control=None, text=NOTHING)
    value = mean(found.shared for found in seen.telling)
    controls = shared_at_random(seen.telling)
    control = mean(controls)
    text = (
        f"Of the {seen.neighbours} tokens nearest to {_best_names(seen)}, {value:.3g} are among the {seen.neighbours} most"
        f" activating; of those nearest to random tokens {control:.2g} ({max(controls):.2g} at most)."
    )
    return Finding(name="shared_neighbours", value=value, control=control, text=text)


def gap(seen: Evidence) -> list[Finding]:
    """Soft against hard values over the steps."""
    names = ("mean_gap", "end_gap", "below_start")
    found = seen.gap
    if found is None:
        return [Finding(name=name, value=None, control=None, text=_why_not(seen)) for name in names]
    # Of activations, as the steps have them: a gap that misleads is negative where the target is minimised.
    sign = seen.sign
    if found.mixed_mean is None:
        where = (
            "this annealing runs forward on real tokens: the gap is its noise, and there is no mixture to compare with"
        )
        mixed = where, where
    else:
        mixed = (
            f"random mixtures of the same weights {sign * found.mixed_mean:+.2g}",
            f"that of random mixtures of the same weights that goes furthest {sign * (found.mixed_end or 0.0):+.2g}",
        )
    below = mean(value < seen.start for value in seen.random)
    return [
        Finding(
            name="mean_gap",
            value=sign * found.mean,
            control=None if found.mixed_mean is None else sign * found.mixed_mean,
            text=f"Soft minus hard value is {sign * found.mean:+.2g} on average over the steps; {mixed[0]}.",
        ),
        Finding(
            name="end_gap",
            value=sign * found.end,
            control=None if found.mixed_end is None else sign * found.mixed_end,
            text=f"At the end soft minus hard value is {sign * found.end:+.2g}; {mixed[1]}.",
        ),
        Finding(
            name="below_start",
            value=found.below_start,
            control=below,
            text=f"On {found.below_start:.1%} of the steps the real tokens were worse than the start;"
            f" of random texts {below:.1%} are.",
        ),
    ]


def explanation(seen: Evidence) -> str:
    """The paragraph: failed or not, and why, each rule with its numbers."""
    share, last = seen.share(seen.reported), seen.share(seen.end)
    if share is None:
        nothing = "nothing better than the start is known"
        if seen.succeeded:
            return f"The {seen.method} did not fail: {nothing}, and it came to no less."
        lost = f"{_came(seen)}, and the start has {_number(seen, seen.start)}"
        parts = [f"The {seen.method} failed: it {lost}; {nothing}."]
    else:
        reached = (
            f"it reached {share:.0%} of the gain that the best text known has (a dream succeeds from {SUCCESS:.0%})"
        )
        if seen.reported > seen.end + noise(seen.end) and last is not None:
            reached += f", though its last step stands at {last:.0%}"
        if seen.succeeded:
            return f"The {seen.method} did not fail: {reached}."
        parts = [f"The {seen.method} failed: {reached}."]
    if seen.gap is not None and seen.missed:
        parts.append(_lost(seen))
    parts.append(_neighbours(seen))
    if seen.gap is not None and seen.gap.mixed_end is not None:
        parts.append(_mixture(seen))
    if not explained_by(seen):
        parts.append("By these rules none of the suspicions explains the failure.")
    if not seen.repeated:
        parts.append(_why_not(seen))
    passed = None if seen.passed is None else seen.share(seen.passed[1])
    if seen.passed is not None and passed is not None and share is not None and passed > share + 0.01:
        step, value = seen.passed
        parts.append(
            f"The run itself passed {_number(seen, value)} at step {step:,}:"
            f" keeping the best text would have given {passed:.0%}."
        )
    return " ".join(parts)


def _lost(seen: Evidence) -> str:
    lost, missed = contenders(seen), seen.missed
    if len(missed) == 1:
        path = missed[0].best_path
        assert path is not None
        if ruled_out(seen):
            return (
                f"Ruled out while annealing explains it: {path.token}, the best token, was among the {seen.neighbours}"
                f" heaviest (rank {path.highest_rank} at step {path.highest_step:,}), and behind the winner for good from"
                f" step {path.fell_behind:,}."
            )
        if not lost:
            return (
                f"{path.token}, the best token, was not ruled out: it was never among the {seen.neighbours} heaviest."
            )
    count = f"{len(lost)} of the {len(missed)} best tokens that were missed stood among the {seen.neighbours} heaviest and lost"
    if ruled_out(seen):
        return f"Ruled out while annealing explains it: {count}."
    return f"Being ruled out does not explain it: {count}; of random tokens {random_contenders(seen):.0%} stood there."


def _neighbours(seen: Evidence) -> str:
    if not seen.missed:
        return "At no free position would another token be better: what was missed takes several changes at once."
    near, samples = correlation(seen.missed)
    few, random = mean(found.shared for found in seen.missed), max(shared_at_random(seen.missed))
    alike = "the neighbours all act alike"
    if near is not None:
        alike = f"correlation {near:+.2f}, chance ±{chance(seen.near, samples):.2f}"
    numbers = (
        f"{alike}; {few:.2g} of {seen.neighbours} neighbours among the best, of random tokens {random:.2g} at most;"
        f" rough below {SHARED * seen.neighbours:g}"
    )
    if not rough(seen):
        few_but_more = few < SHARED * seen.neighbours and few > random
        what = "thin, but leads to the best more than a random token's does" if few_but_more else "not rough"
        return f"The neighbourhood is {what} ({numbers})."
    if rough_explains(seen) and not ruled_out(seen):
        return f"Rough neighbourhoods explain it: what is near does not lead there ({numbers})."
    return f"The neighbourhood is rough ({numbers})."


def _mixture(seen: Evidence) -> str:
    assert seen.gap is not None
    missing = seen.best - seen.end
    numbers = f"{seen.gap.end:+.2g} at the end, {missing:.2g} was missing"
    if gap_explains(seen):
        mixed = f"random mixtures have {seen.gap.mixed_end:+.2g} at most"
        return f"The gap explains it: a mixture was raised, not a text ({numbers}, and {mixed})."
    return f"The gap does not: {numbers} (it explains from {GAP:.0%}, beyond random mixtures)."


def _no_paths(seen: Evidence, name: str) -> Finding | None:
    if seen.gap is None:
        return Finding(name=name, value=None, control=None, text=_why_not(seen))
    if not seen.missed:
        return Finding(name=name, value=None, control=None, text="At no free position would another token be better.")
    return None


def _why_not(seen: Evidence) -> str:
    if seen.steps is None:
        return f"The method {seen.method} has no soft mixture; {ELSEWHERE}."
    if not seen.repeated:
        return "Run again here, the annealing ended elsewhere, so that its steps cannot be watched."
    return "The annealing was not watched to its end."


def _came(seen: Evidence) -> str:
    """What is judged: the last step, or the best text met and the last step beside it."""
    if seen.reported <= seen.end + noise(seen.end):
        return f"ended at {_number(seen, seen.end)}"
    return f"came to {_number(seen, seen.reported)}, its last step to {_number(seen, seen.end)}"


def _best_names(seen: Evidence) -> str:
    return seen.positions[0].tokens[0].token if len(seen.positions) == 1 else "the best token of each position"


def _spread(values: Sequence[float]) -> str:
    return f" ({min(values):+.2f} to {max(values):+.2f})" if values else ""


def _number(seen: Evidence, value: float) -> str:
    return f"{seen.sign * value:.4g}"
