"""A direction that an index was not made with: the stored sentences once more through the model, projected on it.

What an index knows of a neuron cannot be had from its tables for a direction; so this is a scan of the corpus again, of one site
and layer. All tokens are kept (10 bytes each), so that histogram, quantiles and bands are of all and not of a sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float

from textdream.corpus.index import Card, Index, Occurrence
from textdream.corpus.ingest import stored_texts
from textdream.corpus.sample import BANDS, DRAWS
from textdream.corpus.scan import BLOCK, TOKENS, batches
from textdream.errors import ModelError
from textdream.model import Model, Read


class AlongScan:
    """A scan under way: iterate over it (ordinary tokens done so far), then ask for the card.

    Parameters
    ----------
    vector
        A unit vector of the site's width.
    keep
        Sentences kept at either end.
    seed
        Of the tokens that stand for the bands.
    """

    def __init__(
        self, model: Model, index: Index, read: Read, vector: Sequence[float], keep: int, seed: int = 0
    ) -> None:
        self.model, self.index, self.read, self.keep, self.seed = model, index, read, keep, seed
        self.total = index.manifest.corpus.tokens
        self._vector = torch.tensor(vector, dtype=torch.float32)
        self._values: list[Float[np.ndarray, " tokens"]] = []
        self._sentences: list[np.ndarray] = []
        self._positions: list[np.ndarray] = []

    def __iter__(self) -> Iterator[int]:
        """Project every ordinary token, in the search precision; what is reported is computed again in float32."""
        special = torch.tensor(sorted(self.model.tokens.special))
        done = 0
        for begin in range(0, self.index.manifest.corpus.sentences, BLOCK):
            texts = list(stored_texts(self.index.folder / "sentences.parquet", begin, begin + BLOCK))
            ids = [row for row in self.model.tokens.encode_many(texts) if not isinstance(row, str)]
            for batch in batches([len(row) for row in ids], TOKENS):
                done += self._run([[begin + number for number in numbers] for numbers in batch], ids, begin, special)
                yield done

    def _run(self, batch: list[list[int]], ids: Sequence[list[int]], begin: int, special: torch.Tensor) -> int:
        """One batch: groups of sentence numbers, of texts of equal length."""
        rows = [torch.tensor([ids[number - begin] for number in numbers]) for numbers in batch]
        ((_, x),) = self.model.engine.sites(rows, [self.read])
        values = (x.cpu().float() @ self._vector).numpy()
        if not np.isfinite(values).all():
            raise ModelError(
                f"{self.model.name} gives NaN or infinity in {self.read.site} of layer {self.read.layer}",
                "finite activations",
                "check the model's weights",
            )
        ordinary = torch.cat([~torch.isin(part, special).flatten() for part in rows]).numpy()
        sentences = [np.repeat(numbers, part.shape[1]) for numbers, part in zip(batch, rows, strict=True)]
        positions = [np.tile(np.arange(part.shape[1]), part.shape[0]) for part in rows]
        self._values.append(values[ordinary])
        self._sentences.append(np.concatenate(sentences)[ordinary].astype(np.int32))
        self._positions.append(np.concatenate(positions)[ordinary].astype(np.int16))
        return int(ordinary.sum())

    def card(self) -> Card:
        """What the corpus says of the direction."""
        values, sentences, positions = map(np.concatenate, (self._values, self._sentences, self._positions))
        exact = values.astype(np.float64)
        edges = np.quantile(exact, np.linspace(0, 1, BANDS + 1))
        histogram, _ = np.histogram(exact, self.index.manifest.bins)
        draw = np.random.default_rng(self.seed)
        bands = []
        for number in range(BANDS):
            inside = (exact >= edges[number]) & (exact <= edges[number + 1])
            here = inside.nonzero()[0]
            bands.append(np.sort(draw.choice(here, min(DRAWS, len(here)), replace=False)))
        ends = [self._best(values, sentences, sign) for sign in (1.0, -1.0)]
        chosen = np.concatenate([*ends, *bands])
        texts = dict(zip(sentences[chosen].tolist(), self.index.texts(sentences[chosen].tolist()), strict=True))

        def occurrences(rows: np.ndarray) -> tuple[Occurrence, ...]:
            return tuple(
                Occurrence(int(sentences[row]), texts[int(sentences[row])], int(positions[row]), float(values[row]))
                for row in rows
            )

        return Card(
            site=self.read.site,
            layer=self.read.layer or 0,
            kind="direction",
            neuron=0,
            count=len(values),
            mean=float(exact.mean()),
            variance=float(exact.var()),
            minimum=float(exact.min()),
            maximum=float(exact.max()),
            top_count=0,
            histogram=tuple(histogram.tolist()),
            quantiles=tuple(edges.tolist()),
            most=occurrences(ends[0]),
            least=occurrences(ends[1]),
            bands=tuple(map(occurrences, bands)),
        )

    def _best(self, values: np.ndarray, sentences: np.ndarray, sign: float) -> np.ndarray:
        """The row of each sentence's highest token, for the sentences that have the highest ones."""
        order = np.argsort(-sign * values, kind="stable")
        _, firsts = np.unique(sentences[order], return_index=True)
        return order[np.sort(firsts)[: self.keep]]
