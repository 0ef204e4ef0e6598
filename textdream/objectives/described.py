"""The way back: the objective that a result file's target describes."""

from __future__ import annotations

from textdream.errors import InputError
from textdream.model.model import Model
from textdream.objectives.base import Objective, Sum
from textdream.objectives.features import Direction, Unit, WholeLayer, has_positions
from textdream.objectives.logits import Logit, LogProbability
from textdream.objectives.normalised import Normalised
from textdream.records import Target


def objective_of(target: Target, model: Model) -> Objective:
    """The objective whose `target()` this is, to be bound to a text of `model`.

    Raises
    ------
    InputError
        If the target says too little to be read.
    """
    if target.terms is not None:
        found: Objective = Sum(tuple((term.weight, objective_of(term, model)) for term in target.terms))
    elif target.kind in ("logit", "logit_difference") and target.token is not None:
        found = Logit(target.token, target.minus_token, target.position)
    elif target.kind == "log_probability" and target.token is not None:
        found = LogProbability(target.token, None, target.position)
    elif target.site is None:
        raise _incomplete(target)
    else:
        mean = target.position is None and has_positions(target.site, model)
        where = target.site, target.layer, target.position, target.head, mean
        if target.kind == "layer":
            found = WholeLayer(*where)
        elif target.vector is not None:
            found = Direction(*where, tuple(target.vector))
        elif target.neuron is not None:
            found = Unit(*where, target.neuron)
        else:
            raise _incomplete(target)
    return Normalised(found) if target.normalised else found


def _incomplete(target: Target) -> InputError:
    return InputError(f"the target of kind {target.kind} is not complete", "its site and unit", "write the file again")
