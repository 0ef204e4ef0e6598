"""Read activations from any Hugging Face model with hooks that always go away, and stop at the last one read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from textdream.model.sites import Place


class _Stop(BaseException):
    """Ends the forward pass. Not an Exception, so that no handler inside a model swallows it."""


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Switch dropout and the like off, and give every module its own mode back, whatever happens."""
    training = [module for module in model.modules() if module.training]
    try:
        for module in training:
            module.training = False
        yield
    finally:
        for module in training:
            module.training = True


def capture(model: nn.Module, places: Mapping[Any, Place], **inputs: Any) -> dict[Any, Tensor]:
    """Run `model(**inputs)` as far as the deepest place and return what was read, by the keys of `places`.

    Tensors are as the module saw them ([batch, pos, ...] mostly), attached to the graph if gradients are on. The
    hooks are gone when this returns or raises, also on KeyboardInterrupt.
    """
    found: dict[Any, Tensor] = {}
    calls: dict[nn.Module, int] = {}
    handles = []

    def reader(module: nn.Module, wanted: list[tuple[Any, Place]]) -> Any:
        def read(side: str, value: Any) -> None:
            call = calls.get(module, 0)
            for key, place in wanted:
                if place.side == side and place.call == call:
                    found[key] = _tensor(value)
            if side == "out":
                calls[module] = call + 1
            if len(found) == len(places):
                raise _Stop

        return read

    by_module: dict[nn.Module, list[tuple[Any, Place]]] = {}
    for key, place in places.items():
        by_module.setdefault(place.module, []).append((key, place))
    try:
        for module, wanted in by_module.items():
            read = reader(module, wanted)
            if any(place.side == "in" for _, place in wanted):
                handles.append(
                    module.register_forward_pre_hook(
                        lambda _, args, kwargs, read=read: read("in", args[0] if args else kwargs["hidden_states"]),
                        with_kwargs=True,
                    )
                )
            handles.append(module.register_forward_hook(lambda _, __, output, read=read: read("out", output)))
        with evaluation_mode(model), suppress(_Stop):
            model(**inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _tensor(value: Any) -> Tensor:
    """The tensor in what a module takes or gives: itself, a tuple's first, or an output object's logits."""
    if isinstance(value, torch.Tensor):
        return value
    if hasattr(value, "logits"):
        return value.logits
    return value[0]
