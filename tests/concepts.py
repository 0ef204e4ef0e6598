"""Concept files of tiny models, whose vectors are random."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

import textdream
from tests.tiny import LAYERS, WIDTH
from textdream.model.concept_file import write_concept
from textdream.records import ConceptManifest, VectorInfo
from textdream.records.concept import KINDS, ConceptWords


def concept_file(
    model: textdream.Model, path: Path, positive: str, negative: str, layers: Sequence[int] = range(LAYERS)
) -> Path:
    """Write one."""
    drawn = np.random.default_rng(0).normal(size=(LAYERS, len(KINDS), WIDTH)).astype(np.float32)
    places = [(layer, kind) for layer in layers for kind in KINDS]
    manifest = ConceptManifest(
        textdream=textdream.__version__,
        model=model.info,
        layers=list(layers),
        words=ConceptWords(positive=positive, negative=negative),
        vectors=[
            VectorInfo(
                layer=layer, kind=kind, threshold=0.0, scale=2.0, slope=1.0, intercept=0.0, accuracy=1.0, better=True
            )
            for layer, kind in places
        ],
        positive=2,
        negative=2,
        seed=0,
    )
    write_concept(path, manifest, dict(zip(places, drawn[list(layers)].reshape(-1, WIDTH), strict=True)))
    return path
