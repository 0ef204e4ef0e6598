"""The command table's root. Flags come from the config dataclasses; torch loads when a command needs it, not before."""

from __future__ import annotations

from cyclopts import App, Group

from textdream.version import __version__

app = App(
    name="textdream",
    help="Show what a language model dreams of.",
    version=__version__,
    help_format="markdown",
    suppress_keyboard_interrupt=False,
)
TARGET, SEARCH, MODEL, OUTPUT = (Group.create_ordered(name) for name in ("Target", "Search", "Model", "Output"))
app["--help"].group = app["--version"].group = Group("Help", show=False)
