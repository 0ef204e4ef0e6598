import pytest

import textdream
from textdream.experiments.concept_swap import Swap, cased_like

PRONOUNS = Swap("he=she,his=her,him=her")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("he sat", "she sat"),
        (
            "He told her mother",
            "She told her mother",
        ),  # `her` has no one way back: it stays, and is said to be ambiguous.
        ("HE and Him.", "SHE and Her."),
        ("he saw she", "she saw he"),
        ("the theme of this hero", "the theme of this hero"),
        ("he's there; his-and-him", "she's there; her-and-her"),
        ("nothing here", "nothing here"),
    ],
)
def test_whole_words_are_swapped_at_once_in_their_case(given, expected):
    assert PRONOUNS(given) == expected


def test_a_word_that_two_become_has_no_way_back():
    assert PRONOUNS.ambiguous("He told HER mother") == "HER"
    assert PRONOUNS.ambiguous("he told his mother") is None
    assert Swap("his=her").ambiguous("her hat") is None
    assert Swap("his=her")("Her hat, his hat") == "His hat, her hat"


@pytest.mark.parametrize("text", ["he saw she", "She saw HE", "the cat", "He. She. he"])
def test_twice_is_not_at_all_where_nothing_is_ambiguous(text):
    swap = Swap("he=she")
    assert swap(swap(text)) == text


def test_a_longer_entry_goes_before_a_shorter_one():
    assert Swap("he=she,he said=they said")("he said he ran") == "they said she ran"


def test_signs_are_taken_as_they_are():
    assert Swap("c++=rust")("c++ is no c") == "rust is no c"


@pytest.mark.parametrize(
    ("word", "partner", "expected"),
    [("he", "she", "she"), ("He", "she", "She"), ("HE", "she", "SHE"), ("I", "we", "We"), ("he", "Anna", "Anna")],
)
def test_case(word, partner, expected):
    assert cased_like(word, partner) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "pairs such as"),
        ("he", "pairs such as"),
        ("he=", "pairs such as"),
        ("he=she=they", "pairs such as"),
        ("he=she,,his=her", "pairs such as"),
        ("he=He", "with itself"),
        ("he=she,he=they", "two partners"),
    ],
)
def test_what_is_no_list_of_pairs(given, said):
    with pytest.raises(textdream.InputError, match=said):
        Swap(given)
