"""From candidates to values: exact in float32, fast for searching, and with gradients for soft inputs and one-hots."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.errors import ModelError
from textdream.model.capture import capture
from textdream.model.fused import LANES, FusedEncoder, round_up
from textdream.model.precision import search_dtype
from textdream.model.reads import Read
from textdream.model.sites import BLOCK_SITES, Place

if TYPE_CHECKING:
    from textdream.model.model import Model

# Tokens in one batch: large enough for the matrix products to run at their full rate, small enough for the
# activations of a layer to stay in the cache (measured in benchmarks/speed.py).
BATCH_TOKENS = 8192
FILL = 1024
# Hooks of one thread would read what another's pass gives. (Not an engine's own: two may share the modules of a model.)
_TURNS = Lock()


@runtime_checkable
class Readable(Protocol):
    """What the engine needs of an objective."""

    @property
    def reads(self) -> frozenset[Read]:
        """The places it reads."""

    def value(self, activations: Mapping[Read, Tensor]) -> Float[Tensor, " batch"]:
        """One number for each candidate."""


class Engine:
    """Runs one model. The model, its mode, its gradients and the random state are as before after every call.

    Attributes
    ----------
    evaluations
        Candidates evaluated since the engine was made, in either precision.
    batch_tokens
        Tokens in one batch; halved when memory runs short.
    """

    def __init__(self, model: Model, search_dtype: torch.dtype | None = None) -> None:
        self.model = model
        self.device = model.hf.device
        exact = model.hf.dtype in (torch.float32, torch.float64)
        self.hf = model.hf if exact else copy.deepcopy(model.hf).float()
        self.dtype: torch.dtype = self.hf.dtype
        self.batch_tokens = BATCH_TOKENS
        self.evaluations = 0
        # A copy made for float32, or for searching, has modules of its own: its places are found anew.
        self._layout = model.layout if exact else _layout_like(self.hf, model)
        self._given_dtype = search_dtype

    @cached_property
    def search_dtype(self) -> torch.dtype:
        """The precision that searching runs in: the one given, or the faster one."""
        if self._given_dtype is not None:
            return self._given_dtype
        return search_dtype(str(self.device)) if self.dtype == torch.float32 else self.dtype

    @cached_property
    def table(self) -> Float[Tensor, "d_vocab d_embed"]:
        """The row that each token id puts into the model (scaled, where the embedding module scales)."""
        embed = self.hf.get_input_embeddings()
        with torch.no_grad():
            return embed(torch.arange(embed.weight.shape[0], device=self.device))

    @torch.no_grad()
    def values(self, ids: Int[Tensor, "batch pos"], objective: Readable) -> Float[Tensor, " batch"]:
        """The objective's values in float32, by the Hugging Face modules themselves: what a result reports."""
        values = self._batched(ids, lambda part: objective.value(self._read(objective.reads, input_ids=part)))
        if not values.isfinite().all():
            raise ModelError(
                f"{self.model.name} gives NaN or infinity", "finite activations", "check the model's weights"
            )
        return values

    @torch.no_grad()
    def search_values(self, ids: Int[Tensor, "batch pos"], objective: Readable) -> Float[Tensor, " batch"]:
        """Values to search by: fast, and off from `values` by the rounding of `search_dtype`."""
        if self._fused is not None and self._fused.can_read(objective.reads):
            return self._batched(ids, lambda part: objective.value(self._run_fused(part, objective.reads)))
        if self._search_copy is None:
            return self.values(ids, objective)
        hf, layout = self._search_copy
        return self._batched(ids, lambda part: objective.value(self._read(objective.reads, hf, layout, input_ids=part)))

    def sites(
        self, texts: Sequence[Int[Tensor, "_count _length"]], reads: Iterable[Read]
    ) -> Iterator[tuple[Read, Float[Tensor, "tokens d"]]]:
        """Activations of whole sites at every token of many texts, in the search precision, as they are formed.

        Several threads may ask for some each, and for nothing else meanwhile: they run side by side where `concurrent`, and
        take turns elsewhere.

        Parameters
        ----------
        texts
            Groups of texts of equal length. Rows of the activations: the first group's tokens, text by text, then the next's.
        reads
            Places without position and head.
        """
        reads = set(reads)
        if self.concurrent(reads):
            yield from self._walk_fused(texts, reads)
            return
        # Not around what is yielded: the caller's gradients are his own.
        with _TURNS, torch.no_grad():
            hf, layout = self._search_copy or (self.hf, self._layout)
            found = [self._read(reads, hf, layout, input_ids=ids) for ids in texts]
        for read in sorted(reads, key=lambda read: (read.layer or 0, read.site)):
            yield read, torch.cat([part[read].flatten(0, 1) for part in found])

    def concurrent(self, reads: Iterable[Read]) -> bool:
        """Whether several threads gain by asking for `sites` side by side. Hooks on one model have to take turns."""
        return self._fused is not None and self._fused.can_read(reads)

    @torch.no_grad()
    def activations(self, ids: Int[Tensor, "batch pos"], reads: Iterable[Read]) -> dict[Read, Tensor]:
        """What is read, in float32, by the Hugging Face modules themselves: [batch, d] with a position, else [batch, pos, d]."""
        reads = frozenset(reads)
        size = max(1, self.batch_tokens // ids.shape[1])
        parts = [self._read(reads, input_ids=ids[start : start + size]) for start in range(0, len(ids), size)]
        return {read: torch.cat([part[read] for part in parts]).to("cpu") for read in reads}

    def soft_activations(self, embeds: Float[Tensor, "batch pos d_embed"], reads: Iterable[Read]) -> dict[Read, Tensor]:
        """What is read where rows of `table`, or anything between them, stand at the positions; attached to the graph."""
        return self._read(reads, inputs_embeds=embeds)

    def place(self, read: Read) -> Place:
        """The module that a read looks at, in the float32 model."""
        return self._layout.place(read.site, read.layer)

    @torch.no_grad()
    def double_activations(self, ids: Int[Tensor, "batch pos"], reads: Iterable[Read]) -> dict[Read, Tensor]:
        """`activations` in float64: what float32 is off by."""
        hf, layout = self._double
        return {read: value.to("cpu") for read, value in self._read(reads, hf, layout, input_ids=ids).items()}

    @torch.no_grad()
    def screened(self, ids: Int[Tensor, "batch pos"], read: Read) -> Float[Tensor, "batch pos d"]:
        """A whole site in the search precision: to search by, never to decide."""
        size = max(1, self.batch_tokens // ids.shape[1])
        parts = [value for part in ids.split(size) for _, value in self.sites([part], [read])]
        return torch.cat(parts).float().to("cpu").unflatten(0, tuple(ids.shape))

    @torch.no_grad()
    def width(self, site: str, layer: int | None) -> int:
        """Units in the last dimension of a site."""
        read = Read(site, layer, head=0 if site == "head" else None)
        ids = self.model.tokens.allowed[:1].view(1, 1)
        return int(self._read({read}, input_ids=ids)[read].shape[-1])

    def soft_values(
        self,
        ids: Int[Tensor, " pos"],
        positions: Sequence[int],
        weights: Float[Tensor, "batch free d_vocab"],
        objectives: Sequence[Readable],
    ) -> Float[Tensor, "objective batch"]:
        """Values of a text in which some positions hold mixtures of tokens, attached to the graph of `weights`."""
        fixed = self.table[ids.to(self.device)].expand(len(weights), -1, -1)
        embeds = fixed.index_copy(1, torch.tensor(positions, device=self.device), weights @ self.table)
        activations = self._read(
            frozenset().union(*(objective.reads for objective in objectives)), inputs_embeds=embeds
        )
        return torch.stack([objective.value(activations) for objective in objectives])

    def gradients(
        self, ids: Int[Tensor, "batch pos"], objective: Readable, positions: Sequence[int]
    ) -> Float[Tensor, "batch free d_vocab"]:
        """d value / d one-hot at each free position: the first-order gain of each token, up to a constant a position.

        HotFlip (Ebrahimi et al. 2018): gain of v over the present token u = gradient[v] - gradient[u].
        """
        embeds = self.table[ids.to(self.device)].detach().requires_grad_(True)
        with torch.enable_grad():
            value = objective.value(self._read(objective.reads, inputs_embeds=embeds)).sum()
            (gradient,) = torch.autograd.grad(value, embeds)
        return gradient[:, list(positions)] @ self.table.T

    def _read(self, reads: Iterable[Read], hf: Any = None, layout: Any = None, **inputs: Tensor) -> dict[Read, Tensor]:
        """One pass of the Hugging Face model, with hooks, as far as the deepest read."""
        hf, layout = hf or self.hf, layout or self._layout
        reads = set(reads)
        places = {(read.site, read.layer): layout.place(read.site, read.layer) for read in reads}
        if any(key.startswith("input_ids") for key in inputs):
            inputs = {key: value.to(self.device) for key, value in inputs.items()}
        extra = {"use_cache": False} if hasattr(hf.config, "use_cache") else {}
        whole = capture(hf, places, **inputs, **extra)
        found = {}
        for read in reads:
            value = whole[read.site, read.layer]
            if read.site in BLOCK_SITES and value.ndim == 2:  # OPT's feed-forward sees all positions in one row.
                value = value.unflatten(0, (next(iter(inputs.values())).shape[0], -1))
            value = read.select(value, hf.config.num_attention_heads)
            found[read] = layout.logits(value) if read.site == "logits" and layout.decoder is not None else value
        return found

    @cached_property
    def _fused(self) -> FusedEncoder | None:
        if self.device.type != "cpu" or self.dtype != torch.float32:
            return None
        return FusedEncoder.build(self.hf, self._layout, self.search_dtype)

    def _run_fused(self, ids: Tensor, reads: frozenset[Read]) -> dict[Read, Tensor]:
        assert self._fused is not None
        count = len(ids)
        ids = torch.cat([ids, ids[-1:].expand(round_up(count) - count, -1)])
        embed = Read("embed")
        x = self._read({embed}, input_ids=ids)[embed]
        found = self._fused.run(x.to(self.search_dtype), ids, set(reads))
        return {read: value[:count].float() for read, value in found.items()}

    def _walk_fused(self, texts: Sequence[Tensor], reads: set[Read]) -> Iterator[tuple[Read, Tensor]]:
        assert self._fused is not None
        embed = Read("embed")
        with _TURNS, torch.no_grad():
            parts = [self._read({embed}, input_ids=ids)[embed].to(self.search_dtype).flatten(0, 1) for ids in texts]
        count = sum(map(len, parts))
        # Filled up to a few sizes, for what `round_up` says of the processor's kernels.
        filling = -(-(count + LANES) // FILL) * FILL - count
        x = torch.cat([*parts, parts[-1].new_zeros(filling, parts[-1].shape[1])])
        for read, value in self._fused.walk(x, [(ids.shape[0], ids.shape[1]) for ids in texts], reads):
            yield read, value[:count]

    @cached_property
    def _search_copy(self) -> tuple[Any, Any] | None:
        """A copy of the model in the search precision, or None where float32 is as fast."""
        if self.search_dtype == self.dtype:
            return None
        hf = copy.deepcopy(self.hf).to(self.search_dtype)
        return hf, _layout_like(hf, self.model)

    @cached_property
    def _double(self) -> tuple[Any, Any]:
        hf = copy.deepcopy(self.hf).double()
        return hf, _layout_like(hf, self.model)

    def _batched(self, ids: Tensor, run: Callable[[Tensor], Tensor]) -> Float[Tensor, " batch"]:
        """Run in batches that fit; when memory runs short, halve the batch and go on."""
        done: list[Tensor] = []
        start = 0
        while start < len(ids):
            size = max(1, self.batch_tokens // ids.shape[1])
            part = ids[start : start + size]
            try:
                done.append(run(part).to("cpu", self.dtype))
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                if len(part) == 1:
                    raise ModelError(
                        "memory ran out on a single text",
                        "room for one",
                        "give a shorter text or a smaller model",
                    ) from None
                self.batch_tokens = max(1, len(part) // 2) * ids.shape[1]
                if self.device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            start += len(part)
        self.evaluations += len(ids)
        return torch.cat(done) if done else torch.zeros(0, dtype=self.dtype)


def _is_out_of_memory(error: BaseException) -> bool:
    text = str(error).lower()
    return (
        isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in text or "out of memory" in text
    )


def _layout_like(hf: Any, model: Model) -> Any:
    """The layout of a copy of the model, with the same parts on offer."""
    from textdream.model.sites import find_layout

    layout = model.layout
    trained = {
        part
        for part, there in (("pooler", layout.pooler), ("head", layout.decoder or layout.classes))
        if there is not None
    }
    return find_layout(hf, trained)
