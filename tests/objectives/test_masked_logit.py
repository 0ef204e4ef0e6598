"""A token's logit is read behind a mask that stays, in models that predict behind one; next token and class as they are."""

import pytest
import torch

import textdream
from tests.tiny import TEXT, plain, replacements, some_ids, tiny
from textdream.experiments.verify import verify
from textdream.objectives import normalised, objective_of
from textdream.objectives.logits import Logit

MLM, GPT2 = tiny("bert_mlm"), tiny("gpt2")
SHE = textdream.logit("she")
TARGETS = {
    "logit": SHE,
    "difference": textdream.logit_difference("she", "he"),
    "normalised": normalised(SHE),
    "sum": SHE - 0.5 * textdream.neuron(1, 3),
    "log-probability": textdream.log_probability("she"),
}


def held(result, model, tmp_path):
    textdream.write_result(result, tmp_path / "r.json")
    report = verify(tmp_path / "r.json", model)
    assert report.holds, report.mismatches


@pytest.mark.parametrize("name", ["bert_mlm", "roberta", "albert", "gpt2", "llama", "bert_class"])
def test_only_models_that_predict_behind_a_mask_mask_it(name):
    bound = textdream.logit(1).bind(tiny(name), 4, 7)
    assert bound.masked == (frozenset({4}) if name in ("bert_mlm", "roberta", "albert") else frozenset())


@pytest.mark.parametrize("target", TARGETS)
def test_the_mask_stays_and_all_others_are_free_by_default(target, tmp_path):
    result = textdream.dream(MLM, TEXT, TARGETS[target], textdream.DreamConfig(steps=2), word="on")
    place = MLM.tokens.word_positions(TEXT, "on")[0]
    ids = MLM.tokens.encode(TEXT)
    ids[place] = MLM.tokens.mask
    assert result.start.ids == ids
    assert result.free == MLM.tokens.open_positions(ids)
    assert place not in result.free
    assert all(step.tokens[place] == "[MASK]" for step in result.steps)
    assert result.best.activation > result.start.activation
    held(result, MLM, tmp_path)


@pytest.mark.parametrize("target", ["logit", "difference"])
def test_a_sweep_equals_brute_force_behind_the_mask(target, tmp_path):
    config = textdream.DreamConfig(method="sweep", free="3", round_trip=False)
    result = textdream.dream(MLM, TEXT, TARGETS[target], config, position=5)
    ids = MLM.tokens.encode(TEXT)
    ids[5] = MLM.tokens.mask
    with torch.no_grad():
        every = plain(MLM.hf, "bert_mlm", "logits", None, input_ids=replacements(MLM, ids, [3]))[:, 5]
    she, he = (MLM.tokens.token_id(word) for word in ("she", "he"))
    values = every[:, she] - (every[:, he] if target == "difference" else 0)
    assert result.best.activation == pytest.approx(max(float(values.max()), result.start.activation), rel=1e-5)
    held(result, MLM, tmp_path)


@pytest.mark.parametrize("target", TARGETS)
def test_the_masked_word_itself_cannot_be_free(target):
    with pytest.raises(textdream.InputError, match=r"--free word .*masked.*--free all, or some of 1,2,3,4,6,7"):
        textdream.dream(MLM, TEXT, TARGETS[target], textdream.DreamConfig(free="word"), position=5)
    for search, config in (
        (textdream.token_search, textdream.TokenSearchConfig()),
        (textdream.similar, textdream.SimilarConfig()),
    ):
        with pytest.raises(textdream.InputError, match=r"position 5 is masked.*--change"):
            search(MLM, TEXT, TARGETS[target], config, position=5)


def test_a_word_of_several_tokens_is_refused_where_it_is_masked_only():
    config = textdream.DreamConfig(steps=1, certify=False)
    with pytest.raises(textdream.InputError, match=r"2 tokens \(cat ##s\).*one, which is masked"):
        textdream.dream(MLM, TEXT, SHE, config, word="cats")
    for model, token in ((GPT2, 12), (tiny("bert_class"), 1)):
        words = model.tokens.word_positions(TEXT, "cats")
        assert len(words) > 1
        assert textdream.dream(model, TEXT, textdream.logit(token), config, word="cats").free == words


def test_causal_models_read_the_text_as_it_is(tmp_path):
    result = textdream.dream(GPT2, TEXT, textdream.logit(12), textdream.DreamConfig(steps=1), position=4)
    assert result.start.ids == GPT2.tokens.encode(TEXT)
    assert result.free == [4]
    held(result, GPT2, tmp_path)


def test_a_diagnosis_anneals_the_others_by_default(tmp_path):
    found = textdream.diagnose(MLM, TEXT, SHE, textdream.DiagnoseConfig(steps=3, preset="repaired"), position=5)
    assert 5 not in found.free
    assert len(found.free) == len(MLM.tokens.encode(TEXT)) - 3
    held(found, MLM, tmp_path)


def test_files_of_logits_that_were_read_unmasked_still_hold(tmp_path, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(Logit, "masked", frozenset())
        old = textdream.dream(MLM, TEXT, SHE, textdream.DreamConfig(steps=2, free="word"), position=5)
    assert old.start.ids == MLM.tokens.encode(TEXT)
    held(old, MLM, tmp_path)
    ids = some_ids(MLM, 6, 7)
    again = objective_of(old.target, MLM).bind(MLM, 5, 7)
    with torch.no_grad():
        expected = plain(MLM.hf, "bert_mlm", "logits", None, input_ids=ids)[:, 5, MLM.tokens.token_id("she")]
    assert torch.allclose(MLM.engine.values(ids, again), expected, rtol=1e-5, atol=1e-6)
    held(textdream.diagnose_dream(MLM, old), MLM, tmp_path)


def test_the_two_layer_bert_raises_she_by_other_words(masked_lm, tmp_path):
    config = textdream.DreamConfig(steps=2, certify=False)
    result = textdream.dream(masked_lm, "the doctor said that he was late .", SHE, config, word="he")
    assert result.best.tokens[5] == "[MASK]"
    assert result.free == [1, 2, 3, 4, 6, 7, 8]
    assert result.best.activation > result.start.activation
    held(result, masked_lm, tmp_path)
