import json

import pytest
import torch

import textdream
from tests.tiny import TEXT, plain, tiny
from textdream.experiments import reconstruct as module
from textdream.experiments.synonyms import SynonymSearch
from textdream.inversion import Goal
from textdream.lens import LinearLens
from textdream.records import ReconstructResult
from textdream.report.terminal import show


def config(**changes):
    return textdream.ReconstructConfig(**{"corpus": "random", "budget": 1e4, "evaluations": 800, **changes})


@pytest.fixture(scope="module")
def causal():
    return textdream.reconstruct(tiny("gpt2"), TEXT, config(synonyms=True, change="2,5"))


@pytest.fixture(scope="module")
def encoder():
    return textdream.reconstruct(tiny("bert"), TEXT, config())


def test_every_layer_of_a_causal_model_is_exact(causal):
    assert [one.layer for one in causal.layers] == [0, 1, 2]
    for one in causal.layers:
        assert one.exact
        assert one.accuracy == 1
        assert one.best.ids == causal.start.ids
        assert one.loss <= one.floor
        assert one.method == "sipit"
        assert one.rival.loss > 1e3 * one.floor
        assert len(one.tried) == len(one.best.ids)
    assert not causal.interrupted


def test_the_loss_is_what_a_plain_pass_gives(encoder):
    model = tiny("bert")
    for one in encoder.layers:
        with torch.no_grad():
            states = plain(
                model.hf, "bert", "resid_post", one.layer, input_ids=torch.tensor([one.best.ids, encoder.start.ids])
            )
        assert one.loss == pytest.approx(float((states[0] - states[1]).square().mean()), rel=1e-3, abs=1e-12)
        assert one.exact == (one.best.ids == encoder.start.ids)
        right = [a == b for a, b in zip(one.best.ids, encoder.start.ids, strict=True)]
        assert [mark == "right" or mark == "special" for mark in one.marks] == right
        assert one.accuracy == pytest.approx(sum(right[1:-1]) / len(right[1:-1]))
    assert encoder.layers[0].exact


def test_near_is_one_of_the_ten_nearest_embeddings(encoder):
    table = tiny("bert").engine.table
    for one in encoder.layers:
        for a, b, mark in zip(one.best.ids, encoder.start.ids, one.marks, strict=True):
            if mark in ("near", "wrong"):
                order = (table - table[b]).norm(dim=1).argsort()[1:11].tolist()
                assert (a in order) == (mark == "near")


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_synonyms_equal_brute_force(name, causal):
    model = tiny(name)
    result = causal if name == "gpt2" else textdream.reconstruct(model, TEXT, config(synonyms=True, change="2,5"))
    for one in result.layers:
        assert [group.position for group in one.synonyms] == [2, 5]
        for group in one.synonyms:
            ids = torch.tensor([result.start.ids]).repeat(len(model.tokens.allowed) + 1, 1)
            ids[1:, group.position] = model.tokens.allowed
            with torch.no_grad():
                states = plain(model.hf, name, "resid_post", one.layer, input_ids=ids)
            changes = (states[1:] - states[0]).square().mean((1, 2))
            changes = changes[model.tokens.allowed != result.start.ids[group.position]]
            assert [token.change for token in group.tokens] == pytest.approx(
                changes.sort().values[:5].tolist(), rel=1e-3
            )


@pytest.mark.parametrize(
    "part", [{"position": 3}, {"neuron": 2}, {"site": "mlp_post"}, {"site": "attn_out"}, {"site": "head", "head": 1}]
)
def test_any_part_of_any_site(part, tmp_path):
    model = tiny("bert")
    result = textdream.reconstruct(model, TEXT, config(layers="1", **part))
    path = tmp_path / "r.json"
    textdream.write_result(result, path)
    report = textdream.verify(path, model)
    assert report.holds, report.mismatches
    assert result.target.position == part.get("position")


@pytest.mark.parametrize("kind", ["causal", "encoder", "anneal"])
def test_verify_recomputes_it(kind, request, tmp_path):
    model = tiny("gpt2" if kind == "causal" else "bert")
    if kind == "anneal":
        result = textdream.reconstruct(model, TEXT, config(preset="pair", steps=100))
        assert all(one.method == "anneal" and one.last_loss >= one.loss for one in result.layers)
    else:
        result = request.getfixturevalue(kind)
    path = tmp_path / "r.json"
    textdream.write_result(result, path)
    report = textdream.verify(path, model)
    assert report.holds, report.mismatches
    assert report.checked >= 4 * len(result.layers)
    assert textdream.read_result(path) == result
    assert ("another search" in (report.unchecked or "")) == any(one.synonyms for one in result.layers)


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("loss", lambda one: one.update(loss=one["loss"] + 0.1)),
        ("floor", lambda one: one.update(floor=1.0)),
        ("exact", lambda one: one.update(best=one["last_layer"], exact=True)),
        ("exact", lambda one: one.update(exact=False, loss=0.0)),
        ("accuracy", lambda one: one.update(accuracy=0.5)),
        ("marks", lambda one: one.update(marks=["wrong"] * len(one["marks"]))),
        ("rival", lambda one: one["rival"].update(loss=2.0)),
        ("synonyms", lambda one: one["synonyms"][1]["tokens"][0].update(change=1.0)),
        ("synonyms", lambda one: one["synonyms"][1]["tokens"][0].update(token="x")),
        ("exact", lambda one: one.update(loss=10 * one["floor"])),
        ("layers.1.synonyms.5", lambda one: one["synonyms"][1]["tokens"].reverse()),
    ],
)
def test_verify_finds_what_is_wrong(where, change, causal, tmp_path):
    model = tiny("gpt2")
    data = json.loads(causal.to_json())
    other = model.bare_sample([*data["start"]["ids"][:-1], 7]).model_dump()
    data["layers"][1]["last_layer"] = other
    change(data["layers"][1])
    del data["layers"][1]["last_layer"]
    path = tmp_path / "r.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    report = textdream.verify(path, model)
    assert any(where in mismatch.where for mismatch in report.mismatches), report


@pytest.mark.parametrize("neuron", range(6))
def test_verify_allows_for_the_rounding_of_a_single_neuron(neuron, bert, tmp_path):
    """Its loss is the square of one difference, which a rounding moves by twice the difference."""
    result = textdream.reconstruct(bert, TEXT, config(layers="2", position=2, neuron=neuron, evaluations=60))
    (one,) = result.layers
    moved = (one.loss**0.5 + 2 * one.floor**0.5) ** 2
    data = json.loads(result.to_json())
    data["layers"][0]["loss"] = moved
    path = tmp_path / "r.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    assert textdream.verify(path, bert).holds
    data["layers"][0]["loss"] = (one.loss**0.5 + 1e-3) ** 2
    path.write_text(json.dumps(data), encoding="utf-8")
    assert not textdream.verify(path, bert).holds


def test_finished_layers_are_not_run_again(causal):
    model = tiny("gpt2")
    part = causal.model_copy(
        update={"layers": [causal.layers[0], causal.layers[1].model_copy(update={"finished": False})]}
    )
    search = textdream.Reconstruction(model, TEXT, config(), kept=part)
    news = [step.news for step in search if step.news]
    assert [line.split(":")[0] for line in news] == ["layer 1", "layer 2"]
    result = search.result()
    assert result.layers[0].seconds == causal.layers[0].seconds
    assert [one.best for one in result.layers] == [one.best for one in causal.layers]


@pytest.mark.parametrize("change", [{"text": "the dog sat on a mat ."}, {"seed": 1}, {"site": "attn_out"}])
def test_another_run_is_not_resumed(causal, change):
    changes = dict(change)
    text = changes.pop("text", TEXT)
    with pytest.raises(textdream.ResultError, match="another"):
        textdream.Reconstruction(tiny("gpt2"), text, config(**changes), kept=causal)


def test_stopped_early_keeps_what_was_reached(tmp_path):
    model = tiny("bert")
    search = textdream.Reconstruction(model, TEXT, config(evaluations=10**6))
    with pytest.raises(textdream.InputError, match="no layer"):
        search.result()
    for step in search:
        if step.phase == "layer 1" and step.news is None and search._under_way.search.found.ids is not None:
            break
    result = search.result()
    assert result.interrupted
    assert [(one.layer, one.finished) for one in result.layers] == [(0, True), (1, False)]
    path = tmp_path / "r.json"
    textdream.write_result(result, path)
    assert textdream.verify(path, model).holds


def test_the_text_does_not_guide_the_search(monkeypatch):
    """The same activation, marked against another text, is rebuilt into the same text with the same evaluations."""
    model = tiny("bert")
    results = []
    for lie in (False, True):
        search = textdream.Reconstruction(model, TEXT, config(layers="0"))
        if lie:
            honest_goals = search.goals([0])
            monkeypatch.setattr(search, "goals", lambda _, goals=honest_goals: goals)
            search.ids = torch.tensor(model.tokens.encode("he saw the old house under a tree in the sea !"))[
                : len(search.ids)
            ]
        for _ in search:
            pass
        results.append(search.result().layers[0])
    honest, lied = results
    assert honest.best == lied.best
    assert (honest.evaluations, honest.gradients, honest.exact) == (lied.evaluations, lied.gradients, lied.exact)
    assert honest.accuracy > lied.accuracy


def test_it_is_drawn_without_colour(causal, encoder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for result in (causal, encoder):
        show(result)
        out = capsys.readouterr().out
        assert "✓ exact" in out
        assert max(map(len, out.splitlines())) <= 80
    wrong = [one for one in encoder.layers if not one.exact]
    if wrong:
        assert "✗" in out or "~" in out
    assert isinstance(causal, ReconstructResult)


@pytest.mark.parametrize(
    ("text", "changes", "words"),
    [
        ("cat", {}, "one token"),
        (TEXT, {"layers": "7"}, "layer 7"),
        (TEXT, {"layers": "2:2"}, "no layer"),
        (TEXT, {"layers": "x"}, "'x'"),
        (TEXT, {"position": 99}, "position 99"),
        (TEXT, {"neuron": 99}, "neuron 99"),
        (TEXT, {"site": "logits"}, "logits"),
        (TEXT, {"site": "head"}, "--head"),
        (TEXT, {"site": "head", "head": 9}, "head 9"),
        (TEXT, {"method": "sipit"}, "sipit"),
        (TEXT, {"change": "0"}, "special"),
        (TEXT, {"corpus": "nowhere.txt"}, "nowhere.txt"),
    ],
)
def test_bad_input_is_refused(bert, text, changes, words):
    with pytest.raises(textdream.TextdreamError, match=words):
        textdream.reconstruct(bert, text, config(**changes))


@pytest.mark.parametrize(
    "changes", [{"budget": 0}, {"steps": 5}, {"preset": "pair", "method": "sipit"}, {"seed": -1}, {"top": 0}]
)
def test_bad_settings_are_refused(changes):
    with pytest.raises(textdream.InputError):
        textdream.ReconstructConfig(**changes)


def test_part_of_a_causal_layer_is_searched_for(gpt2):
    assert textdream.reconstruct(gpt2, TEXT, config(layers="1", position=4)).layers[0].method == "hybrid"
    with pytest.raises(textdream.InputError, match="part of a layer"):
        textdream.reconstruct(gpt2, TEXT, config(layers="1", position=4, method="sipit"))


def test_a_resumed_run_loses_no_layer_and_takes_no_other_settings():
    model = tiny("bert")
    first = textdream.reconstruct(model, TEXT, config(layers="0", synonyms=True, change="2", top=2))
    again = textdream.reconstruct(model, TEXT, config(layers="1", synonyms=True, change="2", top=2), kept=first)
    assert [one.layer for one in again.layers] == [0, 1]
    assert again.layers[0] == first.layers[0]
    for other in ({"evaluations": 7}, {"budget": 1.0}, {"seed": 3}):
        with pytest.raises(textdream.ResultError, match="another"):
            textdream.reconstruct(model, TEXT, config(layers="1", **other), kept=first)


def test_synonyms_of_a_stopped_run_are_looked_for_again():
    model = tiny("bert")
    settings = config(layers="0", synonyms=True, change="2,3", top=2)
    whole = textdream.reconstruct(model, TEXT, settings)
    part = whole.layers[0].model_copy(update={"synonyms": whole.layers[0].synonyms[:1]})
    again = textdream.reconstruct(model, TEXT, settings, kept=whole.model_copy(update={"layers": [part]}))
    assert again.layers[0].synonyms == whole.layers[0].synonyms


def test_synonyms_that_were_interrupted_are_drawn(causal, capsys, monkeypatch):
    """Of a resumed run, one layer may have all positions, another the first, another none."""
    monkeypatch.setenv("COLUMNS", "80")
    layers = [one.model_copy(update={"synonyms": one.synonyms[:number]}) for number, one in enumerate(causal.layers)]
    show(causal.model_copy(update={"layers": layers, "interrupted": True}))
    out = capsys.readouterr().out
    assert "layer 1" in out
    assert "layer 2" in out
    assert all(group.tokens[0].token in out for group in causal.layers[2].synonyms)


def test_pairs_annealing_has_no_limit_of_time_but_one_that_is_given():
    settings = textdream.ReconstructConfig()
    assert settings.seconds("anneal") == settings.seconds("sipit") == float("inf")
    assert settings.seconds("hybrid") == 60.0
    assert textdream.ReconstructConfig(preset="pair", budget=2.0).seconds("anneal") == 2.0
    result = textdream.reconstruct(
        tiny("bert"), TEXT, textdream.ReconstructConfig(layers="0", preset="pair", budget=1e-9)
    )
    assert not result.layers[0].finished


@pytest.mark.parametrize(
    ("name", "method", "kind"),
    [("bert", "hybrid", "Hybrid"), ("gpt2", "sipit", "LeftToRight"), ("bert", "anneal", "Annealing")],
)
def test_no_search_is_handed_the_text(name, method, kind, monkeypatch):
    """The goal, the lens, a seed: of the start text nothing, whichever the method."""
    given = []
    real = getattr(module, kind)

    def spy(*arguments, **named):
        given.extend([*arguments, *named.values()])
        return real(*arguments, **named)

    monkeypatch.setattr(module, kind, spy)
    textdream.reconstruct(tiny(name), TEXT, config(layers="0", method=method, evaluations=20))
    allowed = (Goal, LinearLens, torch.Generator, type(None))
    assert given
    assert all(isinstance(one, allowed) for one in given)


def test_synonyms_do_not_depend_on_the_precision_of_the_screening(monkeypatch, causal):
    """Rounding a hundred times as large as bfloat16's: still every token that may be among the best is decided."""
    real = SynonymSearch._screened
    generator = torch.Generator().manual_seed(0)

    def rough(self, texts):
        changes = real(self, texts)
        return {
            layer: (
                values.sqrt() + values.sqrt().mean() * (torch.rand(len(values), generator=generator) - 0.5)
            ).square()
            for layer, values in changes.items()
        }

    monkeypatch.setattr(SynonymSearch, "_screened", rough)
    found = textdream.reconstruct(tiny("gpt2"), TEXT, config(synonyms=True, change="2,5"))
    for one, wanted in zip(found.layers, causal.layers, strict=True):
        assert [[token.id for token in group.tokens] for group in one.synonyms] == [
            [token.id for token in group.tokens] for group in wanted.synonyms
        ]


def test_a_causal_activation_tells_the_text_up_to_its_position(gpt2, tmp_path):
    whole = gpt2.tokens.encode(TEXT)
    result = textdream.reconstruct(gpt2, TEXT, config(layers="1", position=4, synonyms=True))
    assert result.start.ids == whole[:5]
    assert len(result.layers[0].best.ids) == len(result.layers[0].marks) == 5
    assert len(result.layers[0].synonyms) <= 5
    assert "up to it" in result.target.description
    path = tmp_path / "r.json"
    textdream.write_result(result, path)
    report = textdream.verify(path, gpt2)
    assert report.holds, report.mismatches
    with pytest.raises(textdream.InputError, match="sees one token"):
        textdream.reconstruct(gpt2, TEXT, config(position=0))
    with pytest.raises(textdream.InputError, match="outside the text"):
        textdream.reconstruct(gpt2, TEXT, config(position=len(whole)))


def test_left_to_right_hears_its_budget_at_once(gpt2):
    result = textdream.reconstruct(gpt2, TEXT, config(layers="2", budget=1e-9))
    (one,) = result.layers
    assert one.evaluations == 1
    assert len(one.best.ids) == len(gpt2.tokens.encode(TEXT))
    assert not one.exact


def test_minilm_gives_the_text_back(minilm):
    result = textdream.reconstruct(
        minilm, "she played baseball with her friends .", config(layers="0,2", evaluations=3000)
    )
    assert [one.exact for one in result.layers] == [True, True]
    assert all(one.best.ids == result.start.ids for one in result.layers)


def test_smollm2_gives_the_text_back(smollm2):
    result = textdream.reconstruct(smollm2, "The doctor went home late.", config(layers="2"))
    assert result.layers[0].exact
    assert result.layers[0].best.text == "The doctor went home late."
