"""What is asked of a model's predictions."""

from __future__ import annotations

from dataclasses import dataclass

from textdream.configs.check import check


@dataclass(frozen=True)
class FillMaskConfig:
    """Which predictions are shown."""

    tokens: str | None = None
    """Tokens whose probabilities are asked for, with commas: he,she,doctor. Where spaces count, " Paris" or ĠParis."""
    top: int = 10
    """How many of the most probable tokens are kept."""
    seed: int = 0
    """Written into the result; nothing is drawn."""

    def __post_init__(self) -> None:
        check(self, 1, "top")
