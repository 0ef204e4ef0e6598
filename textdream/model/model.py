"""A loaded model: the Hugging Face module, its tokens, its layout, and what results say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from textdream.model.sites import Layout
from textdream.model.tokens import Tokens
from textdream.records import BareSample, ModelInfo, Sample

if TYPE_CHECKING:
    from textdream.model.engine import Engine


@dataclass
class Model:
    """What every experiment starts from; made by `textdream.load`."""

    hf: Any
    """The `PreTrainedModel`, never changed."""
    tokens: Tokens
    layout: Layout
    info: ModelInfo
    name: str = field(init=False)
    _widths: dict[tuple[str, int | None], int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.name = self.info.name

    @cached_property
    def engine(self) -> Engine:
        """The engine on this model, made once: it keeps the copy that the search runs in."""
        from textdream.model.engine import Engine

        return Engine(self)

    def width(self, site: str, layer: int | None) -> int:
        """Units in the last dimension of a site (of one head, for `head`): looked at in a pass over one token."""
        key = (site, None if site in ("embed", "pooled", "logits") else layer)
        if key not in self._widths:
            self._widths[key] = self.engine.width(*key)
        return self._widths[key]

    def bare_sample(self, ids: Any) -> BareSample:
        """A result's sample of these ids, without an activation."""
        import torch

        row = [int(id_) for id_ in ids]
        return BareSample(
            ids=row,
            tokens=self.tokens.names(row),
            text=self.tokens.text(row),
            round_trip=bool(self.tokens.survives(torch.tensor([row]))[0]),
        )

    def sample(self, ids: Any, activation: float) -> Sample:
        """A result's sample of these ids."""
        return Sample(**dict(self.bare_sample(ids)), activation=activation)
