"""What a lens is fitted on: random texts of the model's own vocabulary, or sentences of a corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from textdream.corpus.readers import find_input
from textdream.errors import CorpusError
from textdream.model import Model
from textdream.records import CorpusFile

TOKENS = 64_000
"""Tokens that a lens is fitted on."""
LENGTHS = (6, 32)
"""Shortest and longest text, in ordinary tokens."""
COMMON = 1000.0
"""Random texts draw the token of rank r with weight 1 / (r + COMMON): vocabularies list common tokens first."""
BATCH = 2048
"""Tokens in a batch."""


@dataclass(frozen=True)
class Texts:
    """Token ids to fit on, in batches of texts of equal length."""

    source: CorpusFile
    batches: tuple[Int[Tensor, "_batch _pos"], ...]

    @property
    def count(self) -> int:
        """Texts."""
        return sum(len(batch) for batch in self.batches)

    @property
    def tokens(self) -> int:
        """Tokens, special ones too."""
        return sum(batch.numel() for batch in self.batches)

    @property
    def sha256(self) -> str:
        """Of the ids of all texts."""
        digest = hashlib.sha256()
        for batch in self.batches:
            digest.update(repr(tuple(batch.shape)).encode() + batch.to(torch.int32).numpy().tobytes())
        return digest.hexdigest()


def texts(model: Model, corpus: str | None) -> Texts:
    """The texts of `corpus`, or random ones.

    Raises
    ------
    CorpusError
        If the corpus cannot be read, or has fewer than two usable sentences.
    """
    if corpus is None:
        return Texts(CorpusFile(name="random texts of the vocabulary"), tuple(_random(model)))
    found = find_input(corpus, "text", "lines")
    rows = [ids for ids in _sentences(model, found.sentences("lines")) if len(ids) <= LENGTHS[1] + model.tokens.frame]
    if len(rows) < 2:
        raise CorpusError(
            f"{corpus} has {len(rows)} sentences of at most {LENGTHS[1]} tokens",
            "at least two",
            "give another --corpus",
        )
    return Texts(found.describe(), tuple(_batches(rows)))


def _random(model: Model) -> Iterator[Int[Tensor, "batch pos"]]:
    """Texts of all lengths in turn, always the same for one vocabulary."""
    generator = torch.Generator().manual_seed(0)
    allowed = model.tokens.allowed
    weights = 1 / (torch.arange(len(allowed)) + COMMON)
    frame = torch.tensor(model.tokens.tokenizer("", verbose=False)["input_ids"], dtype=torch.long)
    opening = len(frame) // 2 if len(frame) > 1 else len(frame)
    longest = min(LENGTHS[1], model.tokens.max_length - len(frame))
    drawn, turn = 0, 0
    lengths = range(min(LENGTHS[0], longest), longest + 1)
    while drawn < TOKENS:
        length = lengths[turn * 7 % len(lengths)]
        count = -(-BATCH // (length + len(frame)))
        ids = allowed[torch.multinomial(weights, count * length, True, generator=generator)].view(count, length)
        yield torch.cat([frame[:opening].expand(count, -1), ids, frame[opening:].expand(count, -1)], 1)
        drawn, turn = drawn + count * (length + len(frame)), turn + 1


def _sentences(model: Model, found: Iterator[str]) -> Iterator[list[int]]:
    """Ids of sentences until there are tokens enough; those that cannot be encoded are passed over."""
    seen: set[str] = set()
    tokens, part = 0, list[str]()
    for sentence in found:
        if sentence not in seen:
            seen.add(sentence)
            part.append(sentence)
        if len(part) == 256:
            for ids in model.tokens.encode_many(part):
                if not isinstance(ids, str) and len(ids) <= LENGTHS[1] + model.tokens.frame:
                    tokens += len(ids)
                    yield ids
            part = []
            if tokens >= TOKENS:
                return
    yield from (ids for ids in model.tokens.encode_many(part) if not isinstance(ids, str))


def _batches(rows: list[list[int]]) -> Iterator[Int[Tensor, "batch pos"]]:
    groups: dict[int, list[list[int]]] = {}
    for ids in rows:
        groups.setdefault(len(ids), []).append(ids)
    for length, group in sorted(groups.items()):
        yield from torch.tensor(group).split(max(1, BATCH // length))
