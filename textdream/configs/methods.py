"""Settings of the optimisers, and PAIR's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textdream.configs.check import check

Preset = Literal["pair", "pair-gumbel"]


@dataclass(frozen=True)
class GcgConfig:
    """Greedy coordinate gradient (Zou et al. 2023), with merged swaps and restarts."""

    steps: int = 100
    """Gradient steps, restarts included. A hundred cost less than the proof of one position."""
    candidates: int = 192
    """Single swaps tried at each step."""
    topk: int = 192
    """Tokens at each position, best first-order gain first, that swaps are sampled from."""
    patience: int = 2
    """Steps without a gain before the run starts anew from a disturbed best."""
    disturb: float = 0.4
    """Share of the free positions that a restart draws anew."""

    def __post_init__(self) -> None:
        check(self, 1, "steps", "candidates", "topk", "patience")
        check(self, 0, "disturb", above=True, high=1)


@dataclass(frozen=True)
class HotflipConfig:
    """HotFlip (Ebrahimi et al. 2018): the flip of best first-order gain, checked exactly."""

    steps: int = 200
    """Flips at most."""
    candidates: int = 64
    """Flips of best first-order gain that are checked exactly at each step."""

    def __post_init__(self) -> None:
        check(self, 1, "steps", "candidates")


@dataclass(frozen=True)
class SweepConfig:
    """Exact coordinate ascent over the whole vocabulary, until no single token is better."""

    steps: int = 1000
    """Positions searched at most; a certificate needs each free position searched after the last change."""

    def __post_init__(self) -> None:
        check(self, 1, "steps")


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
        check(self, 1, "steps", "samples")
        check(self, 0, "warmup")
        # Far beyond what is of use, and near enough that logits over temperatures stay numbers.
        check(self, 0, "learning_rate", above=True, high=1000)
        check(self, 0.001, "start_temperature", high=10_000)
        check(self, 0.001, "end_temperature", high=self.start_temperature)
        check(self, 0, "decay", above=True, high=1)
        check(self, 0, "start_weight", above=True, high=0.999999)


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
