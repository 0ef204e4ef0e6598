"""Lens, descent, discrete search: rebuild a text from an activation of an encoder (or of part of a decoder's layer).

A round descends on the embeddings of the open positions, snaps them to the nearest tokens, and mends the text by single
swaps at the positions that are furthest from the target. Positions whose error is small then hold still at their tokens, so
that the next descent has fewer unknowns. A round in vain opens more positions and disturbs them; several, and a new run begins.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.inversion.descent import Nearest, Rows, gradient
from textdream.inversion.found import Found, Sign
from textdream.inversion.goal import Goal
from textdream.lens import LinearLens

CHUNK = 20
"""Steps of descent between two looks at the snapped text."""
CHUNKS = 8
"""Looks at most before the discrete search."""
OPEN = 0.15
"""Positions stay open whose error is more than this share of the largest one's."""
WORST = 6
"""Positions at which swaps are tried."""
FIRST = 8
"""Candidates of each kind at a position."""
FEW = 2
"""At so few suspicious positions the lists of candidates may grow."""
PATIENCE = 4
"""Rounds in vain before a run starts anew."""
SCREENED = 512
"""Texts screened between two signs of life."""
DECIDED = 12
"""Best swaps of the screening that are decided in float32."""


class Hybrid:
    """A search under way: iterate over it; `found` has the best text whenever it is stopped.

    Parameters
    ----------
    goal
        The activation, and where special tokens stand.
    lens
        Gives the first guess; without it the search starts from the mean of the table.
    generator
        Of restarts.
    start
        A text to start from, in place of the lens's guess.
    """

    def __init__(
        self,
        goal: Goal,
        lens: LinearLens | None,
        generator: torch.Generator,
        start: Int[Tensor, " pos"] | None = None,
    ) -> None:
        self.goal, self.lens, self.generator = goal, lens, generator
        self.found = Found(goal)
        self.nearest = Nearest(self.found)
        self._start = start
        self._table = goal.model.engine.table.cpu()
        self._here: tuple[Tensor, Tensor] | None = None
        self._stalls = 0

    @property
    def stalls(self) -> int:
        """Rounds without a gain, one after the other."""
        return self._stalls

    def __iter__(self) -> Iterator[Sign]:
        """Rounds without end: an exact text ends it, the caller's patience ends the others."""
        rows = self._first_rows()
        every = list(range(len(self.goal.free)))
        if self._start is not None:
            self._try(self._start[None])
        moving = every
        while not self.found.exact:
            before = self._loss
            guess = Rows(self.found, rows, moving)
            yield from self._descend(guess)
            yield from self._mend(guess.rows.cpu())
            if self._loss < before * 0.999:
                self._stalls = 0
            else:
                self._stalls += 1
                self.found.restarts += 1
            if self._stalls > PATIENCE and self._start is None:
                rows, moving, self._here, self._stalls = self._disturbed(self._first_rows()), every, None, 0
            else:
                rows, moving = self._reopen(guess.rows.cpu())

    @property
    def _loss(self) -> float:
        """Of the text where this run stands, which may be worse than the best of all."""
        return float("inf") if self._here is None else float(self._here[1].mean())

    def _try(self, texts: Int[Tensor, "batch pos"]) -> None:
        """Decide texts in float32, and go to the best of them if it is better."""
        errors = self.found.measure(texts)
        best = int(errors.mean(1).argmin())
        if float(errors[best].mean()) < self._loss:
            self._here = texts[best].clone(), errors[best].clone()

    def _first_rows(self) -> Float[Tensor, "free d_embed"]:
        """The lens's guess where it sees the whole state, else the mean of the table; or the start text's own rows."""
        goal = self.goal
        if self._start is not None:
            return self._table[self._start[list(goal.free)]]
        rows = self.nearest.rows.mean(0).repeat(len(goal.free), 1)
        if self.lens is not None and goal.neuron is None:
            guess = self.lens.guess(goal.target)
            for number, position in enumerate(goal.free):
                if goal.position in (None, position):
                    rows[number] = guess[position if goal.position is None else 0]
        return rows

    def _disturbed(self, rows: Float[Tensor, "some d_embed"], share: float = 1.0) -> Float[Tensor, "some d_embed"]:
        """Rows a little aside, in units of the table's spread."""
        return rows + share * self._table.std() * torch.randn(rows.shape, generator=self.generator)

    def _descend(self, guess: Rows) -> Iterator[Sign]:
        """Descent in chunks until the snapped text no longer changes."""
        seen: set[tuple[int, ...]] = set()
        for _ in range(CHUNKS):
            guess.descend(CHUNK)
            text = self.goal.fill(self.nearest.tokens(guess.rows, 1)[:, 0])
            self._try(text[None])
            yield Sign(self.found.loss)
            key = tuple(text.tolist())
            if self.found.exact or key in seen:
                return
            seen.add(key)

    def _mend(self, rows: Float[Tensor, "free d_embed"]) -> Iterator[Sign]:
        """Single swaps at the worst positions, several merged, until none helps."""
        while not self.found.exact:
            assert self._here is not None
            ids, before = self._here[0], self._loss
            swaps = self._swaps(ids, rows)
            texts = ids.repeat(len(swaps), 1)
            texts[torch.arange(len(swaps)), swaps[:, 0]] = swaps[:, 1]
            parts = []
            for part in texts.split(SCREENED):
                parts.append(self.found.screen(part).mean(1))
                yield Sign(self.found.loss)
            losses = torch.cat(parts)
            best: dict[int, int] = {}
            for number in losses.argsort().tolist():
                best.setdefault(int(swaps[number, 0]), int(swaps[number, 1]))
            single = texts[losses.topk(min(DECIDED, len(losses)), largest=False).indices]
            self._try(torch.cat([single, _merged(ids, best)]))
            yield Sign(self.found.loss)
            if not self._loss < before * 0.999:
                return

    def _swaps(self, ids: Int[Tensor, " pos"], rows: Float[Tensor, "free d_embed"]) -> Int[Tensor, "swaps 2"]:
        """(position, token) to try: neighbours of the descent's rows, first-order gains, and the lens's reading of what is
        left. Where one or two positions are left, the lists grow with every round in vain, up to the whole vocabulary."""
        goal, free = self.goal, torch.tensor(self.goal.free)
        slope = gradient(self.found, ids)
        suspects = self._suspects(slope)
        wide = FIRST if len(suspects) > FEW else min(FIRST * 8**self._stalls, len(self.nearest.allowed))
        numbers = suspects[:WORST]
        kinds = [self.nearest.tokens(rows[numbers], wide), self.nearest.downhill(slope[numbers], wide)]
        if self.lens is not None and goal.whole:
            left = (goal.target - goal.select(goal.states(ids[None]))[0])[free[numbers]]
            kinds.append(self.nearest.tokens(self._table[ids[free[numbers]]] + self.lens.change(left), wide))
        tried = dict(zip(numbers.tolist(), torch.cat(kinds, 1).tolist(), strict=True))
        if self._stalls:
            # The largest error need not stand where the wrong token does; and a token that stands twice may stand a third time.
            standing, counts = ids[free].unique(return_counts=True)
            twice = standing[counts > 1].tolist()
            for number, downhill in enumerate(self.nearest.downhill(slope, FIRST).tolist()):
                tried[number] = tried.get(number, []) + downhill + twice
        swaps = {
            (int(free[number]), token): None
            for number, tokens in tried.items()
            for token in tokens
            if token != int(ids[free[number]])
        }
        return torch.tensor(list(swaps))

    def _suspects(self, slope: Float[Tensor, "free d_embed"]) -> Int[Tensor, " some"]:
        """Free positions, most suspicious first: those of large error, or, where the target is read elsewhere, by slope."""
        assert self._here is not None
        if self.goal.position is not None:
            return slope.norm(dim=1).cpu().argsort(descending=True)
        errors = self._here[1][list(self.goal.free)]
        order = errors.argsort(descending=True)
        # All of them where none has an error: the target differs at a special token alone.
        return order[errors[order] >= OPEN * errors.max()] if self.goal.whole else order

    def _reopen(self, rows: Float[Tensor, "free d_embed"]) -> tuple[Float[Tensor, "free d_embed"], list[int]]:
        """Where the next descent starts, and which positions it moves: more of them with every round in vain."""
        assert self._here is not None
        free = list(self.goal.free)
        started = self._table[self._here[0][free]]
        errors = self._here[1][free] if self.goal.position is None else torch.ones(len(free))
        moving = (errors >= OPEN / 4**self._stalls * errors.max()).nonzero().flatten().tolist()
        if self._stalls:
            # Part of the way back to the tokens, and a little aside: the last descent ended where it ends from here.
            mixed = torch.rand(len(moving), 1, generator=self.generator)
            started[moving] = self._disturbed(mixed * rows[moving] + (1 - mixed) * started[moving], 0.5)
        else:
            started[moving] = rows[moving]
        return started, moving


def _merged(ids: Int[Tensor, " pos"], best: dict[int, int]) -> Int[Tensor, "merges pos"]:
    """The best swap of each position put in one after the other, best first."""
    texts, text = [], ids
    for position, token in best.items():
        text = text.clone()
        text[position] = token
        texts.append(text)
    return torch.stack(texts)
