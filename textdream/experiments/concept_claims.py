"""What results about concepts say, and the same computed again from the token ids by plain forward passes.

A `classify` record carries its vectors: every projection, score and probability is recomputed. A `concept` record carries its
sentences and not its vectors: each must hold the word of its side where it is said to stand; the activations of these words are
read again, and the whole cross-validation with its controls is run again on them, from the seed. Two roundings can put a sentence
that lies at a threshold on either side of it; so a share may be off by one sentence in each run of the cross-validation, and an
agreement by what that rounding does to a vector.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from textdream.corpus.plan import choose_layers
from textdream.experiments.concept_controls import Plan, concept_layer, labels_of, layer_scores, verdict, wilson
from textdream.experiments.concept_vectors import probability
from textdream.experiments.corpus_claims import UnitClaim
from textdream.experiments.plain import plain_resid
from textdream.model.model import Model
from textdream.records import ClassifyResult, ConceptLayer, ConceptResult, ConceptSentence, Target, VectorScore

Check = tuple[str, float, float, float]
"""Where in the file, the value reported, the value found, how far apart they may be."""
AGREEMENT = 1e-3


def concept_sentences(result: Any) -> Iterator[tuple[str, ConceptSentence]]:
    """Every sentence of a concept, and where it is."""
    if isinstance(result, ConceptResult):
        for number, sentence in enumerate(result.sentences):
            yield f"sentences.{number}", sentence


def projection_claims(result: Any) -> Iterator[UnitClaim]:
    """Every projection on a concept's vector."""
    if isinstance(result, ClassifyResult):
        for number, layer in enumerate(result.layers):
            target = Target(kind="direction", site=result.site, layer=layer.layer, vector=layer.vector)
            value = f"layers.{number}.activation", result.position, layer.activation
            yield UnitClaim(result.start.ids, target, [value])


def concept_checks(result: Any, model: Model) -> Iterator[Check]:
    """Every figure that follows from activations."""
    if isinstance(result, ClassifyResult):
        for number, layer in enumerate(result.layers):
            where, score = f"layers.{number}", layer.activation - layer.threshold
            yield f"{where}.score", layer.score, score, 1e-6
            chance = probability(score, layer.slope, layer.intercept)
            yield f"{where}.probability", layer.probability, chance, 1e-6
            length = float(np.linalg.norm(layer.vector))
            yield f"{where}.vector", length, 1.0, 1e-5
    if isinstance(result, ConceptResult):
        for number, sentence in enumerate(result.sentences):
            yield f"sentences.{number}.position", sentence.position, _place(sentence, result, model), 0
        asked = choose_layers(str(result.settings.get("layers", "all")), model.info.layers)
        yield "interrupted", float(result.interrupted), float(len(result.layers) < len(asked)), 0
        positive, groups = labels_of(result.sentences)
        plan = Plan(positive, groups, result.folds, result.repeats, result.controls, result.seed)
        states = _word_states(model, result.sentences, [layer.layer for layer in result.layers])
        yield "groups", result.groups, len(np.unique(groups)), 0
        for number, reported in enumerate(result.layers):
            x = states[reported.layer]
            against, scores, _ = layer_scores(x, plan, reported.layer)
            found = concept_layer(x, plan, reported.layer, against, scores)
            yield from _layer_checks(f"layers.{number}", reported, found, result)
            same = reported.verdict == verdict(reported, reported.random_limit)
            yield f"layers.{number}.verdict", float(same), 1.0, 0


def _place(sentence: ConceptSentence, result: ConceptResult, model: Model) -> int:
    """Where the first occurrence of its side's word is read; -1 where the word is not in it."""
    word = result.words.positive if sentence.positive else result.words.negative
    places = model.tokens.occurrences(sentence.text, word)
    return model.tokens.reading_position(places[0]) if places and places[0] else -1


def _layer_checks(where: str, reported: ConceptLayer, found: ConceptLayer, result: ConceptResult) -> Iterator[Check]:
    one = 1.01 / len(result.sentences)
    for name in ("random", "random_limit"):
        yield f"{where}.{name}", getattr(reported, name), getattr(found, name), one
    yield f"{where}.random_agreement", reported.random_agreement, found.random_agreement, AGREEMENT
    yield f"{where}.distance", reported.distance, found.distance, 1e-4 * max(1.0, found.distance)
    pairs: list[tuple[str, VectorScore, VectorScore]] = [
        (where, reported, found),
        (f"{where}.logistic", reported.logistic, found.logistic),
    ]
    for place, said, again in pairs:
        for name in ("accuracy", "shuffled", "shuffled_limit"):
            yield f"{place}.{name}", getattr(said, name), getattr(again, name), one
        for name in ("agreement", "shuffled_agreement"):
            yield f"{place}.{name}", getattr(said, name), getattr(again, name), AGREEMENT
        # What follows from the reported figures has to follow exactly.
        low, high = wilson(said.accuracy, result.groups)
        yield f"{place}.interval.0", said.interval[0], low, 1e-9
        yield f"{place}.interval.1", said.interval[1], high, 1e-9
        better = said.interval[0] > max(said.shuffled_limit, reported.random_limit)
        yield f"{place}.better", float(said.better), float(better), 0


def _word_states(
    model: Model, sentences: list[ConceptSentence], layers: list[int]
) -> dict[int, Float[np.ndarray, "n d"]]:
    """resid_post of the concept word by layer, one ordinary forward pass a sentence."""
    found: dict[int, list[Float[np.ndarray, " d"]]] = {layer: [] for layer in layers}
    for sentence in sentences:
        states = plain_resid(model, torch.tensor([sentence.ids]), layers)
        for layer, x in states.items():
            found[layer].append(x[0, sentence.position].double().cpu().numpy())
    return {layer: np.stack(rows) for layer, rows in found.items()}
