"""Tokens shaded by a unit's activation, and how its activations are distributed."""

from __future__ import annotations

from collections.abc import Sequence
from math import log1p

from rich.console import Group, RenderableType
from rich.text import Text

from textdream.records import Histogram, Sentence, ShadedSentence, Standing
from textdream.report.text import SPARKS, joined

# One brightness, more and more colour: as readable on a dark terminal as on a light one.
HIGH = ("", "on #b5a58c", "on #c9a36b", "on #dd9f45", "on #ef8f22", "on #ff7a00")
LOW = ("", "on #9aa6b3", "on #84a3c6", "on #6b9ede", "on #4f96f2", "on #338cff")
# Tokens of a long sentence that are shown before and after the one that is read.
BEFORE, AFTER = 40, 24


def shade(value: float, standing: Standing) -> str:
    """A background for a value: how far from the unit's mean over the corpus to its highest, or lowest, value there."""
    end, colours = (standing.maximum, HIGH) if value >= standing.mean else (standing.minimum, LOW)
    share = (value - standing.mean) / (end - standing.mean) if end != standing.mean else 0.0
    colour = colours[min(len(colours) - 1, int(share * len(colours)))]
    return f"black {colour}" if colour else ""


def shaded(sentence: ShadedSentence, standing: Standing, before: int = BEFORE, after: int = AFTER) -> Text:
    """A sentence, each token on a background of its activation, the one that is read in brackets; a long one cut."""
    return excerpt(sentence, before, after, [shade(value, standing) for value in sentence.activations])


def excerpt(sentence: Sentence, before: int = BEFORE, after: int = AFTER, styles: Sequence[str] | None = None) -> Text:
    """A sentence, the token that is read in brackets; what is further away than `before` and `after` tokens is cut."""
    size = len(sentence.tokens)
    first, last = max(0, sentence.position - before), min(size, sentence.position + after + 1)
    # A special token, or one more word, at an end is no reason for dots.
    first, last = (0 if first <= 2 else first), (size if last >= size - 2 else last)
    shades = None if styles is None else {place - first: styles[place] for place in range(first, last)}
    text = joined(sentence.tokens[first:last], read=sentence.position - first, styles=shades)
    return Text.assemble(("… " if first else "", "dim"), text, (" …" if last < size else "", "dim"))


def legend(standing: Standing) -> Text:
    """What the backgrounds mean."""
    low = [(" ", shade_) for shade_ in reversed(LOW[1:])]
    high = [(" ", shade_) for shade_ in HIGH[1:]]
    ends = f" {standing.minimum:.2f} ", f"  {standing.mean:.2f} (its mean)  ", f" {standing.maximum:.2f}"
    return Text.assemble((ends[0], "dim"), *low, (ends[1], "dim"), *high, (ends[2], "dim"))


def histogram(counts: Histogram, mean: float, rows: int = 4) -> RenderableType:
    """Bars of blocks, as high as the logarithm of the count, with the mean marked under them."""
    top = log1p(max(counts.counts))
    heights = [log1p(count) / top * rows * 8 for count in counts.counts]
    lines = ["".join(_block(height - 8 * row) for height in heights) for row in reversed(range(rows))]
    width = len(counts.counts)
    span = counts.high - counts.low
    place = min(width - 1, int((mean - counts.low) / span * width)) if span else 0
    axis = "─" * place + "┴" + "─" * (width - place - 1)
    return Group(
        *(Text(f"  {line}", style="cyan") for line in lines), Text(f"  {axis}", style="dim"), _ends(counts, mean, place)
    )


def _block(eighths: float) -> str:
    if eighths <= 0:
        return " "
    return SPARKS[min(7, max(0, round(eighths) - 1))]


def _ends(counts: Histogram, mean: float, place: int) -> Text:
    """The two ends and the mean, where they do not run into each other."""
    width = len(counts.counts)
    low, high, middle = f"{counts.low:.2f}", f"{counts.high:.2f}", f"mean {mean:.2f}"
    start = max(len(low) + 2, min(place - len(middle) // 2, width - len(high) - len(middle) - 2))
    line = low.ljust(start) + middle
    return Text("  " + line.ljust(width - len(high)) + high, style="dim")
