"""Run a command and turn what can go wrong into one line and an exit code.

0 done; 1 a check failed or an error of ours; 2 what the user gave is wrong; 130 interrupted.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from itertools import pairwise

from cyclopts import CycloptsError, UnusedCliTokensError

from textdream import configs
from textdream.cli import (  # noqa: F401 (they put their commands into the table)
    concept,
    corpus,
    diagnose,
    dream,
    fill_mask,
    imports,
    models,
    reconstruct,
    results,
    shift,
    shift_audit,
    studio,
    tokens,
    top,
)
from textdream.cli.app import app
from textdream.cli.interrupt import Interrupts
from textdream.errors import InputError, ResultError, TextdreamError

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130


def run(arguments: Sequence[str], interrupts: Interrupts) -> int:
    """Run one command; returns the exit code.

    Parameters
    ----------
    interrupts
        Knows whether there was a Ctrl-C. KeyboardInterrupt, and what libraries make of it, go on their way.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    arguments = list(arguments)
    try:
        check_whole_numbers(arguments)
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except CycloptsError as error:
        command = " ".join(error.command_chain or ())
        sentence = " ".join(str(error).split()).rstrip(".")
        if isinstance(error, UnusedCliTokensError):
            sentence = f"{' '.join(error.unused_tokens or [])} is more than the command takes"
        dash = (
            "; put -- before a text that begins with a dash" if "option" in sentence or "argument" in sentence else ""
        )
        return _complain(f"{sentence}{dash}; see: textdream {command} --help".replace("  ", " "), WRONG_INPUT)
    except ResultError as error:
        # After Ctrl-C, what was reached could not be written.
        return (
            _complain(f"interrupted; {error}", INTERRUPTED) if interrupts.heard else _complain(str(error), WRONG_INPUT)
        )
    except TextdreamError as error:
        if interrupts.heard:
            raise
        return _complain(str(error), WRONG_INPUT)
    except BrokenPipeError:
        return _reader_is_gone()
    except SystemExit as error:
        # rich turns a broken pipe into this.
        if isinstance(error.__context__, BrokenPipeError):
            return _reader_is_gone()
        raise
    except OSError as error:
        return _complain(f"the output cannot be written ({error.strerror})", FAILED)


def check_whole_numbers(arguments: Sequence[str]) -> None:
    """Refuse 1.5 where an integer is meant: the argument parser would round it.

    Raises
    ------
    InputError
        If a flag of an integer is followed by a number that is none.
    """
    for flag, value in pairwise([*arguments, ""]):
        name, _, given = flag.partition("=")
        given = given or value
        if name in _integer_flags() and _is_fraction(given):
            raise InputError(f"{name} {given} was given", "a whole number", "leave the fraction out")


def _integer_flags() -> set[str]:
    """Flags of whole numbers: of every config, alone or behind the name of its method (`--gcg.steps`), and the port."""
    flags = {"--port"}
    for name in configs.__all__:
        config = getattr(configs, name)
        if is_dataclass(config):
            found = [field.name.replace("_", "-") for field in fields(config) if str(field.type).startswith("int")]
            method = name.removesuffix("Config").lower()
            flags |= {f"--{flag}" for flag in found} | {f"--{method}.{flag}" for flag in found}
    return flags


def _is_fraction(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        try:
            float(text)
        except ValueError:
            return False
        return True
    return False


def _reader_is_gone() -> int:
    """The reader of our output went away (`| head`): nothing to say, and nobody to say it to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE


def _complain(sentence: str, code: int) -> int:
    from textdream.report.readable import readable

    print(readable(f"textdream: {sentence}"), file=sys.stderr)
    return code
