"""All that a pointer does, the keyboard does; and the address says where the reader is."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.pages import result, tab_to


def chosen(page):
    return page.get_by_role("option", selected=True)


def test_the_steps_of_a_dream(show, watched):
    page = show({"dream.json": result("annealing")})
    steps = page.get_by_role("listbox", name="Steps")
    tab_to(page, steps)
    for key, place in [("Home", 1), ("ArrowDown", 2), ("ArrowDown", 3), ("ArrowUp", 2), ("PageDown", 6), ("PageUp", 1),
                       ("End", 6), ("ArrowDown", 6)]:  # fmt: skip
        page.keyboard.press(key)
        expect(chosen(page)).to_have_attribute("aria-posinset", str(place))
        assert steps.get_attribute("aria-activedescendant") == chosen(page).get_attribute("id")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("slider", name="the steps", exact=True)).to_have_value("2")
    expect(page.get_by_role("heading", name="The heaviest at step 150")).to_be_visible()
    expect(page).to_have_url(re.compile("#0:step=2$"))
    expect(chosen(watched.open(page.url))).to_have_attribute("aria-posinset", "3")


def test_a_thousand_steps_and_only_those_in_sight_exist(show):
    dream = result("dream-word")
    steps = [dream.steps[place % 6].model_copy(update={"step": place}) for place in range(1000)]
    page = show({"dream.json": dream.model_copy(update={"steps": steps})}, "#0:step=700")
    rows, steps = page.get_by_role("option"), page.get_by_role("listbox", name="Steps")
    steps.scroll_into_view_if_needed()
    expect(chosen(page)).to_be_in_viewport()
    expect(chosen(page)).to_have_attribute("aria-posinset", "701")
    for key, place in [("Home", 1), ("PageDown", 15), ("End", 1000)]:
        steps.press(key)
        expect(chosen(page)).to_have_attribute("aria-posinset", str(place))
        expect(chosen(page)).to_be_in_viewport()
    assert rows.count() < 40


def test_start_and_best_stay_in_sight_and_cover_nothing(show):
    dream = result("dream-word")
    steps = [dream.steps[place % 6].model_copy(update={"step": place}) for place in range(100)]
    page = show({"dream.json": dream.model_copy(update={"steps": steps})}, "#0:step=50")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        pinned, steps = page.get_by_role("list", name="start and best"), page.get_by_role("listbox", name="Steps")
        for key in ("Home", "End"):
            steps.press(key)
            steps.evaluate("list => { list.scrollLeft = 40 }")
            expect(pinned.get_by_role("listitem").last).to_be_in_viewport()
            top, row = pinned.bounding_box(), chosen(page).bounding_box()
            assert top["y"] + top["height"] <= row["y"]
            shift = steps.bounding_box()["x"] + 3 - top["x"]
            assert shift == pytest.approx(steps.evaluate("list => list.scrollLeft")), "columns are below each other"


def test_play_and_pause(show):
    page = show({"dream.json": result("dream-word")}, "#0:step=0")
    play = page.get_by_role("button", name="play the steps")
    tab_to(page, play)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="pause the steps")).to_be_focused()
    expect(chosen(page)).not_to_have_attribute("aria-posinset", "1")
    page.keyboard.press("Space")
    expect(play).to_be_focused()


def test_a_play_ends_at_the_last_step(show):
    page = show({"dream.json": result("dream-word")}, "#0:step=4")
    page.get_by_role("button", name="play the steps").press("Enter")
    expect(chosen(page)).to_have_attribute("aria-posinset", "6")
    expect(page.get_by_role("button", name="play the steps")).to_be_visible()


def test_the_slider(show):
    page = show({"dream.json": result("dream-word")}, "#0:step=2")
    tab_to(page, page.get_by_role("slider", name="the steps"))
    page.keyboard.press("ArrowRight")
    expect(chosen(page)).to_have_attribute("aria-posinset", "4")
    page.keyboard.press("Home")
    expect(chosen(page)).to_have_attribute("aria-posinset", "1")


def test_the_cells_of_a_token_map(show, watched):
    page = show({"map.json": result("token-map")})
    grid = page.get_by_role("grid", name="Positions and their best tokens")
    tab_to(page, grid.locator("[tabindex='0']"))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    cell = grid.get_by_role("gridcell", selected=True)
    for key, row, column in [("ArrowRight", 0, 1), ("ArrowDown", 1, 1), ("ArrowDown", 2, 1), ("ArrowLeft", 2, 0)]:
        page.keyboard.press(key)
        wanted = grid.locator("tbody tr").nth(row).get_by_role("gridcell").nth(column)
        expect(wanted).to_be_focused()
        expect(wanted).to_have_attribute("aria-selected", "true")
    said = cell.get_attribute("title")
    word, value = re.fullmatch(r"(\S+) at position 3, (\S+)", said).groups()
    swapped = page.get_by_role("figure", name="The word swapped").get_by_role("row").nth(1)
    expect(swapped).to_contain_text(word.removeprefix("##"))
    expect(swapped).to_contain_text(value)
    expect(page).to_have_url(re.compile("end=best&position=3&rank=0$"))
    again = watched.open(page.url)
    expect(again.get_by_role("gridcell", selected=True)).to_have_attribute("title", said)


def test_the_cells_of_a_shift(show):
    page = show({"shift.json": result("shift")})
    cell = page.get_by_role("grid").get_by_role("gridcell", selected=True)
    tab_to(page, cell)
    page.keyboard.press("Home")
    expect(cell).to_have_attribute("data-cell", "0-0")
    page.keyboard.press("ArrowRight")
    expect(cell).to_have_attribute("data-cell", "0-1")
    expect(cell).to_be_focused()


def test_the_table_instead_of_the_picture(show):
    page = show({"dream.json": result("dream-word")})
    button = page.get_by_role("button", name="Step by step: show the data as a table")
    tab_to(page, button)
    page.keyboard.press("Enter")
    table = page.get_by_role("region", name="Step by step: data")
    expect(table.get_by_role("row")).to_have_count(1 + 6)
    expect(button).to_have_attribute("aria-pressed", "true")
    tab_to(page, table)
    button.press("Space")
    expect(table).to_have_count(0)
    expect(page.get_by_role("listbox", name="Steps")).to_be_visible()


def test_files_are_opened_closed_and_put_side_by_side(show):
    page = show({"one.json": result("dream-word"), "two.json": result("similar")})
    tab_to(page, page.get_by_label("open files…"))
    tab_to(page, page.get_by_role("button", name="side by side"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("article")).to_have_count(2)
    tab_to(page, page.get_by_role("button", name="close two.json"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("article")).to_have_count(1)
