"""Files that are opened in the page: PAIR's, those of the command line, broken ones; several at a time."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import address
from tests.browser.pages import check_axe, check_drawn, check_fits, result
from tests.records.pair_files import FILES, FOLDER
from textdream.records import read_pair
from textdream.report.html import html

DREAM = {"schema": "textdream.result/1", "type": "dream"}
BROKEN = {
    "cut short": ('{"schema": "textdream.res', "is no JSON, or was cut short"),
    "empty": ("", "is no JSON, or was cut short"),
    "another's": ('{"name": "viewer", "version": 3}', "has no schema key"),
    "null": ("null", "has no schema key"),
    "a list": ("[1, 2]", "has no schema key"),
    "of another version": ('{"schema": "textdream.result/9"}', "has the schema textdream.result/9"),
    "of no kind": ('{"schema": "textdream.result/1", "type": "toString"}', "is of the kind toString"),
    "PAIR's without runs": ('{"layers": []}', "layers that are no list of runs"),
    "PAIR's of no kind": ('{"type": "sleep", "params": {}, "results": {}}', "one of PAIR's six kinds"),
    "a kind without its keys": (json.dumps(DREAM), "cannot be drawn"),
    "steps that are none": (
        json.dumps({**json.loads(result("dream-word").to_json()), "steps": [1, None]}),
        "cannot be drawn",
    ),
}


@pytest.fixture
def empty(watched, tmp_path):
    """The page without a result."""
    path = tmp_path / "empty.html"
    path.write_text(html([], []), encoding="utf-8")
    return watched.open(address(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_of_pairs_files_opens_and_looks_as_textdream_show_draws_it(empty, show, path):
    empty.get_by_label("open files…").set_input_files(path)
    expect(empty.get_by_role("article", name=path.name)).to_be_visible()
    check_drawn(empty)
    check_fits(empty, 390, 1280)
    shown = show({path.name: read_pair(path)})
    assert empty.get_by_role("article").inner_text() == shown.get_by_role("article").inner_text()


def test_a_file_that_is_dropped_opens(empty):
    """A drop as the browser itself makes it when a file is dragged in from outside."""
    path = FOLDER / "dream.json"
    data = {"items": [], "files": [str(path.resolve())], "dragOperationsMask": 1}
    session = empty.context.new_cdp_session(empty)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 300, "data": data})
    expect(empty.get_by_role("article", name="dream.json")).to_be_visible()
    expect(empty.locator(".dragging")).to_have_count(0)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_one_sentence_and_what_is_open_stays(show, tmp_path, kind):
    text, sentence = BROKEN[kind]
    broken = tmp_path / "broken.json"
    broken.write_text(text, encoding="utf-8")
    page = show({"dream.json": result("dream-word")}, "#0:step=2")
    before = page.get_by_role("article").inner_text()
    page.get_by_label("open files…").set_input_files(broken)
    expect(page.get_by_role("alert")).to_have_text(re.compile(rf"^broken\.json .*{re.escape(sentence)}.*\.$"))
    assert page.get_by_role("article").inner_text() == before
    page.get_by_label("open files…").set_input_files(FOLDER / "token_search.json")
    expect(page.get_by_role("article", name="token_search.json")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_several_files_at_once_of_which_one_is_broken(empty, tmp_path):
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    empty.get_by_label("open files…").set_input_files(
        [FOLDER / "dream.json", tmp_path / "broken.json", FOLDER / "shift.json"]
    )
    expect(empty.get_by_role("alert")).to_have_count(1)
    tabs = empty.get_by_role("navigation", name="opened results").get_by_role("button")
    expect(tabs).to_have_text(["Dream dream.json", "×", "Shift shift.json", "×", "side by side"])
    expect(empty.get_by_role("article", name="dream.json")).to_be_visible()


def test_side_by_side_and_closed_again(show):
    page = show({"one.json": result("dream-word"), "two.json": result("similar"), "three.json": result("shift")})
    articles = page.get_by_role("article")
    expect(articles).to_have_count(1)
    page.get_by_role("button", name="side by side").click()
    expect(articles).to_have_count(3)
    expect(page).to_have_url(re.compile("#all:$"))
    left, right = articles.nth(0).bounding_box(), articles.nth(1).bounding_box()
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]
    page.get_by_role("button", name="close two.json").click()
    expect(articles).to_have_count(2)
    page.get_by_role("button", name="close one.json").click()
    expect(page.get_by_role("article", name="three.json")).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)


def test_a_result_keeps_its_step_while_another_is_looked_at(show):
    page = show({"one.json": result("dream-word"), "two.json": result("annealing")})
    page.get_by_role("listbox", name="Steps").press("Home")
    page.get_by_role("button", name="Dream two.json").click()
    expect(page.get_by_role("option", selected=True)).to_have_attribute("aria-posinset", "6")
    page.get_by_role("button", name="Dream one.json").click()
    expect(page.get_by_role("option", selected=True)).to_have_attribute("aria-posinset", "1")


def test_light_and_dark_follow_the_system_until_somebody_chooses(show):
    page = show({"dream.json": result("dream-word")})
    theme, toggle = page.locator("html"), page.get_by_role("button", name="dark")
    for system in ("dark", "light"):
        page.emulate_media(color_scheme=system)
        expect(theme).to_have_attribute("data-theme", system)
    toggle.click()
    expect(theme).to_have_attribute("data-theme", "dark")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(theme).to_have_attribute("data-theme", "dark")
    page.emulate_media(color_scheme="dark")
    page.emulate_media(color_scheme="light")
    expect(theme).to_have_attribute("data-theme", "dark")


def test_the_empty_page_can_be_read_by_anyone(empty):
    check_fits(empty, 390)
    check_axe(empty, "light", "dark")
