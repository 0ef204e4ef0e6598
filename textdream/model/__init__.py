"""Loading, tokens, sites, hooks and the engine that turns candidates into values."""

from textdream.model.engine import Engine
from textdream.model.loading import load
from textdream.model.model import Model
from textdream.model.prefix import Prefix
from textdream.model.reads import Read

__all__ = ["Engine", "Model", "Prefix", "Read", "load"]
