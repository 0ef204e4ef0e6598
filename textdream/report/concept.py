"""Concepts drawn in the terminal: layers held against their controls, and a word's place between two words."""

from __future__ import annotations

import re

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textdream.records import ClassifyResult, ConceptLayer, ConceptResult, ConceptWords, SetAside
from textdream.report.text import joined

BAR = 20
FEW = 5
"""Sentences that are listed as examples, and no more."""
RUNS = 50
"""Lines, or runs of them, that are listed."""


def concept(result: ConceptResult) -> RenderableType:
    """Every layer's accuracy between chance and 1, with its interval and controls, and which layers are better than those."""
    yes = sum(sentence.positive for sentence in result.sentences)
    count = f"{yes} + {len(result.sentences) - yes} sentences"
    pairs = f", {result.groups} pairs" if 2 * result.groups == len(result.sentences) == 2 * yes else ""
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "left", "left", "right", "right", "right", "left"):
        table.add_column(justify=justify)
    titles = ("layer", "held out", "95 %", "shuffled", "random", "agree", "")
    table.add_row(*(_dim(title) for title in titles))
    for layer in result.layers:
        table.add_row(
            str(layer.layer),
            Text.assemble((f"{layer.accuracy:.3f} ", "bold"), _scale(layer)),
            f"{layer.interval[0]:.2f}-{layer.interval[1]:.2f}",
            f"{layer.shuffled_limit:.2f}",
            f"{layer.random_limit:.2f}",
            Text.assemble(f"{layer.agreement:.2f}", (f"/{layer.shuffled_agreement:.2f}", "dim")),
            Text("✓", style="bold green") if layer.better else Text("✗", style="bold red"),
        )
    parts: list[RenderableType] = [
        _heading("concept", result.words, result.model.name, f"{count}{pairs}"),
        Text(),
        Padding(table, (0, 0, 0, 1)),
        Text(),
        _dim(f" held out: difference of means, {result.folds} folds; ━ its 95 % interval, scale 0.5 to 1"),
        _dim(" shuffled, random: what 1 in 20 of them reach; | the higher of the two"),
        _dim(" agree: mean cosine of the folds' vectors/the same for shuffled labels"),
        _dim(" ✓ the interval lies above both controls"),
        Text(),
        *_worse(result),
        _logistic(result),
        *_aside(result),
    ]
    if result.interrupted:
        parts.append(Text(" interrupted: --resume goes on with the layers that are left", style="bold yellow"))
    return Group(*parts, Text())


def classify(result: ClassifyResult) -> RenderableType:
    """The word in its sentence, and at every layer how near it is to either word."""
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "right", "left", "left"):
        table.add_column(justify=justify)
    words = result.words
    ends = Text.assemble((words.negative, "blue"), " " * max(1, 2 * BAR + 1 - len(words.negative + words.positive)))
    table.add_row(_dim("layer"), _dim("score"), Text.assemble(ends, (words.positive, "yellow")), _dim("probability"))
    for layer in result.layers:
        word, share = (
            (words.positive, layer.probability) if layer.probability >= 0.5 else (words.negative, 1 - layer.probability)
        )
        table.add_row(
            str(layer.layer),
            f"{layer.score:+.2f}",
            _needle(layer.score, layer.scale),
            Text.assemble(_share(share), (f" {word}", "dim"), ("" if layer.better else "  ✗", "red")),
        )
    weak = [str(layer.layer) for layer in result.layers if not layer.better]
    notes = [_dim(" the ends of the scale: where the two words themselves lie, on average")]
    if weak:
        notes.append(Text(f" ✗ no better than its controls when it was fitted: layer {', '.join(weak)}", style="red"))
    token = result.start.tokens[result.position]
    return Group(
        _heading("classify", words, result.model.name, f"{token!r} at position {result.position}"),
        Text(),
        Text.assemble(" ", joined(result.start.tokens, read=result.position)),
        Text(),
        Padding(table, (0, 0, 0, 1)),
        Text(),
        *notes,
        Text(),
    )


def _heading(what: str, words: ConceptWords, model: str, rest: str) -> Text:
    dot = ("  ·  ", "dim")
    both = f"{words.negative} → {words.positive}"
    return Text.assemble((f" {what}", "bold"), dot, model, dot, (both, "bold"), dot, rest)


def _scale(layer: ConceptLayer) -> Text:
    """From 0.5 to 1: the interval in brackets, the higher of the controls as a bar."""

    def place(share: float) -> int:
        return round((BAR - 1) * (max(0.5, share) - 0.5) * 2)

    low, high = (place(end) for end in layer.interval)
    control = place(max(layer.shuffled_limit, layer.random_limit))
    cells = ["·"] * BAR
    cells[low : high + 1] = ["━"] * (high + 1 - low)
    text = Text("".join(cells), style="green" if layer.better else "red")
    text.stylize("dim", 0, low)
    found = Text.assemble(text[:control], ("|", "bold"), text[control + 1 :])
    return Text.assemble("[", found, "]")


def _worse(result: ConceptResult) -> list[RenderableType]:
    table = Table.grid(padding=(0, 1))
    for layer in result.layers:
        if not layer.better:
            table.add_row(Text(" ✗", style="bold red"), f"layer {layer.layer}: {layer.verdict}")
    return [table]


def _logistic(result: ConceptResult) -> Text:
    """The other vector, in a line."""
    best = max(result.layers, key=lambda layer: layer.logistic.accuracy)
    good = [str(layer.layer) for layer in result.layers if layer.logistic.better]
    where = f"better than its controls in {len(good)} of {len(result.layers)} layers"
    return _dim(f" logistic regression: up to {best.logistic.accuracy:.3f}, {where}")


def _aside(result: ConceptResult) -> list[RenderableType]:
    if not result.set_aside:
        return []
    lines: list[RenderableType] = [Text(), _dim(" set aside:")]
    for found in result.set_aside:
        where = _where(found)
        example = f"  {found.examples[0]}" if where is None and ": " in found.examples[0] else ""
        line = Text(f" {found.count:7,}  {found.reason}{example}", style="dim", no_wrap=True, overflow="ellipsis")
        lines.append(line)
        if where is not None:
            lines.append(Padding(_dim(where), (0, 0, 0, 10)))
    return lines


def _where(found: SetAside) -> str | None:
    """The lines that were set aside, as `he.txt line 2, 4-6; she.txt line 3`. None for one alone, or a few out of many."""
    places = [re.match(r"((?:(?!: ).)*?)(\d+): ", example) for example in found.examples]
    if found.count == 1 or len(places) < min(found.count, FEW + 1):
        return None
    runs: dict[str, list[tuple[int, int]]] = {}
    for place in places:
        if place is None:
            return None
        of_file, number = runs.setdefault(place[1], []), int(place[2])
        first = of_file.pop()[0] if of_file and of_file[-1][1] == number - 1 else number
        of_file.append((first, number))
    left, room, parts = found.count, RUNS, []
    for name, of_file in runs.items():
        shown = of_file[:room]
        room -= len(shown)
        left -= sum(last - first + 1 for first, last in shown)
        if shown:
            numbers = (f"{first}-{last}" if last > first else str(first) for first, last in shown)
            parts.append(name + ", ".join(numbers))
    return "; ".join(parts) + (f", and {left:,} more" if left else "")


def _needle(score: float, scale: float) -> Text:
    """Where a score lies between the means of the two words (± scale / 2); beyond them at the edge."""
    half = abs(scale) / 2 or 1.0
    place = round(BAR + BAR * max(-1.0, min(1.0, score / half)))
    cells = ["·"] * (2 * BAR + 1)
    cells[BAR] = "┼"
    text = Text("".join(cells), style="dim")
    style = "bold yellow" if score >= 0 else "bold blue"
    return Text.assemble(text[:place], ("●", style), text[place + 1 :])


def _share(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.9995 else "> 99.9 %"


def _dim(text: str) -> Text:
    return Text(text, style="dim")
