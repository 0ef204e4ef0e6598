"""The command line: a thin layer over the library."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from textdream.cli.interrupt import Interrupts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `textdream`; returns the exit code."""
    interrupts = Interrupts()
    listening = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if listening:
        signal.signal(signal.SIGINT, interrupts)
    try:
        # Imported here, so that Ctrl-C finds a sentence also while modules load.
        from textdream.cli.run import run

        return run(sys.argv[1:] if arguments is None else arguments, interrupts)
    except BaseException as error:
        # numpy makes an ImportError of it, a class that is being made a RuntimeError.
        if not interrupts.heard and not isinstance(error, KeyboardInterrupt):
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
