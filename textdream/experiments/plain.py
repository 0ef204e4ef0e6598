"""A target's values by one ordinary forward pass of the Hugging Face model: nothing of the engine is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.model.model import Model
from textdream.model.sites import find_layout
from textdream.records import Target


@torch.no_grad()
def plain_values(model: Model, ids: Int[Tensor, "batch pos"], target: Target) -> Float[Tensor, " batch"]:
    """The target's values by one ordinary forward pass of the Hugging Face model."""
    if target.terms is not None:
        value = torch.stack([term.weight * plain_values(model, ids, term) for term in target.terms]).sum(0)
    else:
        value = _plain_term(model, ids, target.model_copy(update={"normalised": False}))
    if not target.normalised:
        return value
    states = torch.stack([plain_site(model, ids, "resid_post", layer) for layer in range(model.info.layers)], dim=1)
    if target.position is not None:
        states = states[:, :, target.position]
    return value / states.flatten(1).norm(dim=1)


@torch.no_grad()
def plain_at_tokens(model: Model, ids: Int[Tensor, "batch pos"], target: Target) -> Float[Tensor, "batch pos"]:
    """A neuron's or direction's value at every token, by one ordinary forward pass."""
    x = plain_site(model, ids, str(target.site), target.layer)
    return x[..., target.neuron] if target.vector is None else x @ torch.tensor(target.vector, dtype=x.dtype)


@torch.no_grad()
def plain_logits(model: Model, ids: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_vocab"]:
    """The logits at every token, by one ordinary forward pass."""
    return plain_site(model, ids, "logits", None)


@torch.no_grad()
def plain_resid(
    model: Model, ids: Int[Tensor, "batch pos"], layers: Sequence[int]
) -> dict[int, Float[Tensor, "batch pos d_model"]]:
    """resid_post of several layers, by ordinary forward passes."""
    return {layer: plain_site(model, ids, "resid_post", layer) for layer in layers}


def _plain_term(model: Model, ids: Tensor, target: Target) -> Tensor:
    if target.site is None:
        raise AttributeError("no site")
    x = plain_site(model, ids, str(target.site), target.layer)
    if target.head is not None:
        x = x.unflatten(-1, (model.hf.config.num_attention_heads, -1))[..., target.head, :]
    if target.position is not None:
        x = x[:, target.position]
    if target.kind == "layer":
        return x.square().flatten(1).mean(1)
    if target.kind in ("logit", "logit_difference"):
        return x[:, target.token] - (x[:, target.minus_token] if target.minus_token is not None else 0)
    if target.kind == "log_probability":
        return x.log_softmax(-1)[:, target.token]
    vector = None if target.vector is None else torch.tensor(target.vector, dtype=x.dtype, device=x.device)
    x = x[..., target.neuron] if vector is None else x @ vector
    return x.mean(-1) if x.ndim == 2 else x


def plain_site(model: Model, ids: Tensor, site: str, layer: int | None, hf: Any = None) -> Tensor:
    """A whole site, [batch, pos, d] or [batch, d]: from the model's outputs where they hold it, else by an ordinary hook.

    `hf` is a copy of the model's module in another precision.
    """
    layout = model.layout if hf is None else find_layout(hf, set())
    hf = hf or model.hf
    training = [module for module in hf.modules() if module.training]
    hf.eval()
    found: list[Tensor] = []
    handle = None
    if site not in ("resid_post", "embed", "pooled", "logits") or (
        site == "resid_post" and layer == model.info.layers - 1
    ):
        # The last hidden state that models hand out has gone through a final norm in decoders: not the block's output.
        place = layout.place(site, layer)

        def keep(module: Any, args: Any, output: Any) -> None:
            value = args if place.side == "in" else output
            found.append(value[0] if isinstance(value, tuple) else value)

        handle = place.module.register_forward_hook(keep)
    try:
        outputs = hf(input_ids=ids.to(hf.device), output_hidden_states=True)
    finally:
        if handle is not None:
            handle.remove()
        for module in training:
            module.training = True
    if handle is not None:
        value = found[place.call]
        return value if value.ndim == 3 else value.unflatten(0, (len(ids), -1))
    if site == "logits":
        return outputs.logits
    if site == "pooled":
        return outputs.pooler_output
    return outputs.hidden_states[0 if site == "embed" or layer is None else layer + 1]
