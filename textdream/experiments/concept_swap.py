"""Minimal pairs from single sentences: whole words swapped both ways at once, with their case kept."""

from __future__ import annotations

import re

from textdream.errors import InputError


class Swap:
    """Words and what they become, such as `he=she,his=her,him=her`.

    Both directions are swapped in one pass, so that no word is swapped twice: "he saw she" becomes "she saw he". A word that
    several others become (`her` above) has no one way back: a sentence that holds it cannot be swapped.

    Raises
    ------
    InputError
        If it is no list of pairs, a word is paired with itself, or a word on the left stands there twice.
    """

    def __init__(self, given: str) -> None:
        expected = "pairs such as he=she,his=her"
        parts = [part.split("=") for part in given.split(",")]
        if any(len(part) != 2 or not all(word.strip() for word in part) for part in parts):
            raise InputError(f"--swap {given!r} was given", expected, "put = between two words and a comma after them")
        pairs = [(left.strip(), right.strip()) for left, right in parts]
        if same := next((left for left, right in pairs if left.lower() == right.lower()), None):
            raise InputError(f"--swap pairs {same!r} with itself", expected, "give two different words")
        self.first = pairs[0]
        forth: dict[str, list[str]] = {}
        for left, right in pairs:
            forth.setdefault(left.lower(), []).append(right)
        if twice := next((word for word, others in forth.items() if len(others) > 1), None):
            raise InputError(f"--swap gives {twice!r} two partners", "one for each word on the left", "leave one out")
        back: dict[str, list[str]] = {}
        for left, right in pairs:
            if right.lower() not in forth:
                back.setdefault(right.lower(), []).append(left)
        self._partners = {word: others[0] for word, others in {**back, **forth}.items() if len(others) == 1}
        self._ambiguous = {word for word, others in back.items() if len(others) > 1}
        # Longest first: of `he` and `he said` the second is meant where both would do.
        words = sorted({*forth, *back}, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)

    def ambiguous(self, text: str) -> str | None:
        """The first word in `text` that has no one way back."""
        return next((word for word in self._pattern.findall(text) if word.lower() in self._ambiguous), None)

    def __call__(self, text: str) -> str:
        """The text with every word that has a partner replaced by it."""
        return self._pattern.sub(lambda match: self._partner(match[0]), text)

    def _partner(self, word: str) -> str:
        partner = self._partners.get(word.lower())
        return word if partner is None else cased_like(word, partner)


def cased_like(word: str, partner: str) -> str:
    """`partner` in capitals, with a capital, or as it is: as `word` is written."""
    if word.isupper() and len(word) > 1:
        return partner.upper()
    return partner[:1].upper() + partner[1:] if word[:1].isupper() else partner
