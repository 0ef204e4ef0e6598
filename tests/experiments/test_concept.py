import json
import random

import jsonschema
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

import textdream
from tests.concepts import concept_file
from tests.tiny import plain, tiny
from textdream.configs import ExamplesConfig
from textdream.experiments.concept import ConceptFit, word_states
from textdream.experiments.concept_examples import examples_of, read_examples
from textdream.experiments.concept_sentences import Examples
from textdream.records import json_schema

NOUNS = ("cat", "dog", "bird", "hat", "house", "tree")
VERBS = ("sat", "ran", "saw", "ate", "held")


def sets(count=12, seed=0):
    """Sentences with he and the same with she, all of them different before the word."""
    draw = random.Random(seed)
    found: dict[str, None] = {"": None}
    while len(found) < count:
        found[f"the {draw.choice(NOUNS)} {draw.choice(VERBS)} and "] = None
    after = [f" {draw.choice(VERBS)} on a {draw.choice(NOUNS)} ." for _ in found]
    return [[f"{before}{word}{end}" for before, end in zip(found, after, strict=True)] for word in ("he", "she")]


def fast(**options):
    return textdream.ConceptConfig(**{"folds": 3, "repeats": 1, "controls": 4, **options})


@pytest.fixture(scope="module", params=["bert", "gpt2"])
def case(request, tmp_path_factory):
    model = tiny(request.param)
    examples = examples_of(model, *sets(), ("he", "she"), pairs=True)
    out = tmp_path_factory.mktemp("concept") / "he-she.safetensors"
    return model, request.param, textdream.concept_fit(model, fast(), examples=examples, out=out), out


def states(model, name, result, layer):
    """resid_post at the concept word, one plain pass a sentence."""
    rows = []
    for sentence in result.sentences:
        with torch.no_grad():
            x = plain(model.hf, name, "resid_post", layer, input_ids=torch.tensor([sentence.ids]))
        rows.append(x[0, sentence.position])
    return torch.stack(rows).double().numpy()


def test_the_word_is_read_in_every_sentence(case):
    model, name, result, _ = case
    for sentence in result.sentences:
        positions = model.tokens.word_positions(sentence.text, "he" if sentence.positive else "she")
        assert sentence.position == model.tokens.reading_position(positions)
    *_, (done, found) = word_states(model, result.sentences, [0, 2])
    assert done == len(result.sentences) == 24
    for layer in (0, 2):
        assert found[layer] == pytest.approx(states(model, name, result, layer), abs=2e-5)


def test_the_file_holds_what_brute_force_gives(case):
    model, name, result, out = case
    concept = textdream.read_concept(out, model.info)
    yes = np.array([sentence.positive for sentence in result.sentences])
    for layer in range(3):
        x = states(model, name, result, layer)
        vector, info = concept.vector(layer), concept.info(layer)
        assert vector == pytest.approx(x[yes].mean(0) - x[~yes].mean(0), abs=1e-4)
        assert info.scale == pytest.approx(np.linalg.norm(vector), rel=1e-4)
        assert info.scale == pytest.approx(result.layers[layer].distance, rel=1e-4)
        unit = vector / np.linalg.norm(vector)
        assert info.threshold == pytest.approx(((x[yes].mean(0) + x[~yes].mean(0)) / 2) @ unit, abs=1e-4)
        other = concept.vector(layer, "logistic")
        assert np.linalg.norm(other) == pytest.approx(1, abs=1e-5)
        assert ((x @ other > concept.info(layer, "logistic").threshold) == yes).mean() > 0.9


def test_the_file_is_as_it_is_described(case):
    model, _, result, out = case
    arrays = load_file(out)
    assert sorted(arrays) == sorted(
        f"layer.{layer}.{kind}" for layer in range(3) for kind in ("logistic", "mean_difference")
    )
    assert all(array.dtype == np.float32 and array.shape == (16,) for array in arrays.values())
    with safe_open(out, "numpy") as file:
        manifest = json.loads(file.metadata()["manifest"])
    assert manifest["schema"] == "textdream.concept/1"
    assert manifest["model"]["sha256"] == model.info.sha256
    assert manifest["words"] == {"positive": "he", "negative": "she"}
    assert manifest["site"] == "resid_post"
    assert manifest["layers"] == [0, 1, 2]
    assert manifest["positive"] == manifest["negative"] == 12
    assert [layer.layer for layer in result.layers] == [0, 1, 2]


def test_the_same_seed_gives_the_same_bytes_and_another_other_figures(case, tmp_path):
    model, _, result, out = case
    examples = examples_of(model, *sets(), ("he", "she"), pairs=True)
    again = textdream.concept_fit(model, fast(), examples=examples, out=tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == out.read_bytes()
    assert again.layers == result.layers
    assert textdream.concept_fit(model, fast(seed=1), examples=examples).layers != result.layers


def test_the_record_follows_the_schema_and_is_drawn(case, tmp_path, capsys):
    model, _, result, out = case
    classified = textdream.concept_classify(model, out, "the dog ran .", word="dog")
    for record in (result, classified):
        jsonschema.validate(json.loads(record.to_json()), json_schema())
        textdream.write_result(record, tmp_path / "r.json")
        assert textdream.read_result(tmp_path / "r.json") == record
        record.show()
        assert "she → he" in capsys.readouterr().out


def test_only_the_layers_that_were_asked_for(case):
    model, _, _, _ = case
    fit = ConceptFit(model, fast(layers="1:3"), examples=examples_of(model, *sets(), ("he", "she")))
    with pytest.raises(textdream.InputError, match="not finished"):
        fit.result()
    assert [step.news is not None for step in fit][-1]
    assert [layer.layer for layer in fit.result().layers] == [1, 2]
    with pytest.raises(textdream.InputError, match=r"0 to 2"):
        ConceptFit(model, fast(layers="3"), examples=fit.examples)


# Stopped, and gone on with


def figures(result):
    return {key: value for key, value in result.model_dump().items() if key not in ("created", "seconds")}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_fit_that_was_stopped_goes_on_as_if_it_had_not_been(case, tmp_path, count):
    """Byte by byte: the vectors, their calibration and their figures."""
    model, _, whole, out = case
    examples = examples_of(model, *sets(), ("he", "she"), pairs=True)
    part = tmp_path / "part.safetensors"
    first = ConceptFit(model, fast(), examples=examples)
    for step in first:
        if step.news is not None and len(first.measured) == count:
            break
    first.write(part)
    assert first.result().interrupted == (count < 3)
    assert first.result().layers == whole.layers[:count]
    kept = textdream.read_concept(part, model.info)
    assert (kept.manifest.layers, kept.manifest.interrupted) == ([0, 1, 2][:count], count < 3)
    second = ConceptFit(model, fast(), examples=examples, kept=kept)
    assert second.result().layers == whole.layers[:count]
    news = [step.news for step in second if step.news is not None]
    assert len(news) == 3 - count
    second.write(part)
    assert part.read_bytes() == out.read_bytes()
    assert figures(second.result()) == figures(whole)


def test_a_concept_of_some_layers_can_be_used_and_verified(case, tmp_path):
    model, _, _, _ = case
    fit = ConceptFit(model, fast(), examples=examples_of(model, *sets(), ("he", "she"), pairs=True))
    next(step for step in fit if step.news is not None)
    fit.write(tmp_path / "c.safetensors")
    found = textdream.concept_classify(model, tmp_path / "c.safetensors", "the dog ran .", word="dog")
    assert [layer.layer for layer in found.layers] == [0]
    with pytest.raises(textdream.InputError, match=r"layer 1 is not in c\.safetensors"):
        textdream.concept_classify(
            model, tmp_path / "c.safetensors", "the dog ran .", textdream.ClassifyConfig(layers="1"), word="dog"
        )
    textdream.write_result(fit.result(), tmp_path / "c.json")
    assert textdream.verify(tmp_path / "c.json", model).holds


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 1}, "seed"),
        ({"folds": 2}, "folds"),
        ({"repeats": 2}, "repeats"),
        ({"controls": 5}, "controls"),
        ({"layers": "0,1"}, "layers"),
    ],
)
def test_a_file_of_another_fit_is_not_gone_on_with(case, change, said):
    model, _, _, out = case
    examples = examples_of(model, *sets(), ("he", "she"), pairs=True)
    with pytest.raises(textdream.ResultError, match=f"differs in its {said}"):
        ConceptFit(model, fast(**change), examples=examples, kept=textdream.read_concept(out))


def test_a_file_of_other_sentences_words_or_model_is_not_gone_on_with(case):
    model, name, _, out = case
    kept = textdream.read_concept(out)
    others = examples_of(model, *sets(seed=1), ("he", "she"), pairs=True)
    with pytest.raises(textdream.ResultError, match="differs in its sentences"):
        ConceptFit(model, fast(), examples=others, kept=kept)
    other = examples_of(model, *sets()[::-1], ("she", "he"), pairs=True)
    with pytest.raises(textdream.ResultError, match="differs in its words"):
        ConceptFit(model, fast(), examples=other, kept=kept)
    model = tiny(name, seed=5)
    with pytest.raises(textdream.ResultError, match="differs in its model"):
        ConceptFit(model, fast(), examples=examples_of(model, *sets(), ("he", "she"), pairs=True), kept=kept)


def test_a_file_that_does_not_say_how_it_was_measured_is_not_gone_on_with(bert, tmp_path):
    kept = textdream.read_concept(concept_file(bert, tmp_path / "c.safetensors", "he", "she"))
    with pytest.raises(textdream.ResultError, match="does not say how"):
        ConceptFit(bert, fast(), examples=examples_of(bert, *sets(), ("he", "she"), pairs=True), kept=kept)


# The same figures from the file alone


def test_verify_runs_the_fit_again(case, tmp_path):
    model, _, result, _ = case
    textdream.write_result(result, tmp_path / "c.json")
    report = textdream.verify(tmp_path / "c.json", model)
    assert report.holds, report.mismatches
    assert report.checked > 60


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda d: d["layers"][1].update(accuracy=0.5), "layers.1.accuracy"),
        (lambda d: d["layers"][1].update(random=0.1), "layers.1.random"),
        (lambda d: d["layers"][0].update(agreement=0.1), "layers.0.agreement"),
        (lambda d: d["layers"][0].update(interval=[0.9, 1.0]), "layers.0.interval.0"),
        (lambda d: d["layers"][0].update(better=not d["layers"][0]["better"]), "layers.0.better"),
        (lambda d: d["layers"][2]["logistic"].update(shuffled=0.9), "layers.2.logistic.shuffled"),
        (lambda d: d["layers"][2].update(distance=9.0), "layers.2.distance"),
        (lambda d: d.update(words={"positive": "dog", "negative": "cat"}), "sentences.0.position"),
        (lambda d: d["words"].update(positive="him"), "sentences.0.position"),
        (lambda d: d.update(words={"positive": "she", "negative": "he"}), "sentences.0.position"),
        (lambda d: d["sentences"][4].update(position=d["sentences"][4]["position"] - 1), "sentences.4.position"),
        (lambda d: d["sentences"][5].update(positive=True), "sentences.5.position"),
        (lambda d: d.update(layers=d["layers"][:2]), "interrupted"),
        (lambda d: d.update(interrupted=True), "interrupted"),
        (lambda d: d["sentences"][3].update(text="the cat"), "sentences.3.ids"),
        (lambda d: d["sentences"][3]["tokens"].reverse(), "sentences.3.tokens"),
    ],
)
def test_verify_finds_a_changed_figure(case, tmp_path, change, where):
    model, _, result, _ = case
    data = json.loads(result.to_json())
    change(data)
    (tmp_path / "c.json").write_text(json.dumps(data))
    assert where in [mismatch.where for mismatch in textdream.verify(tmp_path / "c.json", model).mismatches]


# Classifying


def test_the_words_themselves_are_told_apart_by_the_distance_of_their_means(case):
    model, _, result, out = case
    scores: dict[bool, list[list[float]]] = {True: [], False: []}
    for sentence in result.sentences:
        layers = textdream.concept_classify(model, out, sentence.text, position=sentence.position).layers
        scores[sentence.positive].append([layer.score for layer in layers])
    here, there = np.array(scores[True]).mean(0), np.array(scores[False]).mean(0)
    assert here - there == pytest.approx([layer.distance for layer in result.layers], rel=1e-4)
    assert here + there == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("kind", ["mean_difference", "logistic"])
def test_a_score_is_the_projection_less_the_threshold(case, kind, tmp_path):
    model, name, _, out = case
    config = textdream.ClassifyConfig(kind=kind, layers="0,2")
    result = textdream.concept_classify(model, out, "the dog ran .", config, position=2)
    concept = textdream.read_concept(out)
    assert [layer.layer for layer in result.layers] == [0, 2]
    for layer in result.layers:
        info, vector = concept.info(layer.layer, kind), concept.vector(layer.layer, kind)
        with torch.no_grad():
            x = plain(model.hf, name, "resid_post", layer.layer, input_ids=torch.tensor([result.start.ids]))[0, 2]
        projection = float(x.double() @ torch.tensor(vector / np.linalg.norm(vector)))
        assert layer.activation == pytest.approx(projection, abs=1e-5)
        assert layer.score == pytest.approx(projection - info.threshold, abs=1e-5)
        odds = info.slope * layer.score + info.intercept
        assert layer.probability == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-6)
        assert layer.better == info.better
    textdream.write_result(result, tmp_path / "c.json")
    report = textdream.verify(tmp_path / "c.json", model)
    assert report.holds
    assert "better than its controls" in report.unchecked


@pytest.mark.parametrize("key", ["activation", "score", "probability", "vector", "threshold"])
def test_verify_finds_a_changed_classification(case, tmp_path, key):
    model, _, _, out = case
    data = json.loads(textdream.concept_classify(model, out, "the dog ran .", word="dog").to_json())
    layer = data["layers"][1]
    layer[key] = [2 * x for x in layer[key]] if key == "vector" else 0.3 * layer[key]
    (tmp_path / "c.json").write_text(json.dumps(data))
    assert not textdream.verify(tmp_path / "c.json", model).holds


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "no word"),
        ({"word": "dog", "position": 1}, "both a word and a position"),
        ({"word": "cat"}, "not in the text"),
        ({"position": 9}, "position 9"),
        ({"position": -1}, "position -1"),
        ({"word": "dog", "layers": "7"}, "layer 7"),
        ({"word": "dog", "layers": "x"}, "--layers 'x'"),
    ],
)
def test_what_cannot_be_classified(case, options, said):
    model, _, _, out = case
    config = textdream.ClassifyConfig(layers=options.get("layers", "all"))
    options = {name: value for name, value in options.items() if name != "layers"}
    with pytest.raises(textdream.InputError, match=said):
        textdream.concept_classify(model, out, "the dog ran .", config, **options)


# Which sentences are used


def test_sentences_that_cannot_be_used_are_set_aside_and_named(bert):
    yes = ["he sat .", "the cat sat .", "he ran .", "HE ran .", "hehe !", " ".join(["he"] + ["the"] * 40), "he ☃ sat"]
    no = ["she sat .", "she ran .", "she saw a cat ."]
    found = examples_of(bert, yes, no, ("he", "she"))
    assert [sentence.text for sentence in found.sentences if sentence.positive] == ["he sat .", "he ran ."]
    aside = {one.reason: (one.count, one.examples) for one in found.set_aside}
    assert aside["the word 'he' is not in it"][0] >= 1
    assert aside["the word 'he' is not in it"][1][0] == "positive 2: the cat sat ."
    assert aside["repeated"][0] == 1
    assert aside["more tokens than the model takes"][0] == 1


def test_sentences_that_differ_in_the_word_alone_are_held_out_together(bert):
    found = examples_of(bert, ["he sat .", "he ran ."], ["she ran .", "she ate .", "she sat ."], ("he", "she"))
    groups: dict[int, set[str]] = {}
    for sentence in found.sentences:
        groups.setdefault(sentence.group, set()).add(sentence.text)
    assert sorted(map(sorted, groups.values())) == [["he ran .", "she ran ."], ["he sat .", "she sat ."], ["she ate ."]]


def test_of_several_occurrences_the_first_is_read(bert):
    found = examples_of(bert, ["the cat and he saw he", "he sat ."], ["she ran .", "she ate ."], ("he", "she"))
    assert found.sentences[0].position == 4


def test_both_sets_may_come_from_one_file_with_two_words(bert):
    both = ["he saw a cat and she ran .", "she ate and he sat ."]
    found = examples_of(bert, both, both, ("he", "she"))
    assert [sentence.position for sentence in found.sentences] == [1, 4, 6, 1]


@pytest.mark.parametrize(
    ("yes", "no", "words", "said"),
    [
        (["he sat ."], ["she sat .", "she ran ."], ("he", "she"), "positive set has 1 sentence "),
        (["he sat .", "he sat ."], ["she sat .", "she ran ."], ("he", "she"), "positive set has 1 sentence .*repeated"),
        (["he sat .", "he ran ."], ["he sat .", "he ran ."], ("he", "she"), "negative set has 0 .*'she' is not in it"),
        (["he sat .", "he ran ."], ["he sat .", "he ran ."], ("he", "he"), "identical"),
        (["he sat .", "he ran ."], ["he ran .", "he sat ."], ("he", "he"), "identical"),
        ([], [], ("he", "she"), "positive set has 0"),
    ],
)
def test_sets_that_cannot_be_fitted(bert, yes, no, words, said):
    with pytest.raises(textdream.InputError, match=said):
        examples_of(bert, yes, no, words)


def test_one_context_alone_cannot_be_held_out(bert):
    found = examples_of(bert, ["he sat .", "he ran ."], ["she saw .", "she ate ."], ("he", "she"))
    alike = [one.model_copy(update={"group": 0}) if one.positive else one for one in found.sentences]
    with pytest.raises(textdream.InputError, match="held out"):
        textdream.concept_fit(bert, fast(), examples=Examples(found.words, alike, []))


def test_two_sentences_of_each_are_enough_to_say_that_nothing_is_known(bert):
    result = textdream.concept_fit(
        bert,
        fast(folds=5),
        examples=examples_of(bert, ["he sat .", "he ran ."], ["she ate .", "she saw ."], ("he", "she")),
    )
    assert result.folds == 2
    assert not any(layer.better or layer.logistic.better for layer in result.layers)


# What a causal model sees


ADJECTIVES = ("old", "new", "big", "small", "red", "blue", "fast", "slow")


def alike(draw, words, contexts=5, ends=4):
    """Sentences of which several begin alike, up to the word."""
    before = [" ".join(draw.sample(ADJECTIVES, 3)) for _ in range(contexts)]
    rows = [(context, draw.choice(NOUNS)) for context in before for _ in range(ends)]
    return [[f"{context} {word} and {end} {draw.choice(VERBS)}" for context, end in rows] for word in words]


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_no_activation_of_a_causal_model_is_in_two_folds(family, pairs):
    """Brute force: states that are the same but for the rounding of other batches are of one sentence."""
    model = tiny(family)
    yes, no = alike(random.Random(0), ("he", "she"))
    found = examples_of(model, yes, no, ("he", "she"), pairs=pairs)
    *_, (_, read) = word_states(model, found.sentences, [0, 1, 2])
    for x in read.values():
        apart = np.linalg.norm(x[:, None] - x, axis=2) + np.eye(len(x))
        assert apart.min() > 1e-4
    before = [one.text[: one.text.index(" she" if not one.positive else " he")] for one in found.sentences]
    assert len(set(before)) == 5
    assert len(found.sentences) == 10
    groups = [one.group for one in found.sentences]
    assert len(set(zip(before, groups, strict=True))) == len(set(groups)) == 5
    aside = {one.reason: one.count for one in found.set_aside}
    assert sum(count for reason, count in aside.items() if "a causal model sees nothing after it" in reason) > 10


def test_models_that_see_both_sides_keep_sentences_that_begin_alike(bert):
    yes, no = alike(random.Random(0), ("he", "she"), ends=2)
    found = examples_of(bert, yes, no, ("he", "she"))
    assert len(found.sentences) == len({*yes, *no})


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_mean_nothing_are_not_better_for_a_causal_model(seed):
    model = tiny("gpt2", n_embd=256, n_head=4)
    draw = random.Random(seed)
    sides = [alike(draw, ("cat",), contexts=6, ends=12)[0] for _ in range(2)]
    examples = examples_of(model, *sides, ("cat", "cat"))
    result = textdream.concept_fit(model, textdream.ConceptConfig(layers="1", repeats=1), examples=examples)
    assert result.groups == len(examples.sentences) <= 12
    assert not result.layers[0].better
    assert not result.layers[0].logistic.better


@pytest.mark.parametrize(
    ("yes", "no", "words", "said"),
    [
        (["he sat", "he ran"], ["she sat", "she ran"], ("he", "she"), "all sentences begin with the word"),
        (["a he sat", "a he ran"], ["a she sat", "she ran"], ("he", "she"), "give more sentences with other words before 'he'"),
        (["a cat sat", "cat ran"], ["a cat ran", "cat sat"], ("cat", "cat"), "identical up to the concept word"),
    ],
)  # fmt: skip
def test_sentences_that_a_causal_model_cannot_tell_apart_are_refused(yes, no, words, said):
    with pytest.raises(textdream.InputError, match=said):
        examples_of(tiny("gpt2"), yes, no, words)


def test_a_sentence_is_in_one_pair_alone(bert):
    pairs = [("he sat .", "she sat ."), ("he sat .", "she ran ."), ("he ate .", "she ate ."), ("he sat .", "she sat .")]
    found = examples_of(bert, *zip(*pairs, strict=True), ("he", "she"), pairs=True)
    assert [one.text for one in found.sentences] == ["he sat .", "she sat .", "he ate .", "she ate ."]
    assert {one.reason: one.count for one in found.set_aside} == {
        "a sentence of the pair is in another pair": 1,
        "repeated": 1,
    }


# Files


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_swap_makes_pairs_that_differ_in_its_words_alone(bert, tmp_path):
    lines = ["he sat .", "", "She ate his hat .", "the cat ran .", "he saw his dog .", "her cat sat .", "his dog ran ."]
    file = written(tmp_path / "s.txt", "\n".join(lines))
    found = read_examples(bert, ExamplesConfig(swap="he=she,his=her,him=her"), file)
    assert [(one.text, one.positive, one.group) for one in found.sentences] == [
        ("he sat .", True, 0),
        ("she sat .", False, 0),
        ("He ate her hat .", True, 1),
        ("She ate his hat .", False, 1),
        ("he saw his dog .", True, 2),
        ("she saw her dog .", False, 2),
    ]
    assert {one.reason: (one.count, one.examples) for one in found.set_aside} == {
        "nothing changes by --swap": (1, ["s.txt line 4: the cat ran ."]),
        "'her' has no one way back in --swap": (1, ["s.txt line 6: her cat sat ."]),
        "neither 'he' nor 'she' is in it": (1, ["s.txt line 7: his dog ran ."]),
    }


def test_every_line_without_the_word_that_it_was_given_for_is_kept(bert, tmp_path):
    yes, no = sets()
    lines = [*yes[:6], *["the cat sat ."] * 4, *yes[6:], *[f"a {noun} ran ." for noun in NOUNS]]
    files = {
        "positive": written(tmp_path / "y.txt", "\n".join(lines)),
        "negative": written(tmp_path / "n.txt", "\n".join(no)),
    }
    found = read_examples(bert, ExamplesConfig(**files, word_positive="he", word_negative="she"))
    (aside,) = found.set_aside
    numbers = [7, 8, 9, 10, 17, 18, 19, 20, 21, 22]
    assert (aside.reason, aside.count) == ("the word 'he' is not in it", 10)
    assert [example.split(":")[0] for example in aside.examples] == [f"y.txt line {number}" for number in numbers]
    pairs = written(
        tmp_path / "p.txt", "\n".join(f"{one}\tthe cat" for one in yes) + f"\n{yes[0]}\t{no[0]}\n{yes[1]}\t{no[1]}"
    )
    (aside,) = read_examples(bert, ExamplesConfig(pairs=pairs, word_positive="he", word_negative="she")).set_aside
    assert (aside.count, len(aside.examples), aside.examples[-1]) == (12, 12, "line 12: the cat")


def test_so_many_lines_without_the_word_are_kept_and_no_more(bert, tmp_path):
    yes, no = sets()
    config = {"word_positive": "he", "word_negative": "she", "negative": written(tmp_path / "n.txt", "\n".join(no))}
    many = written(tmp_path / "y.txt", "\n".join([*yes, *["the cat sat ."] * 1200]))
    (aside,) = read_examples(bert, ExamplesConfig(positive=many, **config)).set_aside
    assert (aside.count, len(aside.examples)) == (1200, 1000)
    # A corpus in which words are swapped is no list of the user's.
    lines = [*(f"he {verb} on a cat ." for verb in VERBS), *["he sat on a hat ."] * 30]
    swap = ExamplesConfig(swap="he=she,cat=dog", word_positive="he", word_negative="dog")
    found = read_examples(bert, swap, written(tmp_path / "c.txt", "\n".join(lines)))
    (aside,) = found.set_aside
    assert (aside.reason, aside.count, len(aside.examples)) == ("the word 'dog' is not in it", 30, 5)


@pytest.mark.parametrize("suffix", ["txt", "tsv", "jsonl"])
def test_pairs_from_a_file(bert, tmp_path, suffix):
    pairs = [("he sat .", "she sat ."), ("he ran .", "she ate ."), ("a cat", "she sat .")]
    text = "\n".join("\t".join(pair) for pair in pairs) + "\nno tab\n"
    if suffix == "jsonl":
        text = "\n".join(json.dumps(dict(zip(("positive", "negative"), pair, strict=True))) for pair in pairs)
    config = ExamplesConfig(pairs=written(tmp_path / f"p.{suffix}", text), word_positive="he", word_negative="she")
    found = read_examples(bert, config)
    assert [(one.text, one.group) for one in found.sentences] == [
        ("he sat .", 0), ("she sat .", 0), ("he ran .", 1), ("she ate .", 1),
    ]  # fmt: skip
    reasons = [one.reason for one in found.set_aside]
    assert ("not two sentences with a tab between them" in reasons) == (suffix != "jsonl")
    assert "the word 'he' is not in it" in reasons


def test_at_most_so_many_are_drawn_the_same_for_a_seed(bert, tmp_path):
    yes, no = sets(20)
    files = {
        "positive": written(tmp_path / "y.txt", "\n".join(yes)),
        "negative": written(tmp_path / "n.txt", "\n".join(no)),
    }
    named = {"word_positive": "he", "word_negative": "she", "most": 6}
    first = read_examples(bert, ExamplesConfig(**files, **named))
    assert first.sentences == read_examples(bert, ExamplesConfig(**files, **named)).sentences
    assert first.sentences != read_examples(bert, ExamplesConfig(**files, **named, seed=7)).sentences
    assert sum(one.positive for one in first.sentences) == sum(not one.positive for one in first.sentences) == 6
    assert sum(one.count for one in first.set_aside) == 28
