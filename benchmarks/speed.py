"""How fast is a token search? The engine against one sequence at a time, in turns in one process.

(a) as PAIR's script does: each candidate alone through the whole float32 model, all layers;
(b) the engine: the values that `token_search` and the certificate screen with.

Both search the same tokens at one position of a 5-token and of a 17-token sentence, layer 4. (a) is timed on a sample of
the vocabulary in each turn and scaled up, because it takes minutes; the sample is drawn anew each turn. The engine's rate is
also given as a fraction of the processor's own rate of matrix products of the feed-forward's shape, and what the rest is lost
to is named by operation.

    python benchmarks/speed.py [--turns 3] [--sample 400]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from machine import machine

import textdream
from textdream.model import Model
from textdream.model.precision import matmul_rate
from textdream.optimizers.problem import replaced

SENTENCES = {
    "5 tokens": ("no wheeler for me .", 3),
    "17 tokens": (
        "the second time he realized the actual possibility of defeat and pulled himself together with anger .",
        8,
    ),
}
LAYER, NEURON, SEED = 4, 138, 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--sample", type=int, default=400)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "speed.json")
    options = parser.parse_args()
    model = textdream.load("minilm")
    results = {name: measure(model, *sentence, options.turns, options.sample) for name, sentence in SENTENCES.items()}
    report = {
        "machine": machine(),
        "seed": SEED,
        "turns": options.turns,
        "sample": options.sample,
        "results": results,
    }
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    for name, found in results.items():
        print(
            f"{name}: one at a time {found['one_at_a_time_seconds']:.0f} s, engine {found['engine_seconds']:.2f} s, "
            f"{found['times_faster']:.0f} times faster; {found['engine_tflops']:.3f} TFLOP/s of {found['peak_tflops']:.3f} "
            f"in {found['precision']}: {found['fraction_of_peak']:.2f} of peak"
        )
        for operation, share in found["time_by_operation"].items():
            print(f"    {share:6.1%}  {operation}")


def measure(model: Model, text: str, position: int, turns: int, sample: int) -> dict[str, Any]:
    """Time both sides in turns."""
    engine = model.engine
    ids = torch.tensor(model.tokens.encode(text))
    objective = textdream.neuron(LAYER, NEURON).bind(model, position, len(ids))
    vocabulary = torch.arange(engine.table.shape[0])
    candidates = replaced(ids, torch.full_like(vocabulary, position), vocabulary)
    generator = torch.Generator().manual_seed(SEED)
    engine.search_values(candidates[:1024], objective)
    alone, fast, peak = [], [], []
    for _ in range(turns):
        rows = candidates[torch.randperm(len(candidates), generator=generator)[:sample]]
        begin = time.perf_counter()
        with torch.no_grad():
            reference = torch.stack([state(model, row) for row in rows])[:, position, NEURON]
        alone.append((time.perf_counter() - begin) / sample * len(candidates))
        peak.append(matmul_rate(engine.search_dtype, 8192, seconds=1.0))
        begin = time.perf_counter()
        values = engine.search_values(candidates, objective)
        fast.append(time.perf_counter() - begin)
    difference = float((reference - values[rows[:, position]]).abs().max())
    work = flops(model, len(ids), len(candidates))
    rate = work / statistics.median(fast)
    return {
        "tokens": len(ids),
        "candidates": len(candidates),
        "one_at_a_time_seconds": statistics.median(alone),
        "engine_seconds": statistics.median(fast),
        "one_at_a_time_all": alone,
        "engine_all": fast,
        "times_faster": statistics.median(a / f for a, f in zip(alone, fast, strict=True)),
        "largest_difference": difference,
        "precision": str(engine.search_dtype).removeprefix("torch."),
        "engine_tflops": rate / 1e12,
        "peak_tflops": statistics.median(peak) / 1e12,
        "fraction_of_peak": rate / statistics.median(peak),
        "time_by_operation": profile(lambda: engine.search_values(candidates[:4096], objective)),
    }


def state(model: Model, ids: torch.Tensor) -> torch.Tensor:
    """One sequence through the whole model, all hidden states kept, as PAIR's script does."""
    return model.hf(input_ids=ids[None], output_hidden_states=True).hidden_states[LAYER + 1][0]


def flops(model: Model, length: int, candidates: int) -> float:
    """Floating-point operations of the matrix products that the engine really runs (2 a multiply-add).

    Full blocks below the read layer: 12 d² for each token, 4 d length for attention. The first block's queries, keys and
    values (3 d²) are formed once for each different (position, token). In the read layer's block one position goes on:
    its query, its output projection and feed-forward (1 + 1 + 8 d², and 2 d² to fold keys and values into it), and
    4 heads d for each token.
    """
    width, heads = model.info.width, model.hf.config.num_attention_heads
    square = width * width
    tokens = candidates * length
    full = tokens * LAYER * (12 * square + 2 * width * length)
    shared = -(tokens - candidates - length) * 3 * square
    last = candidates * 12 * square + tokens * 2 * heads * width
    return 2.0 * (full + shared + last)


def profile(run: Any, most: int = 8) -> dict[str, float]:
    """Share of the time in each operation."""
    run()
    with torch.profiler.profile() as record:
        run()
    events = sorted(record.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return {event.key: round(event.self_cpu_time_total / total, 4) for event in events[:most]}


if __name__ == "__main__":
    main()
