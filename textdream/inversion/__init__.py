"""From an activation back to the token ids that give it. Nothing here sees the text that the activation came from."""

from textdream.inversion.anneal import Annealing
from textdream.inversion.causal import LeftToRight
from textdream.inversion.found import Found, Sign
from textdream.inversion.goal import Goal
from textdream.inversion.hybrid import Hybrid

__all__ = ["Annealing", "Found", "Goal", "Hybrid", "LeftToRight", "Sign"]
