"""What stands in a page that `textdream.report.html` makes, as a browser's parser sees it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class Page(HTMLParser):
    """Elements in order with their attributes, the title, the results' script, and the frames."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.title, self.results = "", ""
        self._inside: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = "results" if dict(attrs).get("id") == "textdream-results" else tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data
        elif self._inside == "results":
            self.results += data

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]
