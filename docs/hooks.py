"""What mkdocs calls while it builds: pages made from the code, and equations."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))

import command_line
import notebook
import result_file

from textdream.records import read_result
from textdream.report.html import html as viewer

ROOT = Path(__file__).parents[1]
EXAMPLES = ("first-dream", "concepts")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not written by hand."""
    pages = {
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        "contributing.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
        "command-line.md": command_line.page(),
        "result-file.md": result_file.page(),
        **{f"examples/{name}.md": notebook.page(ROOT / "examples" / f"{name}.ipynb") for name in EXAMPLES},
    }
    paths = sorted((ROOT / "docs" / "results").glob("*.json"))
    if paths:
        pages["results.html"] = viewer([read_result(path) for path in paths], [path.name for path in paths])
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_content(content: str, **_: object) -> str:
    """Equations, written as GitHub has them ($`x`$, and blocks of ```math), become MathML: no script, no request."""
    content = re.sub(
        r'<div class="math">(.*?)</div>',
        lambda match: convert(html.unescape(match[1]).strip(), display="block"),
        content,
        flags=re.DOTALL,
    )
    return re.sub(r"\$<code>(.*?)</code>\$", lambda match: convert(html.unescape(match[1])), content)
