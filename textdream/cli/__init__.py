"""The command line: a thin layer over the library."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `textdream`; returns the exit code."""
    try:
        # Imported here, so that Ctrl-C finds a sentence also while modules load.
        from textdream.cli.run import run

        return run(sys.argv[1:] if arguments is None else arguments)
    except (KeyboardInterrupt, RuntimeError) as error:
        # A class that is made while Ctrl-C comes turns it into a RuntimeError.
        if not isinstance(error, KeyboardInterrupt) and not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        print("textdream: interrupted", file=sys.stderr)
        return 130
    finally:
        # All is said and written: an impatient Ctrl-C finds nothing to interrupt but the interpreter's end.
        if arguments is None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


__all__ = ["main"]
