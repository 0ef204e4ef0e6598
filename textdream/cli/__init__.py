"""The command line: a thin layer over the library."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `textdream`; returns the exit code."""
    # What loads or runs when Ctrl-C comes may turn it into an error of its own (numpy into an ImportError, a class that is
    # being made into a RuntimeError); this remembers that it was Ctrl-C.
    heard: list[int] = []

    def hear(number: int, _: object) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    listening = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if listening:
        signal.signal(signal.SIGINT, hear)
    try:
        # Imported here, so that Ctrl-C finds a sentence also while modules load.
        from textdream.cli.run import run

        return run(sys.argv[1:] if arguments is None else arguments, heard)
    except BaseException as error:
        if not heard and not isinstance(error, KeyboardInterrupt):
            raise
        print("textdream: interrupted", file=sys.stderr)
        return 130
    finally:
        if arguments is None:
            # All is said and written: an impatient Ctrl-C finds nothing to interrupt but the interpreter's end.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        elif listening:
            signal.signal(signal.SIGINT, signal.default_int_handler)


__all__ = ["main"]
