"""The tokens that a causal model has already read, with their keys and values: what comes next costs one token."""

from __future__ import annotations

import copy
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.model.capture import capture
from textdream.model.engine import Engine
from textdream.model.reads import Read


class Prefix:
    """Tokens decided so far, and a site's state at the next one.

    Parameters
    ----------
    engine
        Of a causal model.
    read
        Site and layer (and head).
    """

    def __init__(self, engine: Engine, read: Read) -> None:
        from transformers import DynamicCache

        self.engine, self.read = engine, read
        self._place = engine.place(read)
        self._cache = DynamicCache()
        self.ids: list[int] = []

    @torch.no_grad()
    def states(self, tokens: Int[Tensor, " batch"]) -> Float[Tensor, "batch d"]:
        """The state that each token would have as the next one, in float32."""
        return self._run(self._copied(len(tokens)), input_ids=tokens[:, None].to(self.engine.device)).cpu()

    def soft_state(self, row: Float[Tensor, " d_embed"]) -> Float[Tensor, " d"]:
        """The state of an embedding row as the next one, attached to its graph."""
        return self._run(self._copied(1), inputs_embeds=row[None, None])[0]

    @torch.no_grad()
    def push(self, token: int) -> None:
        """Decide the next token."""
        self._run(self._cache, input_ids=torch.tensor([[token]], device=self.engine.device))
        self.ids.append(token)

    def _copied(self, count: int) -> Any:
        cache = copy.deepcopy(self._cache)
        if self.ids and count > 1:
            cache.batch_repeat_interleave(count)
        return cache

    def _run(self, cache: Any, **inputs: Tensor) -> Tensor:
        hf = self.engine.hf
        state = capture(hf, {self.read: self._place}, past_key_values=cache, use_cache=True, **inputs)[self.read]
        # OPT's feed-forward sees all positions in one row.
        state = state if state.ndim == 3 else state[:, None]
        return self.read.select(state, hf.config.num_attention_heads)[:, -1]
