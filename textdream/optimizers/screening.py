"""How far the search precision may be trusted: its difference from float32, measured before anything is left out by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.model import Model
from textdream.objectives import Objective
from textdream.optimizers.problem import replaced

# Random replacements, spread over the positions to be searched, in which the precisions are compared.
PROBES = 512
# The margin, in units of the root mean square of those differences and of the largest. Differences are sums of rounding
# errors, about normal: 7 standard deviations are passed once in 10^12. The largest guards against tails that are not.
DEVIATIONS, LARGEST = 7.0, 2.0


@dataclass
class Screening:
    """What the search precision costs in exactness, and how many replacements were looked at.

    Attributes
    ----------
    error
        The largest difference seen between the two precisions.
    margin
        How far below a value something may screen that is really above it.
    checked, decided
        Replacements screened, and those of them whose value was taken in float32.
    """

    error: float
    margin: float
    checked: int = 0
    decided: int = 0

    @classmethod
    def measured(
        cls,
        model: Model,
        objective: Objective,
        ids: Int[Tensor, " pos"],
        positions: Sequence[int],
        generator: torch.Generator,
    ) -> Screening:
        """Compare the precisions on random replacements of a text, so that all of a pass is screened with one margin."""
        engine, tokens = model.engine, model.tokens.allowed
        drawn = tokens[torch.randint(len(tokens), (PROBES,), generator=generator)]
        where = torch.tensor(list(positions)).repeat(-(-PROBES // len(positions)))[:PROBES]
        probes = replaced(ids, where, drawn)
        differences: Float[Tensor, " probes"] = engine.values(probes, objective) - engine.search_values(
            probes, objective
        )
        return cls(float(differences.abs().max()), margin(differences))


def margin(differences: Float[Tensor, " probes"]) -> float:
    """How far apart the precisions may be elsewhere, by their differences on some."""
    return max(LARGEST * float(differences.abs().max()), DEVIATIONS * float(differences.square().mean()) ** 0.5)


def noise(value: float) -> float:
    """Differences that float32 cannot tell from none: sums of the same numbers in another batch, in another order."""
    return 1e-5 * max(1.0, abs(value))
