"""Results of every kind to make pages of, and what is asked of every page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from textdream.records import read_result

FIXTURES = Path(__file__).parents[2] / "viewer" / "test" / "fixtures"
KINDS = {
    "annealing": ["Start and best", "Activation over the steps", "Step by step", "The softmax at position 8"],
    "dream-word": ["Start and best", "Activation over the steps", "Step by step"],
    "token-map": ["The word swapped", "Map of all positions", "Tokens at position 2, in place of “wheeler”"],
    "token-pairs": ["The word swapped", "Two tokens together", "Map of all positions",
                    "Tokens at position 2, in place of “wheeler”"],
    "similar": ["The word swapped", "Neighbours of “wheeler”, by distance and activation"],
    "diagnose": ["Verdict", "Findings", "What became of the best token", "The best token's neighbourhood",
                 "Soft against hard"],
    "corpus": ["Activations over the corpus", "Two corpora", "Sentences"],
    "neurons": ["What “hands” excites"],
    "fill-mask": ["Behind the mask"],
    "concept": ["Accuracy by layer", "The sentences"],
    "classify": ["“doctor” between “she” and “he”"],
    "reconstruct": ["The text from each layer", "Layer 0: the nearest other text", "What the layers take for “she”"],
    "shift": ["Layers × magnitudes", "Layer 0, magnitude +5", "All texts"],
    "shift-audit": ["Tokens that change", "What the runs did", "All runs"],
}  # fmt: skip
"""Small real results, and the figures that each is drawn in."""


def result(name: str) -> Any:
    """One of these results."""
    return read_result(FIXTURES / f"{name}.json")


def figures(page: Page) -> list[str | None]:
    """The titles of the figures, in order."""
    return [one.get_attribute("aria-label") for one in page.get_by_role("figure").all()]


def check_drawn(page: Page) -> None:
    """Each figure holds something to see, and no value that is none came through in text or attributes."""
    for figure in page.get_by_role("figure").all():
        expect(figure.locator(":scope > :not(figcaption)").filter(visible=True).first).to_be_attached()
    assert not re.search(r"\b(NaN|undefined|null)\b", page.locator("#app").inner_html())


def check_fits(page: Page, *widths: int) -> None:
    """The page itself is never scrolled sideways; what is wider scrolls in a box of its own."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert room[0] <= room[1], f"at {width} pixels the page is {room[0]} wide"


def check_axe(page: Page, *themes: str) -> None:
    """Axe finds nothing serious or critical in the themes."""
    for theme in themes:
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        found = Axe().run(page).response["violations"]
        grave = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found
                 if one["impact"] in ("serious", "critical")]  # fmt: skip
        assert grave == [], theme


def tab_to(page: Page, wanted: Locator) -> None:
    """Reach it as those do who have no pointer."""
    for _ in range(300):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {wanted}")


def put_in(page: Page, script: str) -> None:
    """A script as one that got in would be; what the policy refuses from then on is in `window.refused`."""
    page.evaluate(
        """(text) => {
            window.refused = [];
            addEventListener("securitypolicyviolation", (event) => window.refused.push(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = text;
            document.body.append(script);
        }""",
        script,
    )
