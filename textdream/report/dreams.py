"""Dreams drawn in the terminal: one at a time, or side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import exp

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textdream.records import Baseline, DreamResult, Sample
from textdream.report.annealing import annealing
from textdream.report.common import heading, number
from textdream.report.predictions import percent
from textdream.report.shading import excerpt
from textdream.report.text import differences, joined, sparkline


def dream(result: DreamResult) -> RenderableType:
    """Start and best with their activations, the climb, the certificate and what it cost."""
    lines: list[RenderableType] = [heading("dream", result), Padding(_texts(result), (1, 0, 0, 1))]
    values = [step.hard for step in result.steps if step.hard is not None]
    if not values:
        lines.append(Padding(annealing(result), (1, 0, 0, 1)))
    elif len(values) > 2:
        climb = sparkline(values, 48)
        lines.append(
            Padding(
                Text.assemble(("climb  ", "dim"), (climb, "cyan"), (f"  {len(result.steps)} steps", "dim")),
                (1, 0, 0, 1),
            )
        )
    if result.target.kind == "log_probability":
        before, after = (percent(exp(min(0.0, each.activation))) for each in (result.start, result.best))
        lines.append(Padding(Text.assemble(("probability  ", "dim"), before, " → ", (after, "bold")), (0, 0, 0, 1)))
    lines.append(Text())
    if result.baseline is not None:
        lines.append(Padding(baseline(result, result.baseline), (0, 0, 0, 1)))
    lines += [Padding(certificate(result), (0, 0, 0, 1)), Padding(_cost(result), (0, 0, 0, 1))]
    if result.interrupted:
        lines.append(Text(" interrupted: this is the best that was reached", style="bold yellow"))
    return Group(*lines, Text())


def _texts(result: DreamResult) -> RenderableType:
    """Start, end and best, each with its activation; the last, where no value is known."""
    read = result.target.position
    changed = differences(result.start.tokens, result.best.tokens)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="dim", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    value = partial(number, target=result.target)
    if result.baseline is not None:
        grid.add_row("corpus", f"{result.baseline.activation:.3f}", excerpt(result.baseline))
    grid.add_row("start", value(result.start.activation), joined(result.start.tokens, read=read))
    if result.final.tokens != result.best.tokens:
        grid.add_row("final", value(result.final.activation), joined(result.final.tokens, read=read))
    best = joined(result.best.tokens, changed=changed, read=read)
    name = "best" if result.best.activation is not None else "last"
    grid.add_row(name, Text(value(result.best.activation), style="bold green"), best)
    return grid


def certificate(result: DreamResult) -> Text:
    """The certificate as a sentence."""
    found = result.certificate
    lowest = "lower" if result.minimise else "higher"
    if found is None:
        return Text("no certificate: the text was not searched exhaustively", style="yellow")
    if not found.holds:
        better = f" ({found.better.token!r} at position {found.better.position})" if found.better else ""
        return Text(f"not 1-opt: a single replacement is {lowest}{better}", style="bold red")
    how = f"all in {found.screened}" + (
        f", {found.decided:,} decided in float32" if found.screened != "float32" else ""
    )
    return Text.assemble(
        ("✓ 1-opt  ", "bold green"),
        f"none of {found.checked:,} single replacements is {lowest} ",
        (f"({how}; margin {found.margin:.2g})", "dim"),
    )


def baseline(result: DreamResult, found: Baseline) -> Text:
    """Whether and by how much the dream beats the corpus, and what it started from."""
    names = ", ".join(file.name for file in found.corpus.files[:3])
    size = f"the {'lowest' if result.minimise else 'best'} of {found.corpus.sentences:,} sentences"
    above = result.best.activation - found.activation
    # More than float32 can tell from none, as the optimisers have it.
    past = (-above if result.minimise else above) > 1e-5 * max(1.0, abs(found.activation))
    if found.beats:
        text = Text("✓ beats the corpus", style="bold green")
    elif past:
        text = Text("? cannot be told for certain", style="bold yellow")
    else:
        text = Text("✗ does not beat the corpus", style="bold red")
    # There is no multiple of a number of the wrong sign.
    by = f"{abs(above):.3f} {'above' if above >= 0 else 'below'}" if found.ratio is None else f"{found.ratio:.2f} ×"
    text = Text.assemble(text, f"  {by} {size}", (f" ({names})", "dim"))
    if past and not found.beats:
        text.append(f"\n  a sentence that the index left out may reach {found.bound:.3f}", style="dim")
    count, among = len(found.sentences), len(found.sentences) + found.passed_over
    if count:
        others = "; the others do not survive retokenising" if found.passed_over else ""
        text.append(f"\n  started from {count} of the {among} best{others}", style="dim")
    return text


def compare(results: Sequence[tuple[str, DreamResult]]) -> RenderableType:
    """Dreams of one target side by side.

    Parameters
    ----------
    results
        (name, result) for each column.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), expand=False)
    table.add_column("", style="dim", no_wrap=True)
    for name, _ in results:
        table.add_column(Text(name), overflow="fold", ratio=1)

    def sample(result: DreamResult, what: str) -> Text:
        found: Sample = getattr(result, what)
        changed = differences(result.start.tokens, found.tokens) if what != "start" else ()
        value = Text(f"{number(found.activation, result.target)}\n", style="bold")
        return value + joined(found.tokens, changed=changed, read=result.target.position)

    for what in ("start", "final", "best"):
        table.add_row(what, *(sample(result, what) for _, result in results))
        table.add_row()
    rows = {
        "method": lambda r: _method(r),
        "1-opt": lambda r: "proven" if r.certificate and r.certificate.holds else "not proven",
        "evaluations": lambda r: "–" if r.evaluations is None else f"{r.evaluations:,}",
        "seconds": lambda r: "–" if r.seconds is None else f"{r.seconds:.1f}",
    }
    for name, cell in rows.items():
        table.add_row(name, *(cell(result) for _, result in results))
    return table


def _method(result: DreamResult) -> str:
    preset = result.settings.get("preset") if result.imported is None else "PAIR"
    return f"{result.method} ({preset})" if preset else result.method


def _cost(result: DreamResult) -> Text:
    if result.imported is not None:
        return Text(f"{_method(result)} · {result.steps[-1].step:,} steps", style="dim")
    trip = "survives" if result.best.round_trip else "does not survive"
    return Text(
        f"{_method(result)} · {result.evaluations:,} evaluations · {result.seconds:.1f} s · seed {result.seed}"
        f" · {trip} retokenising",
        style="dim",
    )
