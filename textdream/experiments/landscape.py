"""One free position as the diagnosis sees it: its best token, what lies around that, and around random tokens."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from textdream.experiments.neighbourhood import embedding_distances, smoothness
from textdream.experiments.vocabulary import PositionSearch
from textdream.records import NeighbourValue, PositionDiagnosis, TokenValue

NEAR = 100
"""Nearest tokens over which distance and activation are correlated: chance alone then stays within ± 0.2."""


def landscape(
    search: PositionSearch, controls: Int[Tensor, " controls"], neighbours: int, sign: float
) -> PositionDiagnosis:
    """What a search of one position says of it.

    Parameters
    ----------
    search
        Finished; its objective is raised.
    controls
        Ids of the random tokens.
    neighbours
        How many nearest, and how many most activating, are compared.
    sign
        Of the target in the objective: -1 for a minimum.
    """
    tokens, table = search.tokens, search.model.engine.table.cpu()
    best = search.best(neighbours)
    # The best token itself is nobody's neighbour that counts: it is not its own.
    leading = {token for token, _ in best[1:]}

    def around(token: int) -> tuple[Int[Tensor, " near"], Float[Tensor, " near"]]:
        """The nearest tokens and their distances, without the token itself."""
        distances = embedding_distances(table, token)[tokens]
        rows = distances.argsort(stable=True)
        rows = rows[tokens[rows] != token][:NEAR]
        return tokens[rows], distances[rows]

    def shared(near: Tensor) -> int:
        return len(leading.intersection(near[:neighbours].tolist()))

    def record(token: int, value: float) -> TokenValue:
        return TokenValue(id=token, token=search.model.tokens.names([token])[0], activation=sign * value)

    near, distances = around(best[0][0])
    values = search.values(near)
    control_shared, control_smoothness = [], []
    for token, own in zip(controls.tolist(), search.values(controls).tolist(), strict=True):
        others, far = around(token)
        control_shared.append(shared(others))
        if (found := smoothness(far, search.values(others), own)) is not None:
            control_smoothness.append(found)
    here = int(search.ids[search.position])
    own = float(search.values(search.ids[[search.position]])[0])
    nearest = zip(near.tolist(), values.tolist(), distances.tolist(), strict=True)
    return PositionDiagnosis(
        position=search.position,
        token=record(here, own),
        better=search.above(own),
        tokens=[record(token, value) for token, value in best],
        neighbours=[
            NeighbourValue(**record(token, value).model_dump(), distance=distance) for token, value, distance in nearest
        ][:neighbours],
        shared=shared(near),
        smoothness=smoothness(distances, values, best[0][1]),
        control_shared=control_shared,
        control_smoothness=control_smoothness,
    )
