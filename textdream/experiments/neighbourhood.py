"""Do tokens with near embeddings act alike? Distances between embeddings, and their rank correlation with activations."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def ranks(values: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Ranks from 1, lowest first; equals share the mean of theirs."""
    _, inverse, counts = torch.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum(0)
    return (last - (counts - 1) / 2)[inverse].to(torch.float64)


def spearman(a: Float[Tensor, " n"], b: Float[Tensor, " n"]) -> float | None:
    """Spearman's rank correlation; None where there is none: fewer than three values, or all of one kind equal."""
    if len(a) < 3:
        return None
    x, y = ranks(a), ranks(b)
    x, y = x - x.mean(), y - y.mean()
    length = float(x.norm() * y.norm())
    return None if length == 0 else float(x @ y) / length


def smoothness(distances: Float[Tensor, " n"], values: Float[Tensor, " n"], here: float) -> float | None:
    """Rank correlation of the neighbours' distance from a token with their difference from its value `here`.

    Near 1 where tokens act the less alike the further they are; 0 where distance says nothing. Around the token of highest
    value, where every difference is a loss, it is the rank correlation of distance and value, its sign turned.
    """
    return spearman(distances, (values - here).abs())


def embedding_distances(
    table: Float[Tensor, "d_vocab d_embed"], id_: int, metric: str = "euclidean"
) -> Float[Tensor, " d_vocab"]:
    """Distance of every row of the embedding table from one: euclidean, or 1 - cosine similarity."""
    here = table[id_]
    if metric == "euclidean":
        return (table - here).norm(dim=1)
    return (1 - torch.cosine_similarity(table, here[None], dim=1)).clamp_min(0)
