"""The first stage: the different sentences of a corpus in order of first appearance, as one Parquet file.

Two sentences are the same if the model cannot tell them apart: "The End." and "the end." are, where it is uncased. Sorting out
duplicates is DuckDB's work, with a limit on its memory and a folder to spill into, so that a corpus may be larger than memory.
A sentence that the model cannot take as it stands (too long, with characters that the tokenizer does not know, with special
tokens in it) is left out and counted: every sentence of an index can be encoded, and dreamed from.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np

from textdream.corpus.readers import Input
from textdream.corpus.store import READ, connect, one_file, write_parquet
from textdream.errors import CorpusError
from textdream.model.tokens import Tokens
from textdream.records import CorpusInfo, Skipped

# Sentences that are tokenised and handed over at once.
CHUNK = 4096
# Fewer, if they have more characters than this together: the tokenizer takes a hundred times their size.
CHARACTERS = 1 << 22


def ingest(inputs: Sequence[Input], split: str, tokens: Tokens, work: Path) -> Iterator[int | CorpusInfo]:
    """Write `sentences.parquet` (sentence, text) into the folder `work`; yields sentences read so far, and at last what it holds.

    Raises
    ------
    CorpusError
        If an input cannot be read, or no sentence is left.
    """
    files = [one.describe() for one in inputs]
    skipped: Counter[str] = Counter()
    read = kept = 0
    with connect(work) as connection:
        connection.execute("CREATE TABLE read (n BIGINT, text VARCHAR, tokens INTEGER, key1 BIGINT, key2 BIGINT)")
        sentences = (sentence for one in inputs for sentence in one.sentences(split))
        for chunk in _chunks(sentences):
            texts, counts, keys = [], [], []
            for text, ids in zip(chunk, _encode(tokens, chunk), strict=True):
                if isinstance(ids, str):
                    skipped[ids] += 1
                else:
                    texts.append(text)
                    counts.append(len(ids) - tokens.frame)
                    keys.append(hashlib.blake2b(np.array(ids, np.int32).tobytes(), digest_size=16).digest())
            _insert(connection, kept, texts, counts, keys)
            read, kept = read + len(chunk), kept + len(texts)
            yield read
        if not kept:
            _refuse_empty(read, skipped)
        connection.execute(
            "CREATE TABLE firsts AS SELECT min(n) AS n, arg_min(text, n) AS text, any_value(tokens) AS tokens "
            "FROM read GROUP BY key1, key2"
        )
        row = connection.execute("SELECT count(*), sum(tokens) FROM firsts").fetchone()
        assert row is not None
        query = "SELECT row_number() OVER (ORDER BY n) - 1 AS sentence, text FROM firsts ORDER BY n"
        write_parquet(connection, "sentences", query, work)
    yield CorpusInfo(
        files=files,
        sha256=_hash(work / "sentences.parquet"),
        sentences=row[0],
        duplicates=kept - row[0],
        skipped=Skipped(**skipped),
        tokens=int(row[1]),
    )


def _chunks(sentences: Iterator[str]) -> Iterator[list[str]]:
    """So many sentences, or characters, as are tokenised at once."""
    chunk: list[str] = []
    size = 0
    for sentence in sentences:
        chunk.append(sentence)
        size += len(sentence)
        if len(chunk) == CHUNK or size > CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _encode(tokens: Tokens, chunk: list[str]) -> list[list[int] | str]:
    """Token ids or the reason why there are none; lone surrogates, which JSON can spell, are no text at all."""
    safe = [text if text.isascii() or _is_text(text) else "" for text in chunk]
    found = tokens.encode_many(safe)
    return [ids if sound else "unknown" for ids, sound in zip(found, safe, strict=True)]


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _insert(
    connection: duckdb.DuckDBPyConnection, begin: int, texts: list[str], counts: list[int], keys: list[bytes]
) -> None:
    if texts:
        key1, key2 = np.frombuffer(b"".join(keys), np.int64).reshape(-1, 2).T.copy()
        columns = {
            "n": np.arange(begin, begin + len(texts)),
            "text": np.array(texts, dtype=object),
            "tokens": np.array(counts, dtype=np.int32),
            "key1": key1,
            "key2": key2,
        }
        connection.register("part", columns)
        connection.execute("INSERT INTO read SELECT n, text, tokens, key1, key2 FROM part")
        connection.unregister("part")


def _refuse_empty(read: int, skipped: Counter[str]) -> None:
    if not read:
        raise CorpusError("the corpus is empty", "at least one sentence", "give files with text in them")
    reasons = {
        "long": "too long for the model",
        "unknown": "with characters it does not know",
        "empty": "without tokens",
    }
    why = ", ".join(f"{count:,} {reasons[name]}" for name, count in sorted(skipped.items()))
    raise CorpusError(
        f"none of the {read:,} sentences can be used ({why})",
        "sentences that the model takes",
        "split prose with --split sentences, or give other files",
    )


def _hash(sentences: Path) -> str:
    digest = hashlib.sha256()
    for text in stored_texts(sentences):
        digest.update(text.encode() + b"\n")
    return digest.hexdigest()


def stored_texts(sentences: Path, begin: int = 0, end: int | None = None) -> Iterator[str]:
    """The texts of `sentences.parquet` from number `begin` up to `end`, in order."""
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        rows = connection.execute(
            f"SELECT text FROM read_parquet(?, {READ}) WHERE sentence >= ? AND sentence < ?",
            [one_file(sentences), begin, 2**62 if end is None else end],
        )
        while found := rows.fetchmany(CHUNK):
            for (text,) in found:
                yield text
