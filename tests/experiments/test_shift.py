import json

import pytest
import torch

import textdream
from tests.concepts import concept_file
from tests.tiny import TEXT, plain, tiny
from textdream.experiments.shift_vector import scaled


@pytest.fixture
def concept(tmp_path):
    """A concept file whose vectors are random."""
    return concept_file(tiny("bert"), tmp_path / "he-she.safetensors", "he", "she")


def config(**changes):
    base = {"word": "he", "magnitudes": "-4,0,4", "layers": "0", "budget": 1e4, "evaluations": 150}
    return textdream.ShiftConfig(**{**base, **changes})


def test_the_distances_are_those_of_a_plain_pass(concept, tmp_path):
    model = tiny("bert")
    result = textdream.shift(model, TEXT, config(concept=str(concept)))
    assert [run.magnitude for run in result.runs] == [-4, 0, 4]
    vector = torch.tensor(result.directions[0].vector)
    assert vector.max() == 1
    for run in result.runs:
        with torch.no_grad():
            states = plain(model.hf, "bert", "resid_post", 0, input_ids=torch.tensor([result.start.ids, run.best.ids]))
        wanted = states[0].clone()
        wanted[result.positions] += run.magnitude * vector
        assert run.distance == pytest.approx(float((states[1] - wanted).norm()), rel=1e-3, abs=1e-5)
        assert run.shifted == pytest.approx(abs(run.magnitude) * float(vector.norm()), rel=1e-4)
        assert run.distance <= run.shifted + run.floor
        assert run.changed == [p for p, (a, b) in enumerate(zip(run.best.ids, result.start.ids, strict=True)) if a != b]
    still = result.runs[1]
    assert not still.changed
    assert still.distance <= still.floor
    path = tmp_path / "shift.json"
    textdream.write_result(result, path)
    report = textdream.verify(path, model)
    assert report.holds, report.mismatches
    data = json.loads(path.read_text())
    data["runs"][0]["distance"] += 0.5
    path.write_text(json.dumps(data))
    assert not textdream.verify(path, model).holds


def test_another_words_activation_is_rebuilt_into_that_word():
    """Of a whole text's activation only one word's is another's: in the first layer the nearest text has that word."""
    model = tiny("bert")
    result = textdream.shift(model, TEXT, config(replace_with="she/" + TEXT.replace(" he ", " she "), evaluations=400))
    (run,) = result.runs
    assert run.magnitude is None
    assert run.changed == result.positions
    assert run.best.tokens[run.changed[0]] == "she"
    assert [mark for mark in run.marks if mark not in ("special", "unchanged")] == ["intended"]
    assert run.distance < run.shifted


def test_a_special_tokens_activation_may_be_moved(concept):
    """In the first layer its state alone then differs, and at no free position is there an error to begin with."""
    model = tiny("bert")
    result = textdream.shift(model, TEXT, config(concept=str(concept), word=None, position=0, magnitudes="5"))
    (run,) = result.runs
    assert result.start.ids[0] == run.best.ids[0]
    assert run.marks[0] == "special"
    assert run.floor < run.distance <= run.shifted


@pytest.mark.parametrize(("unit", "length"), [("distance", 2.0)])
def test_a_unit_may_be_the_distance_of_the_sets(concept, unit, length):
    result = textdream.shift(tiny("bert"), TEXT, config(concept=str(concept), unit=unit, magnitudes="0"))
    assert torch.tensor(result.directions[0].vector).norm() == pytest.approx(length, rel=1e-5)


def test_magnitudes():
    assert config(concept="x", magnitudes="-15:15:1").numbers == tuple(range(-15, 16))
    assert config(concept="x", magnitudes="0:1:0.5").numbers == (0, 0.5, 1)
    assert config(concept="x", magnitudes="3,-2").numbers == (3, -2)


@pytest.mark.parametrize("magnitudes", ["a", "1:2", "2:1:1", "0:1:0", "nan", "0:1:-1", "", "0:inf:1", "0:1:1e-9"])
def test_magnitudes_that_are_no_numbers_are_refused(magnitudes):
    with pytest.raises(textdream.InputError, match="magnitudes"):
        config(concept="x", magnitudes=magnitudes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"word": "sea"}, "sea"),
        ({"word": None, "position": 99}, "99"),
        ({"word": None}, "give --word"),
        ({"layers": "5"}, "layer 5"),
        ({"concept": None}, "give --concept FILE"),
        ({"replace_with": "she/she ran"}, "--concept and --replace-with.*leave one out"),
        ({"position": 3}, "--word and --position.*leave one out"),
        ({"concept": "nowhere.safetensors"}, "nowhere"),
        ({"concept": None, "replace_with": "she"}, "WORD/TEXT"),
    ],
)
def test_bad_input_is_refused(concept, changes, words):
    with pytest.raises(textdream.TextdreamError, match=words):
        textdream.shift(tiny("bert"), TEXT, config(**{"concept": str(concept), **changes}))


def test_all_layers_are_those_of_the_concepts_file(tmp_path):
    model = tiny("bert")
    file = concept_file(model, tmp_path / "c.safetensors", "he", "she", layers=(0, 2))
    result = textdream.shift(model, TEXT, config(concept=str(file), layers="all", magnitudes="4", evaluations=20))
    assert [run.layer for run in result.runs] == [one.layer for one in result.directions] == [0, 2]
    with pytest.raises(textdream.InputError, match="layer 1 is not in"):
        textdream.shift(model, TEXT, config(concept=str(file), layers="0:3"))


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("word", lambda data: data.update(word="cats")),
        ("word", lambda data: data.update(word="nowhere")),
        ("concept.positive", lambda data: data["concept"].update(positive="old")),
    ],
)
def test_verify_finds_a_word_that_is_not_the_one(concept, tmp_path, where, change):
    model, path = tiny("bert"), tmp_path / "shift.json"
    result = textdream.shift(model, TEXT, config(concept=str(concept), magnitudes="0"))
    data = json.loads(result.to_json())
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    assert [found.where for found in textdream.verify(path, model).mismatches] == [where]


@pytest.mark.parametrize(("text", "word"), [(TEXT, "HE"), (TEXT, "cats"), ("The c\u00e1t sat on a mat", "c\u00e1t")])
def test_verify_finds_the_word_as_the_tokenizer_writes_it(concept, tmp_path, text, word):
    model, path = tiny("bert"), tmp_path / "shift.json"
    textdream.write_result(textdream.shift(model, text, config(concept=str(concept), word=word, evaluations=20)), path)
    report = textdream.verify(path, model)
    assert report.holds, report.mismatches


def test_a_concept_of_another_model_is_refused(concept):
    with pytest.raises(textdream.InputError, match="concept of"):
        textdream.shift(tiny("bert", seed=1), TEXT, config(concept=str(concept)))


def test_it_is_drawn(concept, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    textdream.shift(tiny("bert"), TEXT, config(concept=str(concept))).show()
    out = capsys.readouterr().out
    assert "she → he" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_change_to_another_word_than_the_concepts_is_not_intended(concept):
    model = tiny("bert")
    result = textdream.shift(model, TEXT, config(concept=str(concept), magnitudes="-40,40", evaluations=300))
    for run, word in zip(result.runs, ("she", "he"), strict=True):
        for place in result.positions:
            if place in run.changed:
                assert (run.marks[place] == "intended") == (run.best.tokens[place] == word)
    assert any(set(result.positions) & set(run.changed) for run in result.runs)


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [("he", {}, "one token"), (TEXT, {"magnitudes": "1e39"}, "1,000,000"), (TEXT, {"magnitudes": "x"}, "numbers")],
)
def test_more_bad_input(concept, text, changes, said):
    with pytest.raises(textdream.InputError, match=said):
        textdream.shift(tiny("bert"), text, config(concept=str(concept), **changes))


def test_a_vector_that_is_nowhere_above_zero_has_no_largest_entry():
    with pytest.raises(textdream.InputError, match="largest"):
        scaled(-torch.ones(4), "largest", 1.0)


def test_a_resumed_shift_runs_what_is_left_and_loses_nothing(concept):
    model = tiny("bert")
    first = textdream.shift(model, TEXT, config(concept=str(concept), layers="1", magnitudes="4"))
    search = textdream.Shifting(model, TEXT, config(concept=str(concept)), kept=first)
    news = [step.news for step in search if step.news]
    assert [line.split(":")[0] for line in news] == ["layer 0 -4", "layer 0 +0", "layer 0 +4"]
    result = search.result()
    assert [(run.layer, run.magnitude) for run in result.runs] == [(0, -4), (0, 0), (0, 4), (1, 4)]
    assert result.runs[-1] == first.runs[0]
    assert [one.layer for one in result.directions] == [0, 1]
    again = textdream.Shifting(model, TEXT, config(concept=str(concept)), kept=result)
    assert [step.news for step in again] == ["3 of 3 runs are there already"]
    assert again.result().runs == result.runs


@pytest.mark.parametrize(
    "changes", [{"word": "cats"}, {"seed": 1}, {"unit": "distance"}, {"evaluations": 7}, {"text": "he sat on a mat ."}]
)
def test_another_shift_is_not_resumed(concept, changes):
    model = tiny("bert")
    first = textdream.shift(model, TEXT, config(concept=str(concept), magnitudes="0"))
    changes = dict(changes)
    text = changes.pop("text", TEXT)
    with pytest.raises(textdream.ResultError, match="another"):
        textdream.Shifting(model, text, config(concept=str(concept), **changes), kept=first)


def test_a_shift_along_another_concept_is_not_resumed(concept, tmp_path):
    model = tiny("bert")
    first = textdream.shift(model, TEXT, config(concept=str(concept), magnitudes="0"))
    other = concept_file(model, tmp_path / "other.safetensors", "she", "he")
    with pytest.raises(textdream.ResultError, match="another concept"):
        textdream.Shifting(model, TEXT, config(concept=str(other)), kept=first)


def test_verify_holds_the_vectors_against_the_concepts_file(concept, tmp_path):
    model = tiny("bert")
    result = textdream.shift(model, TEXT, config(concept=str(concept), magnitudes="0"))
    path = tmp_path / "shift.json"
    textdream.write_result(result, path)
    report = textdream.verify(path, model)
    assert report.holds, report.mismatches
    assert report.unchecked is None
    # At magnitude 0 no distance depends on the vector: only its file tells that it is another.
    data = json.loads(path.read_text(encoding="utf-8"))
    data["directions"][0]["vector"][0] += 0.01
    path.write_text(json.dumps(data), encoding="utf-8")
    assert [found.where for found in textdream.verify(path, model).mismatches] == ["directions.0"]
    # Of several files by that name, the one with the same bytes counts.
    aside = tmp_path / "results"
    aside.mkdir()
    (aside / concept.name).write_bytes(concept.read_bytes())
    textdream.write_result(result, aside / "shift.json")
    concept_file(model, concept, "she", "he")
    report = textdream.verify(aside / "shift.json", model)
    assert report.holds, report.mismatches
    assert report.unchecked is None
    assert "another file" in textdream.verify(path, model).unchecked
    concept.unlink()
    assert "not at hand" in textdream.verify(path, model).unchecked


def test_minilm_rebuilds_the_other_word(minilm):
    """PAIR's changed activation: the state of "he" in place of that of "she" is rebuilt into "he"."""
    settings = textdream.ShiftConfig(
        word="she", replace_with="he/he played baseball .", layers="1", budget=1e4, evaluations=200
    )
    (run,) = textdream.shift(minilm, "she played baseball .", settings).runs
    assert run.best.tokens[1] == "he"
    assert run.marks[1:-1] == ["intended", "unchanged", "unchanged", "unchanged"]
    assert run.distance < run.shifted
