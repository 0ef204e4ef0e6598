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
from textdream.experiments.concept_sentences import Examples
from textdream.experiments.concept_vectors import FITS
from textdream.experiments.progress import Progress
from textdream.experiments.setting import header
from textdream.model import Model, Read
from textdream.model.concept_file import write_concept
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
    """A fit under way: iterate over it, then ask for the result.

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

    Raises
    ------
    InputError
        If the settings, the sentences or the layers do not fit.
    CorpusError
        If a file cannot be read.
    """

    def __init__(
        self,
        model: Model,
        config: ConceptConfig | None = None,
        file: str | None = None,
        *,
        examples: Examples | None = None,
    ) -> None:
        self.model, self.config = model, config or ConceptConfig()
        self._begin = time.perf_counter()
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
        self._found: list[ConceptLayer] = []
        self._infos: list[VectorInfo] = []
        self.vectors: dict[tuple[int, str], Float[np.ndarray, " d_model"]] = {}

    def __iter__(self) -> Iterator[Progress]:
        """Read the activations, then measure one layer after the other."""
        states: dict[int, Float[np.ndarray, "n d"]] = {}
        for done, states in word_states(self.model, self.examples.sentences, self.layers):  # noqa: B007
            yield Progress("reading activations", done, len(self.examples.sentences))
        for number, layer in enumerate(self.layers):
            yield Progress("measuring layers", number, len(self.layers))
            self._measure(layer, states[layer])
            found = self._found[-1]
            low, high = found.interval
            news = f"layer {layer}  accuracy {found.accuracy:.3f} [{low:.3f}, {high:.3f}]  {found.verdict}"
            yield Progress("measuring layers", number + 1, len(self.layers), news)

    def _measure(self, layer: int, x: Float[np.ndarray, "n d"]) -> None:
        against, scores, infos = layer_scores(x, self.plan, layer)
        self._found.append(concept_layer(x, self.plan, layer, against, scores))
        for kind in KINDS:
            boundary = FITS[kind](x, self.plan.positive)
            projected = x @ boundary.vector
            scale = float(projected[self.plan.positive].mean() - projected[~self.plan.positive].mean())
            # The difference of means keeps its length, which is the distance between the two sets.
            self.vectors[layer, kind] = boundary.vector * (scale if kind == "mean_difference" else 1.0)
            slope, intercept = infos[kind]
            self._infos.append(
                VectorInfo(
                    layer=layer,
                    kind=kind,
                    threshold=boundary.threshold,
                    scale=scale,
                    slope=slope,
                    intercept=intercept,
                    accuracy=scores[kind].accuracy,
                    better=scores[kind].better,
                )
            )

    @property
    def finished(self) -> bool:
        """Whether every layer was measured."""
        return len(self._found) == len(self.layers)

    def result(self) -> ConceptResult:
        """The record.

        Raises
        ------
        InputError
            If the fit is not finished.
        """
        if not self.finished:
            raise InputError("the fit is not finished", "every layer measured", "iterate over it to its end")
        head = header(self.model, self.config, time.perf_counter() - self._begin)
        head["settings"] = {**({} if self.file is None else {"file": self.file}), **head["settings"]}
        return ConceptResult(
            **head,
            words=self.examples.words,
            groups=len(np.unique(self.plan.groups)),
            folds=self.plan.folds,
            repeats=self.plan.repeats,
            controls=self.plan.controls,
            layers=self._found,
            set_aside=self.examples.set_aside,
            sentences=self.examples.sentences,
        )

    def write(self, path: str | Path) -> None:
        """Write the concept file, whole or not at all.

        Raises
        ------
        InputError
            If the fit is not finished.
        ResultError
            If the file cannot be written.
        """
        if not self.finished:
            raise InputError("the fit is not finished", "every layer measured", "iterate over it to its end")
        manifest = ConceptManifest(
            textdream=__version__,
            model=self.model.info,
            layers=self.layers,
            words=self.examples.words,
            vectors=self._infos,
            positive=int(self.plan.positive.sum()),
            negative=int((~self.plan.positive).sum()),
            seed=self.config.seed,
        )
        write_concept(Path(path), manifest, self.vectors)


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
