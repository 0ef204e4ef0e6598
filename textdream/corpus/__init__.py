"""What a corpus says of every neuron: one pass makes an index, which answers about any of them at once."""

from textdream.corpus.index import Card, Index, Occurrence, Statistics

__all__ = ["Card", "Index", "Occurrence", "Statistics"]
