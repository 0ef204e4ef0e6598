"""Which changes a shift asked for: held against texts in which the word was swapped by hand."""

import pytest
import transformers as tf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import textdream
from tests.tiny import TEXT, tiny, tiny_hf
from textdream.experiments.concept import concept_fit
from textdream.experiments.concept_examples import examples_of
from textdream.experiments.shift_marks import asked_by_concept, asked_by_replacement, shift_marks
from textdream.records import ShiftSource


def cased_bytelevel():
    """GPT-2's manner, trained on both cases."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=70, special_tokens=["<|endoftext|>"], show_progress=False)
    texts = [TEXT, "He sat on a mat", "She sat on a mat", "and he sat, and she sat", "SHE sat, HE sat"]
    tokenizer.train_from_iterator(texts * 3, trainer)
    found = tf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=32, bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )
    return textdream.load(tiny_hf("gpt2", vocab_size=len(found)), found)


def cased_wordpiece():
    """BERT's manner, with capitals."""
    words = [
        "he",
        "He",
        "HE",
        "she",
        "She",
        "SHE",
        "sat",
        "on",
        "a",
        "mat",
        "and",
        "cat",
        "dog",
        "Cat",
        "Dog",
        "##s",
        "##er",
    ]
    vocabulary = {token: id_ for id_, token in enumerate(["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]", *words])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 2)]
    )
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("cls", "pad", "sep", "unk", "mask")}
    found = tf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=32, **names)
    return textdream.load(tiny_hf("bert", vocab_size=len(found)), found)


MODELS = {"bytelevel": cased_bytelevel(), "wordpiece": cased_wordpiece(), "uncased": tiny("bert")}


def source(positive, negative):
    return ShiftSource(file="x", sha256="0" * 64, kind="mean_difference", positive=positive, negative=negative)


def marked(model, text, word, best, concept, magnitude=1.0):
    """Marks of a text that was found, at the places of the word."""
    ids, positions = model.tokens.encode(text), model.tokens.word_positions(text, word)
    asked = asked_by_concept(model, ids, positions, concept, magnitude)
    found = shift_marks(model, ids, best, asked)
    return [found[place] for place in positions], [mark for place, mark in enumerate(found) if place not in positions]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("text", "swapped"),
    [
        ("She sat on a mat", "He sat on a mat"),
        ("a cat and she sat", "a cat and he sat"),
        ("SHE sat on a mat", "HE sat on a mat"),
        ("a cat and She sat", "a cat and He sat"),
    ],
)
def test_the_word_in_its_own_case_is_intended(name, text, swapped):
    model = MODELS[name]
    if name == "uncased":
        text, swapped = text.lower(), swapped.lower()
    best = model.tokens.encode(swapped)
    if len(best) != len(model.tokens.encode(text)):
        pytest.skip("the two words have different numbers of tokens here")
    at_word, others = marked(model, text, "she", best, source("he", "she"))
    assert set(at_word) <= {"intended", "unchanged"}
    assert "intended" in at_word
    assert set(others) <= {"unchanged", "special"}
    back, _ = marked(model, swapped, "he", model.tokens.encode(text), source("he", "she"), -1.0)
    assert set(back) <= {"intended", "unchanged"}
    assert "intended" in back


def test_another_case_than_the_texts_is_not_intended():
    model = MODELS["wordpiece"]
    best = model.tokens.encode("he sat on a mat")
    assert marked(model, "She sat on a mat", "she", best, source("he", "she"))[0] == ["otherwise"]


def test_a_space_before_the_word_makes_no_difference():
    model = MODELS["bytelevel"]
    ids = model.tokens.encode("a cat and she sat")
    (place,) = model.tokens.word_positions("a cat and she sat", "she")
    (bare,), (spaced,) = model.tokens.word_forms("he")
    for token in (bare, spaced):
        best = [token if position == place else id_ for position, id_ in enumerate(ids)]
        assert marked(model, "a cat and she sat", "she", best, source("he", "she"))[0] == ["intended"]


@pytest.mark.parametrize(
    ("text", "word", "best", "marks"),
    [
        ("Cats sat on a mat", "cats", "Dogs sat on a mat", ["intended", "unchanged"]),
        ("Cater sat on a mat", "cater", "Dogs sat on a mat", ["intended", "intended"]),
        ("Cater sat on a mat", "cater", "dogs sat on a mat", ["otherwise", "intended"]),
        ("Cater sat on a mat", "cater", "Cat Dog sat on a mat", ["unchanged", "otherwise"]),
        # Of other lengths, what can be compared is the first token.
        ("Cat sat on a mat", "cat", "Dog sat on a mat", ["intended"]),
    ],
)
def test_words_of_several_tokens_are_compared_by_place(text, word, best, marks):
    model = MODELS["wordpiece"]
    assert marked(model, text, word, model.tokens.encode(best), source("dogs", "cats"))[0] == marks


def test_a_replacement_asks_for_the_very_tokens():
    model = MODELS["wordpiece"]
    ids, other = model.tokens.encode("She sat on a mat"), model.tokens.encode("a cat and he sat")
    asked = asked_by_replacement([1], other, [4])
    best = [other[4] if place == 1 else id_ for place, id_ in enumerate(ids)]
    assert shift_marks(model, ids, best, asked)[1] == "intended"
    assert shift_marks(model, ids, model.tokens.encode("He sat on a mat"), asked)[1] == "otherwise"


def test_a_shift_from_she_to_he_is_intended_and_verify_agrees(tmp_path):
    """In the first layer of a causal model the distance of the two sets leads from the one word to the other."""
    model = MODELS["bytelevel"]
    before = ["a", "on a mat", "the", "ran"]
    examples = examples_of(model, [f"{b} He" for b in before], [f"{b} She" for b in before], ("he", "she"), pairs=True)
    file = tmp_path / "c.safetensors"
    concept_fit(model, textdream.ConceptConfig(layers="0", controls=2, repeats=1), examples=examples, out=file)
    text = "a She sat on a mat"
    settings = textdream.ShiftConfig(
        word="she", concept=str(file), magnitudes="1", unit="distance", layers="0", budget=1e4, evaluations=400
    )
    result = textdream.shift(model, text, settings)
    (run,) = result.runs
    he = model.tokens.encode("a He sat on a mat")
    places = result.positions
    assert [run.best.ids[place] for place in places] == [he[place] for place in places]
    assert {run.marks[place] for place in run.changed if place in places} == {"intended"}
    path = tmp_path / "shift.json"
    textdream.write_result(result, path)
    report = textdream.verify(path, model)
    assert report.holds, report.mismatches
