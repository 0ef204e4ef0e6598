"""Objectives on the model's output: a token's or class's logit, the difference of two, and its log-probability."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.errors import InputError
from textdream.model.model import Model
from textdream.model.reads import Read
from textdream.objectives.base import Activations, Objective, check_position
from textdream.objectives.features import has_positions
from textdream.records import Target


@dataclass(frozen=True)
class Logit(Objective):
    """logit(token), or logit(token) - logit(minus), at one position, which a model that sees both sides reads masked.

    Without the mask the token itself, put at the position, would be the answer: such a model copies what it sees.
    """

    token: int | str
    minus: int | str | None
    position: int | None
    label: str = ""
    masks: bool = True
    """Whether the model has a mask token to put at the position; known once it is bound."""

    @property
    def reads(self) -> frozenset[Read]:
        """The logits at the position."""
        return frozenset({Read("logits", None, self.position)})

    @property
    def masked(self) -> frozenset[int | None]:
        """The position."""
        return frozenset({self.position} if self.masks else ())

    def value(self, activations: Activations) -> Float[Tensor, " batch"]:
        """The logit or the difference."""
        (logits,) = (activations[read] for read in self.reads)
        value = logits[..., int(self.token)]
        return value if self.minus is None else value - logits[..., int(self.minus)]

    def bind(self, model: Model, position: int | None, length: int) -> Objective:
        """Tokens given as text become ids; masked where the model predicts behind a mask."""
        model.layout.place("logits", None)
        width = model.width("logits", None)

        def id_of(token: int | str) -> int:
            found = token if isinstance(token, int) else self._look_up(token, model)
            if not 0 <= found < width:
                raise InputError(
                    f"{found} is not among the logits of {model.name}",
                    f"0 to {width - 1}",
                    "give another --token",
                )
            return found

        own = None
        if has_positions("logits", model):
            own = check_position(self.position if self.position is not None else position, length)
        token, minus = id_of(self.token), None if self.minus is None else id_of(self.minus)
        names = [self._name(found, model) for found in (token, minus) if found is not None]
        masks = model.layout.classes is None and model.tokens.mask is not None
        label = " minus logit of ".join(names)
        return replace(self, token=token, minus=minus, position=own, label=label, masks=masks)

    @staticmethod
    def _name(found: int, model: Model) -> str:
        if model.layout.classes is not None:
            return str(model.hf.config.id2label.get(found, found))
        return model.tokens.names([found])[0]

    @staticmethod
    def _look_up(token: str, model: Model) -> int:
        if model.layout.classes is None:
            return model.tokens.token_id(token)
        labels = model.hf.config.label2id
        if token.isdigit():
            return int(token)
        if token not in labels:
            raise InputError(
                f"{token!r} is not a class of {model.name}",
                f"one of {', '.join(labels)}",
                "give one of them with --token",
            )
        return int(labels[token])

    def target(self) -> Target:
        """A logit or a logit difference."""
        return self._described("logit" if self.minus is None else "logit_difference", "logit")

    def _described(self, kind: Literal["logit", "logit_difference", "log_probability"], what: str) -> Target:
        at = "" if self.position is None else f" at position {self.position}"
        return Target.model_validate(
            {
                "kind": kind,
                "site": "logits",
                "position": self.position,
                "token": self.token,
                "minus_token": self.minus,
                "description": f"{what} of {self.label}{at}",
            }
        )


@dataclass(frozen=True)
class LogProbability(Logit):
    """log softmax(logits)[token] at one position, masked as for a logit (PAIR's dream_mlm).

    The softmax that PAIR raised has its optima at the same texts, but is flat where the probability is small.
    """

    def value(self, activations: Activations) -> Float[Tensor, " batch"]:
        """Natural logarithm, 0 at most; formed in float32 at least."""
        (logits,) = (activations[read] for read in self.reads)
        precise = torch.promote_types(logits.dtype, torch.float32)
        return logits.log_softmax(-1, dtype=precise)[..., int(self.token)]

    def target(self) -> Target:
        """A log-probability."""
        return self._described("log_probability", "log-probability")


def logit(token: int | str, *, position: int | None = None) -> Objective:
    """The logit of a token (id, or text that is one token) at a position, or of a class (number or label).

    A masked-token model reads it with the mask at the position, where it stays while other tokens change. A causal model
    predicts what follows the position.
    """
    return Logit(token, None, position)


def logit_difference(token: int | str, minus: int | str, *, position: int | None = None) -> Objective:
    """logit(token) - logit(minus) at a position, read as a logit is."""
    return Logit(token, minus, position)


def log_probability(token: int | str, *, position: int | None = None) -> Objective:
    """The log-probability of a token at a position, or of a class, read as a logit is."""
    return LogProbability(token, None, position)
