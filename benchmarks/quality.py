"""Do dreams beat the best sentence of a large corpus? The comparison that PAIR's article drew, for five methods, with numbers.

Seeded random (layer, neuron) pairs of minilm, half resid_post, half mlp_post. For each: one free word and the whole sentence,
from the corpus's best sentence for this neuron and from 12 random tokens, by PAIR's preset, the repaired anneal, hotflip, gcg and
sweep, with three seeds. Where nothing is drawn (no random start, no random method), one seed stands for all. Every real text that
PAIR's preset passes counts, not only its last; the other methods must give text that survives retokenising.

The bar is the best sentence of the corpus: its highest float32 activation at any token. With one free word, the bar beside it
is the best token of the vocabulary, by evaluating all of them.

    python benchmarks/quality.py run --corpus sentences.txt --index DIR      hours; stopped, it goes on where it was
    python benchmarks/quality.py report                                      results/quality.json and quality.md

`run --share 0/2` does half of the neurons; `--limit` ends a run after so many seconds with the best so far.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from machine import machine, processor
from rows import append, kept
from textdream.corpus import Index, build_index

import textdream
from textdream.configs import AnnealConfig, GcgConfig, HotflipConfig, IndexConfig, SweepConfig, pair_preset
from textdream.model import Model
from textdream.optimizers import Problem, anneal, gcg, hotflip, sweep
from textdream.optimizers.problem import replaced

RESULTS = Path(__file__).parent / "results"
RUNS = RESULTS / "quality-runs.jsonl"
NEURONS, SEEDS, LENGTH, POSITION, DRAW = 60, (0, 1, 2), 12, 6, 30
METHODS: dict[str, tuple[Any, Any]] = {
    "pair": (anneal, pair_preset("pair")),
    "anneal": (anneal, AnnealConfig()),
    "hotflip": (hotflip, HotflipConfig()),
    "gcg": (gcg, GcgConfig()),
    "sweep": (sweep, SweepConfig()),
}
DRAWN = {"anneal", "gcg"}
"""Methods that draw random numbers."""


@dataclass(frozen=True)
class Run:
    """One method on one neuron under one condition."""

    method: str
    free: str
    start: str
    site: str
    layer: int
    neuron: int
    seed: int
    corpus: float
    """Activation of the corpus's best sentence."""
    vocabulary: float | None
    """With one free word: the activation with the best token of the vocabulary that survives retokenising."""
    best: float
    final: float
    certified: bool
    finished: bool
    seconds: float
    evaluations: int
    threads: int
    processor: str
    text: str

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from other runs."""
        return (self.method, self.free, self.start, self.site, self.layer, self.neuron, self.seed)


def neurons() -> list[tuple[str, int, int]]:
    """(site, layer, neuron): half of each site, all layers in turn."""
    draw = random.Random(DRAW)
    sites = (("resid_post", 384), ("mlp_post", 1536))
    return [(site, number % 6, draw.randrange(width)) for number in range(NEURONS // 2) for site, width in sites]


def condition(
    model: Model, index: Index, where: tuple[str, int, int], free: str, start: str, seed: int
) -> tuple[Callable[[bool], Problem], float]:
    """(a maker of the problem, the corpus's best activation)."""
    site, layer, neuron = where
    card = index.card(site, layer, neuron)
    best, best_value = None, -float("inf")
    for example in card.top:
        ids = torch.tensor(model.tokens.encode(example.text))
        target = textdream.neuron(layer, neuron, site=site).bind(model, example.position, len(ids))
        value = float(model.engine.values(ids[None], target)[0])
        if value > best_value:
            best, best_value = (ids, example.position), value
    assert best is not None
    ids, position = best
    number = 1_000_000 * seed + 10_000 * layer + neuron
    if start == "random":
        drawn = model.tokens.random_ids(LENGTH, torch.Generator().manual_seed(number))
        ids, position = torch.tensor(drawn), POSITION
    objective = textdream.neuron(layer, neuron, site=site).bind(model, position, len(ids))
    may_change = tuple(model.tokens.open_positions(ids.tolist())) if free == "all" else (position,)

    def make(round_trip: bool) -> Problem:
        generator = torch.Generator().manual_seed(number)
        return Problem(model, objective, ids, may_change, round_trip=round_trip, generator=generator)

    return make, best_value


def best_token(problem: Problem) -> float:
    """With one free position: the highest activation that any token gives there, by trying them all."""
    (position,) = problem.free
    tokens = problem.model.tokens.allowed
    candidates = replaced(problem.start, torch.full_like(tokens, position), tokens)
    order = problem.engine.search_values(candidates, problem.objective).argsort(descending=True)
    near = problem.surviving(candidates[order[:2048]])
    return float(problem.engine.values(near, problem.objective).max())


def run(make: Callable[[bool], Problem], method: str, limit: float) -> dict[str, Any]:
    """Run a method until it ends or the limit is reached, and say what came of it."""
    search, config = METHODS[method]
    problem = make(method != "pair")
    evaluations, begin = problem.engine.evaluations, time.perf_counter()
    highest, last, finished = -float("inf"), None, True
    for step in search(problem, config):
        highest, last = max(highest, step.value), step
        if time.perf_counter() - begin > limit:
            finished = False
            break
    assert last is not None
    assert problem.best is not None
    return {
        "best": max(problem.best[1], highest),
        "final": last.value,
        "certified": last.certificate is not None,
        "finished": finished,
        "seconds": time.perf_counter() - begin,
        "evaluations": problem.engine.evaluations - evaluations,
        "text": problem.model.tokens.text(problem.best[0]),
    }


def run_all(model: Model, index: Index, this: int, of: int, limit: float) -> None:
    """This process's share, seed by seed, so that a stopped benchmark is whole for the seeds it reached."""
    done = {
        tuple(row[name] for name in ("method", "free", "start", "site", "layer", "neuron", "seed"))
        for row in kept(RUNS)
    }
    for seed in SEEDS:
        for number, where in enumerate(neurons()):
            if number % of != this:
                continue
            for free, start in (("all", "corpus"), ("all", "random"), ("word", "corpus"), ("word", "random")):
                wanted = [
                    method
                    for method in METHODS
                    if (method, free, start, *where, seed) not in done
                    and (seed == 0 or start == "random" or method in DRAWN)
                ]
                if not wanted:
                    continue
                make, corpus = condition(model, index, where, free, start, seed)
                vocabulary = best_token(make(True)) if free == "word" else None
                for method in wanted:
                    found = Run(
                        method, free, start, *where, seed, corpus, vocabulary,
                        threads=torch.get_num_threads(), processor=processor(), **run(make, method, limit),
                    )  # fmt: skip
                    append(RUNS, asdict(found))
                    print(f"{found.key}  {corpus:.3f} → {found.best:.3f}  {found.seconds:.1f} s", flush=True)


def report() -> list[dict[str, Any]]:
    """One row for each method, freedom and start."""
    runs = [Run(**row) for row in kept(RUNS)]
    table = []
    for free in ("all", "word"):
        for start in ("corpus", "random"):
            for method in METHODS:
                mine = [found for found in runs if (found.method, found.free, found.start) == (method, free, start)]
                if not mine:
                    continue
                seconds = sorted(found.seconds for found in mine)
                table.append(
                    {
                        "free": free,
                        "start": start,
                        "method": method,
                        "runs": len(mine),
                        "neurons": len({found.key[3:6] for found in mine}),
                        "beats_corpus": _share(found.best > found.corpus for found in mine),
                        "last_step_beats_corpus": _share(found.final > found.corpus for found in mine),
                        "median_ratio": statistics.median(found.best / found.corpus for found in mine),
                        "finds_best_token": _share(found.best >= found.vocabulary - 1e-5 for found in mine)
                        if free == "word"
                        else None,
                        "median_seconds": statistics.median(seconds),
                        "p90_seconds": seconds[int(0.9 * (len(seconds) - 1))],
                        "median_evaluations": statistics.median(found.evaluations for found in mine),
                        "certified": _share(found.certified for found in mine),
                        "finished": _share(found.finished for found in mine),
                    }
                )
    return table


def markdown(table: list[dict[str, Any]]) -> str:
    """The same as a table to read."""
    names = list(table[0])
    lines = ["| " + " | ".join(name.replace("_", " ") for name in names) + " |", "|" + " --- |" * len(names)]
    for row in table:
        cells = ["" if v is None else f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _share(flags: Iterable[bool]) -> float:
    found = list(flags)
    return sum(found) / len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["run", "report"])
    parser.add_argument("--corpus", help="a file of sentences, one a line, at least 400,000 for the figures that count")
    parser.add_argument(
        "--index", type=Path, default=RESULTS / "quality-index", help="where the corpus's index is or goes"
    )
    parser.add_argument("--share", default="0/1", help="this process of how many")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds a run at most")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if options.part == "run":
        model = textdream.load("minilm")
        if options.corpus:
            for progress in build_index(model, [options.corpus], options.index, IndexConfig()):
                print(progress, flush=True)
        run_all(model, Index.open(options.index, model), *map(int, options.share.split("/")), options.limit)
    else:
        table = report()
        data = {"machine": machine(), "draw": DRAW, "seeds": SEEDS, "rows": table}
        (RESULTS / "quality.json").write_text(json.dumps(data, indent=1) + "\n")
        (RESULTS / "quality.md").write_text(markdown(table))
        print(markdown(table))


if __name__ == "__main__":
    main()
