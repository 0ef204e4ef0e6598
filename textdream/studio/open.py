"""From a form to an experiment: checked without a pass of the model, and opened for the engine to run.

The checks are the library's own: what an experiment's constructor refuses, with the sentence that the command line prints. What
needs a pass of the model, or a corpus to be read, is found when the run begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from textdream.corpus.index import Index
from textdream.corpus.plan import choose_layers
from textdream.errors import InputError, ResultError
from textdream.experiments.concept import ConceptFit
from textdream.experiments.concept_classify import concept_classify, position_of
from textdream.experiments.concept_swap import Swap
from textdream.experiments.corpus_top import corpus_top, unit_of
from textdream.experiments.diagnose import Diagnosis, annealed
from textdream.experiments.dream import Dream
from textdream.experiments.fill_mask import asked_place, fill_mask
from textdream.experiments.neurons import neurons
from textdream.experiments.reconstruct import Reconstruction
from textdream.experiments.rerun import annealing_of
from textdream.experiments.setting import objective_from, position_from, prepare
from textdream.experiments.shift import Shifting
from textdream.experiments.shift_audit import ShiftAudit
from textdream.experiments.similar import similar
from textdream.experiments.token_search import TokenSearch, change_position
from textdream.model import Model
from textdream.model.concept_file import read_concept
from textdream.objectives import direction
from textdream.records import ReconstructResult
from textdream.studio.places import Places
from textdream.studio.work import Diagnosing, Dreaming, Fitting, Searching, Single, Work


@dataclass(frozen=True)
class Ground:
    """What a form is opened on."""

    model: Model
    places: Places
    kept: ReconstructResult | None = None
    """An earlier result that a reconstruction takes over."""


def check(experiment: str, form: Any, ground: Ground) -> None:
    """Refuse a form that does not fit the model: raises TextdreamError. No pass of the model is made."""
    CHECKS[experiment](form, ground)


def open_work(experiment: str, form: Any, ground: Ground) -> Work:
    """The experiment, ready to run: raises TextdreamError."""
    return OPENERS[experiment](form, ground)


def _dream(form: Any, ground: Ground) -> Dream:
    objective, position = objective_from(form.target)
    return Dream(ground.model, form.text, objective, form.search, word=form.target.word, position=position)


def _check_dream(form: Any, ground: Ground) -> None:
    if form.search.from_corpus is not None:
        Index.open(form.search.from_corpus, ground.model.info)
        if form.search.start.startswith("top:"):
            # Its starts are sentences that have to be measured first.
            objective_from(form.target)
            return
        form = form.model_copy(update={"search": replace(form.search, from_corpus=None)})
    _dream(form, ground)


def _token_search(form: Any, ground: Ground) -> TokenSearch:
    objective, position = objective_from(form.target)
    return TokenSearch(ground.model, form.text, objective, form.search, word=form.target.word, position=position)


def _open_similar(form: Any, ground: Ground) -> Work:
    objective, position = objective_from(form.target)
    return Single(
        "searching",
        lambda _: similar(ground.model, form.text, objective, form.search, word=form.target.word, position=position),
    )


def _check_similar(form: Any, ground: Ground) -> None:
    objective, position = objective_from(form.target)
    setting = prepare(ground.model, form.text, objective, word=form.target.word, position=position)
    change_position(setting, form.search.change)


def _check_dream_alone(form: Any) -> None:
    """A dream that is diagnosed has a target and an annealing of its own."""
    config, blank = form.search, type(form)()
    own = type(config)(context=config.context, neighbours=config.neighbours, controls=config.controls, seed=config.seed)
    if form.text.strip() or form.target != blank.target or config != own:
        raise InputError(
            f"the dream {form.dream} was given, and a text, a target or settings of an annealing",
            "the dream alone: it has its own",
            "leave them out",
        )


def _annealed(form: Any, ground: Ground) -> Dream:
    objective, position = objective_from(form.target)
    return annealed(ground.model, form.text, objective, form.search, word=form.target.word, position=position)


def _check_diagnose(form: Any, ground: Ground) -> None:
    if form.dream is None:
        _annealed(form, ground)
        return
    _check_dream_alone(form)
    dream = ground.places.dream(form.dream)
    if dream.model.sha256 != ground.model.info.sha256:
        raise ResultError(
            f"the dream was made with {dream.model.name}", f"{ground.model.name} was chosen", "choose the dream's model"
        )
    annealing_of(dream)


def _open_diagnose(form: Any, ground: Ground) -> Work:
    if form.dream is not None:
        return Searching(Diagnosis(ground.model, ground.places.dream(form.dream), form.search))
    return Diagnosing(_annealed(form, ground), lambda dream: Diagnosis(ground.model, dream, form.search))


def _check_fill_mask(form: Any, ground: Ground) -> None:
    asked_place(ground.model, form.text, form.word, position_from(form.position))


def _open_fill_mask(form: Any, ground: Ground) -> Work:
    place = position_from(form.position)
    return Single(
        "predicting", lambda _: fill_mask(ground.model, form.text, form.search, word=form.word, position=place)
    )


def _reconstruct(form: Any, ground: Ground) -> Reconstruction:
    return Reconstruction(ground.model, form.text, form.search, kept=ground.kept)


def _fit(form: Any, ground: Ground) -> ConceptFit:
    return ConceptFit(ground.model, form.search, form.text or None)


def _check_fit(form: Any, ground: Ground) -> None:
    if form.text == "sotu" and form.search.swap is not None:
        # Its sentences take seconds to read: that is left to the run.
        Swap(form.search.swap)
        choose_layers(form.search.layers, ground.model.info.layers)
        return
    _fit(form, ground)


def _check_classify(form: Any, ground: Ground) -> None:
    concept = read_concept(form.concept, ground.model.info)
    if form.search.layers != "all":
        for layer in choose_layers(form.search.layers, ground.model.info.layers):
            concept.info(layer, form.search.kind)
    length = len(ground.model.tokens.encode(form.text))
    position_of(ground.model, form.text, length, form.word, form.position)


def _open_classify(form: Any, ground: Ground) -> Work:
    return Single(
        "classifying",
        lambda _: concept_classify(
            ground.model, form.concept, form.text, form.search, word=form.word, position=form.position
        ),
    )


def _shift(form: Any, ground: Ground) -> Shifting:
    return Shifting(ground.model, form.text, form.search)


def _audit(form: Any, ground: Ground) -> ShiftAudit:
    return ShiftAudit(ground.model, form.search)


def _check_audit(form: Any, ground: Ground) -> None:
    form.search.check_complete()
    if form.search.sentences == "sotu":
        # Its sentences take seconds to read: that is left to the run; the rest is checked on the frames.
        form = form.model_copy(update={"search": replace(form.search, sentences=None)})
    _audit(form, ground)


def _check_neurons(form: Any, ground: Ground) -> None:
    if form.search.index is None:
        raise InputError("no index was given", "a folder made by `textdream corpus index`", "give --index")
    Index.open(form.search.index, ground.model.info)
    length = len(ground.model.tokens.encode(form.text))
    position_of(ground.model, form.text, length, form.word, position_from(form.position))


def _open_neurons(form: Any, ground: Ground) -> Work:
    place = position_from(form.position)
    return Single("measuring", lambda _: neurons(ground.model, form.text, form.search, word=form.word, position=place))


def _check_top(form: Any, ground: Ground) -> None:
    index = Index.open(form.index, ground.model.info)
    if form.search.against is not None:
        Index.open(form.search.against, ground.model.info)
    if form.search.direction is None:
        index.card(*unit_of(form.search))
    elif form.search.layer is not None:
        direction(form.search.layer, form.search.direction, site=form.search.site).bind(ground.model, 0, 1)


def _open_top(form: Any, ground: Ground) -> Work:
    scans = form.search.direction is not None
    phase = "scanning the corpus" if scans else "reading the index"
    return Single(phase, lambda heard: corpus_top(ground.model, form.index, form.search, heard))


CHECKS: dict[str, Callable[[Any, Ground], object]] = {
    "dream": _check_dream,
    "token-search": _token_search,
    "similar": _check_similar,
    "diagnose": _check_diagnose,
    "fill-mask": _check_fill_mask,
    "reconstruct": _reconstruct,
    "concept-fit": _check_fit,
    "concept-classify": _check_classify,
    "shift": _shift,
    "shift-audit": _check_audit,
    "neurons": _check_neurons,
    "corpus-top": _check_top,
}
OPENERS: dict[str, Callable[[Any, Ground], Work]] = {
    "dream": lambda form, ground: Dreaming(_dream(form, ground)),
    "token-search": lambda form, ground: Searching(_token_search(form, ground)),
    "similar": _open_similar,
    "diagnose": _open_diagnose,
    "fill-mask": _open_fill_mask,
    "reconstruct": lambda form, ground: Searching(_reconstruct(form, ground)),
    "concept-fit": lambda form, ground: Fitting(_fit(form, ground)),
    "concept-classify": _open_classify,
    "shift": lambda form, ground: Searching(_shift(form, ground)),
    "shift-audit": lambda form, ground: Searching(_audit(form, ground)),
    "neurons": _open_neurons,
    "corpus-top": _open_top,
}
