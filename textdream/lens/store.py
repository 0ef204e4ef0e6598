"""The lenses of one site of a model, fitted in one pass over texts and kept on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from textdream.lens.linear import LinearLens, Sums
from textdream.lens.texts import Texts, texts
from textdream.model import Model, Read
from textdream.records import CorpusFile

VERSION = 1
"""Raised when the same texts would give another lens."""


@dataclass(frozen=True)
class Lenses:
    """A lens for each layer of a site."""

    by_layer: dict[int, LinearLens]
    source: CorpusFile
    texts: int
    tokens: int
    sha256: str
    """Of the ids that they were fitted on."""


def cache_folder() -> Path:
    """Where lenses are kept: `textdream/lenses` in the user's cache ($XDG_CACHE_HOME, or ~/.cache)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "textdream" / "lenses"


def lenses(
    model: Model, site: str, layers: Sequence[int], corpus: str | None = None, head: int | None = None
) -> Iterator[tuple[int, int] | Lenses]:
    """Fit lenses, or take them from the cache: yields (tokens done, of all), and the lenses at the end.

    One pass of the model serves all layers. A cache that cannot be read or written is done without.

    Raises
    ------
    CorpusError
        If the corpus cannot be read.
    """
    found = texts(model, corpus)
    sha256 = found.sha256
    name = f"{VERSION} {model.info.sha256} {sha256} {site} {head}"
    path = cache_folder() / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.safetensors"
    kept = _read(path)
    missing = [layer for layer in layers if layer not in kept]
    if missing:
        fitted: dict[int, LinearLens] = {}
        for step in _fit(model, site, missing, head, found):
            if isinstance(step, dict):
                fitted = step
            else:
                yield step
        kept |= fitted
        _write(path, kept)
    yield Lenses({layer: kept[layer] for layer in layers}, found.source, found.count, found.tokens, sha256)


def _fit(
    model: Model, site: str, layers: Sequence[int], head: int | None, found: Texts
) -> Iterator[tuple[int, int] | dict[int, LinearLens]]:
    engine, tokens = model.engine, model.tokens
    table = engine.table.cpu()
    special = torch.zeros(len(table), dtype=torch.bool)
    special[[id_ for id_ in tokens.special if id_ < len(table)]] = True
    reads = [Read(site, layer) for layer in layers]
    sums = {layer: Sums(model.width(site, layer), table.shape[1]) for layer in layers}
    done = 0
    for batch in found.batches:
        ids = batch.flatten()
        ordinary = ~special[ids]
        rows = table[ids[ordinary]]
        for read, states in engine.sites([batch], reads):
            assert read.layer is not None
            states = Read(site, head=head).select(states[:, None].cpu().float(), _heads(model))[:, 0]
            sums[read.layer].add(states[ordinary], rows)
        done += batch.numel()
        yield done, found.tokens
    yield {layer: sums[layer].fit() for layer in layers}


def _heads(model: Model) -> int:
    return int(model.hf.config.num_attention_heads)


def _read(path: Path) -> dict[int, LinearLens]:
    try:
        found = load_file(path)
        layers = {int(name.split(".")[0]) for name in found}
        return {layer: LinearLens(found[f"{layer}.weight"], found[f"{layer}.bias"]) for layer in layers}
    except (OSError, SafetensorError, KeyError, ValueError):
        return {}


def _write(path: Path, fitted: dict[int, LinearLens]) -> None:
    """Whole or not at all; a home that cannot be written only costs the next run its time."""
    tensors: dict[str, torch.Tensor] = {}
    for layer, lens in fitted.items():
        tensors |= {f"{layer}.weight": lens.weight.contiguous(), f"{layer}.bias": lens.bias.contiguous()}
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
        os.close(handle)
        try:
            save_file(tensors, partial)
            Path(partial).replace(path)
        finally:
            Path(partial).unlink(missing_ok=True)
