"""The models that may be used: loaded once each, when first asked for, and kept."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import BaseModel

from textdream.errors import InputError, TextdreamError

if TYPE_CHECKING:
    from textdream.model import Model


class ModelLimits(BaseModel):
    """What a model has: the limits of a form's fields."""

    architecture: str
    layers: int
    width: int
    """Units of the residual stream."""
    feed_forward: int | None
    """Neurons of a feed-forward, where the model has one that was found."""
    heads: int
    head_width: int | None
    embedding: int
    vocabulary: int
    longest: int
    """Tokens of a text at most, special ones counted."""
    sites: list[str]
    widths: dict[str, int]
    """Neurons at each site."""
    causal: bool
    masked_head: bool
    next_token_head: bool
    mask: str | None
    """The mask token."""


class ModelAnswer(BaseModel):
    """A model at hand."""

    name: str
    summary: str
    limits: ModelLimits | None
    """Null until the model was loaded."""


class Models:
    """The models that may be named, and those that are loaded. Its methods may be called from any thread.

    Parameters
    ----------
    names
        Names or folders that are allowed beside those at hand; if given, only these are.
    loaded
        Models that are in memory, by name.
    """

    def __init__(self, names: Sequence[str] = (), device: str = "cpu", loaded: dict[str, Model] | None = None) -> None:
        self.device = device
        self._summaries = dict.fromkeys(loaded or {}, "in memory") or _summaries(names)
        self._models: dict[str, Model] = dict(loaded or {})
        self._limits = {name: limits_of(model) for name, model in self._models.items()}
        self._guards = {name: threading.Lock() for name in self._summaries}

    @property
    def names(self) -> list[str]:
        """Those that may be named; the first is the default."""
        return list(self._summaries)

    def answers(self) -> list[ModelAnswer]:
        """All of them; nothing is loaded."""
        return [self._answer(name) for name in self._summaries]

    def answer(self, name: str) -> ModelAnswer:
        """One of them, loaded. Raises as `get`."""
        self.get(name)
        return self._answer(name)

    def get(self, name: str) -> Model:
        """The model, which is loaded if it is not.

        Raises
        ------
        InputError
            If the name is not one that may be used.
        ModelError
            If it cannot be loaded.
        """
        if name not in self._summaries:
            raise InputError(
                f"the model {name[:60]!r} may not be used here",
                f"one of {', '.join(self._summaries)}",
                "choose one of them, or start the studio with --models",
            )
        with self._guards[name]:
            if name not in self._models:
                from textdream.model import load

                model = load(name, device=self.device)
                self._limits[name] = limits_of(model)
                self._models[name] = model
            return self._models[name]

    def _answer(self, name: str) -> ModelAnswer:
        return ModelAnswer(name=name, summary=self._summaries[name], limits=self._limits.get(name))


def limits_of(model: Model) -> ModelLimits:
    """The limits of a model. All widths are measured here, so that a form is checked without a pass of the model."""
    from textdream.model.sites import BLOCK_SITES, SITES

    widths: dict[str, int] = {}
    for site in SITES:
        layers = range(model.info.layers) if site in BLOCK_SITES else (None,)
        with suppress(TextdreamError):
            widths[site] = {model.width(site, layer) for layer in layers}.pop()
    tokens, head = model.tokens, model.layout.decoder is not None
    mask = None if tokens.mask is None else tokens.names([tokens.mask])[0]
    return ModelLimits(
        architecture=model.info.architecture,
        layers=model.info.layers,
        width=model.info.width,
        feed_forward=widths.get("mlp_post"),
        heads=model.hf.config.num_attention_heads,
        head_width=widths.get("head"),
        embedding=widths["embed"],
        vocabulary=model.info.vocabulary_size,
        longest=tokens.max_length,
        sites=list(widths),
        widths=widths,
        causal=tokens.causal,
        masked_head=head and not tokens.causal,
        next_token_head=head and tokens.causal,
        mask=mask,
    )


def _summaries(names: Sequence[str]) -> dict[str, str]:
    """What may be named: the names given, else those at hand."""
    from textdream.model.catalog import PACKAGED, cached_names

    at_hand = {model.name: model.summary for model in PACKAGED.values() if model.find() is not None}
    at_hand |= dict.fromkeys(sorted(cached_names()), "in the Hugging Face cache")
    if not names:
        return at_hand
    return {name: at_hand.get(name, "named when the studio was started") for name in names}
