"""Reading an index: any unit's card, statistics of a whole layer, texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from jaxtyping import Float, Integer
from pydantic import ValidationError

from textdream.corpus.store import READ, one_file
from textdream.errors import CorpusError
from textdream.records import Manifest, ModelInfo
from textdream.records.manifest import CORPUS_SCHEMA

# Where an index is being made, inside its folder.
BUILDING = ".building"
# What stands beside the manifest.
TABLES = ("sentences.parquet", "neurons.parquet", "extremes.parquet", "bands.parquet", "directions.safetensors")


@dataclass(frozen=True)
class Occurrence:
    """One token in one sentence."""

    sentence: int
    text: str
    position: int
    """In the model's input, special tokens counted: 0 = [CLS] for BERT."""
    value: float
    """In the precision of the index: recompute before you report it."""


@dataclass(frozen=True)
class Card:
    """Everything that the index knows of one unit."""

    site: str
    layer: int
    kind: str
    """neuron, or random: a random direction."""
    neuron: int
    count: int
    """Ordinary tokens seen; mean, variance, minimum, maximum and top_count are over all of them."""
    mean: float
    variance: float
    minimum: float
    maximum: float
    top_count: int
    """Tokens at which it is the highest neuron of the layer; 0 for random directions."""
    histogram: tuple[int, ...]
    """The sample's tokens in bins of equal width from minimum to maximum."""
    quantiles: tuple[float, ...]
    """0, 10 … 100 % of the sample's values."""
    most: tuple[Occurrence, ...]
    """The k most activating sentences, best first, each at its highest position."""
    least: tuple[Occurrence, ...]
    bands: tuple[tuple[Occurrence, ...], ...]
    """For each tenth of the values, lowest first, tokens drawn from it uniformly."""


@dataclass(frozen=True)
class Statistics:
    """The neurons of one (site, layer), as arrays."""

    count: int
    mean: Float[np.ndarray, " neurons"]
    variance: Float[np.ndarray, " neurons"]
    minimum: Float[np.ndarray, " neurons"]
    maximum: Float[np.ndarray, " neurons"]
    top_count: Integer[np.ndarray, " neurons"]
    histogram: Integer[np.ndarray, "neurons bins"]
    quantiles: Float[np.ndarray, "neurons 11"]


class Index:
    """An index folder, opened for reading."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest
        self._connection = duckdb.connect()
        self._execute("SET threads = 1")

    @staticmethod
    def open(folder: str | Path, model: ModelInfo | None = None) -> Index:
        """Open an index; with `model`, only if it is of that model.

        Raises
        ------
        CorpusError
            If the folder is no index, is half-written, of a newer version, or of another model.
        """
        folder = Path(folder)
        expected = "a folder that `textdream corpus index` wrote"
        path = folder / "manifest.json"
        if not path.is_file():
            if (folder / BUILDING).exists():
                raise CorpusError(
                    f"{folder} is half-written",
                    expected,
                    "run its `textdream corpus index` again: it goes on where it was",
                )
            raise CorpusError(f"{folder} is no index", expected, "check the path")
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise CorpusError(f"{path} cannot be read", expected, "make the index again with --force") from None
        schema = data.get("schema") if isinstance(data, dict) else None
        if schema != CORPUS_SCHEMA:
            raise CorpusError(
                f"{folder} has the schema {schema!r}",
                f"{CORPUS_SCHEMA}, which this version reads",
                "update textdream, or make the index again",
            )
        try:
            manifest = Manifest.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            raise CorpusError(
                f"{path} does not follow {CORPUS_SCHEMA} at {'.'.join(map(str, first['loc']))}",
                expected,
                "make the index again with --force",
            ) from None
        if model is not None and model.sha256 != manifest.model.sha256:
            raise CorpusError(
                f"{folder} is an index of {manifest.model.name} ({manifest.model.sha256[:12]}…)",
                f"one of {model.name} ({model.sha256[:12]}…)",
                f"give --model {manifest.model.name}, or index the corpus with {model.name}",
            )
        if missing := [name for name in TABLES if not (folder / name).is_file()]:
            raise CorpusError(
                f"{folder} lacks {' and '.join(missing)}", expected, "copy it whole, or make it again with --force"
            )
        return Index(folder, manifest)

    def card(self, site: str, layer: int, neuron: int, kind: str = "neuron") -> Card:
        """What the index knows of one unit.

        Raises
        ------
        CorpusError
            If the index does not hold it; the sentence says what it holds.
        """
        self._check(site, layer, neuron, kind)
        unit = [site, layer, kind, neuron]
        row = self._rows("neurons", "count, mean, variance, minimum, maximum, top_count, histogram, quantiles", unit)[0]
        extremes = self._rows("extremes", "side, rank, sentence, position, value", unit)
        bands = self._rows("bands", "band, draw, sentence, position, value", unit)
        numbers = [row[2] for row in extremes + bands]
        texts = dict(zip(numbers, self.texts(numbers), strict=True))

        def of(rows: list[Any], part: Any) -> tuple[Occurrence, ...]:
            chosen = sorted(row for row in rows if row[0] == part)
            return tuple(Occurrence(s, texts[s], position, value) for _, _, s, position, value in chosen)

        count, mean, variance, minimum, maximum, top_count, histogram, quantiles = row
        return Card(
            site, layer, kind, neuron, count, mean, variance, minimum, maximum, top_count,
            histogram=tuple(histogram), quantiles=tuple(quantiles), most=of(extremes, "most"),
            least=of(extremes, "least"), bands=tuple(of(bands, band) for band in range(10)),
        )  # fmt: skip

    def most(self, site: str, layer: int, neurons: Sequence[int]) -> dict[int, tuple[Occurrence, ...]]:
        """`card(…).most` of several neurons of a layer at once."""
        for neuron in neurons:
            self._check(site, layer, neuron, "neuron")
        rows = self._execute(
            f"SELECT neuron, sentence, position, value FROM {self._table('extremes')} WHERE site = ? "
            "AND layer = ? AND kind = 'neuron' AND side = 'most' AND list_contains(?, neuron) ORDER BY neuron, rank",
            [site, layer, [int(neuron) for neuron in neurons]],
        ).fetchall()
        texts = self.texts([row[1] for row in rows])
        found: dict[int, list[Occurrence]] = {int(neuron): [] for neuron in neurons}
        for (neuron, sentence, position, value), text in zip(rows, texts, strict=True):
            found[neuron].append(Occurrence(sentence, text, position, value))
        return {neuron: tuple(occurrences) for neuron, occurrences in found.items()}

    def statistics(self) -> dict[tuple[str, int], Statistics]:
        """Statistics of all neurons, by (site, layer)."""
        return {
            (site, layer): self._statistics(site, layer)
            for site in self.manifest.sites
            for layer in self.manifest.layers
        }

    def _statistics(self, site: str, layer: int) -> Statistics:
        table = f"FROM {self._table('neurons')} WHERE site = ? AND layer = ? AND kind = 'neuron'"

        def columns(names: str) -> dict[str, np.ndarray]:
            rows = self._execute(f"SELECT {names} {table} ORDER BY neuron", [site, layer])
            return {name: np.asarray(column) for name, column in rows.fetchnumpy().items()}

        plain = columns("count, mean, variance, minimum, maximum, top_count")
        count = int(plain.pop("count")[0])
        # A list is flattened by DuckDB: as Python lists they would take longer than everything else.
        histogram = columns("unnest(histogram) AS x")["x"].reshape(-1, self.manifest.bins)
        quantiles = columns("unnest(quantiles) AS x")["x"].reshape(len(histogram), -1)
        return Statistics(count=count, histogram=histogram, quantiles=quantiles, **plain)

    def texts(self, sentences: Sequence[int]) -> list[str]:
        """The sentences with these numbers, in this order."""
        rows = self._execute(
            f"SELECT sentence, text FROM {self._table('sentences')} "
            f"WHERE sentence IN ({', '.join(str(int(number)) for number in {*sentences, -1})})"
        ).fetchall()
        found = dict(rows)
        return [found[int(number)] for number in sentences]

    def direction(self, site: str, layer: int, i: int) -> list[float]:
        """The i-th random direction of a (site, layer): a unit vector."""
        self._check(site, layer, i, "random")
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.folder / "directions.safetensors", "numpy") as file:
                return [float(x) for x in file.get_slice(f"{site}.{layer}")[i : i + 1][0]]
        except SafetensorError as error:
            raise self._damaged(error) from None

    def _check(self, site: str, layer: int, neuron: int, kind: str) -> None:
        m = self.manifest
        if site not in m.sites:
            raise CorpusError(
                f"the site {site} is not in {self.folder}",
                f"it holds {', '.join(m.sites)}",
                "give one of them with --site",
            )
        if layer not in m.layers:
            raise CorpusError(
                f"layer {layer} is not in {self.folder}",
                f"it holds the layers {', '.join(map(str, m.layers))}",
                "give one of them with --layer",
            )
        width = m.directions if kind == "random" else m.widths[site]
        if not 0 <= neuron < width:
            what = "random direction" if kind == "random" else "neuron"
            raise CorpusError(
                f"{what} {neuron} is not in {self.folder}", f"{site} has {width}: 0 to {width - 1}", "give one of them"
            )

    def _rows(self, table: str, columns: str, unit: list[Any]) -> list[Any]:
        return self._execute(
            f"SELECT {columns} FROM {self._table(table)} WHERE site = ? AND layer = ? AND kind = ? AND neuron = ?",
            unit,
        ).fetchall()

    def _execute(self, query: str, values: Sequence[Any] = ()) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(query, list(values))
        except duckdb.Error as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> CorpusError:
        reason = str(error).partition("\n")[0].replace(str(self.folder), "…")[:120]
        return CorpusError(
            f"{self.folder} cannot be read ({reason})", "the files that were written", "make it again with --force"
        )

    def _table(self, table: str) -> str:
        path = one_file(self.folder / f"{table}.parquet").replace("'", "''")
        return f"read_parquet('{path}', {READ})"
