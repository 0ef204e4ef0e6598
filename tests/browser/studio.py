"""The studio as a process of its own, and what a page asks of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.cli.running import start

TEXT = "no wheeler for me ."
DREAM = {"text": TEXT, "target": {"layer": 4, "neuron": 138, "word": "wheeler"}, "search": {"steps": 5}}
LONG = {**DREAM, "search": {"method": "anneal", "steps": 100_000, "certify": False, "free": "all"}}
"""A dream that goes on until it is stopped."""
BEGIN = """async ([experiment, model, settings]) => {
    const headers = { "Content-Type": "application/json", "X-Textdream-Client": localStorage["textdream-client"] };
    const answer = await fetch("/api/runs", { method: "POST", headers, body: JSON.stringify({ experiment, model, settings }) });
    return await answer.json();
}"""


@dataclass
class Server:
    """A studio that is served."""

    process: Popen[str]
    address: str
    folder: Path
    model: str

    def begin(self, page: Page, settings: dict[str, Any], experiment: str = "dream") -> str:
        """Queue a run as this page's client does; its id."""
        answer = page.evaluate(BEGIN, [experiment, self.model, settings])
        assert "id" in answer, answer
        return str(answer["id"])

    def run(self, id_: str) -> str:
        """The address of a run's page."""
        return f"{self.address}/#run={id_}"


@contextmanager
def serving(folder: Path, model: Path) -> Iterator[Server]:
    """A studio with a folder of its own, on a free port."""
    process = start("studio", "--port", 0, "--folder", folder, "--models", model, env={"OMP_NUM_THREADS": "1"})
    try:
        line = process.stdout.readline()
        address = re.search(r"http://[\w.:]+", line)
        assert address, (line, process.poll() is not None and process.stderr.read())
        yield Server(process, address[0], folder, str(model))
    finally:
        process.kill()
        process.communicate()


def ready(page: Page) -> None:
    """Wait until the form knows the text's tokens and the model's limits."""
    expect(page.get_by_role("group", name="The word that is read").get_by_role("button")).to_have_count(7)
    expect(page.get_by_role("spinbutton", name="layer 0 to 4")).to_be_visible()


def panel(page: Page) -> Locator:
    """What a run's page says of the run."""
    return page.get_by_role("region", name="This run")


def expect_state(page: Page, state: str) -> None:
    """Wait until the run is in a state, as its page says it."""
    expect(panel(page)).to_contain_text(re.compile(rf"[▶✓■⚠✗…❚]\s*{state}"))
