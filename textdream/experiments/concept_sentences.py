"""The sentences of a concept: fit, or set aside with the reason; each activation once; like grouped with like, to be held out.

In a causal model the state at a word depends on the tokens up to it alone. Sentences that are the same up to and with the word
are one sentence to it, and those that are the same up to the word are one group.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from textdream.errors import InputError
from textdream.model import Model
from textdream.model.tokens import word_spans
from textdream.records import ConceptSentence, ConceptWords, SetAside

T = TypeVar("T")

LISTED = 5
MISSING = 1000
"""The same of sentences without the word in a set that was given for it: the user's own lines, of which each may be a slip."""
MINIMUM = 2
REPEATED = "repeated"
AS_READ = "up to the concept word, and a causal model sees nothing after it"
REFUSED = {
    "empty": "no tokens",
    "unknown": "characters that the tokenizer does not know, or the text of a special token",
    "long": "more tokens than the model takes",
}


@dataclass(frozen=True)
class Candidate:
    """A sentence as it was given."""

    where: str
    text: str
    positive: bool


@dataclass
class Aside:
    """Sentences that are not used, by reason."""

    found: dict[str, list[str]] = field(default_factory=dict)
    most_missing: int = MISSING
    """How many sentences without their word are listed."""
    missing: set[str] = field(default_factory=set)
    """The reasons that say so."""

    def put(self, reason: str, where: str, text: str, *, missing: bool = False) -> None:
        """Count a sentence."""
        short = text if len(text) <= 60 else text[:59] + "…"
        self.found.setdefault(reason, []).append(f"{where}: {short}")
        if missing:
            self.missing.add(reason)

    def records(self) -> list[SetAside]:
        """For the result."""
        most = dict.fromkeys(self.missing, self.most_missing)
        return [
            SetAside(reason=reason, count=len(all_), examples=all_[: most.get(reason, LISTED)])
            for reason, all_ in self.found.items()
        ]

    def __str__(self) -> str:
        parts = [f"{len(all_)} set aside: {reason} ({all_[0][:60]})" for reason, all_ in self.found.items()]
        return "; ".join(parts[:2])


@dataclass(frozen=True)
class Examples:
    """The sentences of a concept, ready to be read."""

    words: ConceptWords
    sentences: list[ConceptSentence]
    set_aside: list[SetAside]


def paired(
    model: Model, pairs: Sequence[tuple[Candidate, Candidate]], words: ConceptWords, most: int, seed: int, aside: Aside
) -> Examples:
    """Pairs whose two sentences are both fit, each a group. No sentence is in two of them."""
    causal = model.tokens.causal
    flat = _fit(model, [candidate for pair in pairs for candidate in pair], words, aside)
    both = [(one, two) for one, two in zip(flat[::2], flat[1::2], strict=True) if one is not None and two is not None]
    used: dict[tuple[object, ...], ConceptSentence] = {}
    different: list[tuple[ConceptSentence, ConceptSentence]] = []
    for pair in both:
        keys = [_key(sentence, causal) for sentence in pair]
        earlier = [used[key] for key in keys if key in used]
        if keys[0] == keys[1]:
            alike = "" if pair[0].ids == pair[1].ids else f" {AS_READ}"
            aside.put(f"the two sentences of a pair are the same{alike}", "pair", pair[0].text)
        elif earlier:
            aside.put(_why_repeated(pair, earlier), "pair", pair[0].text)
        else:
            used |= zip(keys, pair, strict=True)
            different.append(pair)
    kept = _drawn(different, most, seed, aside)
    sentences = [sentence.model_copy(update={"group": group}) for group, pair in enumerate(kept) for sentence in pair]
    return _checked(words, sentences, aside)


def unpaired(
    model: Model, candidates: Sequence[Candidate], words: ConceptWords, most: int, seed: int, aside: Aside
) -> Examples:
    """Two sets; sentences that differ in the concept word alone are one group, whichever set they are in."""
    causal = model.tokens.causal
    fit = [sentence for sentence in _fit(model, candidates, words, aside) if sentence is not None]
    sides: dict[bool, dict[tuple[object, ...], ConceptSentence]] = {True: {}, False: {}}
    for sentence in fit:
        side, key = sides[sentence.positive], _key(sentence, causal)
        if key in side:
            aside.put(
                _why_repeated([sentence], [side[key]]), "positive" if sentence.positive else "negative", sentence.text
            )
        else:
            side[key] = sentence
    shared = [key for key in sides[True] if key in sides[False]]
    alike = f" {AS_READ}" if any(sides[True][key].ids != sides[False][key].ids for key in shared) else ""
    if shared and len(shared) == len(sides[True]) == len(sides[False]):
        raise InputError(
            f"the two sets are identical{alike}", "sentences, or concept words, that differ", "give another --negative"
        )
    for key in shared:
        aside.put(f"in both sets{alike}", "positive", sides[True].pop(key).text)
        del sides[False][key]
    kept = [
        sentence
        for positive, side in sides.items()
        for sentence in _drawn(list(side.values()), most, seed + positive, aside)
    ]
    numbers: dict[str, int] = {}
    sentences = [
        sentence.model_copy(update={"group": numbers.setdefault(_around(sentence, words, causal), len(numbers))})
        for sentence in kept
    ]
    return _checked(words, sentences, aside)


def _fit(
    model: Model, candidates: Sequence[Candidate], words: ConceptWords, aside: Aside
) -> list[ConceptSentence | None]:
    """Each candidate tokenised, its word found (the first, where it stands several times); None where it cannot be used."""
    found: list[ConceptSentence | None] = []
    rows = model.tokens.encode_many([candidate.text for candidate in candidates])
    for candidate, ids in zip(candidates, rows, strict=True):
        word = words.positive if candidate.positive else words.negative
        places = [] if isinstance(ids, str) else model.tokens.occurrences(candidate.text, word)
        if isinstance(ids, str):
            aside.put(REFUSED[ids], candidate.where, candidate.text)
            found.append(None)
            continue
        if not places or not places[0]:
            aside.put(f"the word {word!r} is not in it", candidate.where, candidate.text, missing=True)
            found.append(None)
            continue
        found.append(
            ConceptSentence(
                text=candidate.text,
                ids=ids,
                tokens=model.tokens.names(ids),
                position=model.tokens.reading_position(places[0]),
                positive=candidate.positive,
                group=0,
            )
        )
    return found


def _key(sentence: ConceptSentence, causal: bool) -> tuple[object, ...]:
    """What the state at the word depends on: in a causal model on nothing after it."""
    return tuple(sentence.ids[: sentence.position + 1] if causal else sentence.ids), sentence.position


def _around(sentence: ConceptSentence, words: ConceptWords, causal: bool) -> str:
    """The same without the concept word."""
    start, stop = _span(sentence, words)
    return f"{sentence.text[:start]}\0{'' if causal else sentence.text[stop:]}".casefold()


def _span(sentence: ConceptSentence, words: ConceptWords) -> tuple[int, int]:
    """Where in its text the concept word begins and ends."""
    return word_spans(sentence.text, words.positive if sentence.positive else words.negative)[0]


def _why_repeated(sentences: Sequence[ConceptSentence], earlier: Sequence[ConceptSentence]) -> str:
    """Why sentences whose keys, or one of them, were there before are set aside."""
    if len(earlier) < len(sentences):
        return "a sentence of the pair is in another pair"
    same = all(one.ids == other.ids for one, other in zip(sentences, earlier, strict=True))
    return REPEATED if same else f"{REPEATED} {AS_READ}"


def _drawn(found: list[T], most: int, seed: int, aside: Aside) -> list[T]:
    """At most so many, drawn at random, in their order."""
    if len(found) <= most:
        return found
    chosen = sorted(random.Random(seed).sample(range(len(found)), most))
    reason = f"not among the {most} drawn (--most)"
    aside.found.setdefault(reason, []).extend(["not drawn"] * (len(found) - most))
    return [found[number] for number in chosen]


def _checked(words: ConceptWords, sentences: list[ConceptSentence], aside: Aside) -> Examples:
    repeated = f"{REPEATED} {AS_READ}" in aside.found
    for positive, name in ((True, "positive"), (False, "negative")):
        count = sum(sentence.positive is positive for sentence in sentences)
        if count >= MINIMUM:
            continue
        word = words.positive if positive else words.negative
        if (
            repeated
            and sentences
            and not any(sentence.text[: _span(sentence, words)[0]].strip() for sentence in sentences)
        ):
            raise InputError(
                "all sentences begin with the word, and a causal model sees nothing else",
                f"at least {MINIMUM} in each set with different words before it",
                "give sentences with words before it",
            )
        why = f" (of both sets, {aside})" if aside.found else ""
        raise InputError(
            f"the {name} set has {count} sentence{'s' * (count != 1)} that can be used{why}",
            f"at least {MINIMUM} in each set",
            f"give more sentences with {'other words before' if repeated else 'the word'} {word!r}",
        )
    if len({sentence.group for sentence in sentences}) < MINIMUM:
        raise InputError(
            "all sentences differ in the concept word alone, so that none can be held out",
            f"at least {MINIMUM} that differ in more",
            "give more sentences",
        )
    return Examples(words, sentences, aside.records())
