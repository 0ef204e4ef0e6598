"""The second stage: every sentence once through the model, statistics taken at every site and layer on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from textdream.corpus.accumulate import Accumulator, Group, token_hashes
from textdream.corpus.ingest import stored_texts
from textdream.errors import ModelError
from textdream.model import Engine, Model, Read

# Sentences that are sorted by length together; batches are cut from them.
BLOCK = 4096
# Tokens of a batch.
TOKENS = 8192


@dataclass(frozen=True)
class Batch:
    """Texts of a block that run together: groups of equal length."""

    groups: list[list[int]]
    """Numbers in the block."""
    tokens: int
    """Ordinary tokens."""


class Scan:
    """The state of a scan: everything that a checkpoint keeps."""

    def __init__(
        self, model: Model, engine: Engine, reads: list[Read], sentences: Path, total: int, work: Path, *,
        k: int, directions: int, sample: float, seed: int,
    ) -> None:  # fmt: skip
        self.model, self.engine, self.reads, self.sentences, self.total, self.work = (
            model,
            engine,
            reads,
            sentences,
            total,
            work,
        )
        self.seed, self.threshold = seed, sample
        self.directions = {
            read: random_directions(model.width(read.site, read.layer), directions, seed, i)
            for i, read in enumerate(reads)
        }
        self.accumulators = {read: Accumulator(len(d[0]), directions, k) for read, d in self.directions.items()}
        self.special = torch.tensor(sorted(model.tokens.special))
        self.block = self.batch = self.done = 0
        """Where the scan stands: the next block, the next batch in it, ordinary tokens behind it."""
        self.spooled = 0
        """Tokens of the sample that were written."""

    def run(self) -> Iterator[int]:
        """Go on from where the state stands; yields after each batch the tokens done so far."""
        while self.block * BLOCK < self.total:
            begin = self.block * BLOCK
            texts = list(stored_texts(self.sentences, begin, begin + BLOCK))
            ids = self.model.tokens.encode_many(texts)
            batches = plan([len(row) for row in ids], self.model.tokens.frame)
            hashes = token_hashes(texts, [len(row) - self.model.tokens.frame for row in ids], self.seed)
            while self.batch < len(batches):
                self._run(batches[self.batch], ids, begin, hashes)
                self.done += batches[self.batch].tokens
                self.batch += 1
                yield self.done
            self.block, self.batch = self.block + 1, 0

    def _run(self, batch: Batch, ids: list, begin: int, hashes: list[np.ndarray]) -> None:
        texts = [torch.tensor([ids[i] for i in group]) for group in batch.groups]
        groups, keep = [], []
        start = offset = 0
        for numbers, rows in zip(batch.groups, texts, strict=True):
            ordinary = (~torch.isin(rows[0], self.special)).nonzero().flatten()
            first, length = int(ordinary[0]), len(ordinary)
            sentences = begin + torch.tensor(numbers)
            groups.append(Group(start, length, sentences, first))
            keep.append(offset + (torch.arange(len(rows))[:, None] * rows.shape[1] + ordinary).flatten())
            start, offset = start + length * len(rows), offset + rows.numel()
        kept = torch.cat(keep)
        drawn = np.concatenate([hashes[i] for group in batch.groups for i in group])
        chosen = torch.from_numpy((drawn < self.threshold).nonzero()[0])
        for read, value in self.engine.sites(texts, self.reads):
            values = value[kept].float().cpu()
            values = torch.cat([values, values @ self.directions[read].T], dim=1)
            if not values.isfinite().all():
                raise ModelError(
                    f"{self.model.name} gives NaN or infinity", "finite activations", "check the model's weights"
                )
            self.accumulators[read].add(values, groups)
            self._spool(read, values[chosen])
        self._spool_tokens(groups, drawn, chosen.numpy())
        self.spooled += len(chosen)

    def _spool(self, read: Read, values: Tensor) -> None:
        with (self.work / f"{read.site}.{read.layer}.spool").open("ab") as file:
            file.write(values.numpy().tobytes())

    def _spool_tokens(self, groups: list[Group], drawn: np.ndarray, chosen: np.ndarray) -> None:
        sentences = np.concatenate([np.repeat(g.sentences.numpy(), g.length) for g in groups])
        positions = np.concatenate([np.tile(np.arange(g.length) + g.first, len(g.sentences)) for g in groups])
        rows = np.stack([drawn[chosen].view(np.int64), sentences[chosen], positions[chosen]], 1)
        with (self.work / "tokens.spool").open("ab") as file:
            file.write(rows.tobytes())

    def save(self) -> None:
        """Write a checkpoint, whole or not at all."""
        arrays: dict[str, np.ndarray] = {}
        for read, a in self.accumulators.items():
            name = f"{read.site}.{read.layer}"
            arrays |= {
                f"{name}.{key}": getattr(a, key).numpy() for key in ("mean", "m2", "top_count", "keys", "positions")
            }
            arrays[f"{name}.count"] = np.array(a.count)
        arrays["at"] = np.array([self.block, self.batch, self.done, self.spooled])
        partial = self.work / "state.partial"
        with partial.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.work / "state.npz")

    def restore(self) -> None:
        """Go back to the checkpoint, if there is one; what the sample wrote after it is cut off."""
        path = self.work / "state.npz"
        if path.exists():
            with np.load(path) as arrays:
                for read, a in self.accumulators.items():
                    name = f"{read.site}.{read.layer}"
                    for key in ("mean", "m2", "top_count", "keys", "positions"):
                        setattr(a, key, torch.from_numpy(arrays[f"{name}.{key}"]))
                    a.count = int(arrays[f"{name}.count"])
                self.block, self.batch, self.done, self.spooled = (int(n) for n in arrays["at"])
        for path, row in self._spools():
            with path.open("ab") as file:
                file.truncate(self.spooled * row)

    def _spools(self) -> Iterator[tuple[Path, int]]:
        yield self.work / "tokens.spool", 24
        for read, a in self.accumulators.items():
            yield self.work / f"{read.site}.{read.layer}.spool", 4 * len(a.mean)


def plan(lengths: list[int], frame: int) -> list[Batch]:
    """Cut a block, sorted by length, into batches of about `TOKENS` tokens."""
    batches: list[list[int]] = [[]]
    filled = 0
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if filled + lengths[i] > TOKENS and batches[-1]:
            batches.append([])
            filled = 0
        batches[-1].append(i)
        filled += lengths[i]
    return [
        Batch(
            [list(group) for _, group in groupby(batch, key=lambda i: lengths[i])],
            sum(lengths[i] - frame for i in batch),
        )
        for batch in batches
        if batch
    ]


def random_directions(width: int, count: int, seed: int, number: int) -> Float[Tensor, "count width"]:
    """Random unit vectors, uniform on the sphere."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + number) % 2**63)
    vectors = torch.randn(count, width, generator=generator)
    return vectors / vectors.norm(dim=1, keepdim=True)
