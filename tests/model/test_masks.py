"""The mask token in texts: where it may stand, and that it survives the round trip."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import textdream
from tests.tiny import WORDS, tiny

BERT, GPT2 = tiny("bert").tokens, tiny("gpt2").tokens


@given(
    st.lists(st.sampled_from([*WORDS[:40], "[MASK]"]), min_size=2, max_size=8).filter(lambda w: set(w) != {"[MASK]"})
)
@settings(max_examples=25, deadline=None)
def test_texts_with_masks_come_back_the_same(words):
    text = " ".join(words)
    ids = BERT.encode(text, masks=True)
    assert [place - 1 for place in BERT.mask_positions(ids)] == [i for i, word in enumerate(words) if word == "[MASK]"]
    assert BERT.text(ids) == text
    assert bool(BERT.survives(torch.tensor([ids]))[0])
    assert BERT.encode(BERT.text(ids), masks=True) == ids


def test_the_mask_stays_out_of_other_texts_and_of_what_is_proposed():
    with pytest.raises(textdream.InputError, match=r"\[MASK\]"):
        BERT.encode("the [MASK] sat")
    assert BERT.mask not in BERT.allowed
    ids = BERT.encode("the [MASK] sat", masks=True)
    assert BERT.open_positions(ids) == [1, 3]
    assert BERT.readable_positions(ids) == [1, 2, 3]


def test_masking_changes_one_token_and_refuses_special_ones():
    ids = BERT.encode("the cat sat")
    assert BERT.masked(ids, 2) == [ids[0], ids[1], BERT.mask, *ids[3:]]
    assert BERT.masked(BERT.masked(ids, 2), 2) == BERT.masked(ids, 2)
    for position, said in ((0, r"\[CLS\]"), (4, r"\[SEP\]"), (5, "not in the text"), (-1, "not in the text")):
        with pytest.raises(textdream.InputError, match=said):
            BERT.masked(ids, position)


def test_causal_models_have_no_mask():
    assert GPT2.mask is None
    assert GPT2.mask_positions(GPT2.encode("the cat")) == []
    with pytest.raises(textdream.InputError, match="no mask token"):
        GPT2.masked(GPT2.encode("the cat"), 0)
