"""Whether the studio stays responsive: 50 viewers of a live run, 1,000 results in the gallery, a dream on minilm under way.

    python benchmarks/studio.py            # about five minutes; writes benchmarks/results/studio.json

A studio is started as `textdream studio` in a process of its own, on a folder with 1,000 runs that have results. Requests are
timed one at a time from this process: with nothing running, while a dream by annealing runs, while one by gcg runs, and the same
with 50 viewers of that run connected, each of which has to see every step once. Then a dream of 10,000 steps is watched from
beginning to end, on bert-tiny-mlm, whose steps are the fastest and so the hardest to keep up with. The clients share the machine
with the server (the 50 viewers also share a process with what is timed), and so does whatever else runs: `load` says how much.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import httpx2
from machine import machine

from textdream.studio.runs import Run

OUT = Path(__file__).parent / "results" / "studio.json"
TEXT = "then he compressed his temples with his hands , as if to crush them ."
TARGET = {"layer": 4, "neuron": 100, "word": "hands"}
MODELS = ("minilm", "bert-tiny-mlm")
RUNS, VIEWERS, ROUNDS, STEPS = 1000, 50, 40, 10_000
ANNEAL = {"free": "all", "method": "anneal", "steps": 100_000, "certify": False}
GCG = {"free": "all", "method": "gcg", "steps": 100_000, "certify": False}


def fill(folder: Path, result: bytes, settings: dict[str, object]) -> None:
    """1,000 runs of before, each with a result file."""
    draw = random.Random(0)
    words = TEXT.split()
    for number in range(RUNS):
        id_ = f"20250101-{number // 3600:02}{number // 60 % 60:02}{number % 60:02}-{number:06}"
        text = " ".join(draw.choices(words, k=12))
        run = Run(
            id=id_,
            experiment="dream",
            model="minilm",
            settings=settings,
            state="done",
            text=text,
            created=f"2025-01-01T{number:06}",
            headline=text,
            result_bytes=len(result),
        )
        (folder / f"{id_}.run.json").write_text(run.to_json())
        (folder / f"{id_}.json").write_bytes(result)


class Server:
    """`textdream studio` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        begin = time.perf_counter()
        line = [
            sys.executable,
            "-m",
            "textdream",
            "studio",
            "--port",
            "0",
            "--folder",
            str(folder),
            "--models",
            ",".join(MODELS),
        ]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found is not None
        self.http = httpx2.Client(base_url=found[0], timeout=120)
        self.http.get("/api/about")
        self.seconds_to_start = time.perf_counter() - begin

    def begin(self, search: dict[str, object], model: str = MODELS[0], layer: int = 4) -> str:
        """Queue a dream; returns once it has made a step."""
        settings = {"text": TEXT, "target": {**TARGET, "layer": layer}, "search": search}
        body = {"experiment": "dream", "model": model, "settings": settings}
        id_ = self.http.post("/api/runs", json=body).raise_for_status().json()["id"]
        while not self.http.get(f"/api/runs/{id_}").json()["progress"]:
            time.sleep(0.05)
        return str(id_)

    def stop(self, id_: str) -> None:
        """Stop a dream, and wait for that."""
        self.http.post(f"/api/runs/{id_}/stop")
        while self.http.get(f"/api/runs/{id_}").json()["state"] == "running":
            time.sleep(0.05)

    def end(self) -> None:
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


def timed(server: Server, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each kind of request: median, 95 %, worst."""
    calls: dict[str, Callable[[], object]] = {
        "page": lambda: server.http.get("/"),
        "gallery": lambda: server.http.get("/api/runs"),
        "search": lambda: server.http.get("/api/runs", params={"search": "temples crush", "limit": 50}),
        "experiments": lambda: server.http.get("/api/experiments"),
        "tokens": lambda: server.http.post("/api/tokens", json={"model": "minilm", "text": TEXT}),
        "queue and stop a run": lambda: queue_and_stop(server),
    }
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            found[name].append(1000 * (time.perf_counter() - begin))
            time.sleep(0.02)
    return {name: summary(times) for name, times in found.items()}


def queue_and_stop(server: Server) -> None:
    """Two requests: a form is checked and written, and the run taken out of the queue (or stopped) again."""
    settings = {"text": TEXT, "target": TARGET, "search": {"steps": 1, "certify": False}}
    body = {"experiment": "dream", "model": "minilm", "settings": settings}
    id_ = server.http.post("/api/runs", json=body).raise_for_status().json()["id"]
    server.http.post(f"/api/runs/{id_}/stop")


def summary(times: list[float]) -> dict[str, float]:
    """Median, 95 %, worst."""
    return {
        "median": round(median(times), 1),
        "p95": round(quantiles(times, n=20)[-1], 1),
        "worst": round(max(times), 1),
    }


class Viewer(threading.Thread):
    """Reads a run's events to their end."""

    def __init__(self, url: str, id_: str) -> None:
        super().__init__()
        self.url, self.id_ = url, id_
        self.steps: list[int] = []
        self.bytes = 0

    def run(self) -> None:
        """Read."""
        with (
            httpx2.Client(base_url=self.url, timeout=600) as http,
            http.stream("GET", f"/api/runs/{self.id_}/events") as stream,
        ):
            kind = ""
            for line in stream.iter_lines():
                self.bytes += len(line)
                if line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: ") and kind == "steps":
                    self.steps += [int(step) for step in re.findall(r'"step":(\d+)', line)]


def memory(process: int) -> float:
    """Resident megabytes of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def viewed(server: Server, search: dict[str, object], rounds: int) -> dict[str, object]:
    """Times while a dream runs and 50 viewers look on, and what these saw."""
    id_ = server.begin(search)
    url = str(server.http.base_url)
    before = memory(server.process.pid)
    viewers = [Viewer(url, id_) for _ in range(VIEWERS)]
    for viewer in viewers:
        viewer.start()
    times = timed(server, rounds)
    after = memory(server.process.pid)
    server.stop(id_)
    for viewer in viewers:
        viewer.join()
    steps = len(server.http.get(f"/api/runs/{id_}/result").json()["steps"])
    return {
        "milliseconds": times,
        "steps": steps,
        "viewers_that_saw_every_step_once": sum(viewer.steps == list(range(steps)) for viewer in viewers),
        "megabytes_sent_to_each": round(viewers[0].bytes / 1e6, 2),
        "megabytes_more_in_the_server": round(after - before, 1),
    }


def long(server: Server) -> dict[str, object]:
    """A dream of 10,000 steps, watched, with the API timed meanwhile."""
    begin = time.perf_counter()
    server.http.get("/api/model", params={"name": MODELS[1]})
    id_ = server.begin({**ANNEAL, "free": "word", "steps": STEPS}, MODELS[1], 1)
    viewer = Viewer(str(server.http.base_url), id_)
    viewer.start()
    times: list[float] = []
    while viewer.is_alive():
        start = time.perf_counter()
        server.http.get("/api/runs")
        times.append(1000 * (time.perf_counter() - start))
        time.sleep(0.1)
    viewer.join()
    content = server.http.get(f"/api/runs/{id_}/result").content
    return {
        "seconds": round(time.perf_counter() - begin, 1),
        "gallery_milliseconds": summary(times),
        "every_step_seen_once": viewer.steps == list(range(STEPS + 1)),
        "result_megabytes": round(len(content) / 1e6, 2),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--no-long", action="store_true", help="leave the 10,000 steps out")
    asked = parser.parse_args()
    measured: dict[str, object] = {"machine": machine(), "load_before": [round(one, 2) for one in os.getloadavg()]}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "runs"
        folder.mkdir()
        server = Server(folder)
        id_ = server.begin({**ANNEAL, "steps": 20})
        while not (run := server.http.get(f"/api/runs/{id_}").json())["ended"]:
            time.sleep(0.1)
        result = server.http.get(f"/api/runs/{id_}/result").content
        server.end()
        fill(folder, result, run["settings"])
        server = Server(folder)
        measured["seconds_to_start_on_1000_runs"] = round(server.seconds_to_start, 1)
        measured["idle"] = timed(server, asked.rounds)
        for name, search in (("anneal", ANNEAL), ("gcg", GCG)):
            id_ = server.begin(search)
            measured[name] = timed(server, asked.rounds)
            server.stop(id_)
            measured[f"{name}, 50 viewers"] = viewed(server, search, asked.rounds)
        if not asked.no_long:
            measured["10,000 steps"] = long(server)
        server.end()
    measured["load_after"] = [round(one, 2) for one in os.getloadavg()]
    OUT.write_text(json.dumps(measured, indent=1) + "\n")
    print(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
