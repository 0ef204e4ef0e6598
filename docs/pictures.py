"""Takes the pictures of README and docs from real results, in headless Chromium.

    python docs/pictures.py results     runs the commands below whose results are not in docs/results yet: some minutes
    python docs/pictures.py             opens each result and takes its pictures into docs/pictures

Nothing is made up: what a picture shows is the result file of the command beside it, and `textdream verify` takes it.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from textdream.records import read_result
from textdream.report.html import html

HERE = Path(__file__).parent
RESULTS, PICTURES = HERE / "results", HERE / "pictures"
SENTENCE = "then he compressed his temples with his hands , as if to crush them ."
TEMPLES = [SENTENCE, "--layer", "4", "--neuron", "138", "--word", "hands", "--free", "all"]
WHEELER = ["no wheeler for me .", "--layer", "4", "--neuron", "138", "--word", "wheeler"]
SHE = "she played baseball with her friends"
CONCEPT = "{folder}/he-she.safetensors"

COMMANDS: dict[str, list[str]] = {
    "dream": ["dream", *WHEELER, "--free", "all", "--out", "{out}"],
    "annealing": ["dream", *TEMPLES, "--method", "anneal", "--preset", "pair", "--steps", "600", "--no-certify",
                  "--out", "{out}"],
    "token-map": ["token-search", *WHEELER, "--change", "all", "--out", "{out}"],
    "similar": ["similar", *WHEELER, "--out", "{out}"],
    "reconstruct": ["reconstruct", SHE, "--layers", "all", "--synonyms", "--out", "{out}"],
    "concept": ["concept", "fit", "sotu", "--swap", "he=she,his=her,him=her", "--most", "100", "--out", CONCEPT,
                "--record", "{out}"],
    "shift": ["shift", SHE, "--word", "she", "--concept", CONCEPT, "--magnitudes=-15:15:5", "--budget", "5",
              "--out", "{out}"],
}  # fmt: skip
"""Result file and command, in an order in which they can be run."""

SHOTS: dict[str, tuple[list[str], str, str]] = {
    "dream": (["dream"], "", "article"),
    "annealing": (["annealing"], "#0:step=300", "figure[aria-label^='The softmax']"),
    "token-map": (["token-map"], "", "figure[aria-label^='Map']"),
    "similar": (["similar"], "", "article"),
    "reconstruct": (["reconstruct"], "", "article"),
    "shift": (["shift"], "", "figure[aria-label^='Layers']"),
}
"""Picture: results that are opened, what stands behind the # of the address, and what is taken."""


def command(name: str) -> str:
    """The command whose result a picture draws, as one would type it."""
    words = [word.removeprefix("{folder}/") for word in COMMANDS[SHOTS[name][0][0]]]
    return f"textdream {shlex.join(words[: words.index('--out')])}"


WIDTH, HEIGHT = 1100, 1000
"""Pixels; what is taller than a picture is cut below."""


def run() -> None:
    """Make the results that are missing."""
    RESULTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, command in COMMANDS.items():
            out = RESULTS / f"{name}.json"
            # The shift needs the vectors that come with the concept.
            if not out.exists() or (name == "concept" and not (RESULTS / "shift.json").exists()):
                words = [word.format(folder=folder, out=out) for word in command]
                subprocess.run([sys.executable, "-m", "textdream", *words], check=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or what is there."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise SystemExit("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def take(page: Page, selector: str, name: str) -> None:
    """A picture of the first element that fits, from its top."""
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    clip = {**box, "height": min(box["height"], HEIGHT)}
    page.screenshot(path=PICTURES / f"{name}.png", clip=clip, full_page=True)


def pictures(browser: Browser) -> None:
    """One of each of SHOTS."""
    with tempfile.TemporaryDirectory() as folder:
        for name, (files, address, selector) in SHOTS.items():
            paths = [RESULTS / f"{file}.json" for file in files]
            page_file = Path(folder) / f"{name}.html"
            page_file.write_text(
                html([read_result(path) for path in paths], [path.name for path in paths]), encoding="utf-8"
            )
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.goto(page_file.as_uri() + address)
            page.wait_for_selector("figure")
            take(page, selector, name)
            page.close()


def studio(browser: Browser) -> None:
    """The studio after its first dream, which is made by clicks."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "textdream", "studio", "--port", "0", "--folder", f"{folder}/runs"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            address = re.search(r"http://\S+", next(iter(server.stdout.readline, "")))
            assert address is not None
            page = browser.new_page(viewport={"width": 1280, "height": HEIGHT})
            page.goto(address[0])
            page.get_by_role("button", name="all words").click()
            page.get_by_role("button", name="Dream", exact=True).last.click()
            page.get_by_text("sweep").first.wait_for(timeout=300_000)
            page.screenshot(path=PICTURES / "studio.png")
        finally:
            server.terminate()
            server.wait()


def main() -> None:
    """Results, or pictures."""
    if sys.argv[1:] == ["results"]:
        run()
        return
    PICTURES.mkdir(exist_ok=True)
    with chromium() as browser:
        pictures(browser)
        studio(browser)


if __name__ == "__main__":
    main()
