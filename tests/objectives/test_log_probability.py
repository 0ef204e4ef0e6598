"""The log-probability of a token behind a mask: the objective, and every search that raises it."""

import json

import pytest
import torch

import textdream
from tests.tiny import TEXT, plain, replacements, some_ids, tiny
from textdream.experiments.verify import verify
from textdream.objectives import normalised, objective_of

MLM, GPT2 = tiny("bert_mlm"), tiny("gpt2")
SHE = textdream.log_probability("she")
MASK = 4


def held(result, model, tmp_path):
    textdream.write_result(result, tmp_path / "r.json")
    report = verify(tmp_path / "r.json", model)
    assert report.holds, report.mismatches
    return report


@pytest.mark.parametrize("name", ["bert_mlm", "roberta", "albert", "gpt2", "llama"])
def test_it_is_the_logarithm_of_the_softmax(name):
    model = tiny(name)
    ids = some_ids(model, 6, 7)
    bound = textdream.log_probability(20).bind(model, 4, 7)
    with torch.no_grad():
        expected = plain(model.hf, name, "logits", None, input_ids=ids)[:, 4].log_softmax(-1)[:, 20]
    assert torch.allclose(model.engine.values(ids, bound), expected, rtol=1e-5, atol=1e-6)
    assert bound.masked == (frozenset({4}) if name in ("bert_mlm", "roberta", "albert") else frozenset())


def test_classes_have_it_too():
    model = tiny("bert_class")
    ids = some_ids(model, 6, 7)
    bound = textdream.log_probability(1).bind(model, None, 7)
    both = [model.engine.values(ids, textdream.log_probability(i).bind(model, None, 7)).exp() for i in (0, 1)]
    assert torch.allclose(sum(both), torch.ones(6))
    assert not bound.masked


def test_it_is_formed_in_float32_from_coarser_logits():
    bound = SHE.bind(MLM, 3, 7)
    (read,) = bound.reads
    logits = torch.randn(5, 66, generator=torch.Generator().manual_seed(0)).bfloat16()
    found = bound.value({read: logits})
    assert found.dtype == torch.float32
    assert torch.allclose(found, logits.float().log_softmax(-1)[:, int(bound.token)])


def test_it_adds_and_describes_itself():
    bound = (SHE - 0.5 * textdream.log_probability("he") + textdream.neuron(1, 3)).bind(MLM, 3, 7)
    assert bound.masked == {3}
    assert "log-probability of she at position 3" in bound.target().description
    ids = some_ids(MLM, 6, 7)
    again = objective_of(bound.target(), MLM).bind(MLM, 3, 7)
    assert torch.allclose(MLM.engine.values(ids, again), MLM.engine.values(ids, bound))


def test_it_counts_as_normalised():
    assert normalised(SHE) is SHE


@pytest.mark.parametrize("name", ["bert_mlm", "distilbert", "roberta", "mpnet", "electra", "albert"])
def test_a_dream_keeps_the_mask_and_equals_brute_force(name, tmp_path):
    model = tiny(name)
    config = textdream.DreamConfig(method="sweep", free="3", round_trip=False)
    result = textdream.dream(model, TEXT, SHE, config, position=5)
    mask = model.tokens.mask
    ids = model.tokens.encode(TEXT)
    ids[5] = mask
    assert result.start.ids == ids
    assert result.best.ids[5] == result.final.ids[5] == mask
    texts = replacements(model, ids, [3])
    with torch.no_grad():
        every = plain(model.hf, name, "logits", None, input_ids=texts)[:, 5].log_softmax(-1)
    token = model.tokens.token_id("she")
    assert result.best.activation == pytest.approx(max(float(every[:, token].max()), result.start.activation), rel=1e-5)
    held(result, model, tmp_path)


@pytest.mark.parametrize("method", ["gcg", "hotflip", "anneal"])
def test_every_method_raises_it(method, tmp_path):
    config = textdream.DreamConfig(method=method, free="all", steps=5)
    result = textdream.dream(MLM, "the cat sat [MASK] a mat", SHE, config)
    assert result.target.position == MASK
    assert result.free == [1, 2, 3, 5, 6]
    assert result.start.activation < result.best.activation <= 0
    assert result.best.round_trip
    assert result.certificate.holds
    assert "[MASK]" in result.best.text
    held(result, MLM, tmp_path)


def test_pairs_run_climbs_it_as_it_is(tmp_path):
    config = textdream.DreamConfig(method="anneal", preset="pair", steps=5, free="all")
    result = textdream.dream(MLM, TEXT, SHE, config, position=3)
    for step in result.steps:
        assert step.hard_normalised is None or step.hard_normalised == pytest.approx(step.hard)
    held(result, MLM, tmp_path)


@pytest.mark.parametrize("start", ["random", "both"])
def test_random_starts_are_as_long_and_keep_the_mask(start, tmp_path):
    config = textdream.DreamConfig(free="all", start=start, steps=2, certify=False)
    result = textdream.dream(MLM, "the cat sat [MASK] a mat", SHE, config)
    assert len(result.start.ids) == 8
    assert result.best.ids[MASK] == MLM.tokens.mask
    held(result, MLM, tmp_path)
    empty = textdream.dream(
        MLM, "", SHE, textdream.DreamConfig(free="all", start="random", steps=1, length=5), position=2
    )
    assert empty.start.ids[2] == MLM.tokens.mask
    held(empty, MLM, tmp_path)


def test_a_causal_model_reads_what_follows(tmp_path):
    token = GPT2.tokens.encode(TEXT)[-1]
    target = textdream.log_probability(token)
    result = textdream.dream(GPT2, TEXT, target, textdream.DreamConfig(free="2,3", steps=2), position=5)
    predicted = textdream.fill_mask(GPT2, TEXT, textdream.FillMaskConfig(top=1000), position=6)
    value = next(found.probability for found in predicted.tokens if found.id == token)
    assert result.start.activation == pytest.approx(torch.tensor(value).log().item(), rel=1e-5)
    held(result, GPT2, tmp_path)


def test_a_logit_may_be_read_behind_a_mask(tmp_path):
    config = textdream.DreamConfig(free="1,2", steps=2)
    result = textdream.dream(MLM, "the cat sat [MASK] a mat", textdream.logit("she"), config)
    assert (result.target.kind, result.target.position) == ("logit", MASK)
    held(result, MLM, tmp_path)


def test_searches_and_diagnoses_read_it(tmp_path):
    search = textdream.token_search(MLM, TEXT, SHE, textdream.TokenSearchConfig(change=2), position=5)
    held(search, MLM, tmp_path)
    near = textdream.similar(MLM, TEXT, SHE, textdream.SimilarConfig(change=2), position=5)
    held(near, MLM, tmp_path)
    dream = textdream.dream(MLM, TEXT, SHE, textdream.DreamConfig(method="anneal", steps=5, free="2,3"), position=5)
    found = textdream.diagnose_dream(MLM, textdream.read_result(_written(dream, tmp_path)))
    held(found, MLM, tmp_path)


def _written(result, folder):
    path = folder / "dream.json"
    path.write_text(json.dumps(json.loads(result.to_json())))
    return path


def test_a_changed_text_of_a_masked_sample_is_found(tmp_path):
    result = textdream.dream(MLM, TEXT, SHE, textdream.DreamConfig(free="2", steps=1), position=5)
    data = json.loads(result.to_json())
    data["best"]["text"] = data["best"]["text"].replace("[MASK] ", "")
    (tmp_path / "r.json").write_text(json.dumps(data))
    assert [one.where for one in verify(tmp_path / "r.json", MLM).mismatches] == ["best.text"]


def test_positions_that_cannot_be_masked_are_refused():
    for position, said in ((0, r"holds \[CLS\]"), (99, "not in the text")):
        with pytest.raises(textdream.InputError, match=said):
            textdream.dream(MLM, TEXT, SHE, textdream.DreamConfig(free="all"), position=position)


def test_the_two_layer_bert_dreams_of_she(masked_lm, tmp_path):
    config = textdream.DreamConfig(free="2", steps=2, certify=False)
    result = textdream.dream(masked_lm, "the doctor said that [MASK] was late .", SHE, config)
    with torch.no_grad():
        logits = masked_lm.hf(torch.tensor([result.best.ids])).logits[0, 5]
    assert result.best.activation == pytest.approx(float(logits.log_softmax(-1)[2016]), rel=1e-4)
    assert result.best.activation > result.start.activation + 1
    held(result, masked_lm, tmp_path)
