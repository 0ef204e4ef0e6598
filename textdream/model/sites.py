"""Where the sites are in each architecture: a table, and a search by structure for the others.

A site is a module inside a block and whether its input or its output is read. `mlp_post` is the input of the
down-projection, so that gated feed-forwards give the neuron that is really written; `head` is the input of the
attention's output projection, which the heads share in equal parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from textdream.errors import InputError, ModelError

Site = Literal["embed", "resid_post", "mlp_pre", "mlp_post", "attn_out", "head", "pooled", "logits"]
SITES: tuple[Site, ...] = (
    "embed",
    "resid_post",
    "mlp_pre",
    "mlp_post",
    "attn_out",
    "head",
    "pooled",
    "logits",
)
BLOCK_SITES: tuple[Site, ...] = ("resid_post", "mlp_pre", "mlp_post", "attn_out", "head")


@dataclass(frozen=True)
class Paths:
    """Names of modules: `blocks` from the base model, the others from a block."""

    blocks: str
    up: str | None
    """Its output is the pre-activation. Gated feed-forwards: the gate, whose output goes through the activation."""
    down: str | None
    out: str | None
    """The attention's output projection."""


_BERT = Paths("encoder.layer", "intermediate.dense", "output.dense", "attention.output.dense")
_LLAMA = Paths("layers", "mlp.gate_proj", "mlp.down_proj", "self_attn.o_proj")

PATHS: dict[str, Paths] = {
    "bert": _BERT,
    "roberta": _BERT,
    "electra": _BERT,
    "mpnet": Paths("encoder.layer", "intermediate.dense", "output.dense", "attention.attn.o"),
    "distilbert": Paths("transformer.layer", "ffn.lin1", "ffn.lin2", "attention.out_lin"),
    "albert": Paths("encoder.albert_layer_groups", "ffn", "ffn_output", "attention.dense"),
    "gpt2": Paths("h", "mlp.c_fc", "mlp.c_proj", "attn.c_proj"),
    "gpt_neox": Paths("layers", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h", "attention.dense"),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
}


@dataclass(frozen=True)
class Place:
    """A module, which side of it is read, and at which of its calls in one forward pass (shared layers have several)."""

    module: nn.Module
    side: Literal["in", "out"]
    call: int = 0


@dataclass(frozen=True)
class Layout:
    """The blocks of one model, in the order they run, and the places of its sites."""

    architecture: str
    blocks: tuple[nn.Module, ...]
    paths: Paths
    pooler: nn.Module | None
    decoder: nn.Module | None
    """The last linear map to the vocabulary, whose input gives the logits of any position."""
    cap: float | None
    """Logits are cap · tanh(logits / cap), in Gemma 2 and its kin."""
    scale: float
    """Factor on the logits, in Cohere's and Granite's models."""
    classes: nn.Module | None
    """The whole model, where it ends in class logits."""

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits [..., d_vocab] from the input of the decoder."""
        assert self.decoder is not None
        logits = self.decoder(hidden) * self.scale
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)

    @property
    def gated(self) -> bool:
        """Whether the feed-forward multiplies its activation by a second map, so that a neuron may rise either way."""
        return self.paths.up is None or "gate" in self.paths.up

    def place(self, site: str, layer: int | None) -> Place:
        """Where `site` is read at `layer`.

        Raises
        ------
        InputError
            If there is no such site or layer in this model; the sentence names what was looked for.
        """
        if site not in SITES:
            raise InputError(
                f"there is no site {site!r}", f"sites are {', '.join(SITES)}", "give one of them with --site"
            )
        if site == "embed":
            return Place(self.blocks[0], "in")
        if site in ("pooled", "logits"):
            return self._whole(site)
        if layer is None or not 0 <= layer < len(self.blocks):
            raise InputError(
                f"layer {layer} is not in this model",
                f"it has {len(self.blocks)} layer{'s'[: len(self.blocks) > 1]}: 0 to {len(self.blocks) - 1}",
                "give one of them with --layer",
            )
        block = self.blocks[layer]
        call = sum(earlier is block for earlier in self.blocks[:layer])
        if site == "resid_post":
            return Place(block, "out", call)
        path = {
            "mlp_pre": self.paths.up,
            "mlp_post": self.paths.down,
            "attn_out": self.paths.out,
            "head": self.paths.out,
        }[site]
        if path is None:
            raise ModelError(
                f"the site {site} was not found in {self.architecture}",
                "a linear map from width to a wider layer, one back, and one inside a module named attention were looked for",
                "read resid_post, or add the architecture to textdream/model/sites.py",
            )
        return Place(block.get_submodule(path), "out" if site in ("mlp_pre", "attn_out") else "in", call)

    def _whole(self, site: str) -> Place:
        if site == "pooled":
            if self.pooler is None:
                raise InputError(
                    f"{self.architecture} has no pooled output",
                    "a model with trained pooler weights",
                    "read another site",
                )
            return Place(self.pooler, "out")
        if self.classes is not None:
            return Place(self.classes, "out")
        if self.decoder is None:
            raise InputError(
                f"{self.architecture} has no head that gives logits",
                "a masked-token, next-token or classification model with trained head weights",
                "give --model bert-tiny-mlm or another (`textdream models`), or read another site",
            )
        return Place(self.decoder, "in")


def find_layout(hf: Any, trained: set[str]) -> Layout:
    """Read the layout of a Hugging Face model.

    Parameters
    ----------
    hf
        A `PreTrainedModel`.
    trained
        Parts whose weights came with the model, of "pooler" and "head": a part made up at loading is not offered.
    """
    config = hf.config
    base = getattr(hf, "base_model", hf)
    architecture = type(hf).__name__
    paths = PATHS.get(config.model_type) or _paths_by_structure(base, config, architecture)
    listed = list(base.get_submodule(paths.blocks).children())
    if config.model_type == "albert":
        per_group = config.num_hidden_layers / config.num_hidden_groups
        listed = [listed[int(i / per_group)].albert_layers[0] for i in range(config.num_hidden_layers)]
        if config.inner_group_num != 1:
            raise ModelError(
                f"{architecture} has {config.inner_group_num} inner layers a group",
                "one",
                "use another ALBERT checkpoint",
            )
    classes = hf if architecture.endswith("ForSequenceClassification") and "head" in trained else None
    decoder = hf.get_output_embeddings() if "head" in trained and classes is None else None
    return Layout(
        architecture=architecture,
        blocks=tuple(listed),
        paths=paths,
        pooler=_pooler(base) if "pooler" in trained else None,
        decoder=decoder,
        cap=getattr(config, "final_logit_softcapping", None),
        scale=(getattr(config, "logit_scale", None) or 1.0) / (getattr(config, "logits_scaling", None) or 1.0),
        classes=classes,
    )


def _pooler(base: Any) -> nn.Module | None:
    """The module whose output is the pooled one; ALBERT keeps the activation apart from the linear map."""
    pooler = getattr(base, "pooler", None)
    return pooler and getattr(base, "pooler_activation", pooler)


def _paths_by_structure(base: nn.Module, config: object, architecture: str) -> Paths:
    """Find blocks, feed-forward and attention projection where the table has no entry."""
    layers = getattr(config, "num_hidden_layers", None)
    stacks = [
        (name, module)
        for name, module in base.named_modules()
        if isinstance(module, nn.ModuleList)
        and len(module) == layers
        and len({type(block) for block in module}) == 1
        and any(_shape(part) for part in module[0].modules())
    ]
    if not stacks:
        raise ModelError(
            f"no stack of blocks was found in {architecture}",
            f"a ModuleList of {layers} blocks of one class (config.num_hidden_layers) was looked for",
            "add the architecture to textdream/model/sites.py",
        )
    name, stack = stacks[0]
    width = getattr(config, "hidden_size", None)
    linear = [(path, shape) for path, part in stack[0].named_modules() if (shape := _shape(part))]
    attention = [(path, shape) for path, shape in linear if "attn" in path.lower() or "attention" in path.lower()]
    feed_forward = [(path, shape) for path, shape in linear if (path, shape) not in attention]
    down = next((path for path, (i, o) in reversed(feed_forward) if o == width and i != width), None)
    inner = dict(feed_forward)[down][0] if down else None
    ups = [path for path, shape in feed_forward if shape == (width, inner)]
    up = next((path for path in ups if "gate" in path), ups[0] if ups else None)
    out = next((path for path, (_, o) in reversed(attention) if o == width), None)
    return Paths(name, up, down, out)


def _shape(module: nn.Module) -> tuple[int, int] | None:
    """(inputs, outputs) of a linear map: nn.Linear or the transposed Conv1D of GPT-2."""
    weight = getattr(module, "weight", None)
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    if type(module).__name__ == "Conv1D" and weight is not None:
        return weight.shape[0], weight.shape[1]
    return None
