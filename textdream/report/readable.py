"""What a file says, made fit for a terminal: nothing in it can move the cursor, and tokens of bytes are spelled as letters."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from pydantic import BaseModel

_SIGNS = {"\n": "↵", "\r": "↵", "\t": "⇥"}
# Joiners make one emoji of several, and belong to words of some scripts.
_JOINERS = "\u200c\u200d"
# One letter or more outside of ASCII: without one, a token is spelled as it stands. `Ġ` and `▁` begin a word and stay.
_LETTERS = re.compile(r"^([Ġ▁]*+)(.*[^\x00-\x7f].*)$", re.DOTALL)
_LINES = re.compile("Ċ+")


def readable(value: Any, token: bool = False) -> Any:
    """A copy of a record, or of anything in one, that can be printed.

    Control and format characters become signs, since a file is not trusted to move the cursor or turn the direction of
    writing; in running text, line ends stay. Tokens of vocabularies of bytes, such as GPT-2's, are spelled as letters
    where their bytes make letters (`cafÃ©` as `café`).

    Parameters
    ----------
    value
        A record, list, dict or string; anything else is returned as it is.
    token
        Whether strings are tokens rather than running text.
    """
    if isinstance(value, str):
        return visible(spelled(value)) if token else "\n".join(visible(line) for line in value.split("\n"))
    if isinstance(value, list | tuple):
        return type(value)(readable(one, token) for one in value)
    if isinstance(value, dict):
        return {key: readable(one, token) for key, one in value.items()}
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: readable(one, "token" in name) for name, one in value})
    return value


def spelled(token: str) -> str:
    """A token of bytes as the letters that they make; any other as it is, and also one that holds part of a letter.

    Bytes are written as letters that words are written with too: `đ` is one byte of control, and a letter. So a token counts
    as bytes only where they make a letter outside of ASCII, or are line ends alone.
    """
    found = _LETTERS.match(token)
    if found is None or not token.isprintable():  # The letters that stand for bytes are.
        return token
    from tokenizers.decoders import ByteLevel

    letters = ByteLevel().decode([found[2]])
    made = not letters.isascii() and "\ufffd" not in letters
    return found[1] + letters if made or _LINES.fullmatch(found[2]) else token


def visible(text: str) -> str:
    """A text with signs in place of characters that would not be seen, or would do something."""
    if text.isprintable():  # Most are, and this is quick.
        return text
    return "".join(map(_sign, text))


def _sign(letter: str) -> str:
    if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or letter in _JOINERS:
        return letter
    return _SIGNS.get(letter, f"⟨{ord(letter):x}⟩")
