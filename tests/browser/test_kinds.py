"""A page of each kind of result: it draws, it fits, anyone can read it."""

import re
from typing import get_args

import pytest
from playwright.sync_api import expect

from tests.browser.pages import KINDS, check_axe, check_drawn, check_fits, figures, result
from textdream.records.kinds import AnyResult


def test_there_is_one_of_every_kind():
    assert {type(result(name)) for name in KINDS} == set(get_args(get_args(AnyResult)[0]))


@pytest.mark.parametrize("name", KINDS)
def test_it_draws_fits_and_can_be_read_by_anyone(show, name):
    page = show({f"{name}.json": result(name)})
    assert figures(page) == KINDS[name]
    check_drawn(page)
    check_fits(page, 390, 1280)
    check_axe(page, "light", "dark")


def test_all_kinds_side_by_side(show):
    page = show({f"{name}.json": result(name) for name in KINDS}, "#all:")
    assert figures(page) == [title for titles in KINDS.values() for title in titles]
    check_drawn(page)
    check_fits(page, 390, 1280)
    check_axe(page, "light")


@pytest.mark.parametrize("name", KINDS)
def test_the_data_of_every_figure_as_a_table(show, name):
    page = show({f"{name}.json": result(name)})
    for title in KINDS[name]:
        page.get_by_role("button", name=f"{title}: show the data as a table").click()
        rows = page.get_by_role("region", name=f"{title}: data").get_by_role("row")
        assert rows.count() > 1
    check_drawn(page)
    check_fits(page, 390)


def test_a_table_can_be_read_by_anyone(show):
    page = show({"dream.json": result("dream-word")})
    page.get_by_role("button", name="Step by step: show the data as a table").click()
    check_axe(page, "light", "dark")


def test_what_is_marked_in_a_text_is_heard(show):
    """In the accessibility tree, not in a title that only a pointer finds."""
    page = show({"dream.json": result("dream-word")}, "#0:step=1")
    dream = result("dream-word")
    step = dream.steps[1]
    name = page.get_by_role("option", selected=True).aria_snapshot().split("[selected]")[0]
    assert re.search(rf"Step {step.step}, activation [−\d.]+: .*\(read here", name)
    changed = [one for one, other in zip(step.tokens, dream.steps[0].tokens, strict=True) if one != other]
    assert len(changed) == name.count("changed)") > 0
    ends = page.get_by_role("figure", name="Start and best").get_by_role("table")
    assert re.search(r'cell ".*\(read here, changed\)', ends.aria_snapshot())

    page = show({"layers.json": result("reconstruct")})
    page.get_by_role("button", name="layer 0: show it below").click()
    assert "(changed)" in page.get_by_role("figure", name="Layer 0: the nearest other text").aria_snapshot()


def test_a_text_is_copied_without_what_is_heard_beside_it(show):
    page = show({"dream.json": result("dream-word")})
    best = page.get_by_role("figure", name="Start and best").get_by_role("row").last
    expect(best).to_contain_text("changed)")
    copied = best.evaluate("(row) => { getSelection().selectAllChildren(row); return getSelection().toString(); }")
    assert "changed" not in copied
    assert copied.split()[2:] == ["no", "[realising]", "for", "me", "."]


@pytest.mark.parametrize("name", KINDS)
def test_the_names_of_columns_break_no_word(show, name):
    page = show({f"{name}.json": result(name)})
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        broken = page.evaluate("""() => [...document.querySelectorAll(".head > span, thead th")].flatMap((one) => {
            const [text] = one.childNodes;
            if (!(text instanceof Text) || !one.offsetParent || one.closest(".unseen")) return [];
            return [...text.data.matchAll(/\\S+/g)].flatMap(({ index, 0: word }) => {
                const range = document.createRange();
                range.setStart(text, index);
                range.setEnd(text, index + word.length);
                return range.getClientRects().length > 1 ? [word] : [];
            });
        })""")
        assert broken == [], width


@pytest.mark.parametrize(("name", "width"), [("token-map", 390), ("shift", 390)])
def test_nothing_shows_beside_the_names_that_stay_while_cells_scroll(show, name, width):
    page = show({f"{name}.json": result(name)})
    page.set_viewport_size({"width": width, "height": 900})
    beside = page.get_by_role("grid").evaluate("""(grid) => {
        const box = grid.parentElement;
        box.scrollLeft = 90;
        box.scrollIntoView();
        const { left } = box.getBoundingClientRect();
        return [...grid.querySelectorAll("th[scope=row]")].flatMap((name) => {
            const { top, bottom } = name.getBoundingClientRect();
            return [0.5, 1.5, 2.5].map((x) => document.elementFromPoint(left + x, (top + bottom) / 2) === name);
        });
    }""")
    assert beside
    assert all(beside)


def test_on_a_phone_a_text_has_the_whole_width(show):
    page = show({"dream.json": result("dream-word")})
    page.set_viewport_size({"width": 390, "height": 900})
    table = page.get_by_role("figure", name="Start and best").get_by_role("table")
    assert 'rowheader "best"' in table.aria_snapshot()
    cell = table.get_by_role("row").last.get_by_role("cell").last
    assert cell.bounding_box()["width"] == pytest.approx(table.bounding_box()["width"], abs=2)


@pytest.mark.parametrize("name", KINDS)
def test_no_cell_of_a_list_runs_into_the_next(show, name):
    """A bar over a number would hide its sign."""
    page = show({f"{name}.json": result(name)})
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        over = page.evaluate("""() => [...document.querySelectorAll("[role=option] > .cells")].flatMap((row) => {
            const seen = [...row.children].filter((cell) => cell.getClientRects().length > 0);
            const ends = (cell) => {
                if (getComputedStyle(cell).overflow !== "visible") return cell.getBoundingClientRect();
                const range = document.createRange();
                range.selectNodeContents(cell);
                return range.getBoundingClientRect();
            };
            const over = seen.slice(1).filter((cell, before) => ends(seen[before]).right > ends(cell).left + 1);
            return over.map((cell) => cell.textContent);
        })""")
        assert over == [], width
