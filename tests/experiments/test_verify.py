import copy
import json

import pytest
import torch

import textdream
from tests.tiny import TEXT, tiny, tiny_hf, tokenizer_of, unpadded
from textdream.experiments.verify import verify

TARGETS = {
    "neuron": (textdream.neuron(2, 3), 3),
    "mlp_post": (textdream.neuron(1, 5, site="mlp_post"), 3),
    "mlp_pre": (textdream.neuron(1, 5, site="mlp_pre"), 3),
    "attn_out": (textdream.neuron(0, 5, site="attn_out"), 3),
    "head": (textdream.neuron(1, 2, site="head", head=1), 3),
    "embed": (textdream.neuron(None, 2, site="embed"), 3),
    "channel": (textdream.channel(2, 4), 3),
    "layer": (textdream.layer(1), 3),
    "layer mean": (textdream.layer(1, mean=True), 3),
    "direction": (textdream.direction(1, [float(i % 5 - 2) for i in range(16)]), 3),
    "direction mean": (textdream.direction(1, [float(i % 5 - 2) for i in range(16)], mean=True), 3),
    "logit": (textdream.logit(20), 3),
    "logit difference": (textdream.logit_difference(20, 25), 3),
    "normalised": (textdream.normalised(textdream.neuron(1, 3)), 3),
    "normalised channel": (textdream.normalised(textdream.channel(1, 3)), 3),
    "sum": (textdream.neuron(2, 3) - 0.5 * textdream.channel(1, 4, site="mlp_post"), 3),
    "normalised sum": (2 * textdream.normalised(textdream.neuron(2, 3) + textdream.logit(9)), 3),
}
MODELS = ["bert_mlm", "gpt2", "albert", "llama"]
CONFIG = textdream.DreamConfig(method="sweep", free="2,4")


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return tiny(request.param)


@pytest.fixture(scope="module")
def encoder():
    return unpadded("bert_mlm")


def write(result, folder):
    path = folder / "result.json"
    textdream.write_result(result, path)
    return path


@pytest.mark.parametrize("target", list(TARGETS))
def test_honest_dreams_hold(model, target, tmp_path):
    objective, position = TARGETS[target]
    result = textdream.dream(model, TEXT, objective, CONFIG, position=position)
    report = verify(write(result, tmp_path), model)
    assert report.mismatches == []
    assert report.holds
    assert report.checked >= 3
    assert report.largest_difference < 1e-4
    assert report.replacements > 0


@pytest.mark.parametrize("kind", ["token_search", "similar"])
@pytest.mark.parametrize("target", ["neuron", "mlp_post", "logit", "normalised", "sum"])
def test_honest_searches_hold(model, kind, target, tmp_path):
    objective, position = TARGETS[target]
    # The position of a logit is masked in encoders: tokens are tried at another.
    config = {"token_search": textdream.TokenSearchConfig, "similar": textdream.SimilarConfig}[kind]
    change = 2 if target == "logit" else None
    result = getattr(textdream, kind)(model, TEXT, objective, config(change=change), position=position)
    report = verify(write(result, tmp_path), model)
    assert report.holds, report.mismatches
    assert report.checked >= 31


@pytest.mark.parametrize("method", ["gcg", "hotflip", "anneal"])
@pytest.mark.parametrize("minimise", [False, True])
def test_honest_dreams_of_every_method_hold(encoder, method, minimise, tmp_path):
    config = textdream.DreamConfig(method=method, free="all", minimise=minimise, steps=6, start="both")
    result = textdream.dream(encoder, TEXT, textdream.neuron(2, 3), config, position=3)
    report = verify(write(result, tmp_path), encoder)
    assert report.holds, report.mismatches


def test_honest_pair_runs_hold(encoder, tmp_path):
    config = textdream.DreamConfig(method="anneal", preset="pair", steps=30, free="all")
    result = textdream.dream(encoder, TEXT, textdream.neuron(2, 3), config, position=3)
    report = verify(write(result, tmp_path), encoder)
    assert report.holds, report.mismatches
    assert report.checked >= 2 * 31


@pytest.mark.parametrize("target", [textdream.neuron(2, 3), textdream.neuron(2, 3) - textdream.channel(1, 4)])
@pytest.mark.parametrize("minimise", [False, True])
def test_honest_pair_runs_of_normalised_targets_hold(encoder, target, minimise, tmp_path):
    config = textdream.DreamConfig(method="anneal", preset="pair", steps=10, minimise=minimise, certify=False)
    result = textdream.dream(encoder, TEXT, textdream.normalised(target), config, position=3)
    report = verify(write(result, tmp_path), encoder)
    assert report.holds, report.mismatches


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("bert_class", textdream.logit(1)),
        ("bert", textdream.neuron(None, 3, site="pooled")),
        ("albert_bare", textdream.neuron(None, 3, site="pooled")),
    ],
)
def test_honest_class_and_pooled_dreams_hold(name, target, tmp_path):
    model = tiny(name)
    result = textdream.dream(model, TEXT, target, CONFIG, position=3)
    report = verify(write(result, tmp_path), model)
    assert report.holds, report.mismatches


def test_honest_minilm_dream_holds(minilm, tmp_path):
    config = textdream.DreamConfig(method="gcg", steps=3, free="all", certify=False)
    result = textdream.dream(minilm, "no wheeler for me .", textdream.neuron(4, 138), config, word="for")
    assert verify(write(result, tmp_path)).holds


# Tampering.


@pytest.fixture(scope="module")
def honest(encoder):
    config = textdream.DreamConfig(method="anneal", preset="pair", steps=30, free="all")
    result = textdream.dream(encoder, TEXT, textdream.neuron(2, 3), config, position=3)
    assert result.certificate.holds
    return json.loads(result.to_json())


def check(data, model, tmp_path):
    path = tmp_path / "tampered.json"
    path.write_text(json.dumps(data))
    return verify(path, model)


@pytest.mark.parametrize("sample", ["start", "final", "best"])
@pytest.mark.parametrize("off", [1.0, 0.01, -0.01])
def test_a_changed_activation_is_found(honest, encoder, tmp_path, sample, off):
    data = copy.deepcopy(honest)
    data[sample]["activation"] += off
    report = check(data, encoder, tmp_path)
    assert not report.holds
    assert sample in report.mismatches[0].where


@pytest.mark.parametrize("sample", ["start", "final", "best"])
def test_a_changed_id_is_found(honest, encoder, tmp_path, sample):
    data = copy.deepcopy(honest)
    data[sample]["ids"][4] = 40 if data[sample]["ids"][4] != 40 else 41
    report = check(data, encoder, tmp_path)
    assert not report.holds
    assert any(mismatch.where == f"{sample}.tokens" for mismatch in report.mismatches)


@pytest.mark.parametrize(("key", "value"), [("text", "a cat ."), ("round_trip", None), ("tokens", None)])
def test_a_changed_text_token_or_flag_is_found(honest, encoder, tmp_path, key, value):
    data = copy.deepcopy(honest)
    if key == "tokens":
        data["best"]["tokens"][2] = "moon" if data["best"]["tokens"][2] != "moon" else "sun"
    else:
        data["best"][key] = (not data["best"][key]) if key == "round_trip" else value
    report = check(data, encoder, tmp_path)
    assert [mismatch.where for mismatch in report.mismatches] == [f"best.{key}"]


def test_consistently_changed_ids_and_tokens_are_found_by_the_activation(honest, encoder, tmp_path):
    data = copy.deepcopy(honest)
    ids = data["best"]["ids"]
    ids[4] = 40 if ids[4] != 40 else 41
    data["best"]["tokens"] = encoder.tokens.names(ids)
    data["best"]["text"] = encoder.tokens.text(ids)
    data["best"]["round_trip"] = bool(encoder.tokens.survives(torch.tensor([ids]))[0])
    report = check(data, encoder, tmp_path)
    assert "best" in {mismatch.where.split(".")[0] for mismatch in report.mismatches}


@pytest.mark.parametrize("key", ["hard", "hard_normalised"])
def test_a_changed_step_is_found(honest, encoder, tmp_path, key):
    data = copy.deepcopy(honest)
    data["steps"][7][key] += 0.05
    report = check(data, encoder, tmp_path)
    assert [mismatch.where for mismatch in report.mismatches] == [f"steps.7.{key}"]


def test_a_changed_token_of_a_step_is_found(honest, encoder, tmp_path):
    data = copy.deepcopy(honest)
    tokens = data["steps"][7]["tokens"]
    tokens[4] = "moon" if tokens[4] != "moon" else "sun"
    assert not check(data, encoder, tmp_path).holds


def test_a_certificate_on_a_text_that_is_not_one_opt_is_found(honest, encoder, tmp_path):
    data = copy.deepcopy(honest)
    data["best"] = copy.deepcopy(data["start"])
    report = check(data, encoder, tmp_path)
    assert "certificate" in {mismatch.where for mismatch in report.mismatches}


def test_a_certificate_stretched_to_more_positions_is_found(encoder, tmp_path):
    config = textdream.DreamConfig(method="sweep", free="3")
    result = textdream.dream(encoder, TEXT, textdream.neuron(2, 3), config, position=3)
    data = json.loads(result.to_json())
    data["free"] = encoder.tokens.open_positions(result.start.ids)
    report = check(data, encoder, tmp_path)
    assert "certificate" in {mismatch.where.split(".")[0] for mismatch in report.mismatches}


def test_a_certificate_that_counts_more_than_was_there_is_found(honest, encoder, tmp_path):
    data = copy.deepcopy(honest)
    data["certificate"]["checked"] *= 10
    assert not check(data, encoder, tmp_path).holds


def test_a_best_that_changed_what_was_not_free_is_found(honest, encoder, tmp_path):
    data = copy.deepcopy(honest)
    changed = [p for p, (a, b) in enumerate(zip(data["start"]["ids"], data["best"]["ids"], strict=True)) if a != b]
    data["free"] = [position for position in data["free"] if position != changed[0]]
    data["certificate"] = None
    assert not check(data, encoder, tmp_path).holds


@pytest.mark.parametrize("change", [{"neuron": 4}, {"layer": 1}, {"position": 4}, {"site": "attn_out"}])
def test_another_target_is_found(honest, encoder, tmp_path, change):
    data = copy.deepcopy(honest)
    data["target"].update(change)
    assert not check(data, encoder, tmp_path).holds


@pytest.mark.parametrize(
    "change",
    [{"neuron": 999}, {"layer": 99}, {"position": 99}, {"site": "nowhere"}, {"kind": "logit"}, {"neuron": None}],
)
def test_a_target_the_model_has_not_is_one_sentence(honest, encoder, tmp_path, change):
    data = copy.deepcopy(honest)
    data["target"].update(change)
    with pytest.raises(textdream.TextdreamError):
        check(data, encoder, tmp_path)


@pytest.mark.parametrize("kind", ["token_search", "similar"])
@pytest.mark.parametrize("key", ["activation", "id", "token"])
def test_a_changed_entry_of_a_search_is_found(encoder, tmp_path, kind, key):
    result = getattr(textdream, kind)(encoder, TEXT, textdream.neuron(2, 3), position=3)
    data = json.loads(result.to_json())
    entry = data["tokens"][5]
    other = next(token for token in data["tokens"][6:] if token["id"] != entry["id"])
    entry[key] = entry[key] + 0.01 if key == "activation" else other[key]
    report = check(data, encoder, tmp_path)
    assert report.mismatches[0].where.startswith("tokens.5")


def test_an_id_outside_the_vocabulary_is_found(honest, encoder, tmp_path):
    data = copy.deepcopy(honest)
    data["best"]["ids"][3] = 100_000
    assert not check(data, encoder, tmp_path).holds


def test_other_weights_are_refused(honest, tmp_path):
    with pytest.raises(textdream.ResultError, match="weights"):
        check(honest, unpadded("bert_mlm", seed=9), tmp_path)


def test_the_model_stays_as_it_was(honest, tmp_path):
    hf = tiny_hf("bert_mlm", vocab_size=len(tokenizer_of("bert_mlm")))
    model = textdream.load(hf, tokenizer_of("bert_mlm"))
    before = [module.training for module in hf.modules()]
    weights = [parameter.detach().clone() for parameter in hf.parameters()]
    assert check(honest, model, tmp_path).holds
    assert before == [module.training for module in hf.modules()]
    assert all(torch.equal(a, b) for a, b in zip(weights, hf.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in hf.parameters())
