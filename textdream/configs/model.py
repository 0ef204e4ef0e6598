"""Which model, and what in it is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelConfig:
    """Which model, and where it runs."""

    model: str = "minilm"
    """A model at hand (`textdream models`), a Hugging Face name, a folder, or a GGUF file."""
    device: str = "cpu"
    """cpu, cuda, cuda:1 or mps."""


@dataclass(frozen=True)
class TargetConfig:
    """What is to be raised."""

    layer: int | None = None
    """Layer, counted from 0."""
    neuron: int | None = None
    """Index in the site's last dimension; without it, the mean of squares over the whole site."""
    site: str | None = None
    """embed, resid_post (default), mlp_pre, mlp_post, attn_out, head, pooled or logits."""
    head: int | None = None
    """Attention head, for --site head."""
    position: str | None = None
    """Token position that is read, 0 = the first token ([CLS] for BERT); `mean` averages over positions."""
    word: str | None = None
    """Word whose position is read, in place of --position."""
    token: str | None = None
    """Raise the logit of this token: behind a mask at the position that is read; in causal models as the next token."""
    minus_token: str | None = None
    """Take the logit of this token off: a logit difference."""
    probability: bool = False
    """Raise the log-probability of --token in place of its logit."""
    direction: str | None = None
    """Safetensors file with a vector to project on, or a concept (its --layer; file:logistic for that kind), for --neuron."""
    normalise: bool = False
    """Divide by the norm of the position's activations over all layers, the unit of PAIR's files."""
