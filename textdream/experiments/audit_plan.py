"""Which sentences are audited, and the random directions that each is held against."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.configs import ShiftAuditConfig
from textdream.errors import InputError
from textdream.experiments.concept_examples import file_sentences
from textdream.experiments.concept_sentences import REFUSED, Aside
from textdream.experiments.frames import FRAMES, frame_sentences
from textdream.model import Model
from textdream.records import AuditSentence, SetAside

MINIMUM = 2


@dataclass(frozen=True)
class AuditPlan:
    """The sentences of an audit, in the order in which they are run."""

    source: str
    sentences: list[AuditSentence]
    set_aside: list[SetAside]


@dataclass(frozen=True)
class _Candidate:
    where: str
    text: str
    frame: str | None = None
    topic: str | None = None


def plan_audit(model: Model, config: ShiftAuditConfig) -> AuditPlan:
    """The sentences that the settings name. More of them (`most`) are the same ones and then others.

    Raises
    ------
    InputError
        If there is no such frame, or fewer than two sentences are fit.
    CorpusError
        If the file cannot be read.
    """
    word, aside = str(config.word), Aside()
    if config.sentences is None:
        names = list(FRAMES) if config.frames == "all" else [name.strip() for name in config.frames.split(",")]
        source = f"frames {', '.join(dict.fromkeys(names))}"
        candidates = [
            _Candidate(found.frame, found.text, found.frame, found.topic)
            for found in frame_sentences(word, names, count=config.most, seed=config.seed)
        ]
    else:
        source = config.sentences.replace("\\", "/").rpartition("/")[2]
        read = file_sentences(config.sentences, config.field, config.split)
        candidates = [_Candidate(where, text) for where, text in read]
    found = list(_fit(model, candidates, word, aside))
    if config.sentences is not None and len(found) > config.most:
        left = len(found) - config.most
        found = random.Random(config.seed).sample(found, len(found))[: config.most]
        aside.found[f"not among the {config.most} drawn (--most)"] = ["not drawn"] * left
    if len(found) < MINIMUM:
        why = f" ({aside})" if aside.found else ""
        raise InputError(
            f"{source} has {len(found)} sentence{'s' * (len(found) != 1)} that can be used{why}",
            f"at least {MINIMUM} different ones with the word {word!r}",
            "give other --sentences, or another --word",
        )
    return AuditPlan(source, found, aside.records())


def _fit(model: Model, candidates: list[_Candidate], word: str, aside: Aside) -> Iterator[AuditSentence]:
    """Those that the model takes and that hold the word and another token, each once."""
    seen: set[tuple[int, ...]] = set()
    rows = model.tokens.encode_many([candidate.text for candidate in candidates])
    for candidate, ids in zip(candidates, rows, strict=True):
        places = [] if isinstance(ids, str) else model.tokens.occurrences(candidate.text, word)
        if isinstance(ids, str) or not places or not places[0]:
            reason = REFUSED[ids] if isinstance(ids, str) else f"the word {word!r} is not in it"
            aside.put(reason, candidate.where, candidate.text)
            continue
        others = [position for position in model.tokens.open_positions(ids) if position not in places[0]]
        if not others or tuple(ids) in seen:
            aside.put("repeated" if others else "no other word is in it", candidate.where, candidate.text)
            continue
        seen.add(tuple(ids))
        yield AuditSentence(
            text=candidate.text,
            ids=ids,
            tokens=model.tokens.names(ids),
            positions=places[0],
            others=others,
            frame=candidate.frame,
            topic=candidate.topic,
        )


def random_directions(seed: int, text: str, count: int, width: int) -> Float[Tensor, "count width"]:
    """Isotropic directions of length 1, of one sentence's own. The first of many are those of few.

    Python's generator and not torch's: the same numbers on every processor and in every version.
    """
    draw = random.Random(f"{seed} {text}")
    rows = [[draw.gauss(0.0, 1.0) for _ in range(width)] for _ in range(count)]
    found = torch.tensor(rows, dtype=torch.float64)
    return (found / found.norm(dim=1, keepdim=True)).float()
