"""Every allowed token at one position of a text: screened in the search precision, decided in float32."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.model import Model
from textdream.objectives import Objective
from textdream.optimizers.problem import replaced
from textdream.optimizers.screening import Screening, noise

# Batches of the engine between two signs of life: a few seconds.
BATCHES = 16


class PositionSearch:
    """One text, one position, the whole vocabulary; with `round_trip`, those of its tokens with which the text survives that.

    Iterate over it to screen the tokens; it yields how many are done. After that `best`, `worst` and `above` give float32
    values, decided for every token that could belong there by the measured difference of the two precisions.

    Attributes
    ----------
    scores
        The objective with each token of `tokens` put in, in the search precision.
    screening
        What the search precision cost in exactness, and how many values were taken in float32.
    """

    def __init__(
        self, model: Model, objective: Objective, ids: Int[Tensor, " pos"], position: int, round_trip: bool = False
    ) -> None:
        self.model, self.objective, self.ids, self.position = model, objective, ids, position
        self.tokens: Int[Tensor, " tried"] = model.tokens.allowed
        if round_trip:
            self.tokens = self.tokens[model.tokens.survives(self._texts(torch.arange(len(self.tokens))))]
        self.scores: Float[Tensor, " allowed"] = torch.zeros(0, dtype=model.engine.dtype)
        self.screening = Screening.measured(model, objective, ids, (position,), torch.Generator().manual_seed(position))

    def __iter__(self) -> Iterator[int]:
        """Screen all tokens, part by part."""
        engine, done = self.model.engine, []
        size = BATCHES * max(1, engine.batch_tokens // len(self.ids))
        for part in torch.arange(len(self.tokens)).split(size):
            done.append(engine.search_values(self._texts(part), self.objective))
            self.scores = torch.cat(done)
            yield len(self.scores)

    def best(self, top: int) -> list[tuple[int, float]]:
        """(token id, value) of the `top` tokens of highest value, best first."""
        return self._extremes(top, 1.0)

    def worst(self, top: int) -> list[tuple[int, float]]:
        """(token id, value) of the `top` tokens of lowest value, lowest first."""
        return self._extremes(top, -1.0)

    def above(self, value: float) -> int:
        """How many tokens have a value above `value`, by more than float32's noise."""
        margin = self.screening.margin
        limit = value + noise(value)
        sure = self.scores > limit + margin
        near = ((self.scores > limit - margin) & ~sure).nonzero().flatten()
        return int(sure.sum()) + int((self._exact(near) > limit).sum())

    def values(self, tokens: Int[Tensor, " some"]) -> Float[Tensor, " some"]:
        """The objective in float32 with each of these token ids put in."""
        return self.model.engine.values(
            replaced(self.ids, torch.full_like(tokens, self.position), tokens), self.objective
        )

    def _texts(self, rows: Tensor) -> Int[Tensor, "rows pos"]:
        tokens = self.tokens[rows]
        return replaced(self.ids, torch.full_like(tokens, self.position), tokens)

    def _exact(self, rows: Tensor) -> Float[Tensor, " rows"]:
        values = self.values(self.tokens[rows])
        self.screening.decided += len(rows)
        return values

    def _extremes(self, top: int, sign: float) -> list[tuple[int, float]]:
        scores = sign * self.scores
        order = scores.argsort(descending=True)
        chosen = order[:top]
        values = sign * self._exact(chosen)
        # What may belong to the top: anything that screened within the margin of the last one that surely does.
        floor = float(values.topk(min(top, len(values))).values[-1]) - self.screening.margin
        more = order[len(chosen) :]
        more = more[scores[more] >= floor]
        if len(more):
            chosen, values = torch.cat([chosen, more]), torch.cat([values, sign * self._exact(more)])
        first = values.argsort(descending=True, stable=True)[:top]
        return [(int(self.tokens[chosen[i]]), sign * float(values[i])) for i in first]
