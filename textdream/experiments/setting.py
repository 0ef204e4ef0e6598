"""From what a user says to what an experiment needs: a text, the position that is read, free positions, an objective."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from textdream.configs import TargetConfig
from textdream.errors import InputError
from textdream.model import Model
from textdream.objectives import (
    Objective,
    channel,
    direction,
    layer,
    log_probability,
    logit,
    logit_difference,
    neuron,
    normalised,
)
from textdream.records import SCHEMA
from textdream.version import __version__


@dataclass(frozen=True)
class Setting:
    """One text on one model, ready to be searched."""

    model: Model
    ids: Int[Tensor, " pos"]
    position: int | None
    """Where the target is read."""
    word: tuple[int, ...]
    """Positions of the word that is read, if it was given as a word."""
    objective: Objective
    """Bound to the model and the text."""


def prepare(
    model: Model, text: str, objective: Objective, *, word: str | None = None, position: int | None = None
) -> Setting:
    """Tokenise a text, find the position that is read, and bind the objective to both.

    The text may hold the mask token where the objective reads what the model predicts; one mask alone is read by itself.

    Raises
    ------
    InputError
        If the text, the word, the position or the objective do not fit the model.
    """
    predicted = any(read.site == "logits" for read in objective.reads)
    ids = torch.tensor(model.tokens.encode(text, masks=predicted))
    if word is not None and position is not None:
        raise InputError("both a word and a position were given", "one of them", "leave --word or --position out")
    positions: list[int] = []
    if word is not None:
        positions = model.tokens.word_positions(text, word)
        position = model.tokens.reading_position(positions)
    elif position is None and len(masks := model.tokens.mask_positions(ids.tolist())) == 1:
        position = masks[0]
    setting = bind(model, ids, objective, position, tuple(positions))
    if word is not None and setting.objective.masked.intersection(positions):
        check_one_token(model, word, positions, ids.tolist())
    return setting


def check_one_token(model: Model, word: str, positions: Sequence[int], ids: Sequence[int]) -> None:
    """Raise InputError for a word of several tokens, of which one mask cannot take the place."""
    if len(positions) > 1:
        names = " ".join(model.tokens.names([ids[position] for position in positions]))
        mask = model.tokens.names([model.tokens.mask or 0])[0]
        raise InputError(
            f"the word {word!r} is {len(positions)} tokens ({names})",
            "one, which is masked",
            f"write {mask} in its place, or give --position",
        )


def bind(
    model: Model,
    ids: Int[Tensor, " pos"],
    objective: Objective,
    position: int | None,
    word: tuple[int, ...] = (),
) -> Setting:
    """Bind an objective to token ids, with the mask put where it is read behind one."""
    bound = objective.bind(model, position, len(ids))
    for masked in bound.masked:
        assert masked is not None
        ids = torch.tensor(model.tokens.masked(ids.tolist(), masked))
    own = {read.position for read in bound.reads}
    # An objective may bring its own position; if it reads one only, that is where the target is.
    read = own.pop() if len(own) == 1 else None
    return Setting(model, ids, position if read is None else read, word, bound)


def objective_from(config: TargetConfig) -> tuple[Objective, int | None]:
    """The objective that command-line flags describe, and the position they give (None if a word or nothing does).

    Raises
    ------
    InputError
        If the flags are incomplete or exclude each other.
    """
    mean = config.position == "mean"
    position = None if mean else position_from(config.position, "a token position, 0 or more, or mean")
    site = config.site or ("logits" if config.token is not None else "resid_post")
    if site in ("embed", "pooled", "logits") and config.layer is not None:
        raise InputError(
            f"--layer {config.layer} was given with --site {site}", "no layer: it has one place", "leave it out"
        )
    if config.probability and config.token is None:
        raise InputError("--probability was given alone", "--token as well", "give the token that is to be predicted")
    if config.probability and config.minus_token is not None:
        raise InputError(
            "--probability was given with --minus-token",
            "--token alone: of two tokens, the log-probabilities differ as the logits do",
            "leave --probability out",
        )
    if config.probability and config.normalise:
        raise InputError(
            "--probability was given with --normalise", "one of them: probabilities sum to 1", "leave --normalise out"
        )
    if config.token is not None:
        if config.neuron is not None or config.direction is not None or site != "logits":
            raise InputError(
                "--token was given beside another target",
                "--token alone (with --minus-token)",
                "leave the others out",
            )
        if config.probability:
            return log_probability(config.token), position
        found = (
            logit(config.token) if config.minus_token is None else logit_difference(config.token, config.minus_token)
        )
        return (normalised(found) if config.normalise else found), position
    if site == "head" and config.head is None:
        raise InputError("no head was given", "the attention head to read", "give --head, counted from 0")
    if config.minus_token is not None:
        raise InputError("--minus-token was given alone", "--token as well", "give the token whose logit is raised")
    if site not in ("embed", "pooled", "logits") and config.layer is None:
        raise InputError("no layer was given", f"the layer of {site} to read", "give --layer, counted from 0")
    if config.direction is not None:
        if config.neuron is not None:
            raise InputError(
                "both a neuron and a direction were given", "one of them", "leave --neuron or --direction out"
            )
        target = direction(config.layer, config.direction, site=site, mean=mean, head=config.head)
    elif config.neuron is None:
        target = layer(config.layer, site=site, mean=mean, head=config.head)
    elif mean:
        target = channel(config.layer, config.neuron, site=site, head=config.head)
    else:
        target = neuron(config.layer, config.neuron, site=site, head=config.head)
    return (normalised(target) if config.normalise else target), position


def position_from(given: str | None, expected: str = "a token position, 0 or more") -> int | None:
    """The position that a flag gives."""
    if given is None:
        return None
    if not re.fullmatch(r"\d+", given):
        raise InputError(f"--position {given!r} was given", expected, "see `textdream tokens`")
    return int(given)


def free_positions(setting: Setting, free: str | None, flag: str = "--free") -> tuple[int, ...]:
    """Positions that may change: `word`, `all`, `3:9` (3 to 8, as in Python) or `2,5,7`.

    None is `word`; where that is read behind a mask, which stays, it is `all`.

    Raises
    ------
    InputError
        If the range lies outside the text or covers special tokens.
    """
    masked = setting.objective.masked.intersection(setting.word or (setting.position,))
    if free is None:
        free = "all" if masked else "word"
    if free == "word":
        if masked:
            others = setting.model.tokens.open_positions(setting.ids.tolist())
            raise InputError(
                f"{flag} word was given, but the word is masked, as what is predicted there is read",
                "other positions",
                f"give {flag} all, or some of {_listed(others)}",
            )
        if not setting.word and setting.position is None:
            raise InputError(
                f"{flag} word was given without a word",
                "the word or position that is read",
                f"give --word, --position or {flag} all",
            )
        return _ordinary(setting.model, setting.ids, list(setting.word) or [setting.position or 0], free, flag)
    return free_positions_of(setting.model, setting.ids, free, flag)


def free_positions_of(model: Model, ids: Int[Tensor, " pos"], free: str, flag: str) -> tuple[int, ...]:
    """Positions of ordinary tokens: `all`, `3:9` (3 to 8, as in Python) or `2,5,7`.

    Raises
    ------
    InputError
        If the range lies outside the text or covers special tokens.
    """
    length = len(ids)
    if free == "all":
        return _ordinary(model, ids, model.tokens.open_positions(ids.tolist()), free, flag)
    if match := re.fullmatch(r"(\d+):(\d+)", free):
        # Cut at what no text reaches: the check below names the end that was given.
        chosen = list(range(int(match[1]), min(int(match[2]), int(match[1]) + length + 1)))
    elif re.fullmatch(r"\d+(,\d+)*", free):
        chosen = sorted({int(part) for part in free.split(",")})
    else:
        raise InputError(
            f"{flag} {free!r} was given",
            "word, all, a range such as 3:9, or a list such as 2,5,7",
            "give one of these",
        )
    return _ordinary(model, ids, chosen, free, flag)


def _ordinary(model: Model, ids: Int[Tensor, " pos"], chosen: list[int], free: str, flag: str) -> tuple[int, ...]:
    """The chosen positions, all of them ordinary tokens of the text."""
    tokens, length = model.tokens, len(ids)
    possible = tokens.open_positions(ids.tolist())
    if not possible:
        raise InputError(f"{flag} {free} finds nothing but special tokens", "ordinary ones", "give a longer text")
    if not chosen:
        raise InputError(
            f"{flag} {free} holds no position", "at least one", "give a range whose end lies after its start"
        )
    if chosen[-1] >= length:
        raise InputError(
            f"{flag} {free} reaches position {chosen[-1]}",
            f"the text has {length} tokens: 0 to {length - 1}",
            "see `textdream tokens`",
        )
    covered = [position for position in chosen if position not in possible]
    if covered:
        names = ", ".join(f"{tokens.names([int(ids[p])])[0]} at {p}" for p in covered)
        whole = len(possible) == possible[-1] + 1 - possible[0]
        raise InputError(
            f"{flag} {free} covers special tokens ({names})",
            "positions of ordinary tokens",
            f"stay within {possible[0]}:{possible[-1] + 1}"
            if whole
            else f"give {flag} all, or some of {_listed(possible)}",
        )
    return tuple(chosen)


def _listed(positions: Sequence[int]) -> str:
    """Positions with commas, the middle of many left out."""
    shown = [str(position) for position in positions]
    return ",".join(shown if len(shown) <= 12 else [*shown[:6], "…", *shown[-3:]])


def header(model: Model, config: Any, seconds: float) -> dict[str, Any]:
    """What every result begins with."""
    return {
        "schema": SCHEMA,
        "textdream": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": model.info,
        "seed": config.seed,
        "settings": {
            **dataclasses.asdict(config),
            "precision": str(model.engine.search_dtype).removeprefix("torch."),
        },
        "seconds": round(seconds, 3),
    }
