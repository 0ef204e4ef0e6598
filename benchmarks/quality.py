"""Do dreams beat the best sentence of a large corpus? The comparison that PAIR's article could not conclude, with numbers.

60 seeded random neurons of minilm, half resid_post, half mlp_post, all layers. For each: one free word and the whole sentence,
from the corpus's best sentence for that neuron and from 12 random tokens (the 7th token of the input is read), by five methods:
PAIR's preset of anneal, the repaired anneal, hotflip, gcg and sweep; three seeds. Where nothing is drawn (no random start, no
random method) one seed stands for all.

The bar is the corpus's best sentence, whatever its length: its highest float32 activation, or where the index cannot tell for
certain, what no sentence that it left out goes beyond. The sentence that is started from is the best of at most 32 tokens that
survives retokenising. With one free word there is
a second bar: the best of all tokens of the vocabulary there, by an exhaustive search of its own (all screened, those that come
near by the measured difference of the precisions, and 512 at least, decided in float32).

Of PAIR's preset every real text that it passes counts, not only its last step, and it need not survive retokenising; the
others must give text that does. Every process runs on one thread, and seconds are processor seconds of that thread: what a
wall clock would show on one idle core; `pace` takes the clock's own seconds of gcg on all cores, on a machine that does
nothing else. A run that is not done after LIMITS seconds ends there with the best so far, and the table says how many came
to their own end: the sweep of a whole sentence costs positions × vocabulary for each certificate.

    python benchmarks/quality.py run --corpus INDEX         hours; stopped, it goes on where it was
    python benchmarks/quality.py run --corpus FILE.txt      the same, after indexing the file into results/quality-index
    python benchmarks/quality.py run                        on with the runs, where the bars of all neurons are known
    python benchmarks/quality.py pace                       gcg by the clock, on all cores: some minutes
    python benchmarks/quality.py report                     results/quality.json and quality.md

`--share 0/2` does half of the neurons. Seed 0 comes first, and what is dear on 12 neurons of all layers before the others, so
that a benchmark which is stopped says most. Runs are kept one a line in results/quality-runs.jsonl, with the bars, so that a
report needs no index.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from machine import machine, processor
from quality_report import clock, markdown, table
from quality_rows import (
    DRAW,
    DRAWN,
    FEW,
    LENGTH,
    LIMITS,
    METHODS,
    MOMENTS,
    POSITION,
    RESULTS,
    RUNS,
    SEEDS,
    SHORT,
    Bar,
    Case,
    Neuron,
    Pace,
    Run,
    neurons,
    read_rows,
)
from rows import append

import textdream
from textdream.configs import DreamConfig
from textdream.corpus import Index
from textdream.corpus.build import index_corpus
from textdream.experiments.from_corpus import corpus_best
from textdream.model import Model
from textdream.optimizers import Problem
from textdream.optimizers.problem import replaced
from textdream.optimizers.screening import Screening, noise


def stages() -> Iterator[tuple[str, str, str, int, list[Neuron]]]:
    """(method, free, start, seed, neurons) in the order of the work."""
    everyone = neurons()
    few, others = everyone[:FEW], everyone[FEW:]
    conditions = [(free, start) for free in ("all", "word") for start in ("corpus", "random")]

    def some(methods: Sequence[str], seeds: Sequence[int], whom: list[Neuron], frees: Sequence[str]) -> Iterator[Any]:
        for seed in seeds:
            for method in methods:
                for free, start in conditions:
                    drawn = start == "random" or method in DRAWN
                    if free in frees and (drawn or seed == 0):
                        yield method, free, start, seed, whom

    both = ("all", "word")
    yield from some(("gcg",), (0,), everyone, ("all",))
    yield from some(("gcg",), (0,), few, ("word",))
    yield from some(("truth", "sweep"), (0,), few, ("word",))
    yield from some(("pair", "anneal"), (0,), few, ("all",))
    yield from some(("hotflip",), (0,), everyone, both)
    yield from some(("pair", "anneal"), (0,), few, ("word",))
    yield from some(("gcg",), (0,), others, ("word",))
    yield from some(("truth", "sweep"), (0,), others, ("word",))
    yield from some(("anneal",), (0,), others, both)
    yield from some(("sweep",), (0,), few, ("all",))
    yield from some(("gcg", "hotflip"), (1, 2), everyone, both)
    yield from some(("truth", "sweep"), (1, 2), everyone, ("word",))
    yield from some(("anneal",), (1, 2), everyone, both)
    yield from some(("sweep", "pair"), (0,), others, both)
    yield from some(("sweep", "pair"), (1, 2), few, both)


class Bench:
    """The runs that are done, and how the next one is made."""

    def __init__(self, model: Model, corpus: Path | None) -> None:
        self.model, self.corpus = model, corpus
        rows = read_rows()
        self.bars, self.done, self.paces = rows.bars, rows.runs, rows.paces
        if corpus is not None:
            self.sha256 = Index.open(corpus, model.info).manifest.corpus.sha256
        else:
            known = {self.bars[where].corpus if where in self.bars else None for where in neurons()}
            if len(known) > 1 or None in known:
                raise SystemExit("the bars of some neurons are not known yet: --corpus is needed")
            (self.sha256,) = known

    def bar(self, where: Neuron) -> Bar:
        """The corpus's best for a neuron, and the sentence to start from: found once and kept."""
        found = self.bars.get(where)
        if found is None or found.corpus != self.sha256:
            site, layer, neuron = where
            config = DreamConfig(from_corpus=str(self.corpus), start="top:32")
            best = corpus_best(self.model, textdream.neuron(layer, neuron, site=site), config)
            assert best is not None
            start = next((one for one in best.starts if len(one.ids) <= SHORT), best.starts[0])
            found = Bar(
                *where, corpus=self.sha256, sentences=best.corpus.sentences, best=max(best.best.activation, best.bound),
                text=best.best.text, start=start.text, start_position=start.position, start_value=start.activation,
            )  # fmt: skip
            append(RUNS, {"kind": "bar", **asdict(found)})
            self.bars[where] = found
        return found

    def problem(self, case: Case, round_trip: bool) -> Problem:
        """A fresh problem: the same start and the same random numbers for every method."""
        free, start, (site, layer, neuron), seed = case
        number = 1_000_000 * seed + 10_000 * layer + neuron
        if start == "corpus":
            bar = self.bar((site, layer, neuron))
            ids, position = self.model.tokens.encode(bar.start), bar.start_position
        else:
            ids, position = self.model.tokens.random_ids(LENGTH, torch.Generator().manual_seed(number)), POSITION
        objective = textdream.neuron(layer, neuron, site=site).bind(self.model, position, len(ids))
        may_change = tuple(self.model.tokens.open_positions(ids)) if free == "all" else (position,)
        generator = torch.Generator().manual_seed(number)
        return Problem(self.model, objective, torch.tensor(ids), may_change, round_trip=round_trip, generator=generator)

    def run(self, method: str, case: Case) -> Run:
        """Run a method to its end or its limit."""
        free, start, where, seed = case
        self.bar(where)
        problem = self.problem(case, round_trip=method != "pair")
        begin_value = float(problem.decide(problem.start[None])[0])
        evaluations, begin = self.model.engine.evaluations, time.process_time()
        if method == "truth":
            outcome: dict[str, Any] = best_token(problem)
        else:
            outcome = search(problem, method, self.bars[where].best)
        return Run(
            method, free, start, *where, seed, corpus=self.sha256, begin=begin_value,
            seconds=time.process_time() - begin, evaluations=self.model.engine.evaluations - evaluations,
            processor=processor(), **outcome,
        )  # fmt: skip

    def pace(self) -> None:
        """gcg on every neuron by the clock, on as many threads as torch takes by itself."""
        for start in ("corpus", "random"):
            for where in neurons():
                done = self.paces.get((start, *where, processor()))
                if done is not None and done.corpus == self.sha256:
                    continue
                bar = self.bar(where).best
                problem, begin = self.problem(("all", start, where, 0), round_trip=True), time.perf_counter()
                passed = None
                for _ in METHODS["gcg"][0](problem, METHODS["gcg"][1]):
                    if passed is None and problem.best is not None and problem.best[1] > bar + noise(bar):
                        passed = time.perf_counter() - begin
                wall = time.perf_counter() - begin
                threads = torch.get_num_threads()
                found = Pace(
                    start, *where, self.sha256, threads, round(wall, 3), passed and round(passed, 3), processor()
                )
                append(RUNS, {"kind": "pace", **asdict(found)})
                print(f"{start} {where}  {wall:.1f} s, past the bar after {passed} s", flush=True)

    def all(self, methods: Sequence[str], this: int, of: int) -> None:
        """This process's share, in the order of `stages`."""
        numbers = {where: number for number, where in enumerate(neurons())}
        for method, free, start, seed, whom in stages():
            for where in whom:
                key = (method, free, start, *where, seed)
                if (
                    method not in methods
                    or numbers[where] % of != this
                    or (key in self.done and self.done[key].corpus == self.sha256)
                ):
                    continue
                found = self.done[key] = self.run(method, (free, start, where, seed))
                append(RUNS, {"kind": "run", **asdict(found)})
                bar = self.bars[where].best
                print(f"{key}  {found.begin:.3f} → {found.best:.3f} (bar {bar:.3f})  {found.seconds:.1f} s", flush=True)


def search(problem: Problem, method: str, bar: float) -> dict[str, Any]:
    """Run a method until it ends or its limit is reached, and say what came of it, and when it passed the bar."""
    optimizer, config = METHODS[method]
    begin = time.process_time()
    assert problem.best is not None
    best, last, ended = problem.best[1], None, True
    curve: list[float] = []
    passed: float | None = None
    for step in optimizer(problem, config):
        last, spent = step, time.process_time() - begin
        while len(curve) < len(MOMENTS) and spent > MOMENTS[len(curve)]:
            curve.append(best)
        # The problem's best leaves out what does not count as a result; of PAIR's preset, that counts too.
        best = max(best, problem.best[1], step.value if method == "pair" else -float("inf"))
        if passed is None and best > bar + noise(bar):
            passed = spent
        if spent > LIMITS[method]:
            ended = False
            break
    assert last is not None
    return {
        "best": best,
        "curve": [*curve, best],
        "passed": passed,
        "final": last.value,
        "certified": last.certificate is not None,
        "ended": ended,
        "text": problem.model.tokens.text(problem.best[0]),
    }


def best_token(problem: Problem, chunk: int = 512) -> dict[str, Any]:
    """The best of all tokens at the one free position, among texts that survive retokenising.

    In the order of their screened values they are decided in float32, 512 at least, until the rest is further below the best
    than the precisions can differ.
    """
    (position,) = problem.free
    tokens = problem.model.tokens.allowed
    candidates = replaced(problem.start, torch.full_like(tokens, position), tokens)
    scores = problem.engine.search_values(candidates, problem.objective)
    order = scores.argsort(descending=True)
    best, text = -float("inf"), problem.start
    screening = Screening.measured(problem.model, problem.objective, problem.start, (position,), problem.generator)
    for begin in range(0, len(order), chunk):
        rows = order[begin : begin + chunk]
        values = problem.engine.values(candidates[rows], problem.objective)
        good = problem.model.tokens.survives(candidates[rows])
        if bool(good.any()) and float(values[good].max()) > best:
            best, text = float(values[good].max()), candidates[rows[good][int(values[good].argmax())]]
        rest = order[begin + chunk : begin + chunk + 1]
        if not len(rest) or float(scores[rest[0]]) < best - screening.margin:
            break
    return {
        "best": best,
        "curve": [best],
        "passed": None,
        "final": best,
        "certified": True,
        "ended": True,
        "text": problem.model.tokens.text(text),
    }


def index_of(model: Model, corpus: Path) -> Path:
    """An index as it is; of a file, the index that is made of it beside the results."""
    if corpus.is_dir():
        return corpus
    folder = RESULTS / f"quality-index-{hashlib.sha256(corpus.read_bytes()).hexdigest()[:12]}"
    if not (folder / "manifest.json").exists():
        index_corpus(model, [str(corpus)], folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["run", "pace", "report"])
    parser.add_argument("--corpus", type=Path, help="an index, or a file of sentences; 400,000 for figures that count")
    parser.add_argument("--only", default=",".join((*METHODS, "truth")), help="these methods, with commas")
    parser.add_argument("--share", default="0/1", help="this process of how many")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if options.part != "report":
        if options.part == "run":
            torch.set_num_threads(1)
        model = textdream.load("minilm")
        bench = Bench(model, index_of(model, options.corpus) if options.corpus else None)
        if options.part == "pace":
            bench.pace()
            return
        bench.all(options.only.split(","), *map(int, options.share.split("/")))
        return
    kept = read_rows()
    rows, bars = table(kept), kept.bars
    configs = {method: asdict(config) for method, (_, config) in METHODS.items()}
    about = {
        "machine": machine(), "draw": DRAW, "seeds": SEEDS, "threads_each": 1, "limits": LIMITS, "configs": configs,
        "corpus": sorted({bar.corpus for bar in bars.values()}),
        "sentences": max((bar.sentences for bar in bars.values()), default=0),
    }  # fmt: skip
    (RESULTS / "quality.json").write_text(json.dumps({**about, "rows": rows, "pace": clock(kept)}, indent=1) + "\n")
    text = markdown(rows, clock(kept), about)
    (RESULTS / "quality.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
