"""Which units a word excites, drawn in the terminal."""

from __future__ import annotations

import shlex
import textwrap

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textdream.records import NeuronsResult, NeuronValue
from textdream.report.text import joined
from textdream.report.top import corpus_line


def neurons(result: NeuronsResult) -> RenderableType:
    """The text, the units most unusual first, and the command that dreams the first of them."""
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "right", "right", "right", "right"):
        table.add_column(justify=justify)
    titles = ("site", "layer", "neuron", "activation", "z", "percentile")
    table.add_row(*(Text(title, style="dim") for title in titles))
    for unit in result.neurons:
        table.add_row(
            unit.site,
            str(unit.layer),
            Text(str(unit.neuron), style="bold"),
            f"{unit.activation:.3f}",
            f"{unit.z:.1f}",
            _percentile(unit.percentile),
        )
    token = result.start.tokens[result.position]
    return Group(
        Text.assemble(
            (" neurons", "bold"),
            ("  ·  ", "dim"),
            result.model.name,
            ("  ·  ", "dim"),
            f"{token!r} at position {result.position}",
        ),
        Text(f" {corpus_line(result.corpus)}", style="dim"),
        Text(),
        Text.assemble(" ", joined(result.start.tokens, read=result.position)),
        Text(),
        Padding(table, (0, 0, 0, 1)),
        Text(),
        Text(
            f" the most unusual of {result.measured:,} units; 100 %: higher than at any token of the sample",
            style="dim",
        ),
        *_next(result),
        Text(),
    )


def _percentile(value: float) -> str:
    return "100 %" if value >= 100 else f"{int(1000 * value) / 1000:.3f} %"


def _next(result: NeuronsResult) -> list[RenderableType]:
    # Positions count in the text as it was tokenised: where it comes back otherwise, they would be wrong.
    if not result.neurons or not result.start.round_trip:
        return []
    command = Text(f" {dream_command(result, result.neurons[0])}", no_wrap=True, overflow="ignore")
    return [Text(), Text(" dream of the first:", style="dim"), command]


def dream_command(result: NeuronsResult, unit: NeuronValue) -> str:
    """The command that dreams of a unit from this text, a flag or two a line."""
    # Inside quotes a line may break at any space: to a tokenizer one white space is as good as another.
    text = textwrap.fill(shlex.quote(result.start.text), 74, break_long_words=False, break_on_hyphens=False)
    parts = [
        f"textdream dream \\\n     {text}",
        *([] if result.model.name == "minilm" else [f"--model {shlex.quote(result.model.name)}"]),
        f"--site {unit.site} --layer {unit.layer} --neuron {unit.neuron} --position {result.position} --free all",
        *([f"--from-corpus {shlex.quote(str(result.settings['index']))}"] if result.settings.get("index") else []),
    ]
    return " \\\n     ".join(parts)
