"""Audits of shifts on a tiny model. Where a test plants what a shift does, only the search is put in, and all else is real."""

import json

import duckdb
import pytest
import torch

import textdream
from tests.concepts import concept_file
from tests.tiny import WIDTH, tiny
from textdream.experiments import shift_audit as module
from textdream.experiments.audit_plan import random_directions
from textdream.experiments.audit_runs import read_runs, write_runs
from textdream.inversion import Found, Hybrid

OBJECTS = ("mat", "hat", "house", "tree", "moon", "star", "sea", "bird", "hand", "night")
TEXTS = [f"the cat sat on the {thing} , and he ran ." for thing in OBJECTS]
LAYER = 1


@pytest.fixture(scope="module")
def model():
    return tiny("bert")


@pytest.fixture
def concept(tmp_path, model):
    """A concept file whose vectors are random."""
    return concept_file(model, tmp_path / "he-she.safetensors", "she", "he")


@pytest.fixture
def settings(concept, tmp_path):
    """Makes settings; the sentences are those of `TEXTS`."""
    file = tmp_path / "s.txt"
    file.write_text("\n".join([*TEXTS, "the cat sat on a mat ."]), encoding="utf-8")

    def make(**changes):
        base = {"word": "he", "concept": str(concept), "layer": LAYER, "sentences": str(file), "budget": 1e4}
        return textdream.ShiftAuditConfig(**{**base, **changes})

    return make


@pytest.fixture
def planted(monkeypatch, model):
    """Puts a search in place that finds what is planted: along a vector, the word and "cat" change; along others, the word or
    some token, or nothing does."""
    she, dog, star = (model.tokens.token_id(token) for token in ("she", "dog", "star"))

    def plant(vector):
        class Planted(Hybrid):
            stalls = 0

            def __init__(self, goal, lens, generator, start):
                self.found, self.goal, self.start = Found(goal), goal, start

            def __iter__(self):
                moved = self.goal.target - self.goal.states(self.start[None])[0]
                moved = moved[int(moved.norm(dim=1).argmax())]
                ids = self.start.clone()
                if float(torch.cosine_similarity(moved, vector, dim=0)) > 0.99:
                    ids[ids == model.tokens.token_id("he")] = she
                    ids[ids == model.tokens.token_id("cat")] = dog
                elif moved[0] > 0:
                    ids[3 + int(moved[1] > 0)] = star
                self.found.measure(ids[None])
                yield

        monkeypatch.setattr(module, "Hybrid", Planted)

    return plant


def planted_audit(model, settings, planted, **changes):
    config = settings(**changes)
    planted(module.ShiftAudit(model, config).vector)
    return textdream.shift_audit(model, config)


def same(one, other):
    """Two results, but for when they were made and how long it took."""

    def strip(result):
        data = json.loads(result.to_json())
        for run in data["runs"]:
            del run["seconds"]
        return {key: value for key, value in data.items() if key not in ("created", "seconds", "settings")}

    return strip(one) == strip(other)


def test_a_word_that_changes_with_the_concept_is_found(model, settings, planted):
    result = planted_audit(model, settings, planted)
    assert len(result.sentences) == len(TEXTS)
    assert [token.token for token in result.tokens if token.more] == ["cat"]
    cat = result.tokens[0]
    assert (cat.concept, cat.random) == (1.0, 0.0)
    assert cat.sentences == len(TEXTS)
    assert cat.p == pytest.approx(2.0 ** -len(TEXTS))
    assert [(found.token, found.runs) for found in cat.became] == [("dog", len(TEXTS))]
    assert "he" not in {token.token for token in result.tokens}
    concept, random = result.counts
    assert (concept.word_changed, concept.word_became[0].token, concept.others_changed) == (1.0, "she", 1.0)
    assert random.word_changed == 0.0
    assert "cat" in result.text
    assert "does not follow" in result.text
    assert result.set_aside[0].reason == "the word 'he' is not in it"


def test_a_direction_like_any_other_changes_nothing_more_than_chance(model, settings, planted):
    planted(torch.ones(WIDTH))
    result = textdream.shift_audit(model, settings(directions=2))
    assert any(token.concept or token.random for token in result.tokens)
    assert not any(token.more for token in result.tokens)
    assert "does not follow" not in result.text


def test_the_plain_forward_pass_gives_the_same(model, settings, tmp_path):
    """With the real search."""
    result = textdream.shift_audit(model, settings(most=2, evaluations=10, magnitude=-4.0))
    assert result.ends == ("she", "he")
    vector = torch.tensor(result.direction.vector)
    assert vector.max() == 1
    assert result.length == pytest.approx(4 * float(vector.norm()), rel=1e-5)
    assert all(run.distance <= result.length + run.floor for run in result.runs)
    textdream.write_result(result, tmp_path / "a.json")
    report = textdream.verify(tmp_path / "a.json", model)
    assert report.holds, report.mismatches


TAMPERED = {
    "a distance": lambda data: data["runs"][1].update(distance=data["runs"][1]["distance"] + 0.5),
    "a change": lambda data: data["runs"][0].update(changed=[], became=[]),
    "what it became": lambda data: data["runs"][0]["became"].__setitem__(0, "sun"),
    "a direction": lambda data: data["direction"]["vector"].__setitem__(0, 3.0),
    "the seed": lambda data: data.update(seed=1),
    "a sentence": lambda data: data["sentences"][0].update(text="the dog sat on the mat , and he ran ."),
    "a position": lambda data: data["sentences"][0].update(positions=[1]),
    "a rate": lambda data: data["tokens"][0].update(concept=0.5),
    "a p-value": lambda data: data["tokens"][1].update(adjusted=0.01),
    "a verdict": lambda data: data["tokens"][1].update(more=True),
    "a token": lambda data: data["tokens"].pop(),
    "a count": lambda data: data["counts"][1].update(left=0.1),
    "the words": lambda data: data.update(text="All is well."),
}


def test_what_is_tampered_with_is_found_out(model, settings, planted, tmp_path):
    path = tmp_path / "a.json"
    textdream.write_result(planted_audit(model, settings, planted, most=6), path)
    text = path.read_text()
    assert textdream.verify(path, model).holds
    for name, change in TAMPERED.items():
        data = json.loads(text)
        change(data)
        path.write_text(json.dumps(data))
        assert not textdream.verify(path, model).holds, name
    data = json.loads(text)
    data["runs"].pop()
    path.write_text(json.dumps(data))
    with pytest.raises(textdream.ResultError, match="runs are not"):
        textdream.verify(path, model)


def stopped_after(model, config, count):
    audit = module.ShiftAudit(model, config)
    for _ in audit:
        if audit.found == count:
            break
    return audit


def test_a_stopped_audit_goes_on_from_its_runs(model, settings, tmp_path):
    config = settings(most=4, evaluations=8, directions=2)
    straight = textdream.shift_audit(model, config)
    stopped = stopped_after(model, config, 2)
    partial = stopped.result()
    assert partial.interrupted
    assert (len(partial.sentences), partial.planned, len(partial.runs)) == (2, 4, 6)
    path = tmp_path / "runs.parquet"
    write_runs(path, stopped.identity, partial)
    kept = read_runs(path)
    audit = module.ShiftAudit(model, config, kept=kept)
    assert audit.found == 2
    assert same(audit.result(), partial)
    for _ in audit:
        pass
    assert same(audit.result(), straight)
    # Fewer directions are the first of many, more sentences begin with the same ones.
    fewer = module.ShiftAudit(model, settings(most=2, evaluations=8, directions=1), kept=kept)
    assert fewer.found == 2
    assert [run.ids for run in fewer.result().runs] == [run.ids for run in partial.runs if run.direction == 0]
    assert module.ShiftAudit(model, settings(most=4, evaluations=8, directions=3), kept=kept).found == 0
    for changes in ({"seed": 1}, {"magnitude": 9.0}, {"layer": 2}, {"evaluations": 9}, {"unit": "distance"}):
        with pytest.raises(textdream.ResultError, match=next(iter(changes))):
            module.ShiftAudit(model, settings(**{"most": 4, "evaluations": 8, **changes}), kept=kept)


def test_the_runs_stand_in_the_parquet_file(model, settings, planted, tmp_path):
    result = planted_audit(model, settings, planted, most=3, directions=2)
    path = tmp_path / "sentence=9" / "it's [1].parquet"
    path.parent.mkdir()
    write_runs(path, {"word": "it's"}, result)
    kept = read_runs(path)
    assert kept.identity == {"word": "it's"}
    assert sorted((one.sentence, one.ids) for runs in kept.runs.values() for one in runs) == sorted(
        (one.sentence, one.ids) for one in result.runs
    )
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT sentence, text, kind, direction, best_ids, changed, became, distance "
            "FROM read_parquet(?, hive_partitioning = false)",
            [str(path)],
        ).fetchall()
    texts = [sentence.text for sentence in result.sentences]
    assert rows == [
        (one.sentence, texts[one.sentence], one.kind, one.direction, one.ids, one.changed, one.became, one.distance)
        for one in result.runs
    ]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"text"])
def test_what_is_no_file_of_runs_is_refused(content, tmp_path):
    path = tmp_path / "runs.parquet"
    path.write_bytes(content)
    with pytest.raises(textdream.ResultError, match="runs"):
        read_runs(path)
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 1 AS sentence) TO '{path}' (FORMAT parquet)")
    with pytest.raises(textdream.ResultError, match="runs"):
        read_runs(path)


def test_random_directions():
    found = random_directions(0, "a text", 400, WIDTH)
    assert found.norm(dim=1) == pytest.approx(torch.ones(400), rel=1e-5)
    assert torch.equal(found[:3], random_directions(0, "a text", 3, WIDTH))
    assert not torch.allclose(found[:3], random_directions(1, "a text", 3, WIDTH))
    assert not torch.allclose(found[:3], random_directions(0, "another", 3, WIDTH))
    assert float(found.mean(0).abs().max()) < 5 / (400 * WIDTH) ** 0.5
    assert float((found.T @ found / 400 * WIDTH - torch.eye(WIDTH)).abs().max()) < 0.4


def test_frames_can_be_used(model, settings, monkeypatch):
    """The tiny tokenizer knows no sentence of the frames; one that it knows is put in."""
    from textdream.experiments.frames import FRAMES, Frame

    monkeypatch.setitem(FRAMES, "sports", Frame(("{word} ran to the {topic} .",), ("sea", "house", "tree")))
    result = textdream.shift_audit(model, settings(sentences=None, frames="sports", evaluations=1, most=2))
    assert result.source == "frames sports"
    assert {sentence.frame for sentence in result.sentences} == {"sports"}
    assert all(sentence.positions == [1] for sentence in result.sentences)


def test_too_few_sentences_for_any_verdict_are_said_to_be(model, settings, planted):
    result = planted_audit(model, settings, planted, most=3)
    assert not any(token.tested for token in result.tokens)
    assert result.text.startswith("No token changed in enough of the 3 sentences")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"word": None}, "--word"),
        ({"concept": None}, "--concept"),
        ({"layer": None}, "--layer"),
        ({"layer": 9}, "layer 9 is not in this model"),
        ({"word": "sun"}, "the word 'sun' is not in it"),
        ({"concept": "nowhere.safetensors"}, "nowhere"),
        ({"sentences": "nowhere.txt"}, "nowhere"),
        ({"frames": "sports"}, "--frames was given with --sentences"),
        ({"sentences": None, "frames": "sport"}, "the frame 'sport'"),
        ({"magnitude": 0.0}, "--magnitude 0"),
        ({"magnitude": float("nan")}, "--magnitude nan"),
        ({"most": 1}, "--most 1"),
        ({"directions": 0}, "--directions 0"),
    ],
)
def test_bad_input_is_refused(model, settings, changes, words):
    with pytest.raises(textdream.TextdreamError, match=words):
        module.ShiftAudit(model, settings(**changes))


def test_a_concept_of_another_model_is_refused(settings):
    with pytest.raises(textdream.InputError, match="concept of"):
        module.ShiftAudit(tiny("bert", seed=1), settings())


def test_it_is_drawn(model, settings, planted, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    planted_audit(model, settings, planted).show()
    out = capsys.readouterr().out
    assert "he → she" in out
    (line,) = (line for line in out.splitlines() if "✓ cat" in line)
    assert "100%" in line
    assert "dog" in line
    assert max(map(len, out.splitlines())) <= 80
