"""Vectors between two words at every layer, and whether they are more than chance.

The activation of the concept word (resid_post) is read in each sentence of two sets. At each layer a vector between the sets is
made in two ways, by difference of means and by logistic regression (AxBench, 2025: the difference of means is among the best
baselines), and held against shuffled labels and random directions; `concept_controls` says how.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from textdream.configs import ConceptConfig
from textdream.corpus.plan import choose_layers
from textdream.errors import InputError
from textdream.experiments.concept_controls import Plan, concept_layer, fold_count, labels_of, layer_scores
from textdream.experiments.concept_examples import read_examples
from textdream.experiments.concept_resume import fit_state, kept_state
from textdream.experiments.concept_sentences import Examples
from textdream.experiments.concept_vectors import FITS
from textdream.experiments.progress import Progress
from textdream.experiments.setting import header
from textdream.model import Model, Read
from textdream.model.concept_file import Concept, write_concept
from textdream.records import (
    ConceptLayer,
    ConceptManifest,
    ConceptResult,
    ConceptSentence,
    VectorInfo,
)
from textdream.records.concept import KINDS
from textdream.version import __version__

SITE = "resid_post"
BATCH = 64


class ConceptFit:
    """A fit under way: iterate over it, and ask for the result, or write the file, once a layer is measured.

    Stopping early (a break, an exception, Ctrl-C) keeps the layers that are measured.

    Parameters
    ----------
    model
        From `textdream.load`.
    config
        The sentences, and how the vectors are measured.
    file
        For `config.swap`: the sentences in which words are swapped.
    examples
        Sentences that are at hand (`examples_of`), in place of those that the settings name.
    kept
        An earlier file of the same fit: its layers are taken over. Every layer has random streams of its own, so that the rest
        comes out as if the fit had never stopped.

    Raises
    ------
    InputError
        If the settings, the sentences or the layers do not fit.
    CorpusError
        If a file cannot be read.
    ResultError
        If `kept` is of another fit.
    """

    def __init__(
        self,
        model: Model,
        config: ConceptConfig | None = None,
        file: str | None = None,
        *,
        examples: Examples | None = None,
        kept: Concept | None = None,
    ) -> None:
        self.model, self.config = model, config or ConceptConfig()
        self._begin, self._before = time.perf_counter(), 0.0
        self.layers = choose_layers(self.config.layers, model.info.layers)
        self.file = file
        self.examples = examples or read_examples(model, self.config, file)
        positive, groups = labels_of(self.examples.sentences)
        self.plan = Plan(
            positive,
            groups,
            fold_count(positive, groups, self.config.folds),
            self.config.repeats,
            self.config.controls,
            self.config.seed,
        )
        if self.plan.folds < 2:
            raise InputError(
                "one of the sets has sentences that differ in the concept word alone",
                "two of each set that differ in more, so that one can be held out",
                "give more sentences",
            )
        self._state = fit_state(self.plan, self.examples.sentences, self.layers)
        self._found: dict[int, ConceptLayer] = {}
        self._infos: dict[tuple[int, str], VectorInfo] = {}
        self.vectors: dict[tuple[int, str], Float[np.ndarray, " d_model"]] = {}
        if kept is not None:
            self._take_over(kept)

    def _take_over(self, kept: Concept) -> None:
        state = kept_state(kept, self._manifest())
        self._before = state.seconds or 0.0
        self.vectors |= kept.vectors
        self._infos |= {(info.layer, info.kind): info for info in kept.manifest.vectors}
        self._found |= {layer.layer: layer for layer in state.measured}

    def __iter__(self) -> Iterator[Progress]:
        """Read the activations, then measure one layer after the other."""
        left = [layer for layer in self.layers if layer not in self._found]
        states: dict[int, Float[np.ndarray, "n d"]] = {}
        for done, states in word_states(self.model, self.examples.sentences, left) if left else ():  # noqa: B007
            yield Progress("reading activations", done, len(self.examples.sentences))
        for number, layer in enumerate(left):
            yield Progress("measuring layers", number, len(left))
            self._measure(layer, states[layer])
            found = self._found[layer]
            low, high = found.interval
            news = f"layer {layer}  accuracy {found.accuracy:.3f} [{low:.3f}, {high:.3f}]  {found.verdict}"
            yield Progress("measuring layers", number + 1, len(left), news)

    def _measure(self, layer: int, x: Float[np.ndarray, "n d"]) -> None:
        against, scores, infos = layer_scores(x, self.plan, layer)
        for kind in KINDS:
            boundary = FITS[kind](x, self.plan.positive)
            projected = x @ boundary.vector
            scale = float(projected[self.plan.positive].mean() - projected[~self.plan.positive].mean())
            # The difference of means keeps its length, which is the distance between the two sets.
            self.vectors[layer, kind] = boundary.vector * (scale if kind == "mean_difference" else 1.0)
            slope, intercept = infos[kind]
            self._infos[layer, kind] = VectorInfo(
                layer=layer,
                kind=kind,
                threshold=boundary.threshold,
                scale=scale,
                slope=slope,
                intercept=intercept,
                accuracy=scores[kind].accuracy,
                better=scores[kind].better,
            )
        # Last: a layer whose figures are here is whole.
        self._found[layer] = concept_layer(x, self.plan, layer, against, scores)

    @property
    def measured(self) -> list[int]:
        """The layers that are measured."""
        return [layer for layer in self.layers if layer in self._found]

    @property
    def found(self) -> bool:
        """Whether there is something to report."""
        return bool(self._found)

    @property
    def finished(self) -> bool:
        """Whether every layer was measured."""
        return len(self._found) == len(self.layers)

    def result(self) -> ConceptResult:
        """The record of the layers that were measured; complete, or marked as interrupted.

        Raises
        ------
        InputError
            If none is.
        """
        self._check_found()
        head = header(self.model, self.config, self._seconds)
        head["settings"] = {**({} if self.file is None else {"file": self.file}), **head["settings"]}
        return ConceptResult(
            **head,
            words=self.examples.words,
            groups=len(np.unique(self.plan.groups)),
            folds=self.plan.folds,
            repeats=self.plan.repeats,
            controls=self.plan.controls,
            layers=[self._found[layer] for layer in self.measured],
            set_aside=self.examples.set_aside,
            sentences=self.examples.sentences,
            interrupted=not self.finished,
        )

    def write(self, path: str | Path) -> None:
        """Write the concept file of the layers that were measured, whole or not at all.

        Raises
        ------
        InputError
            If none is.
        ResultError
            If the file cannot be written.
        """
        self._check_found()
        keys = [(layer, kind) for layer in self.measured for kind in KINDS]
        write_concept(Path(path), self._manifest(), {key: self.vectors[key] for key in keys})

    def _manifest(self) -> ConceptManifest:
        done = {"measured": [self._found[layer] for layer in self.measured]}
        return ConceptManifest(
            textdream=__version__,
            model=self.model.info,
            layers=self.measured,
            words=self.examples.words,
            vectors=[self._infos[layer, kind] for layer in self.measured for kind in KINDS],
            positive=int(self.plan.positive.sum()),
            negative=int((~self.plan.positive).sum()),
            seed=self.config.seed,
            interrupted=not self.finished,
            fit=self._state.model_copy(update=done if self.finished else {**done, "seconds": self._seconds}),
        )

    @property
    def _seconds(self) -> float:
        return self._before + time.perf_counter() - self._begin

    def _check_found(self) -> None:
        if not self.found:
            raise InputError("the fit has not finished a layer", "one that is measured", "iterate over it")


def concept_fit(
    model: Model,
    config: ConceptConfig | None = None,
    file: str | None = None,
    *,
    examples: Examples | None = None,
    out: str | Path | None = None,
) -> ConceptResult:
    """Fit a concept; with `out`, write its vectors to that file. See `ConceptFit`."""
    fit = ConceptFit(model, config, file, examples=examples)
    for _ in fit:
        pass
    if out is not None:
        fit.write(out)
    return fit.result()


def word_states(
    model: Model, sentences: Sequence[ConceptSentence], layers: Sequence[int]
) -> Iterator[tuple[int, dict[int, Float[np.ndarray, "n d"]]]]:
    """(sentences read so far, resid_post of the concept word by layer), in float32 by the Hugging Face modules.

    The arrays are the same at each step and fill up. Sentences of one length are read together: no padding.
    """
    reads = [Read(SITE, layer) for layer in layers]
    states = {layer: np.zeros((len(sentences), model.width(SITE, layer))) for layer in layers}
    by_length: dict[int, list[int]] = {}
    for number, sentence in enumerate(sentences):
        by_length.setdefault(len(sentence.ids), []).append(number)
    done = 0
    for _, numbers in sorted(by_length.items()):
        for start in range(0, len(numbers), BATCH):
            part = numbers[start : start + BATCH]
            ids = torch.tensor([sentences[number].ids for number in part])
            positions = torch.tensor([sentences[number].position for number in part])
            found = model.engine.activations(ids, reads)
            for read in reads:
                x: Tensor = found[read][torch.arange(len(part)), positions]
                states[cast(int, read.layer)][part] = x.double().numpy()
            done += len(part)
            yield done, states
