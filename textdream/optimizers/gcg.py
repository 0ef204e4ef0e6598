"""Greedy coordinate gradient: gradients propose, exact evaluation decides.

After Zou et al. 2023 (GCG): sample single swaps from the tokens of best first-order gain, evaluate them as real text,
keep the best. Three additions, each measured in benchmarks/success.py: the best swaps of different positions are also
tried together, which climbs several positions a step while the text is still far from an optimum; a step without a gain is
followed by one that looks at other tokens; and a run that is stuck starts anew from its best with some positions redrawn, or
where one position is free, goes on by regression.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.configs import GcgConfig
from textdream.optimizers.problem import Problem, Step, as_row, replaced
from textdream.optimizers.regression import by_regression

# Candidates that screened best and are decided in float32: the search precision may order them wrongly.
DECIDED = 4


def gcg(problem: Problem, config: GcgConfig) -> Iterator[Step]:
    """Climb from the start; when stuck, disturb the best and climb again, until the steps are used up."""
    ids = problem.start
    height = float(problem.height(ids[None])[0])
    summit, summit_height = ids, height
    stuck, note = 0, None
    for number in range(config.steps + 1):
        yield Step(
            "gcg",
            as_row(ids),
            float(problem.decide(ids[None])[0]),
            note=note,
            progress=(number, config.steps),
        )
        if number == config.steps:
            return
        note = None
        gain = problem.gradient(ids)
        better = climb_once(problem, ids, height, sample_swaps(gain, config, stuck, problem.generator))
        if better is not None:
            (ids, height), stuck = better, 0
            if height > summit_height:
                summit, summit_height = ids, height
            continue
        stuck += 1
        if stuck >= config.patience and len(problem.free) == 1:
            # One position has no other slope to start anew on.
            yield from by_regression(problem, ids, config, number)
            return
        if stuck >= config.patience:
            ids, note, stuck = disturbed(problem, summit, config.disturb), "restart", 0
            height = float(problem.height(ids[None])[0])


def sample_swaps(
    gain: Float[Tensor, "free d_vocab"], config: GcgConfig, stuck: int, generator: torch.Generator
) -> tuple[Int[Tensor, " batch"], Int[Tensor, " batch"]]:
    """Single swaps to evaluate: (row of `gain`, token), spread evenly over the free positions.

    The token of best gain at each position is always among them; the others are drawn from the best `topk`, so that the
    first-order order decides what is likely and chance what is tried. After a step without a gain the net widens.
    """
    free = gain.shape[0]
    each = max(2, config.candidates * (1 + stuck) // free)
    pool = gain.topk(min(config.topk * (1 + stuck), gain.shape[1])).indices
    # Weight 1/rank: half of the draws fall among the first few, the rest reach down the whole pool.
    weights = 1 / torch.arange(1, pool.shape[1] + 1)
    ranks = torch.multinomial(weights.expand(free, -1), min(each, pool.shape[1]), generator=generator)
    ranks[:, 0] = 0
    rows = torch.arange(free)[:, None].expand_as(ranks)
    return rows.flatten(), pool.gather(1, ranks).flatten()


def climb_once(
    problem: Problem, ids: Int[Tensor, " pos"], height: float, swaps: tuple[Tensor, Tensor]
) -> tuple[Int[Tensor, " pos"], float] | None:
    """Evaluate single swaps, then merges of the best ones, and return the best text if it is better than `height`."""
    rows, tokens = swaps
    singles = problem.surviving(replaced(ids, torch.tensor(problem.free)[rows], tokens))
    if not len(singles):
        return None
    scores = problem.screen(singles)
    merges = problem.surviving(merged(ids, singles, scores))
    merge_scores = problem.screen(merges) if len(merges) else scores[:0]
    candidates, scores = torch.cat([singles, merges]), torch.cat([scores, merge_scores])
    chosen = candidates[scores.topk(min(DECIDED, len(scores))).indices]
    heights = problem.height(chosen)
    best = int(heights.argmax())
    return (chosen[best], float(heights[best])) if float(heights[best]) > height else None


def merged(
    ids: Int[Tensor, " pos"],
    singles: Int[Tensor, "batch pos"],
    scores: Float[Tensor, " batch"],
    tries: int = 4,
) -> Int[Tensor, "merges pos"]:
    """Texts with several swaps at once: at each position its n-th best single swap, for the 2, 3, … best positions.

    n = 1 for the first family, and for the others one position after the other falls back to its second best.
    """
    changed = (singles != ids).int().argmax(1)
    order = scores.argsort(descending=True)
    ranked: dict[int, list[int]] = {}
    for index in order.tolist():
        ranked.setdefault(int(changed[index]), []).append(index)
    leaders = list(ranked.values())
    texts = []
    for turn in range(tries):
        text = ids.clone()
        for count, group in enumerate(leaders):
            pick = group[min(turn if count % tries < turn else 0, len(group) - 1)]
            position = changed[pick]
            text[position] = singles[pick, position]
            if count:
                texts.append(text.clone())
    return torch.stack(texts) if texts else singles[:0]


def disturbed(problem: Problem, ids: Int[Tensor, " pos"], share: float) -> Int[Tensor, " pos"]:
    """A copy of `ids` with a share of the free positions drawn anew from all allowed tokens, still a text if that is asked."""
    free = torch.tensor(problem.free)
    tokens = problem.model.tokens.allowed
    count = max(1, round(share * len(free)))
    rows = []
    for _ in range(32):
        text = ids.clone()
        places = free[torch.randperm(len(free), generator=problem.generator)[:count]]
        text[places] = tokens[torch.randint(len(tokens), (count,), generator=problem.generator)]
        rows.append(text)
    good = problem.surviving(torch.stack(rows))
    return good[0] if len(good) else ids
