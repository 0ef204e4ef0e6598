"""Predictions at a position, held against an ordinary forward pass, and verify on honest and on changed files."""

import copy
import json

import jsonschema
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import textdream
from tests.tiny import FAMILIES, TEXT, WORDS, plain, tiny
from textdream.experiments.verify import verify
from textdream.records import json_schema

CAUSAL = [name for name, family in FAMILIES.items() if family.logits and family.tokenizer != "wordpiece"]
MASKED = [
    name for name, family in FAMILIES.items() if family.logits and name not in (*CAUSAL, "bert_class")
]  # fmt: skip
ALL = textdream.FillMaskConfig(top=10_000)
MLM, GPT2 = tiny("bert_mlm"), tiny("gpt2")


def expected(model, name, ids, row):
    with torch.no_grad():
        return plain(model.hf, name, "logits", None, input_ids=torch.tensor([ids]))[0, row].double().softmax(-1)


def same(result, probabilities):
    found = torch.zeros_like(probabilities)
    for token in result.tokens:
        found[token.id] = token.probability
    assert torch.allclose(found, probabilities, rtol=1e-4, atol=1e-12)
    values = [token.probability for token in result.tokens]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("name", MASKED)
def test_masked_predictions_are_the_models_own(name):
    model = tiny(name)
    result = textdream.fill_mask(model, TEXT, ALL, position=3)
    ids = model.tokens.encode(TEXT)
    token = ids[3]
    ids[3] = model.tokens.tokenizer.mask_token_id
    assert (result.start.ids, result.position, result.predicts) == (ids, 3, "masked")
    assert result.start.text == model.tokens.tokenizer.decode(ids[1:-1])
    assert result.start.round_trip
    probabilities = expected(model, name, ids, 3)
    same(result, probabilities)
    assert len(result.tokens) == len(probabilities)
    assert result.given.id == token
    assert result.given.rank == 1 + int((probabilities > probabilities[token] * (1 + 1e-6)).sum())


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize("position", [2, 5, None])
def test_next_tokens_are_the_models_own(name, position):
    model = tiny(name)
    ids = model.tokens.encode(TEXT)
    place = len(ids) if position is None else position
    result = textdream.fill_mask(model, TEXT, ALL, position=position)
    assert (result.start.ids, result.position, result.predicts) == (ids, place, "next")
    same(result, expected(model, name, ids[:place], -1))
    assert (result.given is None) == (position is None)


@given(st.lists(st.sampled_from(WORDS[:40]), min_size=2, max_size=8), st.data())
@settings(max_examples=15, deadline=None)
def test_probabilities_of_the_whole_vocabulary_sum_to_one(words, data):
    for model in (MLM, GPT2):
        text = " ".join(words)
        position = data.draw(st.integers(1, len(model.tokens.open_positions(model.tokens.encode(text)))))
        result = textdream.fill_mask(model, text, ALL, position=position)
        assert sum(token.probability for token in result.tokens) == pytest.approx(1, abs=1e-12)
        assert sorted(token.id for token in result.tokens) == list(range(model.tokens.rows))


def test_a_mask_in_the_text_is_read_as_one_put_there():
    put = textdream.fill_mask(MLM, "the cat sat on a mat", position=2)
    word = textdream.fill_mask(MLM, "the cat sat on a mat", word="cat")
    written = textdream.fill_mask(MLM, "the [MASK] sat on a mat")
    assert put.start == word.start == written.start
    assert put.tokens == word.tokens == written.tokens
    assert put.given == word.given
    assert written.given is None


def test_other_masks_stay():
    result = textdream.fill_mask(MLM, "the [MASK] sat on a [MASK]", position=3)
    assert [place for place, name in enumerate(result.start.tokens) if name == "[MASK]"] == [2, 3, 6]


def test_a_word_of_a_causal_model_is_predicted_at_its_first_token():
    ids = GPT2.tokens.encode(TEXT)
    positions = GPT2.tokens.word_positions(TEXT, "cats")
    result = textdream.fill_mask(GPT2, TEXT, word="cats")
    assert result.position == positions[0]
    assert result.given.id == ids[positions[0]]


def test_later_tokens_do_not_matter_to_a_causal_model():
    ids = GPT2.tokens.encode(TEXT)
    whole = textdream.fill_mask(GPT2, TEXT, position=4)
    part = textdream.fill_mask(GPT2, GPT2.tokens.text(ids[:4]))
    assert whole.tokens == part.tokens


def test_asked_tokens_stand_with_their_ranks():
    config = textdream.FillMaskConfig(tokens="she, he,moon,she", top=3)
    result = textdream.fill_mask(MLM, TEXT, config, position=3)
    every = textdream.fill_mask(MLM, TEXT, ALL, position=3).tokens
    assert len(result.tokens) == 3
    assert sorted(token.token for token in result.asked) == ["he", "moon", "she"]
    assert [token.rank for token in result.asked] == sorted(token.rank for token in result.asked)
    for token in result.asked:
        assert every[token.rank - 1].id == token.id
        assert every[token.rank - 1].probability == token.probability


@pytest.mark.parametrize(
    ("text", "words", "tokens", "said"),
    [
        (TEXT, {}, None, "no position"),
        (TEXT, {"position": 99}, None, "not in the text"),
        (TEXT, {"position": -1}, None, "not in the text"),
        (TEXT, {"position": 0}, None, r"holds \[CLS\]"),
        (TEXT, {"position": 13}, None, r"holds \[SEP\].*1 to 12"),
        (TEXT, {"position": 14}, None, "not in the text"),
        (TEXT, {"word": "moon"}, None, "not in the text"),
        (TEXT, {"word": "cats"}, None, "2 tokens"),
        (TEXT, {"word": "he", "position": 3}, None, "one of them"),
        ("[MASK]", {}, None, "special tokens only"),
        ("[MASK] [MASK]", {"position": 1}, None, "special tokens only"),
        ("[CLS]", {"position": 0}, None, "special token"),
        ("the [MASK] [MASK]", {}, None, "one of 2, 3"),
        ("the [SEP] cat", {"position": 1}, None, "special token"),
        ("", {"position": 1}, None, "empty"),
        (TEXT, {"position": 3}, "cats", "one token"),
        (TEXT, {"position": 3}, "he,,she", "commas"),
        (TEXT, {"position": 3}, "", "commas"),
        (TEXT, {"position": 3}, "☃", "know"),
    ],
)
def test_bad_input_is_one_sentence(text, words, tokens, said):
    with pytest.raises(textdream.InputError, match=said) as error:
        textdream.fill_mask(MLM, text, textdream.FillMaskConfig(tokens=tokens), **words)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "first"), [("gpt2", 1), ("llama", 1)])
def test_positions_that_a_causal_model_cannot_predict(name, first):
    model = tiny(name)
    length = len(model.tokens.encode(TEXT))
    for position in (-1, 0, length + 1):
        with pytest.raises(textdream.InputError, match=f"positions {first} to {length - 1}, and {length}"):
            textdream.fill_mask(model, TEXT, position=position)
    assert textdream.fill_mask(model, TEXT, position=length).tokens == textdream.fill_mask(model, TEXT).tokens


@pytest.mark.parametrize("name", ["bert", "bert_class"])
def test_a_model_without_the_head_names_one_that_has_it(name):
    with pytest.raises(textdream.ModelError, match=r"no head.*bert-tiny-mlm.*textdream models"):
        textdream.fill_mask(tiny(name), TEXT, position=3)


# Files.


def check(data, model, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(data))
    return verify(path, model)


@pytest.mark.parametrize("name", ["bert_mlm", "roberta", "albert", "gpt2", "llama"])
@pytest.mark.parametrize("position", [3, 4])
def test_honest_files_hold_and_follow_the_schema(name, position, tmp_path):
    model = tiny(name)
    result = textdream.fill_mask(model, TEXT, textdream.FillMaskConfig(tokens=".,!", top=1000), position=position)
    data = json.loads(result.to_json())
    jsonschema.validate(data, json_schema())
    report = check(data, model, tmp_path)
    assert report.holds, report.mismatches
    assert report.checked == 2 * (len(result.tokens) + 1 + 2)
    assert textdream.read_result(tmp_path / "result.json") == result


def test_what_comes_next_holds(tmp_path):
    result = textdream.fill_mask(GPT2, TEXT)
    assert check(json.loads(result.to_json()), GPT2, tmp_path).holds


def _changed(data, where):
    *path, last = where.split(".")
    spot = data
    for part in path:
        spot = spot[int(part)] if part.isdigit() else spot[part]
    if last == "probability":
        spot[last] *= 1.01
    elif last == "token":
        spot[last] = "moon" if spot[last] != "moon" else "sun"
    else:
        spot[last] += 1


@pytest.mark.parametrize(
    "where",
    ["tokens.0.probability", "tokens.60.probability", "tokens.3.token", "tokens.3.id", "given.probability", "given.rank",
     "asked.0.probability", "asked.1.rank", "asked.0.id", "position"],
)  # fmt: skip
def test_changed_files_do_not(where, tmp_path):
    config = textdream.FillMaskConfig(tokens="she,he", top=1000)
    data = json.loads(textdream.fill_mask(MLM, TEXT, config, position=3).to_json())
    assert check(copy.deepcopy(data), MLM, tmp_path).holds
    _changed(data, where)
    assert not check(data, MLM, tmp_path).holds


def test_a_list_that_leaves_out_the_best_does_not(tmp_path):
    data = json.loads(textdream.fill_mask(MLM, TEXT, position=3).to_json())
    del data["tokens"][0]
    assert not check(data, MLM, tmp_path).holds


def test_the_model_is_left_as_it_was():
    before = [module.training for module in MLM.hf.modules()]
    state = torch.get_rng_state()
    textdream.fill_mask(MLM, TEXT, position=3)
    assert before == [module.training for module in MLM.hf.modules()]
    assert torch.equal(state, torch.get_rng_state())


# Real models.


def test_the_two_layer_bert_knows_a_capital(masked_lm, tmp_path):
    text = "the capital of [MASK] is paris ."
    result = textdream.fill_mask(masked_lm, text, textdream.FillMaskConfig(tokens="france,table"))
    ids = masked_lm.tokens.tokenizer(text)["input_ids"]
    with torch.no_grad():
        probabilities = masked_lm.hf(torch.tensor([ids])).logits[0, 4].softmax(-1)
    best = probabilities.topk(10)
    assert [token.id for token in result.tokens] == best.indices.tolist()
    assert [token.probability for token in result.tokens] == pytest.approx(best.values.tolist(), rel=1e-4)
    assert result.asked[0].token == "france"
    textdream.write_result(result, tmp_path / "r.json")
    assert verify(tmp_path / "r.json").holds


def test_smollm2_says_what_comes_next(smollm2, tmp_path):
    result = textdream.fill_mask(smollm2, "the capital of france is", textdream.FillMaskConfig(tokens=" Paris,Paris"))
    assert [token.token for token in result.asked] == ["ĠParis", "Paris"]
    assert result.asked[0].rank <= 5
    textdream.write_result(result, tmp_path / "r.json")
    assert verify(tmp_path / "r.json", smollm2).holds


def test_minilm_has_no_head(minilm):
    with pytest.raises(textdream.ModelError, match="bert-tiny-mlm"):
        textdream.fill_mask(minilm, TEXT, position=3)
