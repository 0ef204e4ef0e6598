"""Settings that cannot be used are refused at once, with the sentence that the command line prints."""

from __future__ import annotations

import json

import pytest

from tests.cli.folders import save
from tests.cli.running import run as run_command
from tests.studio.serving import DREAM, Page, serving
from textdream.studio.models import Models
from textdream.studio.studio import Studio

TEXT = "no wheeler for me ."
AT = {"layer": 1, "neuron": 3, "position": "3"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("models") / "plain")


@pytest.fixture(scope="module")
def page(folder, tmp_path_factory):
    """A page of a studio on a model in a folder, which the command line can name too."""
    studio = Studio.open(tmp_path_factory.mktemp("refusals") / "runs", Models([str(folder)]))
    with serving(studio) as url:
        yield Page(url)


def flags_of(settings):
    """The same on the command line."""
    text, target, search = settings.get("text", ""), settings.get("target", {}), settings.get("search", {})
    own = {key: value for key, value in settings.items() if key not in ("text", "target", "search")}
    given: list[str] = [text] if text else []
    for name, value in {**own, **target, **search}.items():
        flag = name.replace("_", "-")
        if isinstance(value, dict):
            given += [
                part for key, inner in value.items() for part in (f"--{flag}.{key.replace('_', '-')}", str(inner))
            ]
        elif isinstance(value, bool):
            given.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            given += [f"--{flag}", str(value)]
    return given


@pytest.mark.parametrize(("experiment", "settings"), [
    ("dream", {"text": TEXT, "target": {**AT, "layer": 14}}),
    ("dream", {"text": TEXT, "target": {**AT, "neuron": 5000}}),
    ("dream", {"text": TEXT, "target": {"layer": 1, "neuron": 3, "word": "wheler"}}),
    ("dream", {"text": "no no no", "target": {"layer": 1, "neuron": 3, "word": "no"}}),
    ("dream", {"text": TEXT, "target": {"layer": 1, "neuron": 3, "position": "99"}}),
    ("dream", {"text": TEXT, "target": {"layer": 1, "neuron": 3, "position": "first"}}),
    ("dream", {"text": TEXT, "target": {"neuron": 3}}),
    ("dream", {"text": TEXT, "target": {**AT, "site": "nowhere"}}),
    ("dream", {"text": TEXT, "target": {"token": "paris", "probability": True, "normalise": True}}),
    ("dream", {"text": "", "target": AT}),
    ("dream", {"text": "no " * 60, "target": AT}),
    ("dream", {"text": "[SEP] no", "target": AT}),
    ("dream", {"text": TEXT, "target": AT, "search": {"free": "0:3"}}),
    ("dream", {"text": TEXT, "target": AT, "search": {"free": "nonsense"}}),
    ("dream", {"text": TEXT, "target": AT, "search": {"free": "9:3"}}),
    ("dream", {"text": TEXT, "target": AT, "search": {"steps": 0}}),
    ("dream", {"text": TEXT, "target": AT, "search": {"preset": "pair"}}),
    ("dream", {"text": TEXT, "target": AT, "search": {"start": "somewhere"}}),
    ("dream", {"text": TEXT, "target": AT, "search": {"start": "top:3"}}),
    ("dream", {"text": TEXT, "target": AT, "search": {"anneal": {"samples": 2}}}),
    ("dream", {"text": TEXT, "target": AT, "search": {"gcg": {"disturb": 1.5}}}),
    ("dream", {"text": TEXT, "target": AT, "search": {"method": "anneal", "anneal": {"learning_rate": 1e308}}}),
    ("dream", {"text": TEXT, "target": AT, "search": {"method": "anneal", "anneal": {"end_temperature": 1e-301}}}),
    ("token-search", {"text": TEXT, "target": AT, "search": {"joint": True}}),
    ("token-search", {"text": TEXT, "target": AT, "search": {"beam": 9}}),
    ("token-search", {"text": TEXT, "target": AT, "search": {"change": 0}}),
    ("similar", {"text": TEXT, "target": AT, "search": {"change": 6}}),
    ("similar", {"text": TEXT, "target": AT, "search": {"top": 0}}),
    ("diagnose", {"text": TEXT, "target": {**AT, "layer": 3}}),
    ("fill-mask", {"text": TEXT, "word": "wheeler"}),
    ("reconstruct", {"text": TEXT, "search": {"layers": "9"}}),
    ("reconstruct", {"text": TEXT, "search": {"steps": 5}}),
    ("reconstruct", {"text": TEXT, "search": {"method": "sipit"}}),
    ("reconstruct", {"text": "no", "search": {"layers": "0"}}),
    ("shift", {"text": TEXT, "search": {"word": "me"}}),
    ("shift", {"text": TEXT, "search": {"word": "me", "replace_with": "he"}}),
    ("shift", {"text": TEXT, "search": {"word": "me", "replace_with": "he/he was", "magnitudes": "x"}}),
])  # fmt: skip
def test_the_sentence_is_the_command_lines(page, folder, capsys, experiment, settings):
    said = run_command(capsys, experiment, *flags_of(settings), "--model", folder).refusal()
    if experiment == "dream" and not settings["text"]:
        said = said.strip() + "\n"
    assert f"textdream: {page.refused(experiment, settings, str(folder))}\n" == said


@pytest.mark.parametrize(("change", "where"), [
    ({"search": {"stepz": 3}}, "settings.search.stepz"),
    ({"search": {"steps": 1.5}}, "settings.search.steps"),
    ({"search": {"steps": "3"}}, "settings.search.steps"),
    ({"search": {"seed": True}}, "settings.search.seed"),
    ({"search": {"method": "magic"}}, "settings.search.method"),
    ({"search": None}, "settings.search"),
    ({"more": 1}, "settings.more"),
    ({"text": "x" * 20_001}, "settings.text"),
    ({"search": {"free": "1" * 2001}}, "settings.search.free"),
    ({"target": {"layer": [1]}}, "settings.target.layer"),
])  # fmt: skip
def test_what_is_no_setting_is_refused_with_its_place(page, folder, change, where):
    answer = page.begin("dream", {**DREAM, **change}, str(folder))
    assert answer.status_code == 422
    assert answer.json()["where"] == where
    assert len(answer.json()["error"].splitlines()) == 1


@pytest.mark.parametrize("search", [{"steps": 100_001}, {"anneal": {"samples": 17}}, {"gcg": {"candidates": 10**6}}])
def test_what_is_beyond_the_studio_is_refused(page, folder, search):
    assert "in the studio" in page.refused("dream", {**DREAM, "text": TEXT, "search": search}, str(folder))


@pytest.mark.parametrize("body", [{}, [], None, 3, {"experiment": "nothing", "settings": {}}, {"experiment": "dream"},
                                  {"experiment": "dream", "settings": {}, "extra": 1}])  # fmt: skip
def test_a_body_of_another_shape_is_refused(page, body):
    answer = page.post("/api/runs", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_are_finite(page, number):
    form = f'{{"search": {{"anneal": {{"learning_rate": {number}}}}}}}'
    body = f'{{"experiment": "dream", "model": "x", "settings": {form}}}'
    answer = page.post("/api/runs", content=body.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)


def test_pasted_sentences_that_do_not_fit_are_refused(page, folder):
    settings = {"text": "nothing here\nor here", "search": {"swap": "he=she"}}
    before = page.get("/api/runs").json()["total"]
    sentence = page.refused("concept-fit", settings, str(folder))
    assert "/" not in sentence
    assert page.get("/api/runs").json()["total"] == before
