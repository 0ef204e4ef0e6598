"""A fast forward pass for encoders of BERT's build, used to search and never to decide.

It computes what the Hugging Face blocks compute (a test holds the two together) with four savings:

- linear maps are packed once for the processor, with bias, activation and residual inside the product;
- in the first block, queries, keys and values depend on token and position alone, and a batch of candidates has few
  different ones: each is computed once;
- in the deepest block, only the positions that are read go on, and for those the keys and values of the others are never
  formed: (W_q x_p)·(W_k x_i) = (W_kᵀ W_q x_p)·x_i, and Σ a_i W_v x_i = W_v Σ a_i x_i. It runs in float32: that costs a
  twentieth of the whole, and the rounding of the last block is the largest part of what reaches the value;
- attention over a dozen tokens is two small batched products, faster there than the flash kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from textdream.model.reads import Read
from textdream.model.sites import Layout


@dataclass(frozen=True)
class Parts:
    """Names of a block's linear maps and norms; the norm follows the residual (post-LN), as in BERT."""

    query: str
    key: str
    value: str
    out: str
    norm1: str
    up: str
    down: str
    norm2: str


_BERT = Parts(
    "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
    "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm",
)  # fmt: skip
_DISTILBERT = Parts(
    "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin",
    "sa_layer_norm", "ffn.lin1", "ffn.lin2", "output_layer_norm",
)  # fmt: skip
_ALBERT = Parts(
    "attention.query", "attention.key", "attention.value", "attention.dense",
    "attention.LayerNorm", "ffn", "ffn_output", "full_layer_layer_norm",
)  # fmt: skip

PARTS = {"bert": _BERT, "roberta": _BERT, "electra": _BERT, "distilbert": _DISTILBERT, "albert": _ALBERT}
# Numbers that the attention kernel takes at once: 16 float32 in 512 bits (with 256 bits two steps).
LANES = 16
READABLE = ("resid_post", "mlp_pre", "mlp_post", "attn_out")


class PackedLinear:
    """x Wᵀ + b, with an activation or a residual inside, by the processor's own kernels where torch has them.

    `torch.ops.mkldnn._linear_pointwise` is what torch.compile emits for frozen weights on x86. It is no public name, so it
    is tried once, compared with the plain product, and left alone if either fails.
    """

    def __init__(self, weight: Tensor, bias: Tensor, gelu: bool = False) -> None:
        self.weight, self.bias, self.gelu = weight.contiguous(), bias.contiguous(), gelu
        self.packed = self._pack()

    def _pack(self) -> Tensor | None:
        if self.weight.device.type != "cpu" or self.weight.dtype not in (torch.bfloat16, torch.float32):
            return None
        try:
            packed = torch.ops.mkldnn._reorder_linear_weight(self.weight, 4096)
            probe = torch.linspace(-1, 1, 4 * self.weight.shape[1], dtype=self.weight.dtype).view(4, -1)
            fused = torch.ops.mkldnn._linear_pointwise(probe, packed, self.bias, "none", [], "")
        except (RuntimeError, AttributeError, NotImplementedError, TypeError):
            return None
        plain = F.linear(probe, self.weight, self.bias)
        return packed if torch.allclose(fused, plain, rtol=0.05, atol=0.05 * float(plain.abs().max())) else None

    def __call__(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """x: [..., inputs]; residual: [..., outputs], added to the product."""
        if self.packed is None:
            y = F.linear(x, self.weight, self.bias)
            y = F.gelu(y) if self.gelu else y
            return y if residual is None else y + residual
        if residual is not None:
            return torch.ops.mkldnn._linear_pointwise.binary(x, residual, self.packed, self.bias, "add")
        if self.gelu:
            return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "gelu", [], "none")
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")


class FusedBlock:
    """One post-LN block."""

    def __init__(
        self,
        block: nn.Module,
        parts: Parts,
        heads: int,
        activation: Callable[[Tensor], Tensor],
        dtype: torch.dtype,
    ) -> None:
        def linear(path: str, scale: float = 1.0) -> tuple[Tensor, Tensor]:
            module: Any = block.get_submodule(path)
            return (module.weight.detach() * scale).to(dtype), (module.bias.detach() * scale).to(dtype)

        self.heads, self.activation = heads, activation
        width = linear(parts.query)[0].shape[1]
        scale = (width // heads) ** -0.5
        (self.wq, self.bq), (self.wk, bk), (self.wv, self.bv) = (
            linear(parts.query, scale),
            linear(parts.key),
            linear(parts.value),
        )
        self.qkv = PackedLinear(torch.cat([self.wq, self.wk, self.wv]), torch.cat([self.bq, bk, self.bv]))
        self.out = PackedLinear(*linear(parts.out))
        gelu = activation is F.gelu
        self.up = PackedLinear(*linear(parts.up), gelu=gelu)
        self.up_plain = PackedLinear(*linear(parts.up)) if gelu else self.up
        self.down = PackedLinear(*linear(parts.down))
        self.norms = []
        for path in (parts.norm1, parts.norm2):
            norm: Any = block.get_submodule(path)
            self.norms.append(
                (
                    norm.normalized_shape,
                    norm.weight.detach().to(dtype),
                    norm.bias.detach().to(dtype),
                    norm.eps,
                )
            )

    def attention(self, qkv: Float[Tensor, "batch pos qkv"]) -> Float[Tensor, "batch pos d_model"]:
        """Full self-attention of every position, heads side by side, before the output projection."""
        batch, pos, _ = qkv.shape
        q, k, v = qkv.view(batch, pos, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-1, -2), dim=-1)
        return (weights @ v).transpose(1, 2).reshape(batch, pos, -1)

    def attend(
        self, qkv: Float[Tensor, "rows qkv"], start: int, count: int, length: int, out: Float[Tensor, "rows d_model"]
    ) -> None:
        """`attention` of `count` texts of equal length from row `start` on, into the same rows of `out`.

        Its kernel keeps nothing for each size it has seen: texts come in thousands of them. It takes a row of keys in steps of
        `LANES` and what is left over one by one, two to three times as slowly; so the keys go on into the rows that follow
        (the next text's, or the filling), behind a mask.
        """
        row, size = qkv.stride(0), out.shape[1] // self.heads
        keys = -(-length // LANES) * LANES
        shape, strides = (3, count, self.heads, keys, size), (out.shape[1], length * row, size, row, 1)
        q, k, v = qkv.as_strided(shape, strides, start * row)
        mask = qkv.new_zeros(keys).index_fill_(0, torch.arange(length, keys), -torch.inf).expand(length, keys)
        # The query's weights are scaled already.
        mixed = F.scaled_dot_product_attention(q[:, :, :length], k, v, mask, scale=1.0)
        out[start : start + count * length].view(count, length, self.heads, size).copy_(mixed.transpose(1, 2))

    def attention_at(
        self, x: Float[Tensor, "batch pos d_model"], positions: list[int]
    ) -> Float[Tensor, "batch read d_model"]:
        """Self-attention of a few positions; keys and values are folded into the query and the sum."""
        batch, _, width = x.shape
        size = width // self.heads
        q = F.linear(x[:, positions], self.wq, self.bq).view(batch, len(positions), self.heads, size)
        folded = torch.einsum("bphs,hsd->bphd", q, self.wk.view(self.heads, size, width)).flatten(1, 2)
        # The key's bias adds the same to every score of a query, which the softmax takes out again.
        weights = torch.softmax(folded @ x.transpose(1, 2), dim=-1)
        mixed = (weights @ x).view(batch, len(positions), self.heads, width)
        return torch.einsum("bphd,hsd->bphs", mixed, self.wv.view(self.heads, size, width)).flatten(2) + self.bv

    def finish(self, mixed: Tensor, x: Tensor, wanted: set[str]) -> dict[str, Tensor]:
        """From the mixed values to the sites in `wanted` (and resid_post if it is wanted)."""
        found: dict[str, Tensor] = {}
        if "attn_out" in wanted:
            found["attn_out"] = self.out(mixed)
        middle = F.layer_norm(self.out(mixed, residual=x), *self.norms[0])
        if "mlp_pre" in wanted:
            found["mlp_pre"] = self.up_plain(middle)
        if wanted & {"mlp_post", "resid_post"}:
            hidden = self.up(middle) if self.activation is F.gelu else self.activation(self.up(middle))
            if "mlp_post" in wanted:
                found["mlp_post"] = hidden
            if "resid_post" in wanted:
                found["resid_post"] = F.layer_norm(self.down(hidden, residual=middle), *self.norms[1])
        return found


class FusedEncoder:
    """The blocks of one encoder, in one precision.

    Parameters
    ----------
    blocks
        In the order they run.
    exact
        Gives the block of a layer in float32.
    """

    def __init__(self, blocks: list[FusedBlock], exact: Callable[[int], FusedBlock]) -> None:
        self.blocks, self.exact = blocks, exact

    @staticmethod
    def build(hf: Any, layout: Layout, dtype: torch.dtype) -> FusedEncoder | None:
        """The fused encoder of a model, or None if the model is not of this build."""
        config = hf.config
        parts = PARTS.get(config.model_type)
        if parts is None or getattr(config, "is_decoder", False):
            return None
        name = getattr(config, "hidden_act", None) or getattr(config, "activation", None)
        if name == "gelu":
            activation: Callable[[Tensor], Tensor] = F.gelu
        else:
            from transformers.activations import ACT2FN

            activation = ACT2FN[name]

        @cache  # Layers may share a block, and the search may be in float32 anyway.
        def make(block: nn.Module, dtype: torch.dtype) -> FusedBlock:
            return FusedBlock(block, parts, config.num_attention_heads, activation, dtype)

        return FusedEncoder(
            [make(block, dtype) for block in layout.blocks], lambda layer: make(layout.blocks[layer], torch.float32)
        )

    @staticmethod
    def can_read(reads: Iterable[Read]) -> bool:
        """Whether all of `reads` are sites of blocks that this pass forms."""
        return all(read.site in READABLE for read in reads)

    def run(
        self, x: Float[Tensor, "batch pos d_model"], ids: Int[Tensor, "batch pos"], reads: set[Read]
    ) -> dict[Read, Tensor]:
        """Activations of `reads`, [batch, d] where a read has a position, else [batch, pos, d].

        Parameters
        ----------
        x
            What enters the first block, as the Hugging Face embeddings give it.
        ids
            The candidates' token ids.
        """
        deepest = max(read.layer for read in reads if read.layer is not None)
        at_end = [read for read in reads if read.layer == deepest]
        ends: list[int] | None = sorted({read.position for read in at_end if read.position is not None})
        if any(read.position is None for read in at_end):
            ends = None
        found: dict[Read, Tensor] = {}
        for layer, block in enumerate(self.blocks[: deepest + 1]):
            here = [read for read in reads if read.layer == layer]
            wanted = {read.site for read in here}
            if layer == deepest and ends is not None:
                last, x = self.exact(layer), x.float()
                sites = last.finish(last.attention_at(x, ends), x[:, ends], wanted)
                found |= {
                    read: sites[read.site][:, ends.index(read.position)] for read in here if read.position is not None
                }
                break
            qkv = self._first_qkv(block, x, ids) if layer == 0 else block.qkv(x)
            sites = block.finish(block.attention(qkv), x, wanted | {"resid_post"} if layer < deepest else wanted)
            found |= {read: read.select(sites[read.site]) for read in here}
            if layer < deepest:
                x = sites["resid_post"]
        return found

    def walk(
        self, x: Float[Tensor, "tokens d_model"], texts: Sequence[tuple[int, int]], reads: set[Read]
    ) -> Iterator[tuple[Read, Float[Tensor, "tokens d"]]]:
        """Activations of whole sites, layer by layer, for texts of different lengths that lie one after the other.

        Only attention needs to know where a text ends: everything else is done on all tokens at once, without padding.

        Parameters
        ----------
        x
            What enters the first block: groups of texts of equal length, one after the other, then at least `LANES` rows
            of no meaning.
        texts
            For each group how many texts it has, and their length.
        """
        deepest = max(read.layer for read in reads if read.layer is not None)
        for layer, block in enumerate(self.blocks[: deepest + 1]):
            here = [read for read in reads if read.layer == layer]
            wanted = {read.site for read in here}
            with torch.no_grad():
                qkv = block.qkv(x)
                mixed = torch.empty_like(x)
                start = 0
                for count, length in texts:
                    block.attend(qkv, start, count, length, mixed)
                    start += count * length
                mixed[start:] = 0  # Behind a mask, but NaN would come through.
                sites = block.finish(mixed, x, wanted | {"resid_post"} if layer < deepest else wanted)
            for read in here:
                yield read, sites[read.site]
            if layer < deepest:
                x = sites["resid_post"]

    @staticmethod
    def _first_qkv(block: FusedBlock, x: Tensor, ids: Tensor) -> Tensor:
        """Queries, keys and values of the first block: each different (position, token) is computed once."""
        batch, pos = ids.shape
        key = ids.to(x.device) * pos + torch.arange(pos, device=x.device)
        unique, inverse = torch.unique(key, return_inverse=True)
        first = torch.empty(len(unique), dtype=torch.long, device=x.device)
        first[inverse.flatten()] = torch.arange(batch * pos, device=x.device)
        first = F.pad(first, (0, round_up(len(first)) - len(first)))
        return block.qkv(x.reshape(batch * pos, -1)[first])[inverse]


def round_up(rows: int) -> int:
    """The next of 1, 2, 4 … 64, 128, 192, …: batches are filled up to these sizes.

    The processor's kernels keep several megabytes for each size they have seen; with every size that a search happens
    to make, memory grew by a gigabyte a minute.
    """
    return 1 << (rows - 1).bit_length() if rows <= 64 else -(-rows // 64) * 64
