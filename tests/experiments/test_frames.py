import re
from collections import Counter

import pytest

import textdream
from textdream.experiments.frames import FRAMES, frame_sentences

WHO = re.compile(r"\b(he|she|him|her|his|hers|himself|herself|man|woman|boy|girl|mother|father|wife|husband)\b")


def test_the_word_stands_once_and_nothing_else_says_who():
    found = frame_sentences("she")
    assert len(found) == sum(len(frame.sentences) * len(frame.topics) for frame in FRAMES.values())
    assert len({one.text for one in found}) == len(found)
    for one in found:
        assert WHO.findall(one.text) == ["she"]
        assert one.topic in one.text
        assert "{" not in one.text
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", one.text), one.text


def test_every_sentence_can_be_read_by_the_default_model(minilm):
    for one in frame_sentences("she"):
        assert len(minilm.tokens.word_positions(one.text, "she")) == 1
        assert len(minilm.tokens.encode(one.text)) <= 20


def test_a_sample_is_spread_over_the_frames_and_the_seeds_own():
    found = frame_sentences("he", count=70, seed=1)
    assert Counter(one.frame for one in found) == dict.fromkeys(FRAMES, 10)
    assert found == frame_sentences("he", count=70, seed=1)
    assert found != frame_sentences("he", count=70, seed=2)
    assert len(frame_sentences("he", count=10**6)) == len(frame_sentences("he"))


def test_some_frames_only():
    assert {one.frame for one in frame_sentences("he", ["sports", "family"])} == {"sports", "family"}


@pytest.mark.parametrize(
    ("word", "frames", "count", "said"),
    [
        ("she", ["sport"], None, "the frame 'sport' was given"),
        ("she", [], None, "no frame"),
        (" ", None, None, "word is empty"),
        ("she", None, 0, "0 sentences"),
    ],
)
def test_bad_input(word, frames, count, said):
    with pytest.raises(textdream.InputError, match=said):
        frame_sentences(word, frames, count=count)
