"""Does dreaming succeed? gcg and the repaired anneal against PAIR's annealing, on seeded random neurons.

60 random (layer, neuron) pairs of minilm, half resid_post, half mlp_post; 12 random start tokens, the 7th of the input is
read, all 12 may change. Each method starts from the same text. PAIR's preset gets ten times gcg's wall time on that very
neuron (measured first, alone on the machine), turned into steps by the preset's own measured time a step, so that the long
runs may share the machine without losing steps. It climbs the normalised activation, as PAIR's script does; every real text
that it passes counts with its raw activation, also one that does not survive retokenising: more than PAIR reported.
gcg's text must survive.

    python benchmarks/success.py gcg          gcg's runs, alone on the machine
    python benchmarks/success.py others       repaired anneal and the preset
    python benchmarks/success.py report       writes results/success.json and prints the table

Runs are kept one a line in results/success-runs.jsonl: a stopped benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from machine import machine

import textdream
from textdream.configs import AnnealConfig, GcgConfig, pair_preset
from textdream.model import Model
from textdream.optimizers import Problem, anneal, gcg

RESULTS = Path(__file__).parent / "results"
RUNS = RESULTS / "success-runs.jsonl"
PAIRS, SEEDS, LENGTH, POSITION, DRAW = 60, (0, 1, 2), 12, 6, 20
TIMES = 10


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

    @property
    def key(self) -> tuple[str, str, int, int, int]:
        """What tells it from other runs."""
        return (self.method, self.site, self.layer, self.neuron, self.seed)


def pairs() -> list[tuple[str, int, int]]:
    """(site, layer, neuron), half of each site, all layers."""
    draw = random.Random(DRAW)
    sites = [("resid_post", 384), ("mlp_post", 1536)]
    return [(*_pick(draw, *sites[number % 2]),) for number in range(PAIRS)]


def _pick(draw: random.Random, site: str, width: int) -> tuple[str, int, int]:
    return site, draw.randrange(6), draw.randrange(width)


def run(
    model: Model,
    method: str,
    where: tuple[str, int, int],
    seed: int,
    config: Any,
    search: Callable[..., Iterator[Any]],
) -> Run:
    """Run a method from the start of a seed."""
    site, layer, neuron = where
    generator = torch.Generator().manual_seed(1000 * seed + layer * 10_000 + neuron)
    ids = torch.tensor(model.tokens.random_ids(LENGTH, generator))
    objective = textdream.neuron(layer, neuron, site=site).bind(model, POSITION, len(ids))
    free = tuple(model.tokens.open_positions(ids.tolist()))
    problem = Problem(model, objective, ids, free, round_trip=method == "gcg", generator=generator)
    start = float(model.engine.values(ids[None], objective)[0])
    evaluations, begin = model.engine.evaluations, time.perf_counter()
    visited: set[tuple[int, ...]] = set()
    steps = []
    for step in search(problem, config):
        steps.append(step.value)
        if method != "gcg":
            visited.add(step.ids)
    seconds = time.perf_counter() - begin
    assert problem.best is not None
    # Special and unused tokens may not count as a dream of ours; here they may, for PAIR.
    passed = model.engine.values(torch.tensor(sorted(visited)), objective).max() if visited else problem.best[1]
    return Run(
        method, site, layer, neuron, seed, start, max(float(passed), problem.best[1]), steps[-1], seconds,
        model.engine.evaluations - evaluations, len(steps) - 1, model.tokens.text(problem.best[0]),
    )  # fmt: skip


def kept() -> list[Run]:
    """Runs already done."""
    return [Run(**json.loads(line)) for line in RUNS.read_text().splitlines()] if RUNS.exists() else []


def keep(found: Run) -> None:
    with RUNS.open("a") as file:
        file.write(json.dumps(asdict(found), ensure_ascii=False) + "\n")
    where = f"{found.method:6} seed {found.seed} {found.site:10} {found.layer} {found.neuron:4}"
    print(f"{where}  {found.start:7.3f} → {found.best:7.3f}  {found.seconds:5.1f} s", flush=True)


def step_seconds(model: Model) -> float:
    """Seconds a step of PAIR's preset on this machine, alone on it: the median of three short runs."""
    config = replace(pair_preset("pair"), steps=60)
    return statistics.median(run(model, "clock", pairs()[0], seed, config, anneal).seconds / 61 for seed in range(3))


def run_gcg(model: Model) -> None:
    done = {found.key for found in kept()}
    for seed in SEEDS:
        for where in pairs():
            if ("gcg", *where, seed) not in done:
                keep(run(model, "gcg", where, seed, GcgConfig(), gcg))


def run_others(model: Model, a_step: float, share: tuple[int, int]) -> None:
    """The preset and the repaired anneal wherever gcg has run; `share` = (this process, of how many)."""
    runs = kept()
    done = {found.key for found in runs}
    reference = {found.key[1:]: found.seconds for found in runs if found.method == "gcg"}
    for seed in SEEDS:
        for number, where in enumerate(pairs()):
            if number % share[1] != share[0] or (*where, seed) not in reference:
                continue
            steps = max(1, round(TIMES * reference[*where, seed] / a_step))
            for method, config in (
                ("pair", replace(pair_preset("pair"), steps=steps)),
                ("anneal", AnnealConfig()),
            ):
                if (method, *where, seed) not in done:
                    keep(run(model, method, where, seed, config, anneal))


def report(a_step: float) -> None:
    """The figures of all runs that are there."""
    runs = {found.key: found for found in kept()}
    table: dict[str, Any] = {}
    for method in ("gcg", "anneal", "pair"):
        mine = [found for found in runs.values() if found.method == method]
        if not mine:
            continue
        against = [(found, runs["pair", *found.key[1:]]) for found in mine if ("pair", *found.key[1:]) in runs]
        seconds = sorted(found.seconds for found in mine)
        by_pair: dict[tuple[Any, ...], list[float]] = {}
        for found in mine:
            by_pair.setdefault(found.key[1:4], []).append(found.best)
        spreads = [(max(best) - min(best)) / max(map(abs, best)) for best in by_pair.values() if len(best) > 1]
        by_seed = [[a.best > b.best for a, b in against if a.seed == seed] for seed in SEEDS]
        table[method] = {
            "runs": len(mine),
            "beats_pair": sum(a.best > b.best for a, b in against) / len(against)
            if against and method != "pair"
            else None,
            "beats_pair_by_seed": [sum(won) / len(won) for won in by_seed if won] if method != "pair" else None,
            "compared": len(against),
            "median_ratio_to_pair": statistics.median(a.best / b.best for a, b in against if b.best > 0)
            if against
            else None,
            "median_seconds": statistics.median(seconds),
            "p90_seconds": seconds[int(0.9 * (len(seconds) - 1))],
            "median_evaluations": statistics.median(found.evaluations for found in mine),
            "median_steps": statistics.median(found.steps for found in mine),
            "median_spread_over_seeds": statistics.median(spreads) if spreads else None,
            "largest_spread_over_seeds": max(spreads) if spreads else None,
        }
    data = {"machine": machine(), "draw": DRAW, "seeds": SEEDS, "pair_step_seconds": a_step, "methods": table}
    (RESULTS / "success.json").write_text(json.dumps(data, indent=1) + "\n")
    print(json.dumps(table, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["gcg", "others", "report"])
    parser.add_argument("--share", default="0/1", help="this process of how many, for `others`")
    options = parser.parse_args()
    model = textdream.load("minilm")
    clock = RESULTS / "success-clock.json"
    if options.part == "gcg":
        clock.write_text(json.dumps({"pair_step_seconds": step_seconds(model)}) + "\n")
        run_gcg(model)
    if options.part == "others":
        this, of = map(int, options.share.split("/"))
        torch.set_num_threads(max(1, torch.get_num_threads() // of))
        run_others(model, json.loads(clock.read_text())["pair_step_seconds"], (this, of))
    if options.part == "report":
        report(json.loads(clock.read_text())["pair_step_seconds"])


if __name__ == "__main__":
    main()
