"""A real headless browser, and pages that are watched: no error, no request to anywhere else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or what is there."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        assert not os.environ.get("CI"), "CI runs the browser tests, and there is no Chromium"
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


class Watched:
    """Pages of one context, and what they did that they should not have."""

    def __init__(self, context: BrowserContext, home: str) -> None:
        self.context, self.home = context, home
        self.troubles: list[str] = []
        context.on("console", lambda message: self._hear(message.type, message.text))
        context.on("weberror", lambda error: self.troubles.append(f"error: {error.error}"))
        context.on("request", lambda request: self._ask(request.url))

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.troubles.append(f"{kind}: {text}")

    def _ask(self, url: str) -> None:
        if not url.startswith((self.home, "data:", "blob:")):
            self.troubles.append(f"request: {url}")

    def open(self, url: str) -> Page:
        """A page at an address."""
        page = self.context.new_page()
        page.goto(url)
        return page


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """Pages from files; that they were quiet is asked when the test is over."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    found = Watched(context, "file://")
    yield found
    context.close()
    assert found.troubles == []


def address(path: Path, fragment: str = "") -> str:
    """The address of a file."""
    return path.resolve().as_uri() + fragment
