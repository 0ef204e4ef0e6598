"""The second stage: every sentence once through the model, statistics taken at every site and layer on the way.

Sentences are taken in blocks, in the order of the corpus; a block is sorted by length and cut into batches, in which only
attention sees where a text ends: nothing is padded. Each thread takes a batch of its own, which keeps two cores busier than
both would be with one batch (1.3 times the rate on two, in bfloat16). What was taken from the threads' batches is
merged in the order of the corpus, and the state after that is all that is needed to go on from there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from textdream.corpus.accumulate import Accumulator, Group, Moments, row_layout
from textdream.corpus.ingest import stored_texts
from textdream.corpus.sample import Spool, token_hashes
from textdream.errors import ModelError
from textdream.model import Engine, Model, Read
from textdream.model.fused import LANES

# What a checkpoint holds: a scan that was begun with another number is not gone on with.
CHECKPOINT = 2
# Sentences that are sorted by length together.
BLOCK = 4096
# Batches that are worked on at once at most, each in memory of its own.
WORKERS = 8
# Activations of a batch, and its tokens at most: with the filling behind them 8,192 rows.
ACTIVATIONS = 2**27
TOKENS = 8192 - LANES


@dataclass(frozen=True)
class Plan:
    """What is scanned, and how: a scan that goes on must have the same."""

    reads: tuple[Read, ...]
    widths: dict[str, int]
    sentences: int
    tokens: int
    k: int
    directions: int
    sample: int
    """Tokens that the sample holds, about."""
    seed: int


@dataclass(frozen=True)
class Batch:
    """What one thread takes at a time."""

    block: int
    number: int
    """In its block."""
    texts: list[Int[Tensor, "_count _length"]]
    """Ids, in groups of equal length."""
    groups: list[Group]
    drawn: Integer[np.ndarray, " drawn"]
    """Rows that are in the sample."""
    tokens: Integer[np.ndarray, "drawn 3"]
    """(hash, sentence, position) of each of those."""
    at: int
    """Where in the sample they come."""


class Scan:
    """A scan and where it stands.

    Attributes
    ----------
    accumulators
        By read, in the order of the tables.
    done
        Ordinary tokens scanned so far.
    """

    def __init__(self, model: Model, engine: Engine, plan: Plan, folder: Path) -> None:
        self.model, self.engine, self.plan, self.folder = model, engine, plan, folder
        self.directions = random_directions(plan)
        self.accumulators = {read: Accumulator(self.directions[read], plan.k) for read in plan.reads}
        half = engine.search_dtype == torch.bfloat16
        self.spool = Spool(
            folder, {name(read): row_layout(a.neurons, plan.directions, half) for read, a in self.accumulators.items()}
        )
        self.special = torch.tensor(sorted(model.tokens.special))
        units = sum(a.units for a in self.accumulators.values())
        self.batch_tokens = min(TOKENS, max(256, ACTIVATIONS // units))
        self.done = 0
        self._block = self._batch = 0
        self._restore()

    def run(self) -> Iterator[int]:
        """Go on to the end; yields `done` now and then. The state is sound whenever this has yielded."""
        threads = torch.get_num_threads()
        if self.engine.concurrent(self.plan.reads):
            workers = min(threads, WORKERS)
            each = threads // workers
        else:  # One runs the model on all threads while the other takes its statistics.
            workers, each = min(threads, 2), threads
        coming = self._batches()
        # All sums are taken from a number near the mean, which the first batch gives: it goes alone.
        now = list(islice(coming, workers if self.done else 1))
        try:
            with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(each,)) as pool:
                while now:
                    running = [pool.submit(self._take, batch) for batch in now]
                    following = list(islice(coming, workers))  # Tokenised while the threads compute.
                    for batch, found in zip(now, running, strict=True):
                        self._merge(batch, found.result())
                    yield self.done
                    now = following
        finally:
            torch.set_num_threads(threads)  # What a thread sets, torch gives to those that come after it too.

    def _batches(self) -> Iterator[Batch]:
        """The batches that are left."""
        block, first, at = self._block, self._batch, self.spool.rows
        while (begin := block * BLOCK) < self.plan.sentences:
            lines = list(stored_texts(self.folder / "sentences.parquet", begin, begin + BLOCK))
            ids = [row for row in self.model.tokens.encode_many(lines) if not isinstance(row, str)]
            lengths = [len(row) for row in ids]
            hashes = token_hashes(lines, lengths, self.plan.seed)
            for number, numbers in enumerate(batches(lengths, self.batch_tokens)):
                if number < first:
                    continue
                texts, groups, start = [], [], 0
                for alike in numbers:
                    text = torch.tensor([ids[i] for i in alike])
                    # No special token is inside a text, so that all texts of a length have them at the same places.
                    ordinary = (~torch.isin(text[0], self.special)).nonzero().flatten().tolist()
                    sentences = begin + np.array(alike)
                    groups.append(Group(start, text.shape[1], ordinary[0], ordinary[-1] + 1, sentences))
                    texts.append(text)
                    start += text.numel()
                drawn, tokens = self._draw(groups, np.concatenate([hashes[i] for alike in numbers for i in alike]))
                yield Batch(block, number, texts, groups, drawn, tokens, at)
                at += len(drawn)
            block, first = block + 1, 0

    def _take(self, batch: Batch) -> dict[Read, Moments]:
        """Everything but the moments is taken in: they are merged in the order of the corpus."""
        found = {}
        self.spool.write("tokens", batch.tokens, batch.at)
        for read, values in self.engine.sites(batch.texts, self.plan.reads):
            try:
                units, found[read] = self.accumulators[read].take(
                    values.to("cpu", self.engine.search_dtype), batch.groups
                )
            except FloatingPointError:
                raise ModelError(
                    f"{self.model.name} gives NaN or infinity in {read.site} of layer {read.layer}",
                    "finite activations",
                    "check the model's weights",
                ) from None
            self.spool.write(name(read), units.records(batch.drawn), batch.at)
        return found

    def _merge(self, batch: Batch, found: Mapping[Read, Moments]) -> None:
        for read, moments in found.items():
            self.accumulators[read].merge(moments)
        self.spool.advance(len(batch.drawn))
        self.done += sum(group.ordinary for group in batch.groups)
        self._block, self._batch = batch.block, batch.number + 1

    def _draw(
        self, groups: Sequence[Group], hashes: Integer[np.ndarray, " tokens"]
    ) -> tuple[Integer[np.ndarray, " drawn"], Integer[np.ndarray, "drawn 3"]]:
        """Rows of a batch that are in the sample, those whose hash is low enough, and what they are."""
        threshold = min(2**64 - 1, self.plan.sample * 2**64 // self.plan.tokens)
        ordinary = np.concatenate(
            [
                np.tile((p := np.arange(g.length)) >= g.first, len(g.sentences)) & np.tile(p < g.last, len(g.sentences))
                for g in groups
            ]
        )
        drawn = (ordinary & (hashes <= np.uint64(threshold))).nonzero()[0]
        sentences = np.concatenate([np.repeat(g.sentences, g.length) for g in groups])
        positions = np.concatenate([np.tile(np.arange(g.length), len(g.sentences)) for g in groups])
        return drawn, np.stack([hashes[drawn].view(np.int64), sentences[drawn], positions[drawn]], 1)

    def save(self) -> None:
        """Write a checkpoint, whole or not at all."""
        arrays = {"at": np.array([self._block, self._batch, self.done, self.spool.rows])}
        for read, one in self.accumulators.items():
            arrays |= {f"{name(read)}.{key}": value for key, value in one.state().items()}
        self.spool.sync()
        partial = self.folder / "state.partial"
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.folder / "state.npz")

    def _restore(self) -> None:
        """Go to the last checkpoint, if there is one. What the sample wrote since is cut off."""
        path = self.folder / "state.npz"
        rows = 0
        if path.exists():
            with np.load(path) as arrays:
                self._block, self._batch, self.done, rows = arrays["at"].tolist()
                for read, one in self.accumulators.items():
                    one.restore({key: arrays[f"{name(read)}.{key}"] for key in one.state()})
        self.spool.cut(rows)


def name(read: Read) -> str:
    """How a (site, layer) is called in files."""
    return f"{read.site}.{read.layer}"


def batches(lengths: Sequence[int], tokens: int) -> list[list[list[int]]]:
    """Cut texts of these lengths, shortest first, into batches of at most `tokens`; in each, groups of equal length."""
    cuts: list[list[int]] = [[]]
    filled = 0
    for number in sorted(range(len(lengths)), key=lambda number: (lengths[number], number)):
        if filled + lengths[number] > tokens and cuts[-1]:
            cuts.append([])
            filled = 0
        cuts[-1].append(number)
        filled += lengths[number]
    return [[list(group) for _, group in groupby(cut, key=lambda number: lengths[number])] for cut in cuts if cut]


def random_directions(plan: Plan) -> dict[Read, Float[Tensor, "directions neurons"]]:
    """Unit vectors drawn uniformly from the sphere, the control of the interpretability illusion (Bolukbasi et al. 2021)."""
    found = {}
    for read in plan.reads:
        # A seed of the read's own: which other sites are scanned makes no difference.
        entropy = [plan.seed, *name(read).encode()]
        generator = np.random.default_rng(entropy)
        vectors = generator.standard_normal((plan.directions, plan.widths[read.site]))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        found[read] = torch.from_numpy(vectors.astype(np.float32))
    return found
