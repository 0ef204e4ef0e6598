"""Exact coordinate ascent over the whole vocabulary, and the certificate that it ends in.

A text is 1-opt when no replacement of one free token by any token of the vocabulary raises the objective. Every
replacement is evaluated in the search precision; those that come near the text's own value are decided in float32. How near
is near is measured: the margin is a multiple of the differences seen between the two precisions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.configs import SweepConfig
from textdream.optimizers.gcg import climb_once
from textdream.optimizers.problem import Problem, Step, as_row, replaced
from textdream.optimizers.screening import Screening, noise
from textdream.records import Certificate, Counterexample

# Replacements tried at each position before the whole vocabulary is: those of best first-order gain, those that were best
# when the position was last searched, which the text's other changes seldom reorder, and those of best mean gain. A gain
# that is found in a small pool spares the exhaustive search of the positions that it would have made stale.
POOL = 128
WIDE_POOL = 1024
SAMPLES = 8
LEADERS = 256


def sweep(problem: Problem, config: SweepConfig) -> Iterator[Step]:
    """Climb until no single replacement is better; the last step carries the certificate.

    First by the most promising replacements, all positions at once, which is cheap; then position by position over the
    whole vocabulary. Any gain sends the search back to the first.
    """
    ids = problem.start
    height = float(problem.height(ids[None])[0])
    yield _step(problem, ids, (0, len(problem.free)))
    searched = 0
    leaders: dict[int, Tensor] = {}
    while True:
        while (better := first_look(problem, ids, height, leaders)) is not None:
            ids, height = better
            yield _step(problem, ids, (0, len(problem.free)))
        screening = measured(problem, ids)
        for done, position in enumerate(_search_order(problem, ids, leaders), start=1):
            better, best_tokens = search_position(problem, ids, height, position, screening)
            leaders.pop(position, None)  # The dict is in order of searching.
            leaders[position] = best_tokens
            searched += 1
            if better is not None:
                ids, height = better
                yield _step(problem, ids, (0, len(problem.free)))
                break
            if searched >= config.steps and done < len(problem.free):
                return
            yield _step(problem, ids, (done, len(problem.free)))
        else:
            # What was climbed may not be the objective itself (a neuron before its activation function), and its optimum
            # not the objective's. The certificate is about the objective: go on with that.
            value = float(problem.decide(ids[None])[0])
            if problem.best is not None and problem.best[1] > value + noise(value):
                # Climbed past: the best was met on the way, where the two orders differ.
                ids = torch.tensor(problem.best[0])
            elif problem.climb is problem.objective or problem.objective.settled(value):
                # Texts that float32 cannot tell from this one may have been met; the certificate is about this one.
                problem.best = (as_row(ids), value)
                yield _step(problem, ids, (len(problem.free), len(problem.free)), _certificate(problem, screening))
                return
            problem.climb = problem.objective
            height = float(problem.height(ids[None])[0])


def certify(problem: Problem) -> Certificate:
    """Whether the start of `problem` is 1-opt, without moving from it; if not, the best replacement there is."""
    problem.climb = problem.objective
    ids = problem.start
    value = float(problem.decide(ids[None])[0])
    screening = measured(problem, ids)
    best, best_value = None, value
    for position in problem.free:
        better, _ = search_position(problem, ids, value, position, screening)
        if better is not None and better[1] > best_value:
            best, best_value = (position, int(better[0][position])), better[1]
    if best is None:
        return _certificate(problem, screening)
    position, token = best
    found = Counterexample(
        position=position, id=token, token=problem.model.tokens.names([token])[0], activation=best_value
    )
    return _certificate(problem, screening).model_copy(update={"holds": False, "better": found})


def first_look(
    problem: Problem, ids: Int[Tensor, " pos"], height: float, leaders: Mapping[int, Tensor]
) -> tuple[Int[Tensor, " pos"], float] | None:
    """The best replacement, or merge of several, in the smallest pool that has one better than `height`."""
    pools = ((POOL, problem.gradient), (WIDE_POOL, lambda ids: problem.mean_gradient(ids, SAMPLES)))
    for size, gradient in pools:
        gain = gradient(ids)
        tokens = gain.topk(min(size, gain.shape[1])).indices
        rows = torch.arange(len(tokens))[:, None].expand_as(tokens).flatten()
        known = [torch.full_like(those, problem.free.index(position)) for position, those in leaders.items()]
        swaps = torch.cat([rows, *known]), torch.cat([tokens.flatten(), *leaders.values()])
        if (better := climb_once(problem, ids, height + noise(height), swaps)) is not None:
            return better
    return None


def measured(problem: Problem, ids: Int[Tensor, " pos"]) -> Screening:
    """The difference between the precisions around a text, at all free positions, before a pass over them."""
    return Screening.measured(problem.model, problem.climb, ids, problem.free, problem.generator)


def search_position(
    problem: Problem, ids: Int[Tensor, " pos"], height: float, position: int, screening: Screening
) -> tuple[tuple[Int[Tensor, " pos"], float] | None, Int[Tensor, " leaders"]]:
    """The best of all replacements at one position, exactly, if it is better than `height`; and the tokens that led."""
    tokens = problem.model.tokens.allowed
    tokens = tokens[tokens != ids[position]]
    candidates = replaced(ids, torch.full_like(tokens, position), tokens)
    scores = problem.screen(candidates)
    order = scores.argsort(descending=True)
    near = order[scores[order] >= height - screening.margin]
    screening.checked += len(candidates)
    screening.decided += len(near)
    # The round trip is asked last: it is slow, and few replacements come near.
    chosen = problem.surviving(candidates[near])
    better = _best(problem, chosen, height) if len(chosen) else None
    return better, tokens[order[:LEADERS]]


def _best(problem: Problem, candidates: Tensor, height: float) -> tuple[Int[Tensor, " pos"], float] | None:
    heights: Float[Tensor, " batch"] = problem.height(candidates)
    best = int(heights.argmax())
    value = float(heights[best])
    return (candidates[best], value) if value > height + noise(height) else None


def _search_order(problem: Problem, ids: Tensor, leaders: Mapping[int, Tensor]) -> list[int]:
    """Free positions, never searched ones first, by the first-order gain of their best token; then by how long ago."""
    gain = problem.gradient(ids).max(1).values.tolist()
    new = [index for index, position in enumerate(problem.free) if position not in leaders]
    return [problem.free[index] for index in sorted(new, key=lambda index: -gain[index])] + list(leaders)


def _certificate(problem: Problem, screening: Screening) -> Certificate:
    bfloat16 = problem.engine.search_dtype == torch.bfloat16
    return Certificate(
        checked=screening.checked,
        holds=True,
        screened="bfloat16" if bfloat16 else "float32",
        decided=screening.decided,
        screen_error=screening.error,
        margin=screening.margin,
        round_trip=problem.round_trip,
    )


def _step(problem: Problem, ids: Tensor, progress: tuple[int, int], certificate: Certificate | None = None) -> Step:
    value = float(problem.decide(ids[None])[0])
    return Step("sweep", as_row(ids), value, progress=progress, certificate=certificate)
