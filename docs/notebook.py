"""An executed notebook as a page: its words, its code, and what the code printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat


def page(path: Path) -> str:
    """Markdown of a notebook. Of an output's forms the text is shown."""
    notebook = nbformat.read(path, as_version=4)
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        if printed := "".join(map(_text, cell.outputs)).rstrip():
            parts.append(f"```text\n{printed}\n```")
    parts.append(f"*This page is `examples/{path.name}`, executed by `make notebooks`.*")
    return "\n\n".join(parts)


def _text(output: Any) -> str:
    return str(output["text"] if output.output_type == "stream" else output["data"].get("text/plain", "") + "\n")
