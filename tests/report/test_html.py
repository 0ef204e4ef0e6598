"""The page that draws results: whatever stands in them, it stays data."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import textdream
from tests.records.pair_files import FOLDER
from tests.report.pages import Page
from tests.tiny import TEXT, tiny
from textdream.records import read_pair
from textdream.report.html import html

HOSTILE = [
    "</script><script>alert(1)</script>", "<!--", "<!--<script>", "]]>", "&lt;/script&gt;", "\u2028\u2029", "\"'`${1}",
    "</title><img src=x onerror=alert(1)>", "\\u003c/script>", "\x00", "👩‍🔬", "[]</script>",
]  # fmt: skip
ASSETS = Path(textdream.__file__).parent / "report" / "assets"
EMPTY = Page((ASSETS / "viewer.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def result():
    return read_pair(FOLDER / "token_search.json")


def with_text(result, text):
    token = result.tokens[0].model_copy(update={"token": text})
    model = result.model.model_copy(update={"name": text})
    return result.model_copy(update={"tokens": [token, *result.tokens[1:]], "model": model})


def test_the_template_has_one_place():
    assert EMPTY.results == "[]"
    assert [attributes.get("id") for _, attributes in EMPTY.elements].count("textdream-results") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_result_ends_the_script(result, text):
    hostile = with_text(result, text)
    page = Page(html([hostile], [text]))
    assert page.tags == EMPTY.tags
    assert json.loads(page.results) == [{"name": text, "result": json.loads(hostile.to_json())}]
    assert not set("<>&\u2028\u2029") & set(page.results)


@given(text=st.text(st.characters(exclude_categories=["Cs"])), name=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text, name):
    hostile = with_text(read_pair(FOLDER / "token_search.json"), text)
    page = Page(html([hostile], [name]))
    assert page.tags == EMPTY.tags
    (found,) = json.loads(page.results)
    assert (found["name"], found["result"]["tokens"][0]["token"]) == (name, text)


def test_several_kinds_are_in_one_page(result):
    dream = textdream.dream(tiny("bert"), TEXT, textdream.neuron(2, 3), textdream.DreamConfig(steps=2), position=3)
    page = Page(html([dream, result], ["a.json", "b.json"]))
    assert json.loads(page.results) == [
        {"name": "a.json", "result": json.loads(dream.to_json())},
        {"name": "b.json", "result": json.loads(result.to_json())},
    ]
    assert page.title == "a.json, b.json · textdream"


def test_the_title_says_what_it_is(result):
    assert Page(html([result], ["x.json"])).title == "x.json: token search, unknown · textdream"
    assert Page(result.to_html()).title == "token_search.json: token search, unknown · textdream"


def test_every_result_needs_a_name(result):
    with pytest.raises(ValueError, match="zip"):
        html([result], [])


def test_the_package_ships_the_template():
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["textdream"]
    assert any(ASSETS / "viewer.html" in ASSETS.parents[1].glob(pattern) for pattern in patterns)
