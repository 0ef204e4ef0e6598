"""A result in a notebook's cell: the viewer in a frame that reaches nothing outside of it."""

import pytest
from playwright.sync_api import Error, expect

from tests.browser.conftest import watching
from tests.browser.pages import KINDS, result

NOTEBOOK = """<!doctype html><html lang="en"><title>notebook</title>
<script>window.secret = "of the notebook"; document.cookie = "session=secret"; localStorage.secret = "too";</script>
<h1>A cell</h1><div id="output">{}</div></html>"""
PROBES = {
    "the notebook's document": "parent.document.body",
    "its variables": "parent.secret",
    "its cookies": "document.cookie",
    "its storage": "localStorage.secret",
    "its place": "(top.location = 'about:blank', top.location.href)",
}


@pytest.fixture
def notebook(browser, stranger):
    """Opens the page of a notebook, served as one is, in which results are displayed."""
    with watching(browser, stranger.address) as watched:

        def opened(*names):
            stranger.page = NOTEBOOK.format("\n".join(result(name)._repr_mimebundle_()["text/html"] for name in names))
            return watched.open(stranger.address), watched

        yield opened


def test_results_are_drawn_in_frames_of_their_own(notebook, stranger):
    page, _ = notebook("dream-word", "shift")
    for place, name in enumerate(["dream-word", "shift"]):
        frame = page.frame_locator("iframe").nth(place)
        expect(frame.get_by_role("figure")).to_have_count(len(KINDS[name]))
    frame = page.frame_locator("iframe").first
    frame.get_by_role("listbox", name="Steps").press("Home")
    expect(frame.get_by_role("option", selected=True)).to_have_attribute("aria-posinset", "1")
    frame.get_by_role("button", name="dark").click()
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.frame_locator("iframe").last.locator("html")).to_have_attribute("data-theme", "light")
    with page.expect_download() as download:
        frame.get_by_role("button", name="Step by step: save the data as CSV").click()
    assert download.value.suggested_filename == "step-by-step.csv"
    assert [path for path in stranger.asked if path != "/favicon.ico"] == ["/"]


@pytest.mark.parametrize("wanted", PROBES)
def test_the_frame_cannot_reach_the_notebook(notebook, wanted):
    page, watched = notebook("dream-word")
    watched.provoke("Unsafe attempt to initiate navigation")
    expect(page.frame_locator("iframe").get_by_role("figure").first).to_be_visible()
    frame = page.frames[1]
    assert frame.evaluate("origin") == "null"
    with pytest.raises(Error, match=r"SecurityError|denied|Blocked|not allowed|sandboxed|permission"):
        frame.evaluate(f"() => String({PROBES[wanted]})")
    assert page.evaluate("[window.secret, localStorage.secret]") == ["of the notebook", "too"]
