"""Where a sentence ends in running text."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A full stop, question or exclamation mark, quotes or brackets that it closes, then white space and a new beginning.
_BOUNDARY = re.compile(r"[.!?…][\"'”’»)\]]*\s+(?=[\"'“‘«(\[¿¡]*[A-Z0-9À-ÖØ-ÞΑ-ΩА-Я])")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'“‘])"
    r"(?:Mr|Mrs|Ms|Messrs|Dr|Prof|St|Mt|Ft|Jr|Sr|Gen|Col|Maj|Capt|Lt|Sgt|Rev|Hon|Gov|Sen|Rep|Pres|No|Nos|Vol|Fig|Art|Sec"
    r"|pp?|vs|cf|al|viz|approx|Jan|Feb|Aug|Sept|Oct|Nov|Dec|(?:[A-Za-z]\.)*[A-Za-z])\.$"
)
_PARAGRAPH = re.compile(r"\n\s*\n")
_LONGEST_ABBREVIATION = 16


def split_sentences(text: str) -> Iterator[str]:
    """The sentences of running text, their white space made single spaces; a blank line ends one too.

    Boundaries are a closing mark before a capital or a digit, except after abbreviations and initials.
    """
    for paragraph in _PARAGRAPH.split(text):
        joined = " ".join(paragraph.split())
        start = 0
        for match in _BOUNDARY.finditer(joined):
            end = match.start() + 1
            if joined[end - 1] == "." and _ABBREVIATION.search(joined[max(start, end - _LONGEST_ABBREVIATION) : end]):
                continue
            yield joined[start : match.end()].rstrip()
            start = match.end()
        if start < len(joined):
            yield joined[start:]
