"""Lens, descent, discrete search: rebuild a text from an activation of an encoder (or of part of a decoder's layer).

A round descends on the embeddings of the open positions, snaps them to the nearest tokens, and mends the text by single
swaps at the positions that are furthest from the target. Positions whose error is small then hold still at their tokens, so
that the next descent has fewer unknowns. A round that gains nothing opens more positions, starts them anew, and widens the
lists of candidates, up to the whole vocabulary.
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
"""Candidates of each kind at a position, in the first round."""
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
        self._wide = FIRST

    def __iter__(self) -> Iterator[Sign]:
        """Rounds without end: exact texts end it, the caller's patience ends the others."""
        found = self.found
        rows = self._first_rows()
        if self._start is not None:
            found.measure(self._start[None])
        moving = list(range(len(self.goal.free)))
        while not found.exact:
            before = found.loss
            guess = Rows(found, rows, moving)
            yield from self._descend(guess)
            if found.exact:
                return
            yield from self._mend(guess.rows.cpu())
            if found.exact:
                return
            stalled = not found.loss < before * 0.999
            rows, moving = self._reopen(guess.rows.cpu(), stalled)

    def _first_rows(self) -> Float[Tensor, "free d_embed"]:
        """The lens's guess where it sees the whole state, else the mean of the table; or the start text's own rows."""
        goal, table = self.goal, self.goal.model.engine.table.cpu()
        if self._start is not None:
            return table[self._start[list(goal.free)]]
        rows = self.nearest.rows.mean(0).repeat(len(goal.free), 1)
        if self.lens is not None and goal.neuron is None:
            guess = self.lens.guess(goal.target)
            for number, position in enumerate(goal.free):
                if goal.position in (None, position):
                    rows[number] = guess[position if goal.position is None else 0]
        return rows

    def _descend(self, guess: Rows) -> Iterator[Sign]:
        """Descent in chunks until the snapped text no longer changes."""
        seen: set[tuple[int, ...]] = set()
        for chunk in range(CHUNKS):
            guess.descend(CHUNK, 1.0 if chunk < 2 else 0.3)
            text = self._snapped(guess)
            self.found.measure(text[None])
            yield Sign("descending", self.found.loss)
            key = tuple(text.tolist())
            if self.found.exact or key in seen:
                return
            seen.add(key)

    def _snapped(self, guess: Rows) -> Int[Tensor, " pos"]:
        """The nearest tokens of the rows."""
        return self.goal.fill(self.nearest.tokens(guess.rows, 1)[:, 0])

    def _mend(self, rows: Float[Tensor, "free d_embed"]) -> Iterator[Sign]:
        """Single swaps at the worst positions, several merged, until none helps."""
        found = self.found
        while not found.exact:
            assert found.ids is not None
            ids, before = found.ids, found.loss
            swaps = self._swaps(ids, rows)
            texts = ids.repeat(len(swaps), 1)
            texts[torch.arange(len(swaps)), swaps[:, 0]] = swaps[:, 1]
            losses = found.screen(texts).mean(1)
            yield Sign("mending", found.loss)
            best: dict[int, int] = {}
            for number in losses.argsort().tolist():
                best.setdefault(int(swaps[number, 0]), int(swaps[number, 1]))
            single = texts[losses.topk(min(DECIDED, len(losses)), largest=False).indices]
            found.measure(torch.cat([single, self._merged(ids, best)]))
            yield Sign("mending", found.loss)
            if not found.loss < before * 0.999:
                return

    def _merged(self, ids: Int[Tensor, " pos"], best: dict[int, int]) -> Int[Tensor, "merges pos"]:
        """The best swap of each position put in one after the other, best first."""
        texts, text = [], ids
        for position, token in best.items():
            text = text.clone()
            text[position] = token
            texts.append(text)
        return torch.stack(texts)

    def _swaps(self, ids: Int[Tensor, " pos"], rows: Float[Tensor, "free d_embed"]) -> Int[Tensor, "swaps 2"]:
        """(position, token) to try: neighbours of the descent's rows, first-order gains, and the lens's reading of what is
        left."""
        goal, free = self.goal, torch.tensor(self.goal.free)
        slope = gradient(self.found, ids)
        numbers = self._suspects(slope)[:WORST]
        kinds = [
            self.nearest.tokens(rows[numbers], self._wide),
            self.nearest.downhill(slope[numbers], self._wide),
        ]
        if self.lens is not None and goal.whole:
            left = (goal.target - goal.select(goal.states(ids[None]))[0])[free[numbers]]
            table = goal.model.engine.table.cpu()
            kinds.append(self.nearest.tokens(table[ids[free[numbers]]] + self.lens.change(left), self._wide))
        swaps = {
            (int(free[number]), token): None
            for place, number in enumerate(numbers.tolist())
            for token in torch.cat([kind[place] for kind in kinds]).tolist()
            if token != int(ids[free[number]])
        }
        return torch.tensor(list(swaps))

    def _suspects(self, slope: Float[Tensor, "free d_embed"]) -> Int[Tensor, " free"]:
        """Free positions, most suspicious first: by the error there, or by the slope where the target is read elsewhere."""
        errors = self.found.errors
        assert errors is not None
        wrong = errors[list(self.goal.free)] if self.goal.position is None else slope.norm(dim=1).cpu()
        return wrong.argsort(descending=True)

    def _reopen(
        self, rows: Float[Tensor, "free d_embed"], stalled: bool
    ) -> tuple[Float[Tensor, "free d_embed"], list[int]]:
        """Where the next descent starts, and which positions it moves."""
        goal, found = self.goal, self.found
        assert found.ids is not None
        assert found.errors is not None
        free = list(goal.free)
        table = goal.model.engine.table.cpu()
        settled = table[found.ids[free]]
        errors = found.errors[free] if goal.position is None else torch.ones(len(free))
        share = OPEN
        if stalled:
            found.restarts += 1
            self._wide = min(4 * self._wide, len(self.nearest.allowed))
            share = OPEN / 4 ** min(found.restarts, 4)
        moving = (errors > share * errors.max()).nonzero().flatten().tolist()
        started = settled.clone()
        started[moving] = rows[moving]
        if stalled:
            # Half way back to the tokens, and a little aside: the last descent ended where it ends from here.
            noise = torch.randn(len(moving), table.shape[1], generator=self.generator) * table.std()
            mixed = torch.rand(len(moving), 1, generator=self.generator)
            started[moving] = mixed * rows[moving] + (1 - mixed) * settled[moving] + 0.5 * noise
        return started, moving
