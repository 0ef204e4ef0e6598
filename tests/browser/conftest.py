"""A real headless browser, and pages that are watched: no error, no request to anywhere else."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.studio import Server, serving

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PATIENCE = 60_000
"""Milliseconds until a condition is given up: on a busy machine everything takes long, and nothing waits for time."""
expect.set_options(timeout=PATIENCE)


# Of a module: Playwright keeps an event loop running in its thread, in which other modules' tests could not run theirs.
@pytest.fixture(scope="module")
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
        self.provoked: list[str] = []
        context.set_default_timeout(PATIENCE)
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

    def provoke(self, *says: str) -> None:
        """What a test brings about itself is not held against the page."""
        self.provoked.extend(says)

    @property
    def unexpected(self) -> list[str]:
        """Troubles that no test provoked."""
        return [trouble for trouble in self.troubles if not any(say in trouble for say in self.provoked)]


@contextmanager
def watching(browser: Browser, home: str) -> Iterator[Watched]:
    """Pages of one home; that they were quiet is asked at the end."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    found = Watched(context, home)
    yield found
    context.close()
    assert found.unexpected == []


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """Pages from files."""
    with watching(browser, "file://") as found:
        yield found


class Stranger:
    """Another site: it serves one page, and remembers who asked for what."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.address = f"http://127.0.0.1:{server.server_port}"
        self.page = "<!doctype html><title>another site</title>"
        self.asked: list[str] = []


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    """Another site, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            body = site.page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: a test's output is its own."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Stranger(server)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield site
        server.shutdown()
        thread.join()


def address(path: Path, fragment: str = "") -> str:
    """The address of a file."""
    return path.resolve().as_uri() + fragment


@pytest.fixture
def show(watched: Watched, tmp_path: Path) -> Callable[..., Page]:
    """Opens the page that is made of results, given by name, at a place in it."""
    from textdream.report.html import html

    def opened(results: dict[str, object], fragment: str = "") -> Page:
        path = tmp_path / "results.html"
        path.write_text(html(list(results.values()), list(results)), encoding="utf-8")
        return watched.open(address(path, fragment))

    return opened


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model on which the form's own example can be run, and that knows the signs of HTML."""
    from tests.cli.folders import save

    folder = save(
        tmp_path_factory.mktemp("models") / "tiny", num_hidden_layers=5, hidden_size=144, intermediate_size=288
    )
    tokenizer = folder / "tokenizer.json"
    text = tokenizer.read_text(encoding="utf-8")
    tokenizer.write_text(text.replace("[unused0]", "<").replace("[unused1]", ">"), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def server(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio for all tests; each leaves nothing under way."""
    with serving(tmp_path_factory.mktemp("studio") / "runs", tiny_folder) as found:
        yield found


@pytest.fixture
def visitor(browser: Browser, server: Server) -> Iterator[Watched]:
    """Somebody with a browser: pages of the studio."""
    with watching(browser, server.address) as found:
        yield found


@pytest.fixture
def other(browser: Browser, server: Server) -> Iterator[Watched]:
    """Somebody else."""
    with watching(browser, server.address) as found:
        yield found
