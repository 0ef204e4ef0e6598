"""Whether a concept file is of the same fit, so that the layers in it need not be measured again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from textdream.errors import ResultError
from textdream.experiments.concept_controls import Plan
from textdream.model.concept_file import Concept
from textdream.records import ConceptManifest, ConceptSentence, FitState


def fit_state(plan: Plan, sentences: Sequence[ConceptSentence], layers: list[int]) -> FitState:
    """What has to be the same for a fit to go on, with no layer measured yet."""
    seen = json.dumps([sentence.model_dump() for sentence in sentences], sort_keys=True)
    return FitState(
        wanted=layers,
        sentences=hashlib.sha256(seen.encode()).hexdigest(),
        folds=plan.folds,
        repeats=plan.repeats,
        controls=plan.controls,
        measured=[],
    )


def kept_state(kept: Concept, ours: ConceptManifest) -> FitState:
    """The state of an earlier fit's file.

    Parameters
    ----------
    ours
        Of the fit that is to go on.

    Raises
    ------
    ResultError
        If it is of another model, other sentences, settings or another seed, or does not say how its layers were measured.
    """
    file, theirs, own = kept.manifest, kept.manifest.fit, ours.fit
    if theirs is None or own is None or [layer.layer for layer in theirs.measured] != file.layers:
        raise ResultError(
            f"{kept.path} does not say how its layers were measured", "a file that --resume can go on from", "fit anew"
        )
    checked = {
        "model": (file.model.sha256, ours.model.sha256),
        "seed": (file.seed, ours.seed),
        "words": (dict(file.words), dict(ours.words)),
        "layers": (theirs.wanted, own.wanted),
        "folds": (theirs.folds, own.folds),
        "repeats": (theirs.repeats, own.repeats),
        "controls": (theirs.controls, own.controls),
        "sentences": (theirs.sentences[:12], own.sentences[:12]),
    }
    for what, (found, wanted) in checked.items():
        if found != wanted:
            raise ResultError(
                f"the file to resume differs in its {what} ({found!r:.60})",
                f"the same, {wanted!r:.60}",
                "give another --out",
            )
    return theirs
