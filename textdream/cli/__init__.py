"""The command line: a thin layer over the library."""

from textdream.cli.main import main

__all__ = ["main"]
