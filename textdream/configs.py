"""Every setting of every experiment: frozen dataclasses that need no torch.

The command line, the library and (later) the studio's forms are made from these and nothing else. The text
under a field is its help.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal

from textdream.errors import InputError

Method = Literal["gcg", "sweep", "hotflip", "anneal"]
Preset = Literal["pair", "pair-gumbel"]


def _check(config: Any, low: float, *names: str, above: bool = False, high: float = float("inf")) -> None:
    """Raise InputError for a number below `low` (or at it, with `above`), over `high`, or not finite."""
    for name in names:
        value = getattr(config, name)
        if value is None or (isfinite(value) and low <= value <= high and not (above and value == low)):
            continue
        limit = "more than" if above else "at least"
        upto = f" and at most {high}" if isfinite(high) else ""
        flag = "--" + name.replace("_", "-")
        raise InputError(f"{flag} {value} was given", f"a number of {limit} {low}{upto}", "give another value")


@dataclass(frozen=True)
class GcgConfig:
    """Greedy coordinate gradient (Zou et al. 2023), with merged swaps and restarts."""

    steps: int = 40
    """Gradient steps, restarts included."""
    candidates: int = 192
    """Single swaps tried at each step."""
    topk: int = 192
    """Tokens at each position, best first-order gain first, that swaps are sampled from."""
    patience: int = 2
    """Steps without a gain before the run starts anew from a disturbed best."""
    disturb: float = 0.4
    """Share of the free positions that a restart draws anew."""

    def __post_init__(self) -> None:
        _check(self, 1, "steps", "candidates", "topk", "patience")
        _check(self, 0, "disturb", above=True, high=1)


@dataclass(frozen=True)
class HotflipConfig:
    """HotFlip (Ebrahimi et al. 2018): the flip of best first-order gain, checked exactly."""

    steps: int = 200
    """Flips at most."""
    candidates: int = 64
    """Flips of best first-order gain that are checked exactly at each step."""

    def __post_init__(self) -> None:
        _check(self, 1, "steps", "candidates")


@dataclass(frozen=True)
class SweepConfig:
    """Exact coordinate ascent over the whole vocabulary, until no single token is better."""

    steps: int = 1000
    """Positions searched at most; a certificate needs each free position searched after the last change."""

    def __post_init__(self) -> None:
        _check(self, 1, "steps")


@dataclass(frozen=True)
class AnnealConfig:
    """Temperature-annealed softmax over tokens, with Adam (Poerner et al. 2018; Bäuerle and Wexler 2020)."""

    steps: int = 400
    """Adam steps."""
    learning_rate: float = 0.3
    """Adam's step size, in units of the logits."""
    start_temperature: float = 2.0
    """Temperature of the softmax during warm-up."""
    end_temperature: float = 0.1
    """Temperature at which the schedule stops."""
    decay: float | None = None
    """Factor on the temperature at each step; none means the one that reaches the end at the last step."""
    warmup: int = 0
    """Steps before the temperature starts to fall."""
    samples: int = 4
    """Softmax samples averaged in each gradient."""
    gumbel: bool = True
    """Add Gumbel noise to the logits (Jang et al. 2017)."""
    start_weight: float | None = 0.5
    """Softmax weight of the start token at the first step; none starts from plain one-hot logits, as PAIR did."""
    straight_through: bool = True
    """Run the model forward on the real tokens and backward on the soft mixture."""
    normalise: bool = False
    """Climb the activation divided by the norm of the position's activations over all layers, as PAIR did."""
    whole_vocabulary: bool = False
    """Let special and unused tokens into the mixture, as PAIR did."""

    def __post_init__(self) -> None:
        _check(self, 1, "steps", "samples")
        _check(self, 0, "warmup")
        _check(self, 0, "learning_rate", "start_temperature", above=True)
        _check(self, 0, "end_temperature", above=True, high=self.start_temperature)
        _check(self, 0, "decay", above=True, high=1)
        _check(self, 0, "start_weight", above=True, high=0.999999)


def pair_preset(preset: Preset) -> AnnealConfig:
    """PAIR's published defaults: 3,000 steps, rate 0.1, 200 warm-up steps, temperature 2.0 × 0.9995 a step, down to 0.1.

    `pair-gumbel` adds noise to the logits. PAIR's script took the logarithm of the clamped logits there, so that one
    logit alone had a gradient; that error is left out.
    """
    return AnnealConfig(
        steps=3000,
        learning_rate=0.1,
        start_temperature=2.0,
        end_temperature=0.1,
        decay=0.9995,
        warmup=200,
        samples=1,
        gumbel=preset == "pair-gumbel",
        start_weight=None,
        straight_through=False,
        normalise=True,
        whole_vocabulary=True,
    )


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
    """Raise the logit of this token."""
    minus_token: str | None = None
    """Take the logit of this token off: a logit difference."""
    direction: str | None = None
    """Safetensors file with one vector to project on, in place of --neuron."""
    normalise: bool = False
    """Divide by the norm of the position's activations over all layers, the unit of PAIR's files."""


@dataclass(frozen=True)
class DreamConfig:
    """How a dream is searched."""

    free: str = "word"
    """Positions that may change: word (the one that is read), all, 3:9 (3 to 8, as in Python), or 2,5,7."""
    method: Method = "gcg"
    """How to search."""
    preset: Preset | None = None
    """PAIR's parameters, for --method anneal."""
    steps: int | None = None
    """Steps of the method, in place of its default."""
    start: str = "given"
    """given (the text), random (tokens), or both, one after the other."""
    length: int = 12
    """Tokens of a random start where no text is given, special ones not counted."""
    seed: int = 0
    """Seed of every random choice."""
    certify: bool = True
    """Finish with an exact sweep that proves that no single token is better."""
    minimise: bool = False
    """Search for the lowest activation."""
    round_trip: bool = True
    """Keep only text that gives the same tokens when it is decoded and tokenised again."""
    gcg: GcgConfig = field(default_factory=GcgConfig)
    """Settings of --method gcg."""
    hotflip: HotflipConfig = field(default_factory=HotflipConfig)
    """Settings of --method hotflip."""
    sweep: SweepConfig = field(default_factory=SweepConfig)
    """Settings of --method sweep and of the certificate."""
    anneal: AnnealConfig = field(default_factory=AnnealConfig)
    """Settings of --method anneal."""

    def __post_init__(self) -> None:
        _check(self, 1, "steps", "length")
        _check(self, 0, "seed", high=2**63 - 1)


@dataclass(frozen=True)
class TokenSearchConfig:
    """How the vocabulary is searched at one position."""

    change: int | None = None
    """Position at which tokens are tried; default: the position that is read."""
    top: int = 30
    """How many of the best and of the worst tokens are kept."""
    seed: int = 0
    """Written into the result; the search is exact and draws nothing."""

    def __post_init__(self) -> None:
        _check(self, 1, "top")


@dataclass(frozen=True)
class SimilarConfig:
    """How neighbours in embedding space are chosen."""

    change: int | None = None
    """Position whose token's neighbours are tried; default: the position that is read."""
    metric: Literal["euclidean", "cosine"] = "euclidean"
    """Distance between token embeddings; cosine is 1 - cosine similarity."""
    top: int = 30
    """How many neighbours are kept, the token itself among them."""
    seed: int = 0
    """Written into the result; nothing is drawn."""

    def __post_init__(self) -> None:
        _check(self, 1, "top")
