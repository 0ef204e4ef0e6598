"""The sentences of a concept: read, found fit or set aside with the reason, and grouped so that like is held out with like."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from textdream.configs import ExamplesConfig
from textdream.corpus.readers import find_input, plain_lines
from textdream.errors import InputError
from textdream.experiments.concept_swap import Swap
from textdream.model import Model
from textdream.model.tokens import word_spans
from textdream.records import ConceptSentence, ConceptWords, SetAside

T = TypeVar("T")

LISTED = 5
MINIMUM = 2
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

    def put(self, reason: str, where: str, text: str) -> None:
        """Count a sentence."""
        short = text if len(text) <= 60 else text[:59] + "…"
        self.found.setdefault(reason, []).append(f"{where}: {short}")

    def records(self) -> list[SetAside]:
        """For the result."""
        return [SetAside(reason=reason, count=len(all_), examples=all_[:LISTED]) for reason, all_ in self.found.items()]

    def __str__(self) -> str:
        parts = [f"{len(all_)} set aside: {reason} ({all_[0][:60]})" for reason, all_ in self.found.items()]
        return "; ".join(parts[:2])


@dataclass(frozen=True)
class Examples:
    """The sentences of a concept, ready to be read."""

    words: ConceptWords
    sentences: list[ConceptSentence]
    set_aside: list[SetAside]


def read_examples(model: Model, config: ExamplesConfig, file: str | None = None) -> Examples:
    """The sentences that the settings name.

    Parameters
    ----------
    file
        For `config.swap`: the sentences in which words are swapped.

    Raises
    ------
    InputError
        If settings are missing or exclude each other, or too few sentences are fit.
    CorpusError
        If a file cannot be read.
    """
    expected = "--positive and --negative, --pairs, or --swap with a file"
    given = [config.positive or config.negative, config.pairs, config.swap]
    if sum(one is not None for one in given) != 1:
        many = "no sentences were given" if not any(given) else "sentences were given in several ways"
        raise InputError(many, f"one of: {expected}", "see: textdream concept fit --help")
    if (file is not None) != (config.swap is not None):
        raise InputError(
            "--swap was given without a file" if file is None else f"the file {file} was given without --swap",
            expected,
            "give both",
        )
    aside = Aside()
    if config.swap is not None and file is not None:
        swap = Swap(config.swap)
        words = ConceptWords(
            positive=config.word_positive or swap.first[0], negative=config.word_negative or swap.first[1]
        )
        pairs: Iterable[tuple[Candidate, Candidate]] = swapped(
            file_sentences(file, config.field, config.split), swap, words, aside
        )
        return paired(model, list(pairs), words, config.most, config.seed, aside)
    if not config.word_positive or not config.word_negative:
        raise InputError(
            "no concept word was given", "the word that is read in each set", "give --word-positive and --word-negative"
        )
    words = ConceptWords(positive=config.word_positive, negative=config.word_negative)
    if config.pairs is not None:
        return paired(model, list(_pairs(config.pairs, aside)), words, config.most, config.seed, aside)
    if config.positive is None or config.negative is None:
        raise InputError("one set of sentences was given", "two", "give both --positive and --negative")
    sets = [(config.positive, True), (config.negative, False)]
    candidates = [
        Candidate(where, text, positive)
        for name, positive in sets
        for where, text in file_sentences(name, config.field, config.split)
    ]
    return unpaired(model, candidates, words, config.most, config.seed, aside)


def examples_of(
    model: Model, positive: Sequence[str], negative: Sequence[str], words: tuple[str, str], *, pairs: bool = False
) -> Examples:
    """Sentences that are already at hand, as lists; with `pairs`, the first of either list make a minimal pair, and so on.

    Raises
    ------
    InputError
        If too few are fit, or the lists of pairs have different lengths.
    """
    named = ConceptWords(positive=words[0], negative=words[1])
    lists = [
        [Candidate(f"{name} {number}", text, name == "positive") for number, text in enumerate(texts, start=1)]
        for name, texts in (("positive", positive), ("negative", negative))
    ]
    if not pairs:
        return unpaired(model, lists[0] + lists[1], named, max(map(len, lists)), 0, Aside())
    if len(positive) != len(negative):
        raise InputError(
            f"{len(positive)} positive and {len(negative)} negative sentences were given as pairs",
            "as many of each",
            "leave pairs=True out, or give the missing ones",
        )
    return paired(model, list(zip(*lists, strict=True)), named, len(positive), 0, Aside())


def file_sentences(name: str, field: str, split: str) -> Iterator[tuple[str, str]]:
    """(where, text) of each sentence of a file."""
    found = find_input(name, field, split)
    if found.prose or split == "sentences":
        yield from ((f"{found.name} {n}", text) for n, text in enumerate(found.sentences(split), start=1))
        return
    for number, raw in enumerate(found.texts(), start=1):
        if text := " ".join(raw.split()):
            yield f"{found.name} line {number}", text


def _pairs(name: str, aside: Aside) -> Iterator[tuple[Candidate, Candidate]]:
    if name.endswith((".jsonl", ".ndjson", ".parquet", ".jsonl.gz")):
        columns = (find_input(name, column, "lines").texts() for column in ("positive", "negative"))
        rows = ((number, list(both)) for number, both in enumerate(zip(*columns, strict=True), start=1))
    else:
        rows = ((number, line.split("\t")) for number, line in plain_lines(name) if line.strip())
    for number, both in rows:
        texts = [" ".join(text.split()) for text in both]
        where = f"line {number}"
        if len(texts) != 2 or not all(texts):
            aside.put("not two sentences with a tab between them", where, " | ".join(texts))
            continue
        yield Candidate(where, texts[0], True), Candidate(where, texts[1], False)


def swapped(
    sentences: Iterable[tuple[str, str]], swap: Swap, words: ConceptWords, aside: Aside
) -> Iterator[tuple[Candidate, Candidate]]:
    """Minimal pairs. The positive sentence of a pair is the one in which the positive word is the first of the two."""
    for where, text in sentences:
        other = swap(text)
        if word := swap.ambiguous(text):
            aside.put(f"{word.lower()!r} has no one way back in --swap", where, text)
        elif other == text:
            aside.put("nothing changes by --swap", where, text)
        else:
            first = {word: [start for start, _ in word_spans(text, word)][:1] for word in dict(words).values()}
            here, there = first[words.positive], first[words.negative]
            if not here and not there:
                aside.put(f"neither {words.positive!r} nor {words.negative!r} is in it", where, text)
            elif here and (not there or here < there):
                yield Candidate(where, text, True), Candidate(where, other, False)
            else:
                yield Candidate(where, other, True), Candidate(where, text, False)


def paired(
    model: Model, pairs: Sequence[tuple[Candidate, Candidate]], words: ConceptWords, most: int, seed: int, aside: Aside
) -> Examples:
    """Pairs whose two sentences are both fit, each a group."""
    flat = _fit(model, [candidate for pair in pairs for candidate in pair], words, aside)
    both = [(one, two) for one, two in zip(flat[::2], flat[1::2], strict=True) if one is not None and two is not None]
    different: dict[object, tuple[ConceptSentence, ConceptSentence]] = {}
    for one, two in both:
        if _key(one) == _key(two):
            aside.put("the two sentences of a pair are the same", "pair", one.text)
        elif (_key(one), _key(two)) in different:
            aside.put("repeated", "pair", one.text)
        else:
            different[_key(one), _key(two)] = one, two
    kept = _drawn(list(different.values()), most, seed, aside)
    sentences = [sentence.model_copy(update={"group": group}) for group, pair in enumerate(kept) for sentence in pair]
    return _checked(words, sentences, aside)


def unpaired(
    model: Model, candidates: Sequence[Candidate], words: ConceptWords, most: int, seed: int, aside: Aside
) -> Examples:
    """Two sets; sentences that differ in the concept word alone are one group, whichever set they are in."""
    fit = [sentence for sentence in _fit(model, candidates, words, aside) if sentence is not None]
    sides: dict[bool, dict[object, ConceptSentence]] = {True: {}, False: {}}
    for sentence in fit:
        if _key(sentence) in sides[sentence.positive]:
            aside.put("repeated", "positive" if sentence.positive else "negative", sentence.text)
        else:
            sides[sentence.positive][_key(sentence)] = sentence
    shared = [key for key in sides[True] if key in sides[False]]
    if shared and len(shared) == len(sides[True]) == len(sides[False]):
        raise InputError(
            "the two sets are identical", "sentences, or concept words, that differ", "give another --negative"
        )
    for key in shared:
        aside.put("in both sets", "positive", sides[True].pop(key).text)
        del sides[False][key]
    kept = [
        sentence
        for positive, side in sides.items()
        for sentence in _drawn(list(side.values()), most, seed + positive, aside)
    ]
    numbers: dict[str, int] = {}
    sentences = [
        sentence.model_copy(update={"group": numbers.setdefault(_around(sentence, words), len(numbers))})
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
        if isinstance(ids, str) or not places or not places[0]:
            reason = REFUSED[ids] if isinstance(ids, str) else f"the word {word!r} is not in it"
            aside.put(reason, candidate.where, candidate.text)
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


def _key(sentence: ConceptSentence) -> tuple[object, ...]:
    """What the model sees of it."""
    return tuple(sentence.ids), sentence.position


def _around(sentence: ConceptSentence, words: ConceptWords) -> str:
    """The sentence without its concept word."""
    start, stop = word_spans(sentence.text, words.positive if sentence.positive else words.negative)[0]
    return f"{sentence.text[:start]}\0{sentence.text[stop:]}".casefold()


def _drawn(found: list[T], most: int, seed: int, aside: Aside) -> list[T]:
    """At most so many, drawn at random, in their order."""
    if len(found) <= most:
        return found
    chosen = sorted(random.Random(seed).sample(range(len(found)), most))
    reason = f"not among the {most} drawn (--most)"
    aside.found.setdefault(reason, []).extend(["not drawn"] * (len(found) - most))
    return [found[number] for number in chosen]


def _checked(words: ConceptWords, sentences: list[ConceptSentence], aside: Aside) -> Examples:
    for positive, name in ((True, "positive"), (False, "negative")):
        count = sum(sentence.positive is positive for sentence in sentences)
        if count < MINIMUM:
            why = f" (of both sets, {aside})" if aside.found else ""
            raise InputError(
                f"the {name} set has {count} sentence{'s' * (count != 1)} that can be used{why}",
                f"at least {MINIMUM} in each set",
                f"give more sentences with the word {words.positive if positive else words.negative!r}",
            )
    if len({sentence.group for sentence in sentences}) < MINIMUM:
        raise InputError(
            "all sentences differ in the concept word alone, so that none can be held out",
            f"at least {MINIMUM} that differ in more",
            "give more sentences",
        )
    return Examples(words, sentences, aside.records())
