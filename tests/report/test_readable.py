"""What a terminal is given: nothing of a file moves the cursor, and tokens of bytes are letters."""

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from rich.console import Console
from tokenizers.pre_tokenizers import ByteLevel

from tests.records.pair_files import FILES
from textdream.records import read_pair
from textdream.report.readable import readable, spelled, visible
from textdream.report.terminal import show

AS_BYTES = ByteLevel(add_prefix_space=False, use_regex=False)
HOSTILE = "\x1b]0;owned\x07\x9b2J\u202e\r"


def drawn(result) -> str:
    file = io.StringIO()
    show(result, Console(file=file, width=200, force_terminal=False, no_color=True))
    return file.getvalue()


def poisoned(value):
    """A record in which every text that is not a choice of few ends in control characters."""
    if isinstance(value, str):
        return value + HOSTILE
    if isinstance(value, list | tuple):
        return type(value)(map(poisoned, value))
    if isinstance(value, BaseModel):
        texts = {
            "name",
            "file",
            "text",
            "tokens",
            "token",
            "top_tokens",
            "start",
            "final",
            "best",
            "steps",
            "sentences",
        }
        return value.model_copy(
            update={name: poisoned(one) for name, one in value if name in texts | {"model", "imported", "corpus"}}
        )
    return value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_text_of_a_file_reaches_the_terminal_as_a_control(path):
    text = drawn(poisoned(read_pair(path)))
    assert "⟨1b⟩" in text
    assert not [letter for letter in text if letter != "\n" and unicodedata.category(letter) in ("Cc", "Cf")]


@given(st.text(st.characters(exclude_characters="\ufffd", exclude_categories=["Cs"]), min_size=1))
def test_a_token_of_bytes_is_spelled_as_its_letters(text):
    ((token, _),) = AS_BYTES.pre_tokenize_str(text)
    begin = len(token) - len(token.lstrip("Ġ"))
    letters = not text[begin:].isascii() or set(text[begin:]) == {"\n"}
    assert spelled(token) == (token[:begin] + text[begin:] if letters else token)


@given(st.text(st.characters(exclude_characters="".join(ByteLevel.alphabet()))))
def test_letters_that_are_no_bytes_stay(text):
    assert spelled(text) == text


@pytest.mark.parametrize("token", ["é", "ðŁĺ", "漢字", "##ing", "▁the", "Ġthe", "½", "č", "##đ", "▁się", "ağa"])
def test_tokens_that_stay(token):
    assert spelled(token) == token


@given(st.text())
def test_visible_is_visible_and_does_nothing_twice(text):
    found = visible(text)
    assert not {unicodedata.category(letter) for letter in found.replace("\u200c", "").replace("\u200d", "")} & {
        "Cc", "Cf", "Cs", "Zl", "Zp",
    }  # fmt: skip
    assert visible(found) == found


def test_line_ends_stay_in_running_text_alone():
    assert readable("a\nb\x1b") == "a\nb⟨1b⟩"
    assert readable("a\nb", token=True) == "a↵b"
