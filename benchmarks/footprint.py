"""Start-up time and memory: `textdream --help`, searches of more and more candidates, and the whole of `make demo`.

Each figure is of a process of its own (for the demo, the largest of its processes), as the operating system accounts it:
peak resident set, wall time. Run it after `make demo` has done its set-up, in the project's folder.

    python benchmarks/footprint.py
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from machine import machine

TEXT = "then he compressed his temples with his hands , as if to crush them ."

SEARCH = """
import sys, torch, textdream
model = textdream.load("minilm")
ids = torch.tensor(model.tokens.encode({text!r}))
objective = textdream.neuron(4, 138).bind(model, 8, len(ids))
count = int(sys.argv[1])
candidates = ids.repeat(count, 1)
candidates[:, 8] = torch.arange(count) % 30000 + 400
model.engine.search_values(candidates, objective)
"""


def run(command: list[str]) -> tuple[float, float]:
    """(seconds, peak resident megabytes) of one process."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command} ended with {status}")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024


def main() -> None:
    python = sys.executable
    report: dict[str, object] = {"machine": machine()}
    helps = [run([python, "-m", "textdream", "--help"])[0] for _ in range(7)]
    imports = [run([python, "-c", "import textdream"])[0] for _ in range(7)]
    report["help_seconds"] = {"median": statistics.median(helps), "largest": max(helps)}
    report["import_seconds"] = {"median": statistics.median(imports), "largest": max(imports)}
    report["search_peak_megabytes"] = {
        count: round(run([python, "-c", SEARCH.format(text=TEXT), str(count)])[1]) for count in (1_000, 4_000, 16_000)
    }
    seconds, megabytes = run(["make", "demo"])
    report["make_demo"] = {"seconds": round(seconds, 1), "peak_megabytes": round(megabytes)}
    (Path(__file__).parent / "results" / "footprint.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
