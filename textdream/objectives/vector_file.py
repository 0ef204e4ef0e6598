"""The vector of a layer, out of a safetensors file that holds one vector, or several by name, or a concept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from textdream.errors import InputError
from textdream.model.concept_file import Concept, read_concept, read_safetensors
from textdream.records.concept import KINDS


@dataclass(frozen=True)
class NamedVector:
    """A vector, what it is called, and the concept that it belongs to, if it does."""

    vector: Float[np.ndarray, "*shape"]
    """[d] in a good file: whoever reads it says what was expected."""
    label: str = ""
    concept: Concept | None = None


def read_vector(given: str | Path, layer: int | None, site: str) -> NamedVector:
    """The vector of `layer` in a file.

    Parameters
    ----------
    given
        A file with one vector of any name; or with several, one named after the layer (`layer.4`, or `layer.4.` and anything);
        or a concept file, whose difference of means is taken unless `:logistic` follows the path.

    Raises
    ------
    InputError
        If it cannot be read, has no vector or several for the layer, or is a concept of another site.
    """
    path, kind = _split(Path(given))
    header, arrays = read_safetensors(path, "direction")
    if "manifest" in header:
        return _of_concept(read_concept(path), layer, site, kind)
    if len(arrays) == 1:
        return NamedVector(next(iter(arrays.values())).squeeze())
    wanted = f"layer.{layer}"
    found = [name for name in arrays if name == wanted or name.startswith(f"{wanted}.")]
    if kind is not None:
        found = [name for name in found if name == f"{wanted}.{kind}"]
    if len(found) == 1:
        return NamedVector(arrays[found[0]].squeeze(), found[0])
    listed = ", ".join(sorted(found or arrays)[:5])
    what = f"{len(found)} vectors for layer {layer}" if found else f"{len(arrays)} tensors, none named layer.{layer}"
    raise InputError(
        f"{path} holds {what} ({listed})", f"one vector, or one named layer.{layer}", "save the one you mean alone"
    )


def _split(path: Path) -> tuple[Path, str | None]:
    """(path, kind) of `he-she.safetensors:logistic`."""
    name, colon, kind = path.name.rpartition(":")
    return (path.with_name(name), kind) if colon and kind in KINDS else (path, None)


def _of_concept(concept: Concept, layer: int | None, site: str, kind: str | None) -> NamedVector:
    name = concept.path.name
    if site != concept.manifest.site or layer is None:
        raise InputError(
            f"{name} is a concept of {concept.manifest.site}, and {site} was given",
            "the site that its vectors were made of",
            f"leave --site {site} out",
        )
    chosen = next(known for known in KINDS if known == (kind or KINDS[0]))
    words = concept.manifest.words
    label = f"{words.negative} → {words.positive} ({chosen.replace('_', ' ')})"
    return NamedVector(concept.vector(layer, chosen), label, concept)
