"""How fast a corpus is indexed: against the loop that a user would write, and as the corpus grows.

The loop is a Hugging Face model in float32 over padded batches of 32 sentences in the order of the file, all hidden states
returned and nothing done with them. textdream's side is the whole scan: the same sentences tokenised, every neuron of
resid_post and mlp_post of all layers, all statistics and extremes; in the search precision of this processor, and in float32
as a processor without bfloat16 has to. All in turns in one process; tokens are those of the text, special ones and padding
not counted, repeated sentences taken out before.

For growth, a file's first N sentences are indexed by the command in a process of its own: wall seconds as a clock shows
them, the largest resident memory as the operating system accounts it, and then how long a neuron's card takes to read.

    python benchmarks/scan.py rate --corpus FILE.txt
    python benchmarks/scan.py growth --corpus FILE.txt --sentences 65000,130000,400000 --out FOLDER

Each writes its part of results/scan.json, under the name of the processor. The indexes stay in FOLDER, for benchmarks/quality.py.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from machine import machine, processor

import textdream
from textdream.configs import CorpusConfig
from textdream.corpus.build import building
from textdream.corpus.index import Index
from textdream.model import Engine, Model

RESULTS = Path(__file__).parent / "results" / "scan.json"
SENTENCES, ROUNDS, BATCH, SEED, CARDS = 16_000, 3, 32, 0, 50


def first_lines(path: Path, count: int) -> list[str]:
    """The first `count` different lines of a file."""
    with path.open(encoding="utf-8") as file:
        different = dict.fromkeys(line.strip() for line in itertools.islice(file, 2 * count) if line.strip())
    return list(different)[:count]


def loop(model: Model, texts: list[str]) -> tuple[int, float]:
    """(tokens, seconds) of the loop that a user would write."""
    tokenizer, begin, tokens = model.tokens.tokenizer, time.perf_counter(), 0
    with torch.no_grad():
        for start in range(0, len(texts), BATCH):
            part = tokenizer(texts[start : start + BATCH], return_tensors="pt", padding=True, truncation=True)
            model.hf(**part, output_hidden_states=True)
            tokens += int(part["attention_mask"].sum()) - 2 * len(part["input_ids"])
    return tokens, time.perf_counter() - begin


def scan(model: Model, file: Path, folder: Path) -> tuple[int, float]:
    """(tokens, seconds) of the scan of a file, from its first batch to the last checkpoint."""
    begin = end = tokens = 0.0
    for step in building(model, [str(file)], folder, CorpusConfig()):
        if step.stage == "scanning":
            begin = begin or time.perf_counter()
            tokens = step.done
        elif step.stage == "writing":
            end = end or time.perf_counter()
    return int(tokens), end - begin


def rate(corpus: Path) -> dict[str, Any]:
    """Tokens per second of both, in turns."""
    model = textdream.load("minilm")
    search = model.engine.search_dtype
    texts = first_lines(corpus, SENTENCES)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sentences.txt"
        file.write_text("\n".join(texts) + "\n", encoding="utf-8")
        loop(model, texts[: 4 * BATCH])
        for number in range(ROUNDS):
            theirs = loop(model, texts)
            row = {"loop": theirs[0] / theirs[1]}
            for dtype in dict.fromkeys((search, torch.float32)):
                model.__dict__["engine"] = Engine(model, dtype)
                name = str(dtype).removeprefix("torch.")
                tokens, seconds = scan(model, file, Path(folder) / f"index-{name}-{number}")
                row[name] = tokens / seconds
            rows.append(row)
            print(row, flush=True)
    times = {name: statistics.median(row[name] / row["loop"] for row in rows) for name in rows[0] if name != "loop"}
    return {
        "sentences": len(texts),
        "tokens_per_second": [{name: round(value) for name, value in row.items()} for row in rows],
        "times_the_loop_median": {name: round(value, 2) for name, value in times.items()},
    }


def growth(corpus: Path, counts: list[int], out: Path) -> list[dict[str, Any]]:
    """Seconds and memory for more and more sentences."""
    rows = []
    for count in counts:
        file, folder = out / f"{count}.txt", out / f"index-{count}"
        with corpus.open(encoding="utf-8") as lines, file.open("w", encoding="utf-8") as part:
            part.writelines(itertools.islice(lines, count))
        command = [sys.executable, "-m", "textdream", "corpus", "index", str(file), "--out", str(folder)]
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        if status:
            raise RuntimeError(f"{command} ended with {status}")
        found = Index.open(folder)
        milliseconds = sorted(cards(folder, found))
        rows.append(
            {
                "sentences": found.manifest.corpus.sentences,
                "tokens": found.manifest.corpus.tokens,
                "seconds": round(seconds, 1),
                "tokens_per_second": round(found.manifest.corpus.tokens / seconds),
                "peak_megabytes": round(usage.ru_maxrss / 1024),
                "index_megabytes": round(sum(path.stat().st_size for path in folder.iterdir()) / 2**20),
                "card_milliseconds": {
                    "median": round(statistics.median(milliseconds), 1), "largest": round(milliseconds[-1], 1)
                },
            }
        )  # fmt: skip
        print(rows[-1], flush=True)
        file.unlink()
    return rows


def cards(folder: Path, index: Index) -> list[float]:
    """Milliseconds of random neurons' cards, the first of a freshly opened index among them."""
    draw, index = random.Random(SEED), Index.open(folder)
    found = []
    for _ in range(CARDS):
        site = draw.choice(index.manifest.sites)
        layer, neuron = draw.choice(index.manifest.layers), draw.randrange(index.manifest.widths[site])
        begin = time.perf_counter()
        index.card(site, layer, neuron)
        found.append(1000 * (time.perf_counter() - begin))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["rate", "growth"])
    parser.add_argument("--corpus", type=Path, required=True, help="sentences, one a line")
    parser.add_argument("--sentences", default="65000,130000,400000")
    parser.add_argument("--out", type=Path, help="where the indexes go")
    options = parser.parse_args()
    report = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    about = {"machine": machine(), "seed": SEED}
    mine = report.setdefault(options.part, {})
    if options.part == "rate":
        mine[processor()] = {**about, **rate(options.corpus)}
    else:
        if options.out is None:
            parser.error("growth needs --out")
        options.out.mkdir(exist_ok=True)
        counts = [int(count) for count in options.sentences.split(",")]
        mine[processor()] = {**about, "rows": growth(options.corpus, counts, options.out)}
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(mine[processor()], indent=1))


if __name__ == "__main__":
    main()
