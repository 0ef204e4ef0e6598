"""How a dream is searched: one file a method, each an iterator of steps."""

from textdream.optimizers.anneal import anneal
from textdream.optimizers.gcg import gcg
from textdream.optimizers.hotflip import hotflip
from textdream.optimizers.problem import Mixture, Problem, Step
from textdream.optimizers.sweep import certify, sweep

__all__ = ["Mixture", "Problem", "Step", "anneal", "certify", "gcg", "hotflip", "sweep"]
