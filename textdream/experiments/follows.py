"""What follows from the rest of a result, from the model's vocabulary and embeddings, or from the index or concept it names.

Each check gives where in the file, what it says, and what follows; what agrees is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.experiments.corpus_top import agreement_sentence
from textdream.experiments.index_claims import follows_from_index
from textdream.experiments.neighbourhood import embedding_distances, smoothness
from textdream.experiments.shift_claims import follows_from_concept
from textdream.model.model import Model
from textdream.records import (
    ClassifyResult,
    CorpusTopResult,
    NeuronsResult,
    ReconstructResult,
    ShiftAuditResult,
    ShiftResult,
    SimilarResult,
    TokenSearchResult,
)

Found = tuple[str, Any, Any]


def follows(result: Any, model: Model) -> Iterator[Found]:
    """What follows from the file and the model."""
    for name in ("architecture", "layers", "width", "vocabulary_size"):
        if getattr(result.model, name) != getattr(model.info, name):
            yield f"model.{name}", getattr(result.model, name), getattr(model.info, name)
    target = getattr(result, "target", None)
    if target is not None and target.weight != 1 and target.terms is None:
        yield "target.weight", target.weight, 1.0
    for where, values in _orders(result):
        if values != sorted(values):
            yield where, "best first", "another order"
    if isinstance(result, TokenSearchResult):
        yield from _token_search(result, model)
    elif isinstance(result, SimilarResult):
        yield from _similar(result, model)
    elif isinstance(result, CorpusTopResult):
        yield from _corpus_top(result)


def follows_from_files(result: Any, model: Model, folder: Path) -> tuple[list[Found], str | None]:
    """What follows from the files that a result in `folder` names; and, where they are not at hand, what could not be checked."""
    if isinstance(result, ShiftResult | ShiftAuditResult):
        return follows_from_concept(result, folder)
    if isinstance(result, ClassifyResult):
        return (
            [],
            "the concept's words, and whether it was better than its controls when it was fitted, which its file tells",
        )
    if isinstance(result, ReconstructResult) and any(one.synonyms for one in result.layers):
        return [], "that no other token changes a layer less than the substitutes listed, which takes another search"
    if isinstance(result, CorpusTopResult | NeuronsResult):
        return follows_from_index(result, model)
    return [], None


def _orders(result: Any) -> Iterator[tuple[str, list[Any]]]:
    """Lists that are said to be in order, as keys that rise."""
    if isinstance(result, TokenSearchResult):
        lists = [("", result.tokens, result.worst)]
        lists += [(f"map.{one.position}.", one.tokens, one.worst) for one in result.map or ()]
        for where, tokens, worst in lists:
            yield f"{where}tokens", [-token.activation for token in tokens]
            yield f"{where}worst", [token.activation for token in worst]
        yield "pairs", [-pair.activation for pair in result.pairs or ()]
    elif isinstance(result, NeuronsResult):
        yield "neurons", [(-unit.percentile, -unit.z) for unit in result.neurons]
    elif isinstance(result, CorpusTopResult):
        yield "sentences", [-sentence.activation for sentence in result.sentences]
        yield "least", [sentence.activation for sentence in result.least]
    elif isinstance(result, ReconstructResult):
        for one in result.layers:
            for group in one.synonyms or ():
                yield f"layers.{one.layer}.synonyms.{group.position}", [token.change for token in group.tokens]


def _token_search(result: TokenSearchResult, model: Model) -> Iterator[Found]:
    allowed = len(model.tokens.allowed)
    if result.searched != allowed:
        yield "searched", result.searched, allowed
    leading = max((result.tokens, *(column.tokens for column in result.map or ())), key=lambda t: t[0].activation)
    if leading[0].activation > result.tokens[0].activation:
        yield "position", result.position, "the position with the best token"
    best = result.pairs[0].activation if result.pairs else result.tokens[0].activation
    if result.best is not None and result.best.activation != best:
        yield "best.activation", result.best.activation, best
    kept = min(allowed, int(result.settings.get("top", len(result.tokens))))
    lists = [("", result.tokens, result.worst)]
    lists += [(f"map.{one.position}.", one.tokens, one.worst) for one in result.map or ()]
    for where, tokens, worst in lists:
        for name, found in (("tokens", tokens), ("worst", worst)):
            if len(found) != kept:
                yield f"{where}{name}", f"{len(found)} tokens", f"{kept}"
    for column in result.map or ():
        if column.token != result.start.tokens[column.position]:
            yield f"map.{column.position}.token", column.token, result.start.tokens[column.position]
    if result.positions is not None and len(set(result.positions)) != len(result.positions):
        yield "positions", result.positions, "different ones"


def _similar(result: SimilarResult, model: Model) -> Iterator[Found]:
    table = _embeddings(model)
    here = result.start.ids[result.position]
    distances = embedding_distances(table, here, result.metric)[model.tokens.allowed].sort().values
    said = torch.tensor([token.distance for token in result.tokens])
    for number, (ours, theirs) in enumerate(zip(said.tolist(), distances.tolist(), strict=False)):
        if not isclose(ours, theirs, rel_tol=1e-4, abs_tol=1e-4):
            yield f"tokens.{number}.distance", ours, theirs
            return
    if not isclose(result.furthest, float(distances[-1]), rel_tol=1e-4, abs_tol=1e-4):
        yield "furthest", result.furthest, float(distances[-1])
    others = torch.tensor([token.id != here for token in result.tokens])
    values = torch.tensor([token.activation for token in result.tokens])
    rank = smoothness(said[others], values[others], result.start.activation)
    if (rank is None) != (result.rank_correlation is None) or (
        rank is not None and not isclose(rank, result.rank_correlation or 0.0, abs_tol=1e-6)
    ):
        yield "rank_correlation", result.rank_correlation, rank


@torch.no_grad()
def _embeddings(model: Model) -> Float[Tensor, "d_vocab d_embed"]:
    """What the model looks up for each token: some (Gemma's) scale their table's rows on the way."""
    module = model.hf.get_input_embeddings()
    ids = torch.arange(module.weight.shape[0], device=module.weight.device)
    found: Tensor = module(ids)
    return found.cpu().float()


def _corpus_top(result: CorpusTopResult) -> Iterator[Found]:
    if result.target.normalised:
        yield "target.normalised", True, False
    places = [("standing", result.standing, result.sentences)]
    if result.against is not None:
        places.append(("against.standing", result.against.standing, result.against.sentences))
        text = agreement_sentence(result.against.tokens, result.against.others)
        if result.against.text != text:
            yield "against.text", result.against.text, text
    for where, found, sentences in places:
        if not found.minimum <= found.mean <= found.maximum:
            yield where, (found.minimum, found.mean, found.maximum), "minimum, mean and maximum in order"
        if sentences and sentences[0].activation < found.mean:
            yield f"{where}.mean", found.mean, f"no more than the best sentence, {sentences[0].activation}"
    edges = [(band.low, band.high) for band in result.quantiles]
    if edges != sorted(edges) or any(low > high for low, high in edges):
        yield "quantiles", edges, "bands that rise"
