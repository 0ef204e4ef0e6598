"""Activations of the concept words, for work outside: a Parquet file with a row for each sentence and layer.

What PAIR's export scripts wrote a folder of text files for. In pandas:

    table = pandas.read_parquet("he-she.parquet").query("layer == 4")
    x, y = numpy.stack(table.activation), table.positive
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from textdream.configs import ExamplesConfig
from textdream.corpus.plan import choose_layers
from textdream.corpus.store import quoted
from textdream.experiments.concept import word_states
from textdream.experiments.concept_examples import read_examples
from textdream.experiments.concept_sentences import Examples
from textdream.experiments.progress import Progress
from textdream.model import Model
from textdream.records import check_writable, write_bytes


class ConceptExport:
    """An export under way: iterate over it, and the file is there at the end, or not at all.

    Columns: sentence (its number), text, word, positive, group, position, token, layer, activation (FLOAT[d_model], resid_post in
    float32). Rows sentence by sentence, layers in order.

    Raises
    ------
    InputError
        If the settings, the sentences or the layers do not fit.
    CorpusError
        If a file cannot be read.
    ResultError
        If the file cannot be written.
    """

    def __init__(
        self,
        model: Model,
        config: ExamplesConfig,
        out: str | Path,
        file: str | None = None,
        *,
        examples: Examples | None = None,
    ) -> None:
        self.model, self.out = model, Path(out)
        check_writable(self.out)
        self.layers = choose_layers(config.layers, model.info.layers)
        self.examples = examples or read_examples(model, config, file)

    @property
    def rows(self) -> int:
        """Of the file."""
        return len(self.examples.sentences) * len(self.layers)

    def __iter__(self) -> Iterator[Progress]:
        """Read the activations, then write."""
        count = len(self.examples.sentences)
        states: dict[int, np.ndarray] = {}
        for done, states in word_states(self.model, self.examples.sentences, self.layers):  # noqa: B007
            yield Progress("reading activations", done, count)
        write_bytes(self.out, self._parquet(states))

    def _parquet(self, states: dict[int, np.ndarray]) -> bytes:
        import duckdb

        words = self.examples.words
        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
            connection.execute("SET threads = 1")
            connection.execute(
                'CREATE TABLE found (sentence INTEGER, text VARCHAR, word VARCHAR, positive BOOLEAN, "group" INTEGER, '
                "position INTEGER, token VARCHAR, layer INTEGER, activation FLOAT[])"
            )
            for number, sentence in enumerate(self.examples.sentences):
                word = words.positive if sentence.positive else words.negative
                token = sentence.tokens[sentence.position]
                about = [number, sentence.text, word, sentence.positive, sentence.group, sentence.position, token]
                connection.executemany(
                    "INSERT INTO found VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [[*about, layer, states[layer][number].astype(np.float32).tolist()] for layer in self.layers],
                )
            path = Path(folder) / "found.parquet"
            connection.execute(f"COPY found TO '{quoted(path)}' (FORMAT parquet, COMPRESSION zstd)")
            return path.read_bytes()
