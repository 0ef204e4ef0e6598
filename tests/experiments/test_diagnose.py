"""The diagnosis on ordinary tiny models, and what cannot be diagnosed."""

import dataclasses
import json

import jsonschema
import pytest
import torch

import textdream
from tests.tiny import TEXT, plain, plain_neuron, tiny, unpadded
from textdream.configs import AnnealConfig, DiagnoseConfig, DreamConfig
from textdream.experiments.diagnose import Diagnosis, diagnose, diagnose_dream
from textdream.experiments.diagnose import annealed as annealing
from textdream.experiments.verify import verify
from textdream.objectives import normalised
from textdream.records import json_schema

QUICK = DiagnoseConfig(steps=60, neighbours=5, controls=6)


def finding(result, name):
    return next(found for found in result.findings if found.name == name)


# Ordinary models.


@pytest.fixture(scope="module")
def encoder():
    return unpadded("bert_mlm")


@pytest.fixture(scope="module", params=["word", "2:6"])
def pairs_run(request, encoder):
    config = dataclasses.replace(QUICK, free=request.param)
    return diagnose(encoder, TEXT, textdream.neuron(2, 1), config, position=3)


def test_the_best_tokens_equal_brute_force(encoder, pairs_run):
    ids = torch.tensor(pairs_run.context.ids)
    assert pairs_run.context.ids == pairs_run.end.ids
    allowed = encoder.tokens.allowed
    for found in pairs_run.positions:
        rows = ids.repeat(len(allowed), 1)
        rows[:, found.position] = allowed
        with torch.no_grad():
            states = torch.stack(
                [plain(encoder.hf, "bert_mlm", "resid_post", n, input_ids=rows)[:, 3] for n in range(3)]
            )
        values = states[2, :, 1] / states.permute(1, 0, 2).flatten(1).norm(dim=1)
        order = values.sort(descending=True)
        assert [token.activation for token in found.tokens] == pytest.approx(order.values[:5].tolist(), rel=1e-5)
        assert [token.id for token in found.tokens] == allowed[order.indices[:5]].tolist()
        here = values[allowed == ids[found.position]]
        if len(here):
            assert found.better == int((values > here + 1e-5).sum())


def test_the_neighbours_equal_brute_force(encoder, pairs_run):
    table = encoder.hf.get_input_embeddings().weight.detach()
    allowed = encoder.tokens.allowed.tolist()
    for found in pairs_run.positions:
        best = found.tokens[0].id
        near = sorted(
            (token for token in allowed if token != best), key=lambda token: float((table[token] - table[best]).norm())
        )
        assert [token.id for token in found.neighbours] == near[:5]
        assert found.shared == len({token.id for token in found.tokens} & set(near[:5]))
        assert len(found.control_shared) == 6
        assert -1 <= found.smoothness <= 1


def test_the_watched_run_is_the_run(encoder, pairs_run):
    assert pairs_run.reproduced is True
    assert [step.step for step in pairs_run.steps] == list(range(61))
    assert pairs_run.steps[-1].tokens == pairs_run.end.tokens
    assert pairs_run.steps[-1].hard == pytest.approx(pairs_run.end.activation, rel=1e-5)
    dreamed = annealing(encoder, TEXT, textdream.neuron(2, 1), dataclasses.replace(QUICK, free="2:6"), position=3)
    for _ in dreamed:
        pass
    if len(pairs_run.free) == 1:
        return
    top = dreamed.result().steps[60].top_tokens
    for found, heaviest in zip(pairs_run.positions, top, strict=True):
        assert found.winner_path.id == heaviest[0].id
        assert found.winner_path.weights[-1] == pytest.approx(heaviest[0].weight, rel=1e-5)
        assert found.winner_path.ranks[-1] == 1


def test_paths_are_of_the_listed_steps(pairs_run):
    for found in pairs_run.positions:
        for path in (found.best_path, found.winner_path):
            assert len(path.weights) == len(path.ranks) == len(pairs_run.steps)
            assert path.highest_rank == min(path.ranks) == path.ranks[path.highest_step]
        assert found.winner_path.fell_behind is None
        best, winner = found.best_path.weights, found.winner_path.weights
        if (behind := found.best_path.fell_behind) is not None:
            assert all(a < b for a, b in zip(best[behind:], winner[behind:], strict=True))
            assert behind == 0 or best[behind - 1] >= winner[behind - 1]


def test_every_finding_has_a_sentence_and_a_control(pairs_run):
    names = [found.name for found in pairs_run.findings]
    assert names == [
        "reached", "highest_rank", "fell_behind", "smoothness", "shared_neighbours", "mean_gap", "end_gap", "below_start",
    ]  # fmt: skip
    assert all(len(found.text) > 30 for found in pairs_run.findings)
    assert all(found.control is not None for found in pairs_run.findings if found.value is not None)
    hard = [step.hard for step in pairs_run.steps]
    soft = [step.soft for step in pairs_run.steps]
    gaps = [a - b for a, b in zip(soft, hard, strict=True)]
    assert finding(pairs_run, "mean_gap").value == pytest.approx(sum(gaps) / 61, abs=1e-6)
    assert finding(pairs_run, "end_gap").value == pytest.approx(gaps[-1], abs=1e-6)
    below = sum(value < pairs_run.start.activation for value in hard) / 61
    assert finding(pairs_run, "below_start").value == pytest.approx(below)


def test_it_follows_the_schema_and_verify_agrees(encoder, pairs_run, tmp_path):
    jsonschema.validate(json.loads(pairs_run.to_json()), json_schema())
    path = tmp_path / "diagnosis.json"
    textdream.write_result(pairs_run, path)
    report = verify(path, encoder)
    assert report.holds, report.mismatches
    assert report.checked >= 3 + 61 + len(pairs_run.free) * 11


@pytest.mark.parametrize("where", ["tokens.0", "neighbours.2", "token"])
def test_a_changed_activation_is_found(encoder, pairs_run, tmp_path, where):
    data = json.loads(pairs_run.to_json())
    kind, _, index = where.partition(".")
    entry = data["positions"][0][kind]
    (entry[int(index)] if index else entry)["activation"] += 0.01
    path = tmp_path / "diagnosis.json"
    path.write_text(json.dumps(data))
    report = verify(path, encoder)
    assert [found.where for found in report.mismatches] == [f"positions.{data['free'][0]}.{where}"]


def test_a_changed_step_is_found(encoder, pairs_run, tmp_path):
    data = json.loads(pairs_run.to_json())
    data["steps"][9]["hard"] += 0.01
    path = tmp_path / "diagnosis.json"
    path.write_text(json.dumps(data))
    assert [found.where for found in verify(path, encoder).mismatches] == ["steps.9.hard"]


def test_the_same_seed_gives_the_same(encoder, pairs_run):
    config = dataclasses.replace(QUICK, free=pairs_run.settings["free"])
    again = diagnose(encoder, TEXT, textdream.neuron(2, 1), config, position=3)
    assert again.findings == pairs_run.findings
    assert again.positions == pairs_run.positions


def test_the_start_can_be_the_context(encoder):
    config = dataclasses.replace(QUICK, free="2:6", context="start")
    result = diagnose(encoder, TEXT, textdream.neuron(2, 1), config, position=3)
    assert result.context.ids == result.start.ids != result.end.ids
    assert [found.token.id for found in result.positions] == result.start.ids[2:6]


@pytest.mark.parametrize("preset", ["pair-gumbel", "repaired"])
def test_noisy_annealings_are_reproduced(encoder, preset):
    config = dataclasses.replace(QUICK, preset=preset, free="2:6", seed=3)
    result = diagnose(encoder, TEXT, textdream.neuron(2, 1), config, position=3)
    assert result.reproduced is True
    assert result.target.normalised is (preset != "repaired")
    assert (finding(result, "end_gap").control is None) is (preset == "repaired")


def test_random_starts_are_reproduced(encoder):
    config = DreamConfig(method="anneal", steps=30, start="random", length=5, free="all", seed=4, certify=False)
    dreamed = textdream.dream(encoder, "", textdream.neuron(2, 1), config, position=3)
    result = diagnose_dream(encoder, dreamed, QUICK)
    assert result.reproduced is True
    assert result.start.ids == dreamed.start.ids


def test_minima_are_diagnosed_upside_down(encoder):
    config = DreamConfig(method="anneal", preset="pair", steps=60, certify=False, minimise=True)
    dreamed = textdream.dream(encoder, TEXT, textdream.neuron(2, 1), config, position=3)
    result = diagnose_dream(encoder, dreamed, QUICK)
    assert result.reproduced is True
    found = result.positions[0]
    values = [token.activation for token in found.tokens]
    assert values == sorted(values)
    assert result.best.activation <= result.end.activation + 1e-6
    ids = torch.tensor(dreamed.final.ids).repeat(len(encoder.tokens.allowed), 1)
    ids[:, 3] = encoder.tokens.allowed
    lowest = encoder.engine.values(ids, normalised(textdream.neuron(2, 1)).bind(encoder, 3, ids.shape[1])).min()
    assert values[0] == pytest.approx(float(lowest), rel=1e-5)


@pytest.mark.parametrize("method", ["gcg", "sweep", "hotflip"])
def test_methods_without_a_mixture_keep_the_neighbourhoods(encoder, method, tmp_path):
    config = DreamConfig(method=method, steps=4, free="2:6", certify=False)
    dreamed = textdream.dream(encoder, TEXT, textdream.neuron(2, 1), config, position=3)
    result = diagnose_dream(encoder, dreamed, QUICK)
    for name in ("highest_rank", "fell_behind", "mean_gap", "end_gap", "below_start"):
        assert finding(result, name).value is None
        assert "textdream diagnose" in finding(result, name).text
    assert finding(result, "smoothness").value is not None
    assert result.steps == []
    assert result.end.ids == dreamed.best.ids
    assert result.reproduced is None
    textdream.write_result(result, tmp_path / "x.json")
    assert verify(tmp_path / "x.json", encoder).holds


def test_a_certified_dream_of_one_word_did_not_fail(encoder):
    dreamed = textdream.dream(encoder, TEXT, textdream.neuron(2, 1), DreamConfig(method="sweep"), position=3)
    result = diagnose_dream(encoder, dreamed, QUICK)
    assert result.succeeded
    assert result.positions[0].better == 0
    assert result.best.activation == pytest.approx(dreamed.best.activation, rel=1e-5)


def test_an_interrupted_diagnosis_has_what_was_found(encoder):
    dreamed = annealing(encoder, TEXT, textdream.neuron(2, 1), dataclasses.replace(QUICK, free="2:5"), position=3)
    for _ in dreamed:
        pass
    diagnosis = Diagnosis(encoder, dreamed.result(), QUICK)
    assert not diagnosis.found
    with pytest.raises(textdream.ResultError, match="no position"):
        diagnosis.result()
    for step in diagnosis:
        if step.news:
            break
    part = diagnosis.result()
    assert part.interrupted
    assert [found.position for found in part.positions] == [2]
    assert finding(part, "fell_behind").value is None
    for _ in diagnosis:
        pass
    whole = diagnosis.result()
    assert not whole.interrupted
    assert [found.position for found in whole.positions] == [2, 3, 4]
    assert whole.positions[0].tokens == part.positions[0].tokens


# What cannot be diagnosed.


@pytest.fixture(scope="module")
def dreamed(encoder):
    config = DreamConfig(method="anneal", steps=20, certify=False)
    return textdream.dream(encoder, TEXT, textdream.neuron(2, 1), config, position=3)


def test_another_models_dream_is_refused(dreamed):
    with pytest.raises(textdream.ResultError, match="weights"):
        Diagnosis(tiny("bert", seed=5), dreamed)


def test_an_interrupted_dream_is_refused(encoder, dreamed):
    with pytest.raises(textdream.ResultError, match="interrupted"):
        Diagnosis(encoder, dreamed.model_copy(update={"steps": dreamed.steps[:5]}))


def test_a_dream_from_two_texts_is_refused(encoder, dreamed):
    both = dreamed.model_copy(update={"settings": {**dreamed.settings, "start": "both"}})
    with pytest.raises(textdream.ResultError, match="several texts"):
        Diagnosis(encoder, both)


@pytest.mark.parametrize("settings", [{"anneal": {"colour": 1}}, {"steps": -1}, {"anneal": 3}])
def test_settings_that_are_none_are_refused(encoder, dreamed, settings):
    with pytest.raises(textdream.ResultError, match="settings"):
        Diagnosis(encoder, dreamed.model_copy(update={"settings": {**dreamed.settings, **settings}}))


@pytest.mark.parametrize("changes", [{"neighbours": 0}, {"controls": 0}, {"steps": 0}, {"seed": -1}])
def test_settings_have_limits(changes):
    with pytest.raises(textdream.InputError):
        DiagnoseConfig(**changes)


def test_it_says_that_a_rerun_ended_elsewhere(encoder, dreamed):
    assert diagnose_dream(encoder, dreamed, QUICK).reproduced
    other = next(i for i in encoder.tokens.allowed.tolist() if i != dreamed.final.ids[3])
    ids = [*dreamed.final.ids[:3], other, *dreamed.final.ids[4:]]
    value = plain_neuron(encoder, "bert_mlm", torch.tensor([ids]), "resid_post", 2, 3, 1)
    result = diagnose_dream(encoder, dreamed.model_copy(update={"final": encoder.sample(ids, float(value[0]))}), QUICK)
    assert result.reproduced is False
    assert not result.steps
    assert finding(result, "end_gap").value is None
    assert result.positions[0].best_path is None
    assert result.succeeded or "ended elsewhere" in result.explanation


def test_plain_neurons_of_other_sites_are_diagnosed(encoder):
    config = AnnealConfig(steps=30)
    dreamed = textdream.dream(
        encoder, TEXT, textdream.neuron(1, 5, site="mlp_post"),
        DreamConfig(method="anneal", anneal=config, certify=False), position=3,
    )  # fmt: skip
    result = diagnose_dream(encoder, dreamed, QUICK)
    rows = torch.tensor(dreamed.final.ids).repeat(len(encoder.tokens.allowed), 1)
    rows[:, 3] = encoder.tokens.allowed
    values = plain_neuron(encoder, "bert_mlm", rows, "mlp_post", 1, 3, 5)
    assert result.positions[0].tokens[0].activation == pytest.approx(float(values.max()), rel=1e-5)
