"""What a corpus has to say before a dream: the sentence to beat, and sentences to start from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from textdream.configs import DreamConfig
from textdream.errors import InputError
from textdream.model import Model
from textdream.objectives import Objective
from textdream.optimizers.screening import noise
from textdream.records import Baseline, CorpusInfo, CorpusStart, Sample, Sentence

# A step's cost grows with the length of the sentence, a certificate's with its square; and how high a sentence stands says little
# of how far a dream gets from it. So longer ones are started from only where there are too few of this many tokens.
SHORT = 32


@dataclass(frozen=True)
class CorpusBest:
    """The sentences of an index that are best for a target, by their float32 values."""

    corpus: CorpusInfo
    best: Sentence
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
        sentences = [CorpusStart(**dict(self.starts[number]), reached=sample) for number, sample in reached]
        return Baseline(
            **dict(self.best),
            corpus=self.corpus,
            beats=sign * (dreamt - bar) > noise(bar),
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
    chosen = _chosen(model, ranked, wanted or 0, config.round_trip)
    if wanted is not None and not chosen:
        raise InputError(
            f"none of the {len(ranked)} best sentences of {config.from_corpus} survives retokenising",
            "one that does, to start from",
            "give a text, or --no-round-trip",
        )
    passed_over = chosen[-1] + 1 - len(chosen) if chosen else 0
    starts = tuple(ranked[rank] for rank in chosen)
    return CorpusBest(index.manifest.corpus, ranked[0], starts, passed_over)


def _chosen(model: Model, ranked: Sequence[Sentence], wanted: int, round_trip: bool) -> list[int]:
    """Ranks of the sentences to start from: the best short ones; where they are too few, the shortest of the others as well.

    If dreams must survive retokenising, so must the start: else no single replacement of it would.
    """
    ranks = [
        rank
        for rank, sentence in enumerate(ranked)
        if not round_trip or bool(model.tokens.survives(torch.tensor([sentence.ids]))[0])
    ]
    by_preference = sorted(ranks, key=lambda rank: max(SHORT, len(ranked[rank].ids)))
    return sorted(by_preference[:wanted])
