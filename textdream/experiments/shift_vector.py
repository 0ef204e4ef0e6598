"""What a word's activation is shifted by: a concept's vector at each layer, in PAIR's unit or in the concept's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor

from textdream.configs import ShiftConfig
from textdream.errors import InputError
from textdream.model import Model
from textdream.records import ShiftSource

EXPECTED = "a file that `textdream concept fit` wrote"


@dataclass(frozen=True)
class Shift:
    """A concept's vectors at magnitude 1."""

    source: ShiftSource
    vectors: dict[int, Float[Tensor, " d_model"]]


def read_shift(model: Model, config: ShiftConfig, layers: Sequence[int]) -> Shift:
    """The vectors of a concept file, scaled.

    Raises
    ------
    InputError
        If the file cannot be read, is of another model, or lacks a layer.
    """
    path = Path(str(config.concept))
    try:
        data = path.read_bytes()
        with safe_open(path, "pt") as file:
            manifest = json.loads(file.metadata()["manifest"])
            names = set(file.keys())
            found = {name: file.get_tensor(name).float() for name in names}
        made, words = manifest["model"], manifest["words"]
        scales = {(one["layer"], one["kind"]): float(one["scale"]) for one in manifest["vectors"]}
        source = ShiftSource(
            file=path.name,
            sha256=hashlib.sha256(data).hexdigest(),
            kind=config.kind,
            positive=words["positive"],
            negative=words["negative"],
        )
        sha256, name = made["sha256"], made["name"]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", EXPECTED, "check the path") from None
    except (SafetensorError, KeyError, TypeError, ValueError):
        raise InputError(f"{path} is no concept file", EXPECTED, "fit the concept again") from None
    if sha256 != model.info.sha256:
        raise InputError(
            f"{path.name} is a concept of {name}", f"one of {model.name}", f"give --model {name}, or fit it again"
        )
    vectors = {}
    for layer in layers:
        vector = found.get(f"layer.{layer}.{config.kind}")
        if vector is None or vector.shape != (model.info.width,) or not vector.isfinite().all() or not vector.any():
            raise InputError(
                f"layer {layer} is not in {path.name}, or is no direction of {model.info.width} numbers",
                EXPECTED,
                "give other --layers, or fit the concept again",
            )
        vectors[layer] = scaled(vector, config.unit, scales.get((layer, config.kind)))
    return Shift(source, vectors)


def scaled(vector: Float[Tensor, " d_model"], unit: str, distance: float | None) -> Float[Tensor, " d_model"]:
    """Magnitude 1: divided by the largest entry (PAIR: `shift / max(shift)`), or as long as the two sets are apart."""
    if unit == "largest":
        return vector / vector.max()
    if distance is None:
        raise InputError("the concept has no distance at this layer", "one that the file states", "fit it again")
    return vector / vector.norm() * distance
