"""Ctrl-C, remembered: a library that loads its modules when it comes makes an error of its own of it, or nothing at all."""

from __future__ import annotations

import signal


class Interrupts:
    """Python's own handler of Ctrl-C, and whether it was called."""

    def __init__(self) -> None:
        self.heard = False

    def __call__(self, number: int, frame: object) -> None:
        """Raise KeyboardInterrupt."""
        self.heard = True
        raise KeyboardInterrupt


def check() -> None:
    """Raise KeyboardInterrupt if Ctrl-C came before and went lost: where modules have loaded, and nothing is under way."""
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, Interrupts) and handler.heard:
        raise KeyboardInterrupt
