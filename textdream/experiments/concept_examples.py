"""The sentences of a concept as they are given: two files, pairs, one file in which words are swapped, or lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from textdream.configs import ExamplesConfig
from textdream.corpus.readers import find_input, plain_lines
from textdream.errors import InputError
from textdream.experiments.concept_sentences import LISTED, Aside, Candidate, Examples, paired, unpaired
from textdream.experiments.concept_swap import Swap
from textdream.model import Model
from textdream.model.tokens import word_spans
from textdream.records import ConceptWords


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
        # Of a whole corpus most sentences lack the words.
        aside.most_missing = LISTED
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
