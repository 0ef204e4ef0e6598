"""Run a command and turn what can go wrong into one line and an exit code.

0 done; 1 a check failed or an error of ours; 2 what the user gave is wrong; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import CycloptsError

from textdream.cli.app import app
from textdream.errors import TextdreamError

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `textdream`; returns the exit code."""
    try:
        code = app(
            list(sys.argv[1:] if arguments is None else arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except CycloptsError as error:
        command = " ".join(error.command_chain or ())
        sentence = " ".join(str(error).split()).rstrip(".")
        return _complain(f"{sentence}; see: textdream {command} --help".replace("  ", " "), WRONG_INPUT)
    except TextdreamError as error:
        return _complain(str(error), WRONG_INPUT)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _complain(sentence: str, code: int) -> int:
    print(f"textdream: {sentence}", file=sys.stderr)
    return code
