"""How quickly the viewer answers with long dreams: one of 10,000 steps of 17 tokens, with and without an annealing's softmax.

In headless Chromium: seconds until the page is drawn, then for each move of the slider and each choice in the list the
milliseconds from the event to the end of the frame that shows it, and the frames of a whole play. Dreams are made up (seeded):
what is measured is the drawing.

    python benchmarks/viewer.py            writes results/viewer.json
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from machine import machine
from playwright.sync_api import Page, sync_playwright

from textdream.records import read_result
from textdream.report.html import html

RESULTS = Path(__file__).parent / "results"
STEPS, MOVES, SEED, LIMIT = 10_000, 50, 0, 100
WORDS = (
    "the",
    "of",
    "and",
    "to",
    "in",
    "he",
    "was",
    "that",
    "it",
    "his",
    "her",
    "with",
    "as",
    "for",
    "had",
    "you",
    "not",
)

# Until the frame after the one that the event led to begins: what a person has to wait for.
MOVE = """async ([selector, value]) => {
  const begin = performance.now();
  const input = document.querySelector(selector);
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - begin;
}"""
PRESS = """async (key) => {
  const begin = performance.now();
  const list = document.querySelector("[role=listbox]");
  list.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - begin;
}"""
PLAY = """async (seconds) => {
  const frames = [];
  let last = performance.now();
  document.querySelector("button[aria-label^='play ']").click();
  await new Promise((done) => {
    const tick = (now) => {
      frames.push(now - last);
      last = now;
      if (frames.reduce((a, b) => a + b, 0) < 1000 * seconds) requestAnimationFrame(tick);
      else done();
    };
    requestAnimationFrame(tick);
  });
  return frames.slice(2);
}"""


def dream(softmax: bool) -> dict[str, Any]:
    """A made-up result of STEPS steps: now and then a token changes."""
    draw = random.Random(SEED)
    tokens = ["[CLS]", *draw.choices(WORDS, k=15), "[SEP]"]
    free = list(range(1, 16))
    steps = []
    value = 0.0
    for number in range(STEPS + 1):
        if draw.random() < 0.2:
            tokens = [*tokens]
            tokens[draw.choice(free)] = draw.choice(WORDS)
            value += draw.gauss(0.001, 0.1)
        step = {"step": number, "tokens": tokens, "hard": value, "phase": "anneal" if softmax else "gcg"}
        if softmax:
            step |= {"soft": value + 1, "temperature": 2 * 0.9997**number}
            if number % 50 == 0:
                step["top_tokens"] = [
                    [{"id": i, "token": draw.choice(WORDS), "weight": 0.4 / (i + 1)} for i in range(5)] for _ in free
                ]
        steps.append(step)
    sample = {
        "ids": list(range(17)),
        "tokens": tokens,
        "text": " ".join(tokens[1:-1]),
        "activation": value,
        "round_trip": True,
    }
    model = {"name": "made up", "source": "", "sha256": "0" * 64, "architecture": "BertModel", "layers": 6, "width": 384,
             "vocabulary_size": 30522}  # fmt: skip
    return {
        "schema": "textdream.result/1", "type": "dream", "textdream": "0", "created": "2026-01-01T00:00:00+00:00", "model": model,
        "seed": SEED, "settings": {}, "seconds": 1.0, "target": {"kind": "neuron", "site": "resid_post", "layer": 4, "neuron": 1,
        "position": 8}, "start": sample, "final": sample, "best": sample, "free": free, "method": "gcg", "evaluations": STEPS,
        "steps": steps,
    }  # fmt: skip


def measure(page: Page, file: Path) -> dict[str, Any]:
    """Figures of one page."""
    page.goto(file.as_uri())
    page.wait_for_selector("[role=listbox]")
    drawn = page.evaluate("performance.now()") / 1000
    draw = random.Random(SEED)
    slider = [page.evaluate(MOVE, ["input[type=range]", draw.randrange(STEPS)]) for _ in range(MOVES)]
    keys = [
        page.evaluate(PRESS, draw.choice(["ArrowDown", "ArrowUp", "PageDown", "Home", "End"])) for _ in range(MOVES)
    ]
    frames = page.evaluate(PLAY, 5)
    return {
        "megabytes": round(file.stat().st_size / 2**20, 1),
        "drawn_after_seconds": round(drawn, 2),
        "slider_milliseconds": spread(slider),
        "keys_milliseconds": spread(keys),
        "frames_while_playing_milliseconds": spread(frames),
        f"all_under_{LIMIT}_ms": max(slider + keys) < LIMIT,
    }


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95 % and largest."""
    values = sorted(values)
    return {
        "median": round(statistics.median(values), 1),
        "95 %": round(values[round(0.95 * (len(values) - 1))], 1),
        "largest": round(values[-1], 1),
    }


def main() -> None:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    rows = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        version = browser.version
        for name, softmax in (("discrete", False), ("annealing", True)):
            file = Path(folder) / f"{name}.json"
            file.write_text(json.dumps(dream(softmax)))
            page = Path(folder) / f"{name}.html"
            page.write_text(html([read_result(file)], [file.name]), encoding="utf-8")
            rows[name] = measure(browser.new_page(viewport={"width": 1280, "height": 900}), page)
            print(name, rows[name], flush=True)
        browser.close()
    report = {"machine": machine(), "chromium": version, "seed": SEED, "steps": STEPS, "moves": MOVES, "rows": rows}
    (RESULTS / "viewer.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
