"""Results as one HTML file that opens offline: the built viewer with the results inside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from textdream.records import Result

PLACE = '<script type="application/json" id="textdream-results">{}</script>'
TITLE = "<title>{}</title>"
# With these in JSON's own escapes no text of a result can end the script, and none is read as markup or as a line's end.
_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def html(results: Sequence[Result], names: Sequence[str]) -> str:
    """The page that draws results; several are compared.

    Parameters
    ----------
    results
        Of any kinds.
    names
        What each is called: of a file, its name.
    """
    items = [
        {"name": name, "result": result.model_dump(by_alias=True)} for name, result in zip(names, results, strict=True)
    ]
    data = json.dumps(items, ensure_ascii=False, allow_nan=False).translate(_ESCAPES)
    page = files("textdream.report").joinpath("assets", "viewer.html").read_text(encoding="utf-8")
    page = _put(page, TITLE.format("textdream"), TITLE.format(escape(title(results, names))))
    return _put(page, PLACE.format("[]"), PLACE.format(data))


def title(results: Sequence[Result], names: Sequence[str]) -> str:
    """What the page is, in a line."""
    if len(results) == 1:
        kind = str(getattr(results[0], "type", "result")).replace("_", " ")
        return f"{names[0]}: {kind}, {results[0].model.name} · textdream"
    return f"{', '.join(names)} · textdream"


def _put(page: str, old: str, new: str) -> str:
    """The page with its one `old` replaced; only the text before the results is looked at, so that none is in a result."""
    before, found, after = page.partition(old)
    if not found:
        raise RuntimeError(f"the viewer has no {old}: it was not built as textdream needs it")
    return before + new + after
