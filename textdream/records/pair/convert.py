"""What becomes of PAIR's runs: the keys of a result, each only as far as the file says it.

Activations stay in PAIR's unit (`normalised`). Ids are filled in later, from a vocabulary. What PAIR reported was the last
step; the best is the best that the file has. `round_trip`, seconds, seed, floors and distances are unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from textdream.records.pair.format import (
    DreamRun,
    LossIteration,
    Params,
    ReconstructRun,
    ShiftRun,
    SimilarRun,
    Target,
    TokenSearchRun,
    TopIteration,
    TopWordsRun,
)

UNKNOWN = "[?]"
"""Stands for a token that the file does not have: a `top_words` file has one position of a text."""
SPECIAL = frozenset({"[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]", UNKNOWN})


def dream(run: DreamRun) -> dict[str, Any]:
    """`dream`. It starts at its first step: PAIR's one-hot start is the sentence given, whose value the file has there."""
    steps, free = run.results.iterations, run.params.free
    _same_length(run.params, steps)
    best = max(steps, key=lambda step: step.ids_activation)
    return {
        **_dream(run.params, free),
        "start": _sample(steps[0].tokens, steps[0].ids_activation),
        "final": _sample(steps[-1].tokens, steps[-1].ids_activation),
        "best": _sample(best.tokens, best.ids_activation),
        "steps": [
            {
                "step": step.number,
                "tokens": step.tokens,
                "hard": step.ids_activation,
                "soft": step.activation,
                "temperature": step.temperature,
                "phase": "anneal",
                "top_tokens": None
                if step.max_values is None
                else [[_token(step.tokens[at], weight=step.max_values[at])] for at in free],
            }
            for step in steps
        ],
    }


def top_words(run: TopWordsRun) -> dict[str, Any]:
    """`top_words`: a dream of whose texts one position is known, and no text's value."""
    steps, free, position = run.results.iterations, run.params.free, run.position

    def text(step: TopIteration) -> list[str]:
        heaviest = max(zip(step.scores, step.tokens, strict=True), key=lambda pair: pair[0])[1]
        others = (UNKNOWN if at in free else token for at, token in enumerate(run.params.tokens))
        return [heaviest if at == position else token for at, token in enumerate(others)]

    def tokens(step: TopIteration) -> list[dict[str, Any]]:
        ids: Sequence[int | None] = step.indices or [None] * len(step.tokens)
        found = zip(ids, step.tokens, step.scores, strict=True)
        return [{"id": id_, "token": token, "weight": score} for id_, token, score in found]

    last = _sample(text(steps[-1]), None)
    return {
        **_dream(run.params, free),
        "start": _sample(run.params.tokens, None),
        "final": last,
        "best": last,
        "steps": [
            {
                "step": step.number,
                "tokens": text(step),
                "hard": None,
                "soft": step.activation,
                "temperature": step.temperature,
                "phase": "anneal",
                "top_tokens": [tokens(step) if at == position else [] for at in free],
            }
            for step in steps
        ],
    }


def token_search(run: TokenSearchRun) -> dict[str, Any]:
    """`token_search`. How many tokens were searched the file does not say."""
    tokens = sorted(run.tops, key=lambda top: -top.activation)
    texts = [*run.tokens]
    texts[run.change_word] = tokens[0].token
    return {
        "type": "token_search",
        **_changed(run),
        "searched": None,
        "tokens": [_token(top.token, activation=top.activation) for top in tokens],
        "worst": [],
        "best": _sample(texts, tokens[0].activation),
    }


def similar(run: SimilarRun) -> dict[str, Any]:
    """`similar_embeddings`. With `cosine`, PAIR wrote similarities, and those of the least similar tokens."""
    pairs = [(1 - top.distance if run.cosine else top.distance, top) for top in run.tops]
    pairs.sort(key=lambda pair: pair[0])
    return {
        "type": "similar",
        **_changed(run),
        "metric": "cosine" if run.cosine else "euclidean",
        "furthest": pairs[-1][0] if run.cosine else run.furthest,
        "tokens": [_token(top.token, distance=distance, activation=top.activation) for distance, top in pairs],
    }


def reconstruct(runs: Sequence[ReconstructRun]) -> dict[str, Any]:
    """`reconstruct`, of one layer or of several."""
    first = runs[0].params
    _same_text([run.params for run in runs])
    places = "all positions" if first.word_id is None else f"position {first.word_id}"
    return {
        "type": "reconstruct",
        "start": _bare(first.tokens),
        "target": {
            "kind": "layer" if first.neuron_id is None else "neuron",
            "site": "resid_post",
            "position": first.word_id,
            "neuron": first.neuron_id,
            "description": f"resid_post {places}" + ("" if first.neuron_id is None else f" neuron {first.neuron_id}"),
        },
        "layers": sorted(map(_layer, runs), key=lambda layer: layer["layer"]),
    }


def _layer(run: ReconstructRun) -> dict[str, Any]:
    given, steps = run.params.tokens, run.results.iterations
    _same_length(run.params, steps)
    best = min(steps, key=lambda step: step.ids_loss)
    ordinary = [pair for pair in zip(given, best.tokens, strict=True) if pair[0] not in SPECIAL]
    right = sum(a == b for a, b in ordinary)
    return {
        "layer": _one_layer(run.params, "a reconstruction"),
        "best": _bare(best.tokens),
        "exact": best.tokens == given,
        "accuracy": right / len(ordinary) if ordinary else 1.0,
        "loss": best.ids_loss,
        **dict.fromkeys(("seconds", "evaluations", "gradients", "floor")),
        "marks": [
            "special" if a in SPECIAL else "right" if a == b else "wrong"
            for a, b in zip(given, best.tokens, strict=True)
        ],
        "method": "anneal",
        "last": _bare(steps[-1].tokens),
        "last_loss": steps[-1].ids_loss,
        "steps": [_loss_step(step) for step in steps],
    }


def shift(runs: Sequence[ShiftRun]) -> dict[str, Any]:
    """`reconstruct_shifted`, of layers and magnitudes. PAIR divided the vector by its largest entry."""
    first = runs[0].params
    _same_text([run.params for run in runs])
    if any(run.params.shifted != first.shifted for run in runs):
        raise ValueError("runs that shift different words")
    return {
        "type": "shift",
        "start": _bare(first.tokens),
        "word": _text([first.tokens[at] for at in first.shifted]),
        "positions": first.shifted,
        "concept": {
            "file": PurePosixPath(first.shift_vector or "").name or "unknown",
            **dict.fromkeys(("sha256", "kind", "negative")),
            "positive": first.target,
        },
        "unit": "largest",
        "directions": [],
        "runs": sorted(map(_shift_run, runs), key=lambda run: (run["layer"], run["magnitude"])),
    }


def _shift_run(run: ShiftRun) -> dict[str, Any]:
    given, steps = run.params.tokens, run.results.iterations
    _same_length(run.params, steps)
    best = min(steps, key=lambda step: step.ids_loss)
    asked = run.params.target if run.params.shift_magnitude > 0 else None

    def mark(at: int) -> str:
        if given[at] in SPECIAL:
            return "special"
        if best.tokens[at] == given[at]:
            return "unchanged"
        return "intended" if at in run.params.shifted and best.tokens[at] == asked else "otherwise"

    return {
        "layer": _one_layer(run.params, "a shift"),
        "magnitude": run.params.shift_magnitude,
        "best": _bare(best.tokens),
        "changed": [at for at, token in enumerate(given) if best.tokens[at] != token],
        "marks": [mark(at) for at in range(len(given))],
        **dict.fromkeys(("distance", "shifted", "floor", "evaluations", "seconds")),
        "loss": best.ids_loss,
        "steps": [_loss_step(step) for step in steps],
    }


def _one_layer(params: Params, what: str) -> int:
    """The layer. One text for all layers together has no place in a result, which has a text for each."""
    if params.layer_id is None:
        raise ValueError(f"{what} of all layers at once (layer_id null or -1), where a result has one for each layer")
    return params.layer_id


def _dream(params: Params, free: list[int]) -> dict[str, Any]:
    """What the two kinds of dream share."""
    return {
        "type": "dream",
        "target": _target(params, params.normalize is True),
        "free": free,
        "method": "anneal",
        "evaluations": None,
    }


def _changed(run: TokenSearchRun) -> dict[str, Any]:
    """What the two searches share. The start's value is there if its own token is."""
    own = run.tokens[run.change_word]
    value = next((top.activation for top in run.tops if top.token == own), None)
    return {"target": _target(run, True), "start": _sample(run.tokens, value), "position": run.change_word}


def _target(read: Target, normalised: bool) -> dict[str, Any]:
    """What was read. Where PAIR took all neurons, it took their mean."""
    layer = "all layers" if read.layer_id is None else str(read.layer_id)
    unit = "mean of all neurons" if read.neuron_id is None else f"neuron {read.neuron_id}"
    place = "averaged over positions" if read.word_id is None else f"at position {read.word_id}"
    kind = "mean" if read.neuron_id is None else "channel" if read.word_id is None else "neuron"
    return {
        "kind": kind,
        "site": "resid_post",
        "layer": read.layer_id,
        "neuron": read.neuron_id,
        "position": read.word_id,
        "normalised": normalised,
        "description": f"resid_post {layer} {unit} {place}" + (", normalised" if normalised else ""),
    }


def _bare(tokens: Sequence[str]) -> dict[str, Any]:
    return {"ids": [], "tokens": list(tokens), "text": _text(tokens), "round_trip": None}


def _sample(tokens: Sequence[str], activation: float | None) -> dict[str, Any]:
    return {**_bare(tokens), "activation": activation}


def _token(token: str, **values: float) -> dict[str, Any]:
    return {"id": None, "token": token, **values}


def _text(tokens: Sequence[str]) -> str:
    """Words joined by spaces, pieces (##) by nothing, without special tokens."""
    words: list[str] = []
    for token in tokens:
        if token.startswith("##") and words:
            words[-1] += token[2:]
        elif token not in SPECIAL:
            words.append(token)
    return " ".join(words)


def _loss_step(step: LossIteration) -> dict[str, Any]:
    return {
        "step": step.number,
        "tokens": step.tokens,
        "loss": step.ids_loss,
        "soft_loss": step.loss,
        "temperature": step.temperature,
        "weights": step.max_values,
    }


def _same_length(params: Params, steps: Sequence[Any]) -> None:
    for step in steps:
        if len(step.tokens) != len(params.tokens):
            raise ValueError(
                f"{len(step.tokens)} tokens in iteration {step.number}, but {len(params.tokens)} in the text"
            )


def _same_text(params: Sequence[Params]) -> None:
    if any(each.tokens != params[0].tokens for each in params):
        raise ValueError("runs of different texts")
    if any((each.word_id, each.neuron_id) != (params[0].word_id, params[0].neuron_id) for each in params):
        raise ValueError("runs of different words or neurons")
