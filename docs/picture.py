"""Draws docs/demo.svg from two results (the command shown, and PAIR's preset): python docs/picture.py dream.json pair.json."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from textdream.records import read_result
from textdream.report import terminal
from textdream.report.dreams import compare

COMMAND = 'textdream dream "no wheeler for me ." --layer 4 --neuron 138 --word for --free all'


def main() -> None:
    """Draw the dream, then both side by side."""
    files = [Path(name) for name in sys.argv[1:]]
    results = [read_result(file) for file in files]
    console = Console(record=True, width=96, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text("$ ", style="bold green") + Text(COMMAND), soft_wrap=True)
    console.print()
    terminal.show(results[0], console)
    console.print(compare([(file.stem, result) for file, result in zip(files, results, strict=True)]))
    out = Path(__file__).parent / "demo.svg"
    # The reader's own fixed-width font: a picture that fetches one would tell a server who looks at it.
    picture = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="textdream"), flags=re.DOTALL)
    out.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
