"""How an interrupted run goes on, and what is said of that: in a new run, so that the old one's file stays what it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textdream.errors import InputError
from textdream.records import DreamResult, ReconstructResult
from textdream.studio.forms import DreamForm


def continued(form: Any, result: Any) -> tuple[Any, str]:
    """The form of the new run, and the sentence that says what is done.

    Parameters
    ----------
    form
        Of the old run.
    result
        What the old run had found; None if nothing.

    Raises
    ------
    InputError
        If the text that the old run had reached cannot be gone on from.
    """
    if isinstance(result, ReconstructResult):
        done = sum(layer.finished for layer in result.layers)
        return form, f"{done} finished layers are taken over; what was under way begins again."
    if isinstance(form, DreamForm) and isinstance(result, DreamResult):
        return _dream(form, result)
    return form, "Begun again from the start: nothing of the old run is taken over."


def _dream(form: DreamForm, result: DreamResult) -> tuple[DreamForm, str]:
    best = result.best
    if not best.round_trip:
        raise InputError(
            "the best text of that dream gives other tokens when it is tokenised again",
            "one that gives the same, to go on from",
            "run the dream again",
        )
    position = form.target.position if result.target.position is None else str(result.target.position)
    target = replace(form.target, word=None, position=position)
    search = replace(form.search, start="given", free=",".join(map(str, result.free)))
    new = form.model_copy(update={"text": best.text, "target": target, "search": search})
    return new, (
        f"A new search from the best text that the old run had reached ({best.activation:.3f}): its steps, evaluations, seconds "
        "and random numbers begin anew, and its start is that text."
    )
