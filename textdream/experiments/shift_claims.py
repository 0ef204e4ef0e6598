"""What a shift claims, recomputed by the plain Hugging Face forward pass."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from textdream.experiments.reconstruct_claims import RELATIVE, SLACK, Check, plain_target
from textdream.experiments.shift_marks import Asked, asked_by_concept, asked_by_replacement, shift_marks
from textdream.model.concept_file import read_concept
from textdream.model.model import Model
from textdream.records import BareSample, ShiftAuditResult, ShiftResult, ShiftRun, Target


def shift_samples(result: ShiftResult) -> Iterator[tuple[str, BareSample]]:
    """The text of each run."""
    for number, run in enumerate(result.runs):
        yield f"runs.{number}.best", run.best


def shift_checks(result: ShiftResult, model: Model) -> Iterator[Check]:
    """Every number of a shift, with what the plain forward pass gives."""
    double: Any = copy.deepcopy(model.hf).double()
    vectors = {one.layer: torch.tensor(one.vector) for one in result.directions}
    start = result.start.ids
    yield from _word_check(result, model)
    for number, run in enumerate(result.runs):
        where = f"runs.{number}"
        site = Target(kind="layer", site="resid_post", layer=run.layer)
        before = plain_target(model, [start], site)[0]
        wanted = before.clone()
        if result.replacement is not None:
            other = plain_target(model, [result.replacement.ids], site)[0]
            wanted[result.positions] = other[result.replacement_positions or []]
        else:
            wanted[result.positions] += (run.magnitude or 0.0) * vectors[run.layer].to(wanted)
        after = plain_target(model, [run.best.ids], site)[0]
        exact = plain_target(model, [run.best.ids], site, double)[0]
        least = float((torch.finfo(torch.float32).eps * exact).norm())
        floor = 2 * max(float((after.double() - exact).norm()), least)
        for name, reported, found in (
            ("distance", run.distance, float((after - wanted).norm())),
            ("shifted", run.shifted, float((before - wanted).norm())),
        ):
            agree = abs(found - reported) <= RELATIVE * max(found, reported) + SLACK * floor
            yield f"{where}.{name}", reported, found, agree
        yield f"{where}.floor", run.floor, floor, floor / SLACK <= run.floor <= SLACK * floor
        changed = [place for place, (a, b) in enumerate(zip(run.best.ids, start, strict=True)) if a != b]
        yield f"{where}.changed", run.changed, changed, changed == run.changed
        marks = shift_marks(model, start, run.best.ids, _asked(result, run, model))
        yield f"{where}.marks", run.marks, marks, marks == run.marks


def follows_from_concept(
    result: ShiftResult | ShiftAuditResult, folder: Path
) -> tuple[list[tuple[str, Any, Any]], str | None]:
    """The vectors that were added, held against the concept's file, by the path given or beside the result."""
    if result.concept is None:
        return [], None
    left = "the vectors, which the concept's file tells"
    given = Path(str(result.settings.get("concept")))
    paths = [path for path in (given, folder / given, folder / result.concept.file) if path.is_file()]
    if not paths:
        return [], f"{left} ({result.concept.file} is not at hand)"
    same = (path for path in paths if hashlib.sha256(path.read_bytes()).hexdigest() == result.concept.sha256)
    if (path := next(same, None)) is None:
        return [], f"{left} ({paths[0]} is another file now)"
    concept = read_concept(path, result.model)
    kind: Any = result.concept.kind
    said = [result.direction] if isinstance(result, ShiftAuditResult) else result.directions
    words = concept.manifest.words
    found: list[tuple[str, Any, Any]] = [
        (f"concept.{side}", ours, theirs)
        for side, ours, theirs in (
            ("positive", result.concept.positive, words.positive),
            ("negative", result.concept.negative, words.negative),
        )
        if ours != theirs
    ]
    for one in said:
        vector = torch.from_numpy(concept.vector(one.layer, kind))
        length = vector.max() if result.unit == "largest" else vector.norm() / concept.info(one.layer, kind).scale
        if not torch.allclose(torch.tensor(one.vector).double(), vector / length, rtol=1e-5, atol=1e-7):
            found.append((f"directions.{one.layer}", one.vector[:3], (vector / length)[:3].tolist()))
    return found, None


def _word_check(result: ShiftResult, model: Model) -> Iterator[Check]:
    """The word is where the file says. A text that tokenises otherwise than its ids tells no positions."""
    if result.word is None or not result.start.round_trip:
        return
    tokens = model.tokens
    # The text is decoded, and so without what the tokenizer drops, such as accents: the word is looked for that way too.
    decoded = tokens.text(tokens.word_forms(result.word)[0]).strip()
    places = [place for word in (result.word, decoded) for place in tokens.occurrences(result.start.text, word)]
    found = tokens.text([result.start.ids[place] for place in result.positions]).strip()
    yield "word", result.word, found, result.positions in places


def _asked(result: ShiftResult, run: ShiftRun, model: Model) -> Asked:
    """The tokens that the shift leads to."""
    if result.replacement is not None:
        return asked_by_replacement(result.positions, result.replacement.ids, result.replacement_positions or [])
    if result.concept is None:
        return {}
    return asked_by_concept(model, result.start.ids, result.positions, result.concept, run.magnitude)
