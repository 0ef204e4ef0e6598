"""What a corpus has to say before a dream: the sentence to beat, and sentences to start from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from textdream.configs import DreamConfig
from textdream.errors import InputError
from textdream.model import Model
from textdream.objectives import Objective
from textdream.optimizers.screening import noise
from textdream.records import Baseline, CorpusInfo, CorpusStart, Sample, Sentence

if TYPE_CHECKING:
    from textdream.corpus.index import Occurrence


@dataclass(frozen=True)
class CorpusBest:
    """The sentences of an index that are best for a target, by their float32 values."""

    corpus: CorpusInfo
    best: Sentence
    bound: float
    """What no other sentence of the corpus goes beyond: the best itself, where the index kept them all."""
    starts: tuple[Sentence, ...]
    passed_over: int
    """Sentences better than the last start that are none themselves."""

    def baseline(self, dreamt: float, sign: float, reached: list[tuple[int, Sample]]) -> Baseline:
        """What the result says of the corpus.

        Parameters
        ----------
        dreamt
            The dream's best activation.
        sign
            -1 if lower is better.
        reached
            (number of the start, the best text that was reached from it).
        """
        bar = self.best.activation
        highest = sign * max(sign * bar, sign * self.bound)
        sentences = [CorpusStart(**dict(self.starts[number]), reached=sample) for number, sample in reached]
        return Baseline(
            **dict(self.best),
            corpus=self.corpus,
            bound=self.bound,
            beats=sign * (dreamt - highest) > noise(highest),
            ratio=dreamt / bar if sign * bar > 0 else None,
            passed_over=self.passed_over,
            sentences=sentences,
        )


def corpus_starts(start: str) -> int | None:
    """How many corpus sentences `--start` asks for: 10 for top:10, None if it asks for something else."""
    match = re.fullmatch(r"top:([1-9]\d{0,3})", start)
    return int(match[1]) if match else None


def corpus_best(model: Model, target: Objective, config: DreamConfig) -> CorpusBest | None:
    """The best sentences of `config.from_corpus`, or None without it.

    Raises
    ------
    InputError
        If the target is not one neuron, or sentences are asked for without an index, or none of them can be started from.
    CorpusError
        If there is no index, it was made with another model, or it does not hold the neuron.
    """
    wanted = corpus_starts(config.start)
    if config.from_corpus is None:
        if wanted is not None:
            raise InputError(f"--start {config.start} was given", "an index to take them from", "give --from-corpus")
        return None
    # Imported here: most dreams need no DuckDB.
    from textdream.corpus.index import Index
    from textdream.experiments.sentences import shaded, unit_target

    index = Index.open(config.from_corpus, model.info)
    asked = target.target()
    if asked.kind != "neuron" or asked.normalised or asked.neuron is None or asked.head is not None:
        raise InputError(
            f"--from-corpus was given with the target {asked.description!r}",
            "one neuron of the index, not normalised",
            "leave --from-corpus out",
        )
    if wanted is not None and asked.position is not None:
        raise InputError(
            f"a target at position {asked.position} was given with --start {config.start}",
            "each sentence's own position",
            "leave the position out",
        )
    # An index has no such site or layer, or has it: a card of layer -1 is refused with what there is.
    card = index.card(str(asked.site), -1 if asked.layer is None else asked.layer, asked.neuron)
    unit = unit_target(index, card.site, card.layer, card.neuron)
    shown = shaded(model, card.least, unit, "least") if config.minimise else shaded(model, card.most, unit, "most")
    ranked = [Sentence(**{key: value for key, value in sentence if key != "activations"}) for sentence in shown]
    sign = -1.0 if config.minimise else 1.0
    kept = card.least if config.minimise else card.most
    all_kept = len(kept) == index.manifest.corpus.sentences
    bound = ranked[0].activation if all_kept else sign * corpus_bound(sign, kept, shown)
    chosen = _chosen(model, ranked, wanted or 0, config.round_trip)
    if wanted is not None and not chosen:
        raise InputError(
            f"none of the {len(ranked)} best sentences of {config.from_corpus} survives retokenising",
            "one that does, to start from",
            "give a text, or --no-round-trip",
        )
    passed_over = chosen[-1] + 1 - len(chosen) if chosen else 0
    starts = tuple(ranked[rank] for rank in chosen)
    return CorpusBest(index.manifest.corpus, ranked[0], bound, starts, passed_over)


def corpus_bound(sign: float, kept: Sequence[Occurrence], shown: Sequence[Sentence]) -> float:
    """What no sentence that the index left out goes beyond, times `sign` (-1 if lower is better).

    The index ranks by values in the search precision and keeps k sentences. One that it left out was no higher than the last
    that it kept; in float32 it may be so by as much as the precisions differ, for which twice the largest difference among
    the kept ones is taken.
    """
    exact = {sentence.sentence: sign * sentence.activation for sentence in shown}
    differences = [abs(exact[one.sentence] - sign * one.value) for one in kept]
    return min(sign * one.value for one in kept) + 2 * max(differences)


def _chosen(model: Model, ranked: Sequence[Sentence], wanted: int, round_trip: bool) -> list[int]:
    """Ranks of the sentences to start from: the best.

    If dreams must survive retokenising, so must the start: else no single replacement of it would.
    """
    ranks = [
        rank
        for rank, sentence in enumerate(ranked)
        if not round_trip or bool(model.tokens.survives(torch.tensor([sentence.ids]))[0])
    ]
    return ranks[:wanted]
