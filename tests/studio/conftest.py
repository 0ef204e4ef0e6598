from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.studio.serving import LIVE, OPEN, Page, serving, studio_on
from tests.tiny import tiny
from textdream.studio.studio import Studio


@pytest.fixture(scope="session")
def loaded() -> dict[str, Any]:
    """A bare model and one with a masked-token head."""
    return {"tiny": tiny("bert"), "masked": tiny("bert_mlm")}


@pytest.fixture(scope="module")
def studio(loaded: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """One studio for a file of tests."""
    return studio_on(tmp_path_factory.mktemp("studio") / "runs", loaded)


@pytest.fixture(scope="module")
def url(studio: Studio) -> Iterator[str]:
    """Where it is served."""
    with serving(studio) as address:
        yield address


@pytest.fixture(autouse=True)
def _closed_pages() -> Iterator[None]:
    """What a test opened is closed after it; a fixture of the whole file keeps its own."""
    before = len(OPEN)
    yield
    while len(OPEN) > before:
        OPEN.pop().http.close()


@pytest.fixture(scope="module", autouse=True)
def _closed_at_last() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().http.close()


@pytest.fixture
def page(url: str) -> Iterator[Page]:
    """A page of it; what it left running is stopped."""
    found = Page(url)
    yield found
    for state in ("paused", "queued", "running"):
        for run in found.get("/api/runs", params={"state": state, "limit": 200}).json()["runs"]:
            found.post(f"/api/runs/{run['id']}/stop")
    for run in found.get("/api/runs", params={"limit": 200}).json()["runs"]:
        if run["state"] in LIVE:
            found.until(run["id"], lambda run: run["state"] not in LIVE)
