"""PAIR's text-dream files of 2019 as results: `format.py` says what stands in them, `convert.py` what becomes of it."""

from textdream.records.pair.read import read_pair, with_ids

__all__ = ["read_pair", "with_ids"]
