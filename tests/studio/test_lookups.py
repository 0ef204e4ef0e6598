from __future__ import annotations

import jsonschema
import pytest

from tests.indexes import make_index, sentences
from tests.studio.serving import Page, serving, studio_on
from tests.tiny import HEADS, INNER, LAYERS, TEXT, WIDTH
from textdream.studio.catalog import KINDS


def test_models_are_listed_with_their_real_limits(page, loaded):
    models = {model["name"]: model["limits"] for model in page.get("/api/models").json()["models"]}
    assert list(models) == ["tiny", "masked"]
    limits = models["tiny"]
    assert (limits["layers"], limits["width"], limits["heads"], limits["feed_forward"]) == (LAYERS, WIDTH, HEADS, INNER)
    assert limits["longest"] == loaded["tiny"].tokens.max_length
    assert limits["widths"]["head"] == WIDTH // HEADS
    assert (limits["masked_head"], models["masked"]["masked_head"]) == (False, True)
    assert "logits" not in limits["sites"]
    assert "logits" in models["masked"]["sites"]
    assert "pooled" in limits["sites"]


def test_experiments_are_offered_with_forms(page):
    offered = {one["name"]: one for one in page.get("/api/experiments").json()["experiments"]}
    assert list(offered) == [name for name, kind in KINDS.items() if "index" not in kind.needs]
    search = offered["dream"]["schema"]["$defs"]["DreamConfig"]["properties"]
    assert list(search)[:2] == ["free", "method"], "in the order of the config"
    assert search["method"]["enum"] == ["gcg", "sweep", "hotflip", "anneal"]
    assert search["seed"]["minimum"] == 0
    assert search["free"]["description"].startswith("Positions that may change")
    assert search["length"]["default"] == 12
    anneal = offered["dream"]["schema"]["$defs"]["AnnealConfig"]["properties"]
    assert anneal["learning_rate"]["exclusiveMinimum"] == 0
    assert "maximum" not in anneal["end_temperature"], "it depends on another setting"


def leaf(schema, path):
    """The schema at a dotted path."""
    found = schema
    for part in path.split("."):
        while "$ref" in found:
            found = schema["$defs"][found["$ref"].rpartition("/")[2]]
        found = found["properties"][part]
    return found


@pytest.mark.parametrize("name", list(KINDS))
def test_what_is_said_of_a_form_is_in_its_schema(name):
    from textdream.studio.catalog import experiments

    offered = next(one for one in experiments(True) if one.name == name)
    for path in [*offered.common, *offered.roles]:
        assert leaf(offered.schema_, path)
    jsonschema.Draft202012Validator.check_schema(offered.schema_)
    jsonschema.validate(offered.example, offered.schema_)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.needs and name != "concept-fit"])
def test_the_example_of_a_form_is_taken(url, loaded, name):
    """Of course only where the words are known: the examples are minilm's, here their form is tried."""
    answer = Page(url).begin(name, KINDS[name].example)
    assert answer.status_code in (201, 422)
    assert answer.json().get("where") is None, "it follows the schema"


def test_a_text_is_shown_as_the_model_sees_it(page, loaded):
    answer = page.post("/api/tokens", json={"model": "tiny", "text": TEXT}).json()
    assert answer["ids"] == loaded["tiny"].tokens.encode(TEXT)
    assert answer["positions"][0] == {"position": 0, "id": 0, "token": "[CLS]", "special": True, "start": None, "end": None,
                                      "word": None}  # fmt: skip
    parts = [one for one in answer["positions"] if one["word"] == "cats"]
    assert [TEXT[one["start"] : one["end"]] for one in parts] == ["cat", "s"]
    assert answer["round_trip"]


def test_a_word_that_is_there_twice_has_no_name(page):
    answer = page.post("/api/tokens", json={"model": "tiny", "text": "the cat and the dog"}).json()
    assert [one["word"] for one in answer["positions"]][1:-1] == [None, "cat", "and", None, "dog"]


@pytest.mark.parametrize(("text", "sentence"), [("", "the text is empty"), ("the cat " * 60, "tokens"), ("☃", "does not know"),
                                                ("the [SEP]", "special token")])  # fmt: skip
def test_a_text_that_cannot_be_read_is_refused(page, text, sentence):
    answer = page.post("/api/tokens", json={"model": "tiny", "text": text})
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]


def test_the_page_and_about(page):
    assert page.get("/").headers["content-type"].startswith("text/html")
    assert page.get("/studio.js").headers["content-type"].startswith("text/javascript")
    about = page.get("/api/about").json()
    assert about["default_model"] == "tiny"
    assert about["limits"]["body"] == 262_144


@pytest.fixture(scope="module")
def indexed(loaded, tmp_path_factory):
    """A page of a studio with two indexes."""
    folder = tmp_path_factory.mktemp("indexed")
    paths = [make_index(loaded["tiny"], sentences(40, seed), folder / name).rename(folder / name / name)
             for name, seed in (("first", 1), ("second", 2))]  # fmt: skip
    with serving(studio_on(folder / "runs", loaded, indexes=paths)) as url:
        yield Page(url)


def test_indexes_are_offered_by_name(indexed):
    offered = indexed.get("/api/indexes").json()["indexes"]
    assert [(one["name"], one["sentences"], one["layers"]) for one in offered] == [
        ("first", 40, [0, 1, 2]),
        ("second", 40, [0, 1, 2]),
    ]
    names = [one["name"] for one in indexed.get("/api/experiments").json()["experiments"]]
    assert names == list(KINDS)


def test_experiments_on_an_index_run(indexed, tmp_path):
    for experiment, settings in (
        ("corpus-top", {"index": "first", "search": {"layer": 1, "neuron": 3, "against": "second", "top": 3}}),
        ("neurons", {"text": "the cat ran", "word": "cat", "search": {"index": "first", "top": 3}}),
        (
            "dream",
            {"target": {"layer": 1, "neuron": 3}, "search": {"start": "top:2", "from_corpus": "first", "steps": 1}},
        ),
    ):
        run = indexed.ended(indexed.begun(experiment, settings))
        settings_written = indexed.get(f"/api/runs/{run['id']}/result").json()["settings"]
        assert {settings_written.get("index"), settings_written.get("from_corpus")} & {"first"}, "a name, no path"


def test_what_an_index_does_not_have_is_refused_at_once(indexed):
    assert "there is no index 'third'" in indexed.refused(
        "corpus-top", {"index": "third", "search": {"layer": 1, "neuron": 3}}
    )
    sentence = indexed.refused("corpus-top", {"index": "first", "search": {"layer": 9, "neuron": 3}})
    assert "/" not in sentence
