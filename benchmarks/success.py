"""Does dreaming succeed? gcg and the repaired anneal against PAIR's annealing, on seeded random neurons.

60 random (layer, neuron) pairs of minilm, half resid_post, half mlp_post; 12 random start tokens, the 7th token of the input
is read, all 12 may change. Each method starts from the same text. gcg runs with a fifth of its default steps and must give text
that survives retokenising. PAIR's preset gets ten times gcg's time on that very neuron. It climbs the normalised activation,
as PAIR's script does; every real text that it passes counts with its raw activation, also one that does not survive
retokenising or holds special tokens: more than PAIR reported, who took the last step.

Every process runs on one thread, and seconds are processor seconds of that thread: what a wall clock would show on an idle
core, and the same for all methods while others share the machine. Several processes share the work:

    python benchmarks/success.py run --share 0/2 &
    python benchmarks/success.py run --share 1/2 &
    python benchmarks/success.py report          writes results/success.json and prints it

Runs are kept one a line in results/success-runs.jsonl: a stopped benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from machine import machine, processor
from rows import append, kept

import textdream
from textdream.configs import AnnealConfig, GcgConfig, pair_preset
from textdream.model import Model
from textdream.optimizers import Problem, anneal, gcg

RESULTS = Path(__file__).parent / "results"
RUNS = RESULTS / "success-runs.jsonl"
PAIRS, SEEDS, LENGTH, POSITION, DRAW, TIMES = 60, (0, 1, 2), 12, 6, 20, 10
METHODS: dict[str, tuple[Any, Any]] = {
    "gcg": (gcg, GcgConfig(steps=20)),
    "pair": (anneal, pair_preset("pair")),
    "anneal": (anneal, AnnealConfig(steps=200)),
}


@dataclass(frozen=True)
class Run:
    """One method on one neuron from one start."""

    method: str
    site: str
    layer: int
    neuron: int
    seed: int
    start: float
    best: float
    final: float
    seconds: float
    evaluations: int
    steps: int
    text: str
    processor: str

    @property
    def key(self) -> tuple[str, str, int, int, int]:
        """What tells it from other runs."""
        return (self.method, self.site, self.layer, self.neuron, self.seed)


def pairs() -> list[tuple[str, int, int]]:
    """(site, layer, neuron), half of each site, all layers."""
    draw = random.Random(DRAW)
    widths = [("resid_post", 384), ("mlp_post", 1536)]
    return [(site, draw.randrange(6), draw.randrange(width)) for site, width in widths * (PAIRS // 2)]


def run(model: Model, method: str, where: tuple[str, int, int], seed: int, limit: float = float("inf")) -> Run:
    """Run a method from the start of a seed, for at most `limit` seconds."""
    site, layer, neuron = where
    search, config = METHODS[method]
    generator = torch.Generator().manual_seed(1_000_000 * seed + 10_000 * layer + neuron)
    ids = torch.tensor(model.tokens.random_ids(LENGTH, generator))
    objective = textdream.neuron(layer, neuron, site=site).bind(model, POSITION, len(ids))
    free = tuple(model.tokens.open_positions(ids.tolist()))
    problem = Problem(model, objective, ids, free, round_trip=method == "gcg", generator=generator)
    start = float(model.engine.values(ids[None], objective)[0])
    evaluations, begin = model.engine.evaluations, time.process_time()
    steps = []
    for step in search(problem, config):
        steps.append(step)
        if time.process_time() - begin > limit:
            break
    seconds = time.process_time() - begin
    assert problem.best is not None
    # `best` leaves special and unused tokens out; here they count for PAIR.
    best = max(problem.best[1], *(step.value for step in steps))
    return Run(
        method=method, site=site, layer=layer, neuron=neuron, seed=seed, start=start, best=best, final=steps[-1].value,
        seconds=seconds, evaluations=model.engine.evaluations - evaluations, steps=len(steps) - 1,
        text=model.tokens.text(problem.best[0]), processor=processor(),
    )  # fmt: skip


def done_runs() -> dict[tuple[str, str, int, int, int], Run]:
    """Runs already done; of two of one kind, the later."""
    return {found.key: found for found in (Run(**row) for row in kept(RUNS))}


def run_all(model: Model, this: int, of: int) -> None:
    """This process's share of the runs: gcg with all seeds first, which is cheap and gives the spread; then seed by seed."""
    done = done_runs()
    everything = [("gcg", seed) for seed in SEEDS] + [(method, seed) for seed in SEEDS for method in ("pair", "anneal")]
    for method, seed in everything:
        for number, where in enumerate(pairs()):
            if number % of != this or (method, *where, seed) in done:
                continue
            reference, limit = ("gcg", *where, seed), float("inf")
            if method == "pair":
                if done[reference].processor != processor():  # Seconds compare on one machine only.
                    done[reference] = run_one(model, "gcg", where, seed)
                limit = TIMES * done[reference].seconds
            done[method, *where, seed] = run_one(model, method, where, seed, limit)


def run_one(model: Model, method: str, where: tuple[str, int, int], seed: int, limit: float = float("inf")) -> Run:
    """Run, keep and print."""
    found = run(model, method, where, seed, limit)
    append(RUNS, asdict(found))
    what = f"{method:6} seed {seed} {found.site:10} {found.layer} {found.neuron:4}"
    print(f"{what}  {found.start:7.3f} → {found.best:7.3f}  {found.seconds:5.1f} s", flush=True)
    return found


def report() -> dict[str, Any]:
    """The figures of all runs that are there."""
    runs = done_runs()
    table: dict[str, Any] = {}
    for method in METHODS:
        mine = [found for found in runs.values() if found.method == method]
        if not mine:
            continue
        against = [(found, runs["pair", *found.key[1:]]) for found in mine if ("pair", *found.key[1:]) in runs]
        seconds = sorted(found.seconds for found in mine)
        by_neuron: dict[tuple[Any, ...], list[float]] = {}
        for found in mine:
            by_neuron.setdefault(found.key[1:4], []).append(found.best)
        spreads = [(max(best) - min(best)) / max(map(abs, best)) for best in by_neuron.values() if len(best) > 1]
        table[method] = {
            "config": asdict(METHODS[method][1]),
            "runs": len(mine),
            "processors": sorted({found.processor for found in mine}),
            "seeds": sorted({found.seed for found in mine}),
            "compared_with_pair": len(against),
            "beats_pair": {
                site: f"{sum(a.best > b.best for a, b in group)} of {len(group)}"
                for site in ("resid_post", "mlp_post")
                if (group := [(a, b) for a, b in against if a.site == site])
            },
            "beats_pair_last_step": f"{sum(a.best > b.final for a, b in against)} of {len(against)}",
            "median_ratio_to_pair": statistics.median(a.best / b.best for a, b in against if b.best > 0),
            "median_best": statistics.median(found.best for found in mine),
            "median_seconds": statistics.median(seconds),
            "p90_seconds": statistics.quantiles(seconds, n=10)[-1],
            "median_evaluations": statistics.median(found.evaluations for found in mine),
            "median_steps": statistics.median(found.steps for found in mine),
            "median_spread_over_seeds": statistics.median(spreads) if spreads else None,
            "largest_spread_over_seeds": max(spreads) if spreads else None,
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["run", "report"])
    parser.add_argument("--share", default="0/1", help="this process of how many")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if options.part == "run":
        torch.set_num_threads(1)
        run_all(textdream.load("minilm"), *map(int, options.share.split("/")))
    else:
        data = {"machine": machine(), "draw": DRAW, "times": TIMES, "threads_each": 1, "methods": report()}
        (RESULTS / "success.json").write_text(json.dumps(data, indent=1) + "\n")
        print(json.dumps(data, indent=1))


if __name__ == "__main__":
    main()
