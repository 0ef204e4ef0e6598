"""How far a long experiment is: what is drawn while one waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One sign of life."""

    phase: str
    """What is under way, in a few words."""
    done: int
    total: int
    """Of the phase, in its own unit; it may grow."""
    news: str | None = None
    """What was just found."""
