"""What a model predicts, drawn in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textdream.records import FillMaskResult, RankedProbability, TokenProbability
from textdream.report.text import joined

BAR = 36
# Begins a word in the manner of byte-level vocabularies.
GAP = "▁[…]"


def fill_mask(result: FillMaskResult) -> RenderableType:
    """The text, the most probable tokens with bars, those that were asked for, and the one that stood there."""
    what = "behind the mask" if result.predicts == "masked" else "next token"
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "left", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    top = result.tokens[0].probability
    _rows(table, [(rank, token) for rank, token in enumerate(result.tokens, start=1)], top, result.given)
    if result.asked:
        table.add_row("", Text("asked for", style="dim"))
        _rows(table, [(token.rank, token) for token in result.asked], top, result.given)
    lines: list[RenderableType] = [
        Text.assemble(
            (" fill-mask", "bold"),
            ("  ·  ", "dim"),
            result.model.name,
            ("  ·  ", "dim"),
            f"{what}, position {result.position}",
        ),
        Padding(_text(result), (1, 0, 1, 1)),
        Padding(table, (0, 0, 0, 1)),
        Text(),
    ]
    if result.given is not None:
        lines.append(Padding(_given(result.given), (0, 0, 0, 1)))
    shown = percent(sum(token.probability for token in result.tokens))
    note = f"{len(result.tokens):,} of {result.model.vocabulary_size:,} tokens hold {shown} of the probability"
    lines.append(Text(f" {note} · {result.seconds:.1f} s", style="dim"))
    return Group(*lines, Text())


def _rows(
    table: Table, tokens: Sequence[tuple[int, TokenProbability]], top: float, given: RankedProbability | None
) -> None:
    for rank, token in tokens:
        here = given is not None and token.id == given.id
        table.add_row(
            Text(f"{rank:,}", style="dim"),
            Text(token.token or f"(row {token.id})", style="bold green" if here else "bold"),
            percent(token.probability),
            Text("█" * round(BAR * token.probability / top) if top else "", style="green"),
        )


def _given(given: RankedProbability) -> Text:
    """Where the text's own token stands."""
    if given.rank == 1:
        return Text.assemble(("✓ ", "bold green"), (given.token, "bold"), " stands there: the most probable token")
    return Text.assemble((given.token, "bold"), f" stands there: rank {given.rank:,}, {percent(given.probability)}")


def _text(result: FillMaskResult) -> Text:
    """The text with the place that is predicted; what a causal model does not see is dim."""
    tokens, position = result.start.tokens, result.position
    if result.predicts == "masked":
        return joined(tokens, read=position)
    unseen = dict.fromkeys(range(position + 1, len(tokens) + 1), "dim")
    return joined([*tokens[:position], GAP, *tokens[position:]], styles={**unseen, position: "bold yellow"})


def percent(probability: float) -> str:
    """With one decimal, or two digits where that is less than a tenth of a percent."""
    share = 100 * probability
    if share >= 0.095:
        return f"{share:.1f} %"
    return f"{share:.2g} %"
