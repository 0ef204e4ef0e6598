"""The experiments as the page offers them: a JSON Schema for each form, what is common first, and how a field is filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from textdream import configs
from textdream.configs.check import limits
from textdream.studio import forms
from textdream.studio.bounds import BOUNDS

TARGET_ROLES = {
    "target.layer": "layer",
    "target.neuron": "neuron",
    "target.site": "site",
    "target.head": "head",
    "target.position": "position",
    "target.word": "word",
    "target.token": "token",
    "target.minus_token": "token",
    "target.direction": "concept",
}
TARGET = {"layer": 4, "neuron": 138, "word": "wheeler"}
TEXT = "no wheeler for me ."


@dataclass(frozen=True)
class Kind:
    """How one experiment is offered."""

    title: str
    group: str
    form: type[forms.Form]
    common: Sequence[str]
    roles: Mapping[str, str]
    example: Mapping[str, Any]
    pausable: bool = True
    pauses_at_news: bool = False
    """Whether its time is counted, so that it pauses only where nothing is under way."""
    needs: Sequence[str] = field(default_factory=tuple)
    """Of concept and index: what has to be at hand."""


KINDS: dict[str, Kind] = {
    "dream": Kind(
        "Dream", "Search", forms.DreamForm,
        ["text", "target.layer", "target.neuron", "target.word", "search.free", "search.method", "search.steps"],
        {"text": "text", **TARGET_ROLES, "search.free": "positions", "search.from_corpus": "index"},
        {"text": TEXT, "target": TARGET, "search": {"steps": 20}},
    ),
    "token-search": Kind(
        "Token search", "Search", forms.TokenSearchForm,
        ["text", "target.layer", "target.neuron", "target.word", "search.change"],
        {"text": "text", **TARGET_ROLES, "search.change": "positions"},
        {"text": TEXT, "target": TARGET},
    ),
    "similar": Kind(
        "Similar tokens", "Search", forms.SimilarForm,
        ["text", "target.layer", "target.neuron", "target.word", "search.metric"],
        {"text": "text", **TARGET_ROLES, "search.change": "position"},
        {"text": TEXT, "target": TARGET}, pausable=False,
    ),
    "diagnose": Kind(
        "Diagnose", "Search", forms.DiagnoseForm,
        ["dream", "text", "target.layer", "target.neuron", "target.word", "search.preset"],
        {"text": "text", "dream": "dream", **TARGET_ROLES, "search.free": "positions"},
        {"text": TEXT, "target": TARGET, "search": {"steps": 600}},
    ),
    "fill-mask": Kind(
        "Fill mask", "Predict", forms.FillMaskForm,
        ["text", "word", "search.tokens"],
        {"text": "text", "word": "word", "position": "position"},
        {"text": "the doctor said that he was late .", "word": "he", "search": {"tokens": "he,she"}}, pausable=False,
    ),
    "reconstruct": Kind(
        "Reconstruct", "Rebuild", forms.ReconstructForm,
        ["text", "search.layers", "search.budget"],
        {"text": "text", "search.layers": "layers", "search.site": "site", "search.head": "head",
         "search.position": "position", "search.neuron": "neuron", "search.corpus": "corpus", "search.change": "positions"},
        {"text": "he compressed his temples with his hands .", "search": {"layers": "0:3"}}, pauses_at_news=True,
    ),
    "concept-fit": Kind(
        "Fit a concept", "Concepts", forms.ConceptFitForm,
        ["text", "search.swap", "search.most"],
        {"text": "sentences", "search.positive": "sentences", "search.negative": "sentences", "search.pairs": "sentences",
         "search.layers": "layers"},
        {"text": "sotu", "search": {"swap": "he=she,his=her,him=her", "most": 100}},
    ),
    "concept-classify": Kind(
        "Classify a word", "Concepts", forms.ConceptClassifyForm,
        ["concept", "text", "word"],
        {"concept": "concept", "text": "text", "word": "word", "position": "position", "search.layers": "layers"},
        {"text": "the doctor went home .", "word": "doctor"}, pausable=False, needs=["concept"],
    ),
    "shift": Kind(
        "Shift", "Rebuild", forms.ShiftForm,
        ["text", "search.word", "search.concept", "search.magnitudes", "search.layers"],
        {"text": "text", "search.word": "word", "search.position": "position", "search.concept": "concept",
         "search.layers": "layers"},
        {"text": "she played baseball with her friends",
         "search": {"word": "she", "replace_with": "he/he played baseball with her friends", "layers": "2"}},
        pauses_at_news=True,
    ),
    "shift-audit": Kind(
        "Audit of shifts", "Concepts", forms.ShiftAuditForm,
        ["search.concept", "search.word", "search.layer", "search.frames", "search.most"],
        {"search.concept": "concept", "search.layer": "layer", "search.sentences": "sentences"},
        {"search": {"word": "she", "layer": 2, "frames": "professions,sports", "most": 20}},
        pauses_at_news=True, needs=["concept"],
    ),
    "neurons": Kind(
        "Neurons of a word", "Corpus", forms.NeuronsForm,
        ["search.index", "text", "word"],
        {"text": "text", "word": "word", "position": "position", "search.index": "index", "search.site": "site",
         "search.layer": "layer"},
        {"text": "he compressed his temples with his hands .", "word": "hands"}, pausable=False, needs=["index"],
    ),
    "corpus-top": Kind(
        "Sentences of a corpus", "Corpus", forms.CorpusTopForm,
        ["index", "search.layer", "search.neuron", "search.quantiles"],
        {"index": "index", "search.layer": "layer", "search.neuron": "neuron", "search.site": "site",
         "search.direction": "concept", "search.against": "index"},
        {"search": {"layer": 4, "neuron": 138}}, pausable=False, needs=["index"],
    ),
}  # fmt: skip
PASTED = {
    "positive": "Sentences with the one word, one a line.",
    "negative": "Sentences with the other word, one a line.",
    "pairs": "Minimal pairs: two sentences a line with a tab between.",
}
IDS = {
    "direction": "The id of a run that fitted a concept (its layer; id:logistic for that kind), in place of a neuron.",
    "concept": "The id of a run that fitted a concept, along whose vectors the activation moves.",
    "from_corpus": "The name of a corpus index: its best sentence for this neuron is what the dream has to beat.",
    "index": "The name of the corpus index to measure against.",
    "against": "The name of a second index: its best sentences beside the first's, and how much the two agree.",
    "sentences": "In place of the frames: sentences, one a line; those with the word are used. Or sotu: speeches at hand.",
    "corpus": "What the lens is fitted on: sotu, or random (texts of the model's own vocabulary).",
}


class Section(BaseModel):
    """A part of a form."""

    name: str
    path: str


class ExperimentAnswer(BaseModel):
    """How one experiment is offered."""

    name: str
    title: str
    group: str
    question: str
    live: str
    """What streams while it runs: steps (of a dream), or progress."""
    pausable: bool
    common: list[str]
    """Paths of the fields to show first."""
    sections: list[Section]
    roles: dict[str, str]
    """How a field is filled."""
    needs: list[str]
    """Of concept and index: what has to be at hand."""
    example: dict[str, Any]
    schema_: dict[str, Any] = Field(alias="schema")
    """JSON Schema of the settings."""

    model_config = ConfigDict(populate_by_name=True)


def experiments(with_index: bool) -> list[ExperimentAnswer]:
    """All experiments; those that need an index only where there is one."""
    return [_answer(name, kind) for name, kind in KINDS.items() if with_index or "index" not in kind.needs]


def _answer(name: str, kind: Kind) -> ExperimentAnswer:
    schema = kind.form.model_json_schema()
    add_limits(schema["$defs"])
    sections = [
        Section(name=part.capitalize(), path=part) for part in ("target", "search") if part in kind.form.model_fields
    ]
    return ExperimentAnswer(
        name=name,
        title=kind.title,
        group=kind.group,
        question=kind.form.__doc__ or "",
        live="steps" if name == "dream" else "progress",
        pausable=kind.pausable,
        common=list(kind.common),
        sections=sections,
        roles=dict(kind.roles),
        needs=list(kind.needs),
        example=dict(kind.example),
        schema=schema,
    )


def add_limits(schemas: dict[str, Any]) -> None:
    """Write the limits that the configs check, and the studio's own, into their schemas; and what a field takes here."""
    for name, schema in schemas.items():
        kind = getattr(configs, name, None)
        if kind is None:
            continue
        known = limits(kind)
        for key, field_schema in schema["properties"].items():
            if key in IDS:
                field_schema["description"] = IDS[key]
            if name == "ConceptConfig" and key in PASTED:
                field_schema["description"] = PASTED[key]
            for part in [field_schema, *field_schema.get("anyOf", ())]:
                if part.get("type") not in ("integer", "number"):
                    continue
                high = BOUNDS.get(key, float("inf"))
                if (limit := known.get(key)) is not None:
                    if isfinite(limit.low):
                        part["exclusiveMinimum" if limit.above else "minimum"] = limit.low
                    high = min(high, limit.high)
                if isfinite(high):
                    part["maximum"] = high
