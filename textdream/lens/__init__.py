"""Closed-form linear lenses: from the state at a position to the embedding of the token there."""

from textdream.lens.linear import LinearLens
from textdream.lens.store import Lenses, lenses

__all__ = ["Lenses", "LinearLens", "lenses"]
