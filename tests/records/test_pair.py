"""PAIR's files as results. What each becomes is pinned in tests/data/pair/imported."""

import copy
import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import textdream
from tests.records.pair_files import FILES, FOLDER, golden, lasting
from textdream.records import json_schema, read_pair, read_result, with_ids, write_result

DATA = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FILES}


@pytest.fixture
def imported(tmp_path):
    """What becomes of one of the files after a change."""

    def become(name, change=lambda data: None):
        data = copy.deepcopy(DATA[name])
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(change(data) or data), encoding="utf-8")
        return read_pair(path)

    return become


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_becomes_of_a_file(path):
    assert lasting(read_pair(path)) == json.loads(golden(path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_a_result_that_is_written_and_read(path, tmp_path):
    result = read_pair(path)
    write_result(result, tmp_path / "r.json")
    assert read_result(tmp_path / "r.json") == result
    jsonschema.validate(json.loads(result.to_json()), json_schema())


def test_every_kind_is_there():
    assert {read_pair(path).type for path in FILES} == {"dream", "token_search", "similar", "reconstruct", "shift"}
    assert {read_pair(path).imported.kind for path in FILES} == {
        *("dream", "token_search", "similar_embeddings", "reconstruct", "reconstruct_shifted", "top_words")
    }


def test_a_dream_keeps_what_pair_wrote(imported):
    found, written = imported("dream"), DATA["dream"]["results"]["iterations"]
    assert [step.step for step in found.steps] == [it["number"] for it in written]
    for key, theirs in (("hard", "ids_activation"), ("soft", "activation"), ("temperature", "temperature")):
        assert [getattr(step, key) for step in found.steps] == [it[theirs] for it in written]
    assert [step.top_tokens[0][0].weight for step in found.steps] == [it["max_values"][3] for it in written]
    assert found.best.activation == max(it["ids_activation"] for it in written)
    assert found.final.tokens == written[-1]["tokens"]
    assert found.imported.params["learning_rate"] == 0.1
    assert (found.model.sha256, found.seed, found.seconds, found.evaluations) == (None,) * 4


@pytest.mark.parametrize(
    ("params", "kind", "unit", "said"),
    [
        ({}, "neuron", (9, 277, 3), "resid_post 9 neuron 277 at position 3, normalised"),
        ({"normalize": False}, "neuron", (9, 277, 3), "resid_post 9 neuron 277 at position 3"),
        ({"word_id": -1}, "channel", (9, 277, None), "resid_post 9 neuron 277 averaged over positions, normalised"),
        ({"word_id": None}, "channel", (9, 277, None), "resid_post 9 neuron 277 averaged over positions, normalised"),
        ({"neuron_id": -1}, "mean", (9, None, 3), "resid_post 9 mean of all neurons at position 3, normalised"),
        ({"layer_id": -1}, "neuron", (None, 277, 3), "resid_post all layers neuron 277 at position 3, normalised"),
    ],
)
def test_all_is_null_or_minus_one(imported, params, kind, unit, said):
    target = imported("dream", lambda data: data["params"].update(params)).target
    assert (target.kind, (target.layer, target.neuron, target.position), target.description) == (kind, unit, said)
    assert target.normalised is ("normalised" in said)


@pytest.mark.parametrize(("end", "free"), [(3, [3]), (0, [3, 4, 5]), (-1, [3, 4, 5]), (None, [3, 4, 5])])
def test_free_positions(imported, end, free):
    assert imported("dream", lambda data: data["params"].update(dream_end=end)).free == free


@pytest.mark.parametrize("name", ["dream", "token_search", "similar_embeddings", "reconstruct", "top_words", "shift"])
def test_the_type_may_be_missing(imported, name):
    assert lasting(imported(name, lambda data: data.pop("type", None) and None)) == lasting(imported(name))


@pytest.mark.parametrize("name", ["reconstruct_shifted", "resemble_shifted"])
@pytest.mark.parametrize("wrap", [lambda run: run, lambda run: {"magnitudes": [run], "type": "magnitudes"},
                                  lambda run: {"magnitues": [run]}, lambda run: {"layers": [run], "type": "layers"},
                                  lambda run: {"layers": [{"magnitudes": [run]}]}])  # fmt: skip
def test_wrappers_change_nothing(imported, name, wrap):
    assert lasting(imported("shift", lambda data: wrap({**data, "type": name}))) == lasting(imported("shift"))


def test_layers_and_magnitudes_come_in_order(imported):
    runs = [(run.layer, run.magnitude) for run in imported("shift_layers_magnitudes").runs]
    assert runs == [(layer, magnitude) for layer in (0, 4, 8) for magnitude in (-10, -5, 0, 5, 10)]
    assert [one.layer for one in imported("reconstruct_layers").layers] == list(range(12))


def test_reconstructions_and_shifts_keep_every_step(imported):
    written = {run["params"]["layer_id"]: run["results"]["iterations"] for run in DATA["reconstruct_layers"]["layers"]}
    for one in imported("reconstruct_layers").layers:
        assert [(step.loss, step.soft_loss, step.weights) for step in one.steps] == [
            (it["ids_loss"], it["loss"], it["max_values"]) for it in written[one.layer]
        ]
        assert one.loss == min(it["ids_loss"] for it in written[one.layer])
        assert one.last_loss == written[one.layer][-1]["ids_loss"]
        assert one.exact is ("wrong" not in one.marks) is (one.accuracy == 1)
    assert all(len(run.steps) == 4 for run in imported("shift_layers_magnitudes").runs)


def test_a_shift_to_the_word_is_intended(imported):
    runs = {(run.layer, run.magnitude): run for run in imported("shift_layers_magnitudes").runs}
    assert runs[4, 5].best.text == "she is a doctor"
    assert runs[4, 5].marks == ["special", "intended", "unchanged", "unchanged", "unchanged", "special"]
    assert runs[8, 0].marks[1] == "otherwise", "nothing was shifted"
    assert runs[0, -5].changed == []


def test_cosine_similarities_become_distances(imported):
    def change(data):
        data.update(cosine=True)
        for number, top in enumerate(data["tops"]):
            top["distance"] = number / 100 - 0.2

    found = imported("similar_embeddings", change)
    distances = [token.distance for token in found.tokens]
    assert found.metric == "cosine"
    assert distances == sorted(distances) == pytest.approx([1.2 - number / 100 for number in reversed(range(30))])
    assert found.furthest == distances[-1]


def test_a_start_token_that_is_not_among_the_best_has_no_value(imported):
    assert imported("token_search").start.activation == DATA["token_search"]["tops"][2]["activation"]
    found = imported("token_search", lambda data: data["tops"].pop(2) and None)
    assert found.start.activation is None
    assert found.best.tokens[3] == "match"


def test_top_words_of_one_position_of_several(imported):
    found = imported("top_words_script")
    assert found.free == [1, 2, 3, 4, 5]
    assert [len(tokens) for tokens in found.steps[0].top_tokens] == [0, 0, 4, 0, 0]
    assert found.steps[-1].tokens == ["[CLS]", "[?]", "[?]", "accord", "[?]", "[?]", "[SEP]"]
    assert found.steps[0].top_tokens[2][0].id == DATA["top_words_script"]["iterations"][0]["indices"][0]
    assert {step.hard for step in found.steps} == {None}


def test_ids_come_from_a_vocabulary():
    result = read_pair(FOLDER / "dream.json")
    tokens = sorted({token for step in result.steps for token in step.tokens} - {"suits"})
    vocabulary = {token: number for number, token in enumerate(tokens)}
    found = with_ids(result, vocabulary)
    assert found.best.ids == [vocabulary[token] for token in found.best.tokens]
    assert found.steps[-1].top_tokens[0][0].id == vocabulary["accord"]
    assert found.steps[1].top_tokens[0][0].id is None
    assert with_ids(result, {}) == result
    lacking = with_ids(result, {token: number for token, number in vocabulary.items() if token != "me"})
    assert lacking.best.ids == []


FAULTS = {
    "another type": (lambda d: d.update(type="recipe"), "type 'recipe'"),
    "type that is none": (lambda d: d.update(type=3), "type 3"),
    "no results": (lambda d: d.pop("results") and None, "results"),
    "no iterations": (lambda d: d["results"].update(iterations=[]), "iterations"),
    "iterations that are none": (lambda d: d["results"].update(iterations=3), "iterations"),
    "no tokens": (lambda d: d["params"].update(tokens=[]), "tokens"),
    "a token that is a number": (lambda d: d["results"]["iterations"][5]["tokens"].__setitem__(2, 7), "5.tokens.2"),
    "a token that is half a character": (lambda d: d["params"]["tokens"].__setitem__(2, "\ud800"), "half a character"),
    "a number that is text": (lambda d: d["results"]["iterations"][5].update(ids_activation="1"), "5.ids_activation"),
    "a value too large": (lambda d: d["results"]["iterations"][5].update(ids_activation=10**400), "5.ids_activation"),
    "no hard value": (lambda d: d["results"]["iterations"][5].pop("ids_activation") and None, "5.ids_activation"),
    "a step of another length": (lambda d: d["results"]["iterations"][5]["tokens"].pop() and None, "5"),
    "a word the text lacks": (lambda d: d["params"].update(word_id=7), "word_id 7, but 7 tokens"),
    "free positions the text lacks": (lambda d: d["params"].update(dream_end=7), "dream_end 7"),
    "a layer below -1": (lambda d: d["params"].update(layer_id=-2), "layer_id"),
    "several dreams": (lambda d: {"layers": [d, d]}, "2 runs"),
    "several kinds": (lambda d: {"layers": [d, DATA["reconstruct"]]}, "several kinds"),
    "an empty wrapper": (lambda d: {"layers": []}, "layers"),
    "a wrapper of numbers": (lambda d: {"layers": [3]}, "object"),
    "wrappers too deep": (lambda d: {"layers": [{"magnitudes": [{"layers": [d]}]}]}, "layers"),
    "nothing of a run": (lambda d: {"a": 1}, "keys of a run"),
    "a list": (lambda d: [d], "object"),
    "a result of our own": (lambda d: json.loads(golden(FOLDER / "dream.json").read_text()), "textdream show"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_file_of_pairs_is_one_sentence(imported, fault):
    change, said = FAULTS[fault]
    with pytest.raises(textdream.ResultError, match=r"dream\.json") as caught:
        imported("dream", change)
    sentence = str(caught.value)
    assert said in sentence
    assert len(sentence) < 600
    assert "\n" not in sentence
    assert "pydantic" not in sentence


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda runs: runs[0]["params"].update(tokens=["[CLS]", "a", "[SEP]"]), "different texts"),
        (lambda runs: runs[0]["params"].update(shift_end=2), "different words"),
        (lambda runs: runs[0]["params"].update(shift_end=9), "shift_end 9"),
        (lambda runs: runs[0]["params"].update(layer_id=None), "layer_id"),
        (lambda runs: runs[0]["params"].pop("shift_magnitude") and None, "shift_magnitude"),
        (lambda runs: runs[0]["results"]["iterations"][0].update(ids_loss=-1), "ids_loss"),
    ],
)
def test_runs_that_do_not_belong_together(imported, change, said):
    with pytest.raises(textdream.ResultError, match=said):
        imported("shift_magnitudes", lambda data: change(data["magnitues"]))


@pytest.mark.parametrize("all_of_them", [None, -1])
def test_top_words_whose_position_is_not_said(imported, all_of_them):
    def change(data):
        data.pop("word_id")
        data["params"].update(word_id=all_of_them)

    with pytest.raises(textdream.ResultError, match="word_id") as caught:
        imported("top_words_script", change)
    assert (
        "holds top words of no position (word_id null or -1), which have to be of one of the free positions 1 to 5"
        in str(caught.value)
    )


@pytest.mark.parametrize("all_of_them", [None, -1])
@pytest.mark.parametrize(("name", "what"), [("reconstruct", "a reconstruction"), ("shift", "a shift")])
def test_one_text_of_all_layers_is_a_sentence(imported, name, what, all_of_them):
    with pytest.raises(textdream.ResultError) as caught:
        imported(name, lambda data: data["params"].update(layer_id=all_of_them))
    expected = f"holds {what} of all layers at once (layer_id null or -1), where a result has one for each layer"
    assert expected in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"NaN", b'{"layers": NaN}', b"[" * 100_000, b"null", b"3"])
def test_what_is_no_json_is_one_sentence(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(textdream.ResultError, match=r"x\.json"):
        read_pair(tmp_path / "x.json")


@pytest.mark.parametrize("share", [0.2, 0.9, 0.999])
def test_a_truncated_file_says_so(tmp_path, share):
    text = (FOLDER / "reconstruct_layers.json").read_text(encoding="utf-8").rstrip()
    (tmp_path / "x.json").write_text(text[: int(len(text) * share)], encoding="utf-8")
    with pytest.raises(textdream.ResultError, match="cut short"):
        read_pair(tmp_path / "x.json")


def test_a_file_too_large_is_not_read(tmp_path):
    with (tmp_path / "x.json").open("wb") as file:
        file.truncate(2**40)  # Sparse: no room is taken.
    with pytest.raises(textdream.ResultError, match="MiB"):
        read_pair(tmp_path / "x.json")


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


SMALL = [
    "dream",
    "token_search",
    "similar_embeddings",
    "reconstruct",
    "shift_magnitudes",
    "top_words",
    "top_words_script",
]
PLACES = {name: sorted(places(DATA[name]), key=lambda path: (len(path), str(path))) for name in SMALL}
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([-1, 10**400, "[CLS]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mutated(draw):
    """A file of PAIR's with something else, or nothing, at up to three places."""
    name = draw(st.sampled_from(SMALL))
    data = copy.deepcopy(DATA[name])
    for path in draw(st.lists(st.sampled_from(PLACES[name]), min_size=1, max_size=3)):
        if not path:
            data = draw(ANYTHING)
            continue
        try:
            inner = data
            for key in path[:-1]:
                inner = inner[key]
            if draw(st.booleans()):
                inner[path[-1]] = draw(ANYTHING)
            else:
                del inner[path[-1]]
        except (KeyError, IndexError, TypeError):  # An earlier change took the place away.
            continue
    return data


@settings(max_examples=300, deadline=None)
@given(data=mutated())
def test_a_mutated_file_is_a_result_or_one_sentence(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "mutated.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    try:
        result = read_pair(path)
    except textdream.TextdreamError:
        return
    write_result(with_ids(result, {"[CLS]": 101}), path)
    assert read_result(path).imported == result.imported
    assert result._repr_mimebundle_()["text/plain"]
