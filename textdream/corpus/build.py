"""`corpus index`: the stages one after the other, each taken up where it was left."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import torch
import transformers
from pydantic import ValidationError

from textdream.configs import CorpusConfig
from textdream.corpus.finish import BINS, write_tables
from textdream.corpus.ingest import ingest
from textdream.corpus.readers import find_inputs
from textdream.corpus.scan import Scan
from textdream.errors import CorpusError, InputError
from textdream.model import Engine, Model, Read
from textdream.records import CorpusInfo, Manifest, write_text
from textdream.version import __version__

SITES = ("resid_post", "mlp_pre", "mlp_post", "attn_out")
DIRECTIONS = 8
SAMPLE = 32_768
SECONDS_BETWEEN_CHECKPOINTS = 30.0
FILES = (
    "manifest.json",
    "sentences.parquet",
    "neurons.parquet",
    "extremes.parquet",
    "bands.parquet",
    "directions.safetensors",
)
WORK = ".building"

Report = Callable[[str, int, int], None]


def build(
    model: Model, names: Sequence[str], folder: Path, config: CorpusConfig, report: Report, force: bool = False
) -> Manifest:
    """Index a corpus into `folder`; called again with the same arguments after an interruption, it goes on.

    `report(stage, done, total)` is called often.
    """
    inputs = find_inputs(names, config.field, config.split)
    reads = _reads(model, config)
    folder.mkdir(exist_ok=True)
    with _locked(folder):
        if (folder / "manifest.json").exists() and not force:
            raise CorpusError(
                f"{folder} holds an index already", "a new folder", "give another --out, or --force to replace it"
            )
        if force:
            for name in FILES:
                (folder / name).unlink(missing_ok=True)
            shutil.rmtree(folder / WORK, ignore_errors=True)
        work = folder / WORK
        work.mkdir(exist_ok=True)
        sentences = folder / "sentences.parquet"
        ingested = work / "corpus.json"
        if not ingested.exists():
            (work / "tables.duckdb").unlink(missing_ok=True)
            info = ingest(inputs, config.split, model.tokens, sentences, work, lambda n: report("reading", n, 0))
            write_text(ingested, info.model_dump_json())
            (work / "tables.duckdb").unlink(missing_ok=True)
        info = CorpusInfo.model_validate_json(ingested.read_text())
        engine = model.engine
        share = min(1.0, SAMPLE / info.tokens)
        scan = Scan(model, engine, reads, sentences, info.sentences, work, k=config.top, directions=DIRECTIONS,
                    sample=min(2**64 - 1, int(share * 2**64)), seed=config.seed)  # fmt: skip
        scan.restore()
        saved = time.monotonic()
        for done in scan.run():
            report("scanning", done, info.tokens)
            if time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                scan.save()
                saved = time.monotonic()
        scan.save()
        report("writing", 0, 0)
        sampled = write_tables(scan, folder, work, config.seed)
        manifest = Manifest(
            textdream=__version__, model=model.info, corpus=info, sites=sorted({r.site for r in reads}, key=SITES.index),
            layers=sorted({r.layer for r in reads}), widths={r.site: model.width(r.site, r.layer) for r in reads},
            k=config.top, sample=sampled, bins=BINS, directions=DIRECTIONS, seed=config.seed, split=config.split,
            precision=str(engine.search_dtype).removeprefix("torch."),
            versions={"torch": torch.__version__, "transformers": transformers.__version__, "duckdb": duckdb.__version__},
        )  # fmt: skip
        write_text(folder / "manifest.json", manifest.to_json())
        shutil.rmtree(work)
    return manifest


def _reads(model: Model, config: CorpusConfig) -> list[Read]:
    sites = config.sites.split(",")
    for site in sites:
        if site not in SITES:
            raise InputError(
                f"--sites {config.sites!r} was given",
                f"sites of blocks: {', '.join(SITES)}",
                "give one or more of them, with commas",
            )
    layers = range(model.info.layers) if config.layers == "all" else [int(l) for l in config.layers.split(",")]
    return [Read(site, layer) for site in sites for layer in layers]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise CorpusError(
            f"another process is indexing into {folder}", "one at a time", "wait for it, or give another --out"
        ) from None
    finally:
        os.close(handle)
