"""Loading, tokens, sites, hooks and the engine that turns candidates into values. Each loads, with torch, when first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textdream.model.engine import Engine
    from textdream.model.loading import load
    from textdream.model.model import Model
    from textdream.model.prefix import Prefix
    from textdream.model.reads import Read

_HOME = {"Engine": "engine", "Model": "model", "Prefix": "prefix", "Read": "reads", "load": "loading"}

__all__ = ["Engine", "Model", "Prefix", "Read", "load"]


def __getattr__(name: str) -> Any:
    """Find a name in the module that has it (PEP 562): the catalogue and vocabularies are read without torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'textdream.model' has no attribute {name!r}")
    return getattr(import_module(f"textdream.model.{_HOME[name]}"), name)
