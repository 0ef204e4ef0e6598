"""Concept files: safetensors with one vector a layer and kind, and a manifest in the header.

Arrays `layer.{l}.mean_difference` and `layer.{l}.logistic`, [d_model] float32; the metadata key `manifest` holds JSON of the
schema textdream.concept/1 (`ConceptManifest`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import ValidationError

from textdream.errors import InputError
from textdream.records import ConceptManifest, ModelInfo, VectorInfo, write_bytes
from textdream.records.concept import CONCEPT_SCHEMA, KINDS, Kind

EXPECTED = "a file that `textdream concept fit` wrote"


@dataclass(frozen=True)
class Concept:
    """A concept file, read and checked."""

    path: Path
    manifest: ConceptManifest
    vectors: Mapping[tuple[int, str], Float[np.ndarray, " d_model"]]
    """As stored: their length is what it came out as, not 1."""

    def vector(self, layer: int, kind: Kind = "mean_difference") -> Float[np.ndarray, " d_model"]:
        """The vector of a layer.

        Raises
        ------
        InputError
            If the file does not hold it.
        """
        self.info(layer, kind)
        return self.vectors[layer, kind]

    def info(self, layer: int, kind: Kind = "mean_difference") -> VectorInfo:
        """Threshold, scale, calibration of a layer's vector.

        Raises
        ------
        InputError
            If the file does not hold it.
        """
        if layer not in self.manifest.layers:
            held = ", ".join(map(str, self.manifest.layers))
            raise InputError(
                f"layer {layer} is not in {self.path.name}", f"it holds the layers {held}", "give one of them"
            )
        return next(found for found in self.manifest.vectors if (found.layer, found.kind) == (layer, kind))

    def check_model(self, model: ModelInfo) -> None:
        """Raise InputError unless the vectors were made with this model."""
        made = self.manifest.model
        if made.sha256 != model.sha256:
            raise InputError(
                f"{self.path.name} is a concept of {made.name} ({made.width} wide, {made.sha256[:12]}…)",
                f"one of {model.name} ({model.width} wide, {model.sha256[:12]}…)",
                f"give --model {made.name}, or fit the concept with {model.name}",
            )


def name_of(layer: int, kind: str) -> str:
    """The array's name in the file."""
    return f"layer.{layer}.{kind}"


def write_concept(
    path: Path, manifest: ConceptManifest, vectors: Mapping[tuple[int, str], Float[np.ndarray, " d_model"]]
) -> None:
    """Write a concept file atomically."""
    from safetensors.numpy import save

    arrays = {name_of(*key): np.ascontiguousarray(vector, np.float32) for key, vector in vectors.items()}
    write_bytes(path, save(arrays, {"manifest": manifest.model_dump_json(by_alias=True)}))


def read_concept(path: str | Path, model: ModelInfo | None = None) -> Concept:
    """Read a concept file; with `model`, only if it is of that model.

    Raises
    ------
    InputError
        If it cannot be read, is no concept file, is of a newer version, contradicts itself, or is of another model.
    """
    path = Path(path)
    header, arrays = read_safetensors(path)
    if "manifest" not in header:
        raise InputError(f"{path} is a safetensors file, but no concept", EXPECTED, "check the path")
    try:
        data = json.loads(header["manifest"])
        schema = data.get("schema")
    except (ValueError, AttributeError):
        raise InputError(f"{path} has a manifest that is no JSON object", EXPECTED, "fit the concept again") from None
    if schema != CONCEPT_SCHEMA:
        raise InputError(f"{path} has the schema {schema!r}", f"{CONCEPT_SCHEMA}", "fit the concept again")
    try:
        manifest = ConceptManifest.model_validate(data)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(
            f"{path} does not follow {CONCEPT_SCHEMA} at {where}", EXPECTED, "fit the concept again"
        ) from None
    vectors: dict[tuple[int, str], Any] = {}
    known = {(found.layer, found.kind) for found in manifest.vectors}
    for key in ((layer, kind) for layer in manifest.layers for kind in KINDS):
        vector = arrays.get(name_of(*key))
        good = vector is not None and vector.shape == (manifest.model.width,) and bool(np.isfinite(vector).all())
        if not good or key not in known:
            what = (
                "is missing" if vector is None or key not in known else f"is not {manifest.model.width} finite numbers"
            )
            raise InputError(f"{name_of(*key)} of {path} {what}", EXPECTED, "fit the concept again")
        vectors[key] = vector
    concept = Concept(path, manifest, vectors)
    if model is not None:
        concept.check_model(model)
    return concept


def read_safetensors(path: Path, what: str = "concept") -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """(metadata, arrays) of a safetensors file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    if path.is_dir():
        raise InputError(f"the {what} {path} is a folder", "a safetensors file", "give the file in it")
    try:
        with safe_open(path, "pt") as file:
            arrays = {name: file.get_tensor(name).double().numpy() for name in file.keys()}  # noqa: SIM118
            return dict(file.metadata() or {}), arrays
    except (OSError, SafetensorError) as error:
        if _is_json(path):
            raise InputError(
                f"the {what} {path} is JSON, as the record of a fit is", "a safetensors file", "give the one of --out"
            ) from None
        raise InputError(
            f"the {what} {path} cannot be read ({error})", "a safetensors file", "check the path"
        ) from None


def _is_json(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(1) == b"{"
