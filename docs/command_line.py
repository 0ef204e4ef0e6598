"""The page of the command line, from the commands themselves."""

from __future__ import annotations

import textdream.cli.run  # noqa: F401 (puts the commands into the table)
from textdream.cli.app import app

HEAD = """# Command line

Made from the code: it is what `--help` says. Every command prints its result for people, or with `--json` one JSON object on
standard output and nothing else there; progress goes to standard error. Exit codes: 0 done; 1 a check failed, or an error of
ours; 2 what was given is wrong (one sentence says what was given, what was expected, and what to do); 130 interrupted (what
was reached is kept).

"""


def page() -> str:
    """Markdown of all commands."""
    text = app.generate_docs(output_format="markdown")
    # cyclopts begins with a title and a table of contents of its own; the page has both.
    return HEAD + text[text.index("**Commands**") :]
