"""What a result found, in one line: for the gallery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LONGEST = 160


def headline(result: Any) -> str:
    """One line."""
    line = " ".join(LINES[result.type](result).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _dream(result: Any) -> str:
    proof = ", certified" if result.certificate is not None and result.certificate.holds else ""
    return f"{result.best.text} ({result.best.activation:.3f}, from {result.start.activation:.3f}{proof})"


def _token_search(result: Any) -> str:
    if result.best is None:
        return f"{result.tokens[0].token} ({result.tokens[0].activation:.3f})"
    return f"{result.best.text} ({result.best.activation:.3f}, from {result.start.activation:.3f})"


def _similar(result: Any) -> str:
    near = ", ".join(token.token for token in result.tokens[:5])
    return f"nearest: {near}"


def _fill_mask(result: Any) -> str:
    return ", ".join(f"{token.token} {token.probability:.1%}" for token in result.tokens[:4])


def _reconstruct(result: Any) -> str:
    exact = sum(layer.exact and not layer.ambiguous for layer in result.layers)
    return f"{exact} of {len(result.layers)} layers exact"


def _concept(result: Any) -> str:
    best = max(result.layers, key=lambda layer: layer.accuracy)
    return f"{result.words.negative} → {result.words.positive}: accuracy {best.accuracy:.3f} at layer {best.layer}"


def _classify(result: Any) -> str:
    last = result.layers[-1]
    return f"{result.words.positive} with probability {last.probability:.2f} at layer {last.layer}"


def _shift(result: Any) -> str:
    changed = sum(bool(run.changed) for run in result.runs)
    return f"{changed} of {len(result.runs)} runs changed a word"


def _shift_audit(result: Any) -> str:
    told = [token.token for token in result.tokens if token.more]
    more = f"more than chance: {', '.join(told)}" if told else "no other token more than chance"
    return f"{' → '.join(result.ends)} in {len(result.sentences)} sentences: {more}"


def _neurons(result: Any) -> str:
    return ", ".join(f"{one.site} {one.layer}.{one.neuron}" for one in result.neurons[:4])


def _corpus_top(result: Any) -> str:
    best = result.sentences[0]
    return f"{best.text} ({best.activation:.3f})"


LINES: dict[str, Callable[[Any], str]] = {
    "dream": _dream,
    "token_search": _token_search,
    "similar": _similar,
    "diagnose": lambda result: result.explanation,
    "fill_mask": _fill_mask,
    "reconstruct": _reconstruct,
    "concept": _concept,
    "classify": _classify,
    "shift": _shift,
    "shift_audit": _shift_audit,
    "neurons": _neurons,
    "corpus_top": _corpus_top,
}
