"""Texts rebuilt from layers, drawn in the terminal: a row a layer, each token marked right, near or wrong."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textdream.records import LayerReconstruction, ReconstructResult
from textdream.report.text import joined

STYLES = {"right": "", "near": "yellow", "wrong": "bold red", "special": "dim"}
SIGNS = {"near": "~", "wrong": "✗"}


def reconstruct(result: ReconstructResult) -> RenderableType:
    """Layers as rows: whether the text is exact, and the text itself."""
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "left", "left"):
        table.add_column(justify=justify, vertical="top")
    table.add_row(_dim("layer"), "", "")
    for one in result.layers:
        table.add_row(str(one.layer), _verdict(one, _part(result)), Group(_text(one), _numbers(one)))
    parts: list[RenderableType] = [
        Text.assemble(
            (" reconstruct", "bold"), ("  ·  ", "dim"), result.model.name, ("  ·  ", "dim"), result.target.description
        ),
        Text(),
        Text.assemble(" ", joined(result.start.tokens)),
        Text(),
        table,
        Text(),
        *_synonyms(result),
        Padding(_legend(result), (0, 0, 0, 1)),
        Padding(_totals(result), (0, 0, 0, 1)),
    ]
    if result.interrupted:
        parts.append(Text(" interrupted: --resume goes on with the layers that are left", style="bold yellow"))
    return Group(*parts, Text())


def _part(result: ReconstructResult) -> bool:
    """Whether the target is part of a layer, which many texts may give."""
    return result.target.position is not None or result.target.neuron is not None


def _verdict(one: LayerReconstruction, part: bool) -> Text:
    if one.exact and part:
        return Text("✓ activation exact", style="bold green")
    if one.exact and one.ambiguous:
        assert one.rival is not None
        pair = f"{one.best.tokens[one.rival.position]} ↔ {one.rival.token}"
        return Text.assemble(("✓ exact up to", "bold green"), "\n  ", (pair, "bold yellow"))
    if one.exact:
        return Text("✓ exact", style="bold green")
    return Text(f"{one.accuracy:.0%}" + ("" if one.finished else " …"), style="bold yellow")


def _text(one: LayerReconstruction) -> Text:
    """The tokens; near and wrong ones carry a sign of their own, so that no colour is needed to see them."""
    tokens, styles = [], {}
    for position, (token, mark) in enumerate(zip(one.best.tokens, one.marks, strict=True)):
        tokens.append(token + SIGNS.get(mark, ""))
        if STYLES[mark]:
            styles[position] = STYLES[mark]
    return joined(tokens, styles=styles, apart=[at for at, mark in enumerate(one.marks) if mark in SIGNS])


def _numbers(one: LayerReconstruction) -> Text:
    if one.floor is None:
        return _dim(f"loss {one.loss:.1e}{_way(one)}")
    words = [f"loss {one.loss:.1e}", f"noise {one.floor:.1e}"]
    if one.rival is not None:
        words.append(f"next text {one.rival.loss:.1e}")
    words += [f"{one.evaluations:,} texts", f"{one.seconds:.1f} s"]
    if one.tried is not None:
        words[-2] = f"{one.evaluations:,} token{'s' * (one.evaluations != 1)} tried"
    return _dim(" · ".join(words))


def _way(one: LayerReconstruction) -> str:
    """Of an imported reconstruction: from which step the best text is, and how right the last one was."""
    steps = one.steps or []
    where = next((f" at step {step.step:,}" for step in steps if step.tokens == one.best.tokens), "")
    last = "" if one.last is None or one.last.tokens == one.best.tokens else f" · at the last step {one.last_loss:.1e}"
    return where + last


def _legend(result: ReconstructResult) -> Text:
    """What the signs on this page mean, and what exactness does not."""
    seen = {mark for one in result.layers for mark in one.marks}
    lines = []
    if result.imported is not None:
        return _dim("✓ the tokens are those of the text given   ✗ another token")
    if any(one.exact for one in result.layers):
        lines.append("✓ the loss is float32 noise for these very tokens")
    if not _part(result) and any(one.exact and one.ambiguous for one in result.layers):
        lines.append("↔ with the other token in its place it is noise too: the layer does not tell the two apart")
    if "near" in seen or "wrong" in seen:
        lines.append("~ one of the ten embeddings nearest to the right one   ✗ another token")
    if _part(result):
        lines.append("Part of a layer may be given by many texts: exact is said of the activation, not of the text.")
    return _dim("\n".join(lines))


def _synonyms(result: ReconstructResult, most: int = 3) -> list[RenderableType]:
    """Positions as rows, layers as columns: the tokens that a layer takes for the same most easily."""
    layers = [one for one in result.layers if one.synonyms]
    if not layers:
        return []
    shown = layers if len(layers) <= most else [layers[0], layers[len(layers) // 2], layers[-1]]
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    for _ in shown:
        table.add_column()
    table.add_row("", *(_dim(f"layer {one.layer}") for one in shown))
    # An interrupted run may have fewer positions in some layers than in others.
    longest = max((one.synonyms for one in layers if one.synonyms), key=len)
    for row, group in enumerate(longest):
        cells = []
        for one in shown:
            found = one.synonyms or []
            best = found[row].tokens[:3] if row < len(found) else []
            names = ", ".join(token.token for token in best)
            cells.append(Text.assemble(names, (f"  {best[0].change:.1e}" if best else "", "dim")))
        table.add_row(Text(group.token, style="bold"), *cells)
    head = _dim(" substitutes that change the layer least, and the first's change (mean square)")
    return [head, Text(), Padding(table, (0, 0, 0, 1)), Text()]


def _totals(result: ReconstructResult) -> Text:
    part = _part(result)
    apart = 0 if part else sum(one.exact and one.ambiguous for one in result.layers)
    exact = sum(one.exact for one in result.layers) - apart
    lens = "" if result.lens is None else f" · lens from {result.lens.corpus.name}, {result.lens.tokens:,} tokens"
    count = len(result.layers)
    layers = f"{exact} of {count} layers" if count > 1 else f"{exact} of 1 layer"
    seconds = "" if result.seconds is None else f" · {result.seconds:.1f} s"
    what = "with the activation exact" if part else "exact"
    up_to = f", {apart} up to a token" if apart else ""
    return _dim(f"{layers} {what}{up_to}{seconds}{lens}")


def _dim(text: str) -> Text:
    return Text(text, style="dim")
