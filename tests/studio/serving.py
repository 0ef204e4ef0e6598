"""A studio on tiny models, served on a free port of this machine, and what a page does with it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from textdream.studio.app import create_app
from textdream.studio.models import Models
from textdream.studio.security import Access
from textdream.studio.serve import bound
from textdream.studio.studio import Studio

TEXT = "the cats sat on a mat , and he ran ."
TARGET = {"layer": 1, "neuron": 3, "position": "3"}
DREAM = {"text": TEXT, "target": TARGET, "search": {"steps": 2}}
LONG = {"text": TEXT, "target": TARGET, "search": {"method": "anneal", "steps": 100_000, "certify": False}}
"""A dream that goes on until it is stopped."""
OPEN: list[Page] = []
"""Pages that a test has to close."""
LIVE = ("queued", "running", "paused")
PATIENCE = 120.0
"""Seconds that a test waits for what must come."""


@dataclass
class Page:
    """What a browser does."""

    url: str
    client: str = "page-one"
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = httpx2.Client(
            base_url=self.url, timeout=PATIENCE, headers={"X-Textdream-Client": self.client, **self.headers}
        )
        OPEN.append(self)

    def get(self, path: str, **options: Any) -> Any:
        return self.http.get(path, **options)

    def post(self, path: str, **options: Any) -> Any:
        return self.http.post(path, **options)

    def begin(self, experiment: str = "dream", settings: Any = None, model: str = "tiny") -> Any:
        """Queue a run; the answer."""
        body = {"experiment": experiment, "model": model, "settings": DREAM if settings is None else settings}
        return self.post("/api/runs", json=body)

    def begun(self, experiment: str = "dream", settings: Any = None, model: str = "tiny") -> str:
        """The id of a run that was taken."""
        answer = self.begin(experiment, settings, model)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def refused(self, experiment: str, settings: Any, model: str = "tiny") -> str:
        """The sentence with which settings are refused."""
        answer = self.begin(experiment, settings, model)
        assert answer.status_code == 422, (answer.status_code, answer.text)
        problem = answer.json()
        assert problem["error"] == "; ".join(problem[part] for part in ("given", "expected", "remedy"))
        return str(problem["error"])

    def run(self, id_: str) -> Any:
        answer = self.get(f"/api/runs/{id_}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def until(self, id_: str, good: Callable[[Any], bool]) -> Any:
        """The run, once it is as it should be."""
        end = time.monotonic() + PATIENCE
        while not good(run := self.run(id_)):
            assert time.monotonic() < end, run
            time.sleep(0.02)
        return run

    def ended(self, id_: str, state: str = "done") -> Any:
        """The run, once it has ended, as it should have."""
        run = self.until(id_, lambda run: run["state"] not in LIVE)
        assert run["state"] == state, run
        return run

    def running(self, id_: str) -> Any:
        """The run, once it has made a step."""
        return self.until(id_, lambda run: run["state"] == "running" and run["progress"])

    def events(
        self, id_: str, last_id: str | None = None, until: Callable[[Any], bool] | None = None, **params: str
    ) -> list[Any]:
        """(kind, data, id) of each event, to the end or until one is as wanted."""
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        found = []
        with self.http.stream("GET", f"/api/runs/{id_}/events", headers=headers, params=params) as stream:
            assert stream.status_code == 200
            assert stream.headers["content-type"].startswith("text/event-stream")
            fields: dict[str, str] = {}
            for line in stream.iter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "event" in fields:
                    found.append((fields["event"], json.loads(fields["data"]), fields.get("id")))
                    fields = {}
                    if until is not None and until(found[-1]):
                        break
        return found


@contextmanager
def serving(studio: Studio, access: Access | None = None) -> Iterator[str]:
    """The studio's address while it is served."""
    listening = bound("127.0.0.1", 0)
    config = uvicorn.Config(
        create_app(studio, access), log_level="warning", access_log=False, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        end = time.monotonic() + PATIENCE
        while not server.started:
            assert time.monotonic() < end
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        studio.engine.end()
        server.should_exit = True
        thread.join(PATIENCE)
        listening.close()
        assert not thread.is_alive()


def studio_on(folder: Path, loaded: dict[str, Any], **options: Any) -> Studio:
    """A studio with models that are in memory."""
    return Studio.open(folder, Models(loaded=loaded), **options)
