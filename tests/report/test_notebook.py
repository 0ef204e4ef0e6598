"""A result displays itself in a notebook."""

import json

import pytest

import textdream
from tests.records.pair_files import FILES, FOLDER
from tests.report.pages import Page
from tests.tiny import TEXT, tiny
from textdream.records import read_pair


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_frame_with_the_page_and_text(path):
    result = read_pair(path)
    bundle = result._repr_mimebundle_(include=None, exclude=None)
    outside = Page(bundle["text/html"])
    assert outside.tags == ["div", "iframe"]
    frame = outside.elements[1][1]
    assert set(frame["sandbox"].split()) == {"allow-scripts", "allow-downloads"}
    assert result.type.replace("_", " ") in frame["title"]
    (inside,) = json.loads(Page(frame["srcdoc"]).results)
    assert inside["result"] == json.loads(result.to_json())
    assert bundle["text/plain"].split("·")[0].strip() == result.type.replace("_", " ")


def test_text_has_no_colours_and_markup_stays_text():
    result = read_pair(FOLDER / "token_search.json")
    hostile = "</iframe>\"'><script>alert(1)</script>"
    result = result.model_copy(update={"model": result.model.model_copy(update={"name": hostile})})
    bundle = result._repr_mimebundle_()
    assert Page(bundle["text/html"]).tags == ["div", "iframe"]
    assert "\x1b" not in bundle["text/plain"]
    assert hostile in bundle["text/plain"].replace("\n", "")


def test_a_result_of_our_own():
    result = textdream.similar(tiny("bert"), TEXT, textdream.neuron(2, 3), position=3)
    bundle = result._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "similar" in bundle["text/plain"]
