import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import textdream
from tests.tiny import PIECES, SPECIAL, TEXT, UNUSED, WORDS, tiny

BERT, GPT2, LLAMA = tiny("bert"), tiny("gpt2"), tiny("llama")
MODELS = {"bert": BERT, "gpt2": GPT2, "llama": LLAMA}


@pytest.fixture(params=list(MODELS))
def tokens(request):
    return MODELS[request.param].tokens


def test_allowed_holds_every_word_and_nothing_special_or_unused():
    names = BERT.tokens.names(BERT.tokens.allowed.tolist())
    assert sorted(names) == sorted([*WORDS, *PIECES])
    assert not set(names) & {*SPECIAL, *UNUSED}


def test_allowed_has_no_special_token_and_stays_in_the_table(tokens):
    special = set(tokens.tokenizer.all_special_ids)
    assert special
    assert not special & set(tokens.allowed.tolist())
    assert int(tokens.allowed.max()) < len(tokens.tokenizer) < tokens.rows


def test_minilm_allows_neither_special_nor_unused(minilm):
    names = minilm.tokens.names(minilm.tokens.allowed.tolist())
    assert not any(name.startswith("[unused") or name in SPECIAL for name in names)
    assert len(names) == 30522 - 5 - 994


def test_survives_agrees_with_decode_and_tokenise(tokens):
    generator = torch.Generator().manual_seed(0)
    frame = tokens.tokenizer("")["input_ids"]
    rows = []
    for _ in range(200):
        inner = tokens.allowed[torch.randint(len(tokens.allowed), (4,), generator=generator)].tolist()
        rows.append([*frame[: len(frame) // 2 or len(frame)], *inner, *frame[1:]])
    found = tokens.survives(torch.tensor(rows)).tolist()
    expected = [
        tokens.tokenizer(tokens.tokenizer.decode(row, skip_special_tokens=True))["input_ids"] == row for row in rows
    ]
    assert found == expected
    assert True in found
    assert False in found


def test_survives_of_nothing_is_nothing(tokens):
    assert tokens.survives(torch.zeros(0, 4, dtype=torch.long)).shape == (0,)


@given(length=st.integers(1, 12), seed=st.integers(0, 10_000), name=st.sampled_from(list(MODELS)))
@settings(max_examples=15, deadline=None)
def test_random_ids_survive_and_have_their_length(length, seed, name):
    tokens = MODELS[name].tokens
    ids = tokens.random_ids(length, torch.Generator().manual_seed(seed))
    assert len(tokens.open_positions(ids)) == length
    assert tokens.tokenizer(tokens.tokenizer.decode(ids, skip_special_tokens=True))["input_ids"] == ids
    inner = [ids[position] for position in tokens.open_positions(ids)]
    assert set(inner) <= set(tokens.allowed.tolist())
    assert ids == tokens.random_ids(length, torch.Generator().manual_seed(seed))


@given(words=st.lists(st.sampled_from(WORDS[:45]), min_size=1, max_size=10))
@settings(max_examples=15, deadline=None)
def test_encoded_text_is_what_the_tokenizer_gives(words):
    text = " ".join(words)
    for model in MODELS.values():
        ids = model.tokens.encode(text)
        assert ids == model.tokens.tokenizer(text)["input_ids"]
        assert len(model.tokens.names(ids)) == len(ids)


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_empty_text_is_refused(tokens, text):
    with pytest.raises(textdream.InputError, match="empty"):
        tokens.encode(text)


def test_long_text_is_refused(tokens):
    with pytest.raises(textdream.InputError, match=r"tokens.*at most"):
        tokens.encode("the cat " * 40)


@pytest.mark.parametrize("text", ["the [SEP] cat", "[CLS] the cat", "the [MASK] sat"])
def test_special_tokens_in_a_text_are_refused(text):
    with pytest.raises(textdream.InputError, match="special token"):
        BERT.tokens.encode(text)


def test_special_tokens_of_a_decoder_are_refused():
    with pytest.raises(textdream.InputError, match="special token"):
        GPT2.tokens.encode("the<|endoftext|> cat")


def test_unknown_characters_are_refused():
    with pytest.raises(textdream.InputError, match="does not know"):
        BERT.tokens.encode("the ☃ sat")


def test_the_longest_text_that_is_accepted_runs():
    for name in ("bert", "roberta", "mpnet", "gpt2", "opt"):
        model = tiny(name, **({"n_positions": 20} if name == "gpt2" else {"max_position_embeddings": 20}))
        text = "sat " * 60
        with pytest.raises(textdream.InputError, match="at most"):
            model.tokens.encode(text)
        while True:
            try:
                ids = torch.tensor([model.tokens.encode(text)])
                break
            except textdream.InputError:
                text = text[4:]
        objective = textdream.neuron(1, 1, position=2).bind(model, None, ids.shape[1])
        assert model.engine.values(ids, objective).shape == (1,)


def test_xlm_roberta_counts_its_positions_from_two():
    from transformers import XLMRobertaConfig, XLMRobertaModel

    options = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    hf = XLMRobertaModel(XLMRobertaConfig(vocab_size=70, max_position_embeddings=22, **options))
    model = textdream.load(hf, BERT.tokens.tokenizer)
    assert model.tokens.max_length == 20


# Words.


def test_a_word_is_found_where_it_stands():
    assert BERT.tokens.word_positions(TEXT, "mat") == [BERT.tokens.names(BERT.tokens.encode(TEXT)).index("mat")]


def test_a_word_of_several_pieces_is_all_of_them():
    ids = BERT.tokens.encode("the cats ran")
    assert BERT.tokens.names(ids)[2:4] == ["cat", "##s"]
    assert BERT.tokens.word_positions("the cats ran", "cats") == [2, 3]
    assert BERT.tokens.reading_position([2, 3]) == 2


def test_a_word_of_several_pieces_is_read_at_its_last_in_a_decoder():
    text = "the suns ran"
    positions = GPT2.tokens.word_positions(text, "suns")
    assert len(positions) > 1
    joined = "".join(GPT2.tokens.names([GPT2.tokens.encode(text)[p] for p in positions]))
    assert joined.replace("Ġ", "") == "suns"
    assert GPT2.tokens.reading_position(positions) == positions[-1]


def test_words_are_found_whatever_their_case():
    assert BERT.tokens.word_positions("The Cat sat", "cat") == [2]


@pytest.mark.parametrize("word", ["dog", "ca", "at", "s", "", "cat sat on"])
def test_what_is_no_word_of_the_text_is_refused(word):
    with pytest.raises(textdream.InputError, match="not in the text"):
        BERT.tokens.word_positions("the cats sat on it", word)


def test_a_word_there_twice_is_refused_with_its_positions():
    with pytest.raises(textdream.InputError, match=r"2 times.*1, 5"):
        BERT.tokens.word_positions("the cat sat on the mat", "the")


@pytest.mark.parametrize("mark", [",", "."])
def test_punctuation_is_found(mark):
    names = BERT.tokens.names(BERT.tokens.encode(TEXT))
    assert BERT.tokens.word_positions(TEXT, mark) == [names.index(mark)]


def test_several_words_are_found_together():
    assert BERT.tokens.word_positions("the cat sat on it", "cat sat") == [2, 3]


def test_a_word_beside_punctuation_is_found():
    assert BERT.tokens.word_positions("the cat, he ran.", "cat") == [2]


# Tokens given by name.


def test_a_token_is_found_by_its_name_or_as_text():
    assert BERT.tokens.names([BERT.tokens.token_id("moon")]) == ["moon"]
    assert BERT.tokens.names([BERT.tokens.token_id("##ing")]) == ["##ing"]
    assert BERT.tokens.names([BERT.tokens.token_id("Moon")]) == ["moon"]
    assert GPT2.tokens.names([GPT2.tokens.token_id("the")]) in (["the"], ["Ġthe"])


@pytest.mark.parametrize("token", ["cats", "the cat", "☃", ""])
def test_what_is_not_one_token_is_refused(token):
    with pytest.raises(textdream.InputError, match=r"one token|does not know"):
        BERT.tokens.token_id(token)
