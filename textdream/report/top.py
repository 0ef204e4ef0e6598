"""What a corpus says of a unit, drawn in the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textdream.records import Agreement, CorpusInfo, CorpusTopResult, Measure, ShadedSentence, Standing
from textdream.report.common import heading
from textdream.report.shading import AFTER, BEFORE, histogram, legend, shaded


def corpus_top(result: CorpusTopResult) -> RenderableType:
    """Where the unit stands, its best and least sentences, and (where asked) its bands or a second corpus."""
    standing = result.standing
    lines: list[RenderableType] = [
        heading("corpus top", result),
        Text(f" {corpus_line(result.corpus)}", style="dim"),
        Text(),
        Padding(_standing(result), (0, 0, 0, 1)),
        Text(),
        histogram(result.histogram, standing.mean),
        Text(),
    ]
    if result.against is not None:
        lines += [_side_by_side(result, result.against), *_agreement(result.against)]
    else:
        lines += _table("most", result.sentences, standing)
    lines += _table("least", result.least, standing)
    for number, band in enumerate(result.quantiles):
        if band.sentences:
            title = f"{10 * number} to {10 * number + 10} %  ({band.low:.3f} to {band.high:.3f})"
            lines += _table(title, band.sentences, standing, before=10, after=6)
    lines += [Text.assemble((" shades ", "dim"), legend(standing))]
    lines += [Text(" mean, scale and bands as the index has them; sentences in float32", style="dim"), Text()]
    return Group(*lines)


def corpus_line(corpus: CorpusInfo) -> str:
    """A corpus in a few words."""
    names = [file.name for file in corpus.files]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{shown}: {corpus.sentences:,} sentences, {corpus.tokens:,} tokens"


def _standing(result: CorpusTopResult) -> Text:
    standing = result.standing
    text = Text.assemble(("mean ", "dim"), f"{standing.mean:.3f}", ("  sd ", "dim"), f"{standing.sd:.3f}")
    if result.target.neuron is None and "random" not in result.target.description:
        return text
    if result.target.neuron is None:
        return text.append("  a random direction: what chance looks like", style="dim")
    if standing.top_share is None:
        return text
    text.append("  its layer's highest at ", style="dim").append(f"{100 * standing.top_share:.2f} %")
    return text.append(f" of tokens (chance {100 / standing.units:.2f})", style="dim")


def _table(
    title: str, sentences: Iterable[ShadedSentence], standing: Standing, before: int = BEFORE, after: int = AFTER
) -> list[RenderableType]:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for sentence in sentences:
        table.add_row(f"{sentence.activation:.3f}", shaded(sentence, standing, before, after))
    return [Text(f" {title}", style="dim"), Padding(table, (0, 0, 0, 1)), Text()]


def _side_by_side(result: CorpusTopResult, against: Agreement) -> RenderableType:
    """Ranks in rows, the two corpora in columns, each sentence cut to what stands around the word."""
    table = Table.grid(padding=(0, 1), expand=False)
    for _ in range(2):
        table.add_column(justify="right", style="bold", no_wrap=True)
        table.add_column(overflow="fold", ratio=1)
    names = [corpus.files[0].name for corpus in (result.corpus, against.corpus)]
    table.add_row("", Text(names[0], style="dim"), "", Text(names[1], style="dim"))
    # A small corpus may have fewer sentences than were asked for.
    for here, there in zip_longest(result.sentences, against.sentences):
        cells: list[RenderableType] = []
        for sentence, standing in ((here, result.standing), (there, against.standing)):
            if sentence is None:
                cells += ["", ""]
            else:
                cells += [f"{sentence.activation:.2f}", shaded(sentence, standing, before=8, after=4)]
        table.add_row(*cells)
    return Padding(table, (0, 0, 1, 1))


def _agreement(against: Agreement) -> list[RenderableType]:
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "right", "right", "right"):
        table.add_column(justify=justify)
    table.add_row("", *(Text(name, style="dim") for name in ("agreement", "within one", "other units", "above")))
    for name, found in (
        ("top tokens in common, by halves", against.tokens),
        ("similarity of their embeddings, by halves", against.embeddings),
    ):
        table.add_row(Text(name), *_cells(found))
    return [Padding(table, (0, 0, 0, 1)), Padding(Text(against.text), (1, 1, 0, 1)), Text()]


def _cells(found: Measure) -> list[Text]:
    return [
        Text(f"{found.value:.2f}", style="bold green"),
        Text(f"{found.within:.2f}"),
        Text(f"{found.chance:.2f}"),
        Text(f"{found.percentile:.0f} %"),
    ]
