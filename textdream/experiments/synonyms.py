"""Which words a layer treats alike: every token of the vocabulary tried at a position, all layers in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.experiments.progress import Progress
from textdream.inversion import Goal
from textdream.model import Model, Read
from textdream.optimizers.problem import replaced
from textdream.optimizers.screening import margin
from textdream.records import Substitute, Synonyms

SPARE = 3
"""So many times the tokens that are kept are decided in float32 at first; then all that the margin cannot tell from them."""
PROBES = 64
"""Tokens drawn from all, evenly over how much they change, in which the precisions are compared."""


class SynonymSearch:
    """A search under way: iterate over it; `found` has the positions that are done, by layer.

    Screened in the search precision against the text's own activation in that same precision, so that what rounding adds to
    both cancels. Then every token that the screening cannot tell from the best is decided in float32: those whose distance
    (the square root of the change, to which rounding adds) is within a margin, measured as `optimizers.screening` does on the
    tokens that were decided so far and on others drawn from all.
    """

    def __init__(
        self, model: Model, ids: Int[Tensor, " pos"], goals: dict[int, Goal], positions: Sequence[int], top: int
    ) -> None:
        self.model, self.ids, self.goals, self.positions, self.top = model, ids, goals, tuple(positions), top
        self.found: dict[int, list[Synonyms]] = {layer: [] for layer in goals}

    def __iter__(self) -> Iterator[Progress]:
        """One position after the other."""
        allowed = self.model.tokens.allowed
        total = len(self.positions) * len(allowed)
        names = self.model.tokens.names(self.ids.tolist())
        for number, position in enumerate(self.positions if self.goals else ()):
            tokens = allowed[allowed != self.ids[position]]
            parts: dict[int, list[Tensor]] = {layer: [] for layer in self.goals}
            done = 0
            for part in tokens.split(max(1, self.model.engine.batch_tokens // len(self.ids))):
                texts = replaced(self.ids, torch.full_like(part, position), part)
                for layer, changes in self._screened(texts).items():
                    parts[layer].append(changes)
                done += len(part)
                yield Progress("looking for synonyms", number * len(allowed) + done, total)
            for layer, goal in self.goals.items():
                kept = self._decided(goal, position, tokens, torch.cat(parts[layer]))
                self.found[layer].append(Synonyms(position=position, token=names[position], tokens=kept))
            deepest = self.found[max(self.goals)][-1].tokens
            news = f"{position:3d}  {names[position]} ≈ {', '.join(token.token for token in deepest[:3])}"
            yield Progress("looking for synonyms", (number + 1) * len(allowed), total, news)

    def _screened(self, texts: Int[Tensor, "batch pos"]) -> dict[int, Float[Tensor, " batch"]]:
        """How far each text moves each layer, in the search precision; the text itself runs in the same batch."""
        batch = torch.cat([self.ids[None], texts])
        goal_of = {goal.read.layer: goal for goal in self.goals.values()}
        reads = [Read(goal.read.site, goal.read.layer) for goal in self.goals.values()]
        changes = {}
        for read, value in self.model.engine.sites([batch], reads):
            assert read.layer is not None
            states = goal_of[read.layer].select(value.float().cpu().unflatten(0, tuple(batch.shape)))
            changes[read.layer] = (states[1:] - states[:1]).square().mean((1, 2))
        return changes

    def _decided(
        self, goal: Goal, position: int, tokens: Int[Tensor, " tokens"], changes: Float[Tensor, " tokens"]
    ) -> list[Substitute]:
        """The tokens that change least, in float32."""
        screened, exact = changes.sqrt(), torch.full_like(changes, float("inf"))
        order = screened.argsort()
        # Near the best, and anywhere: rounding may weigh more on one than on the other.
        rows = torch.cat([order[: SPARE * self.top + 8], order[:: max(1, len(order) // PROBES)]]).unique()
        while len(rows):
            texts = replaced(self.ids, torch.full_like(tokens[rows], position), tokens[rows])
            exact[rows] = goal.measure(texts).mean(1).sqrt()
            decided = exact.isfinite()
            limit = exact.sort().values[min(self.top, len(exact)) - 1] + margin((screened - exact)[decided])
            rows = (~decided & (screened <= limit)).nonzero().flatten()
        best = exact.argsort(stable=True)[: self.top].tolist()
        names = self.model.tokens.names(tokens[best].tolist())
        return [
            Substitute(id=int(tokens[row]), token=name, change=float(exact[row].square()))
            for row, name in zip(best, names, strict=True)
        ]
