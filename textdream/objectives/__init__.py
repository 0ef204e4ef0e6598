"""What can be raised: objectives that add, scale and compose."""

from textdream.objectives.base import Objective, Sum
from textdream.objectives.described import objective_of
from textdream.objectives.features import channel, direction, layer, neuron
from textdream.objectives.logits import log_probability, logit, logit_difference
from textdream.objectives.normalised import normalised

__all__ = [
    "Objective",
    "Sum",
    "channel",
    "direction",
    "layer",
    "log_probability",
    "logit",
    "logit_difference",
    "neuron",
    "normalised",
    "objective_of",
]
