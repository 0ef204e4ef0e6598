"""Which changes are those that a shift asked for: the one place that knows, for the search and for `verify`."""

from __future__ import annotations

from collections.abc import Sequence

from textdream.experiments.concept_swap import cased_like
from textdream.model import Model
from textdream.records.shift import ShiftMark, ShiftSource

Asked = dict[int, set[int]]
"""At each position of the word, the ids that the shift leads to."""


def asked_by_concept(
    model: Model, ids: Sequence[int], positions: Sequence[int], concept: ShiftSource, magnitude: float | None
) -> Asked:
    """The concept's word of the magnitude's side, as `ShiftRun.marks` has it: cased like the word in the text, by place."""
    side = concept.positive if (magnitude or 0.0) > 0 else concept.negative
    if not side.strip():
        return {}
    # A byte-level tokenizer writes the space before a word into its first token.
    here = model.tokens.text([ids[place] for place in positions]).strip()
    forms = model.tokens.word_forms(cased_like(here, side))
    fitting = [form for form in forms if len(form) == len(positions)] or forms
    return {
        place: {form[number] for form in fitting if number < len(form)}
        for number, place in enumerate(sorted(positions))
    }


def asked_by_replacement(positions: Sequence[int], other: Sequence[int], places: Sequence[int]) -> Asked:
    """The very tokens whose activations were put in."""
    return {position: {int(other[place])} for position, place in zip(positions, places, strict=True)}


def shift_marks(model: Model, start: Sequence[int], best: Sequence[int], asked: Asked) -> list[ShiftMark]:
    """For each position: special, unchanged, changed as intended, or otherwise."""
    found: list[ShiftMark] = []
    for position, (before, after) in enumerate(zip(start, best, strict=True)):
        if before in model.tokens.special:
            found.append("special")
        elif before == after:
            found.append("unchanged")
        else:
            found.append("intended" if after in asked.get(position, ()) else "otherwise")
    return found
