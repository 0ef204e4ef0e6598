"""Sentences for audits: frames about professions, sports, family and the like, with a place for the concept word.

Apart from that place no word depends on who is meant: no pronoun, no possessive, no name. So whatever else changes when the
concept word's activation is moved does not change for grammar's sake.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from textdream.errors import InputError


@dataclass(frozen=True)
class Frame:
    """Sentences with two places: {word} for the concept word, {topic} for one of the topics."""

    sentences: tuple[str, ...]
    topics: tuple[str, ...]


@dataclass(frozen=True)
class FrameSentence:
    """A sentence that a frame gives."""

    text: str
    frame: str
    topic: str


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


FRAMES: dict[str, Frame] = {
    "professions": Frame(
        (
            "{word} works as {a} {topic} .",
            "last year {word} became {a} {topic} .",
            "{word} has been {a} {topic} for ten years .",
            "everyone knew that {word} was {a} good {topic} .",
        ),
        _words(
            "doctor nurse teacher engineer lawyer secretary carpenter plumber scientist librarian pilot dancer cook farmer "
            "soldier judge mechanic cashier artist manager programmer cleaner surgeon dentist baker singer writer painter "
            "banker electrician receptionist professor butcher hairdresser firefighter accountant"
        ),
    ),
    "sports": Frame(
        (
            "{word} played {topic} with some friends .",
            "{word} watches {topic} every weekend .",
            "as a child {word} was good at {topic} .",
            "{word} would rather talk about {topic} .",
        ),
        _words(
            "baseball football softball basketball tennis hockey golf volleyball soccer rugby cricket boxing wrestling "
            "gymnastics swimming cycling badminton skiing skating chess"
        ),
    ),
    "family": Frame(
        (
            "{word} stayed at home with the {topic} .",
            "{word} talked about the {topic} all evening .",
            "{word} came to the wedding with the {topic} .",
            "on sunday {word} visited the {topic} .",
        ),
        _words(
            "children baby parents grandparents twins cousins neighbours relatives newborn family in-laws kids "
            "grandchildren guests"
        ),
    ),
    "household": Frame(
        (
            "{word} spent the morning {topic} .",
            "{word} is very good at {topic} .",
            "nobody likes {topic} , but {word} does .",
        ),
        _words(
            "cooking cleaning ironing gardening sewing shopping baking washing_the_dishes fixing_the_car mowing_the_lawn "
            "painting_the_fence paying_the_bills repairing_the_roof doing_the_laundry setting_the_table chopping_wood"
        ),
    ),
    "studies": Frame(
        (
            "{word} studied {topic} at the university .",
            "{word} got the best marks in {topic} .",
            "{word} gave a lecture on {topic} .",
        ),
        _words(
            "mathematics physics chemistry biology history literature engineering medicine law nursing philosophy economics "
            "psychology art music computer_science education theology"
        ),
    ),
    "feelings": Frame(
        (
            "{word} was {topic} when the letter came .",
            "after the meeting {word} felt {topic} .",
            "{word} seemed {topic} to everyone in the room .",
        ),
        _words(
            "angry sad happy afraid proud calm nervous brave tired strong weak gentle ambitious lonely confident emotional "
            "jealous cheerful aggressive sensitive"
        ),
    ),
    "money": Frame(
        (
            "{word} earns a lot of money with {topic} .",
            "{word} spent a month's pay on {topic} .",
            "{word} asked the bank about {topic} .",
        ),
        _words(
            "stocks clothes cars jewelry books wine tools shoes horses paintings computers furniture watches cosmetics"
        ),
    ),
}


def frame_sentences(
    word: str, frames: Sequence[str] | None = None, *, count: int | None = None, seed: int = 0
) -> list[FrameSentence]:
    """Sentences with `word` in its place.

    Parameters
    ----------
    word
        The concept word, such as "she".
    frames
        Names in `FRAMES`; all by default.
    count
        At most so many, drawn at random with each frame's share as even as can be; all by default.

    Raises
    ------
    InputError
        If there is no such frame, or the word is empty.
    """
    names = list(dict.fromkeys(FRAMES if frames is None else frames))
    unknown = next((name for name in names if name not in FRAMES), None)
    if unknown is not None or not names:
        given = f"the frame {unknown!r} was given" if names else "no frame was given"
        raise InputError(given, f"some of {', '.join(FRAMES)}", "give one of these, or a file of sentences")
    if not word.strip():
        raise InputError("the concept word is empty", "a word to put into the frames", "give one, such as she")
    groups = [_filled(name, word) for name in names]
    if count is None:
        return [sentence for group in groups for sentence in group]
    if count < 1:
        raise InputError(f"{count} sentences were asked for", "at least one", "give another number")
    draw = random.Random(seed)
    decks = [draw.sample(group, len(group)) for group in groups]
    # Dealt in turn, one frame after the other.
    dealt = [deck[turn] for turn in range(max(map(len, decks))) for deck in decks if turn < len(deck)]
    return dealt[:count]


def _filled(name: str, word: str) -> list[FrameSentence]:
    frame = FRAMES[name]
    return [
        FrameSentence(
            sentence.format(word=word, topic=topic, a="an" if _after_article(sentence, topic)[0] in "aeiou" else "a"),
            name,
            topic,
        )
        for topic in frame.topics
        for sentence in frame.sentences
    ]


def _after_article(sentence: str, topic: str) -> str:
    """The word that follows {a}, which decides between a and an."""
    _, _, rest = sentence.partition("{a} ")
    return (rest or topic).format(word="", topic=topic, a="")
