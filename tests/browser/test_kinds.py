"""A page of each kind of result: it draws, it fits, anyone can read it."""

from typing import get_args

import pytest

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
