"""To which side of a concept does a word in its sentence belong, at every layer?"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch

from textdream.configs import ClassifyConfig
from textdream.corpus.plan import choose_layers
from textdream.errors import InputError
from textdream.experiments.concept_vectors import probability
from textdream.experiments.setting import header
from textdream.model import Model, Read
from textdream.model.concept_file import read_concept
from textdream.objectives.base import check_position
from textdream.records import ClassifiedLayer, ClassifyResult


def concept_classify(
    model: Model,
    file: str | Path,
    text: str,
    config: ClassifyConfig | None = None,
    *,
    word: str | None = None,
    position: int | None = None,
) -> ClassifyResult:
    """Score and calibrated probability of a word at every layer of a concept file.

    Raises
    ------
    InputError
        If the file is no concept of this model, or the text, the word or the layers do not fit.
    """
    config = config or ClassifyConfig()
    begin = time.perf_counter()
    concept = read_concept(file, model.info)
    manifest = concept.manifest
    layers = manifest.layers if config.layers == "all" else choose_layers(config.layers, model.info.layers)
    infos = [concept.info(layer, config.kind) for layer in layers]
    ids = torch.tensor([model.tokens.encode(text)])
    position = position_of(model, text, ids.shape[1], word, position)
    reads = [Read(manifest.site, layer, position) for layer in layers]
    found = model.engine.activations(ids, reads)
    classified = []
    for read, info in zip(reads, infos, strict=True):
        vector = concept.vector(info.layer, config.kind)
        unit = vector / (float(np.linalg.norm(vector)) or 1.0)
        activation = float(found[read][0].double() @ torch.tensor(unit))
        score = activation - info.threshold
        classified.append(
            ClassifiedLayer(
                layer=info.layer,
                activation=activation,
                score=score,
                probability=probability(score, info.slope, info.intercept),
                threshold=info.threshold,
                scale=info.scale,
                slope=info.slope,
                intercept=info.intercept,
                better=info.better,
                vector=unit.tolist(),
            )
        )
    head = header(model, config, time.perf_counter() - begin)
    return ClassifyResult(
        **{**head, "settings": {"concept": Path(file).name, **head["settings"]}},
        words=manifest.words,
        kind=config.kind,
        start=model.bare_sample(ids[0]),
        position=position,
        layers=classified,
    )


def position_of(model: Model, text: str, length: int, word: str | None, position: int | None) -> int:
    """The position that a word or a number gives."""
    if word is not None and position is not None:
        raise InputError("both a word and a position were given", "one of them", "leave --word or --position out")
    if word is not None:
        return model.tokens.reading_position(model.tokens.word_positions(text, word))
    if position is None:
        raise InputError("no word was given", "the word that is classified", "give --word or --position")
    return check_position(position, length)
