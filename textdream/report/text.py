"""Tokens as readable terminal text: word pieces joined, changes marked, the word that is read framed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rich.text import Text

from textdream.records import Target

# As BERT's and RoBERTa's tokenizers write it, the one special token that is part of a text; and a token that is not known.
MASKS = ("[MASK]", "<mask>", "[?]")


def joined(
    tokens: Sequence[str],
    *,
    changed: Collection[int] = (),
    read: int | None = None,
    special: bool = False,
    styles: Mapping[int, str] | None = None,
    apart: Collection[int] = (),
) -> Text:
    """Tokens as text.

    Parameters
    ----------
    tokens
        As the vocabulary writes them: `##` glues to the word before (WordPiece); `Ġ` and `▁` begin a word.
    changed
        Positions to mark.
    read
        Position whose activation is read: shown in brackets, so that it is seen without colour too.
    special
        Show special tokens.
    styles
        Styles of single positions, in place of what the others give.
    apart
        Positions of pieces (`##`) that do not belong to the word before, and stand alone.
    """
    byte_level = any(token.startswith(("Ġ", "▁")) for token in tokens)
    text = Text()
    for position, token in enumerate(tokens):
        marks_itself = token.startswith(("[", "<")) and token.endswith(("]", ">")) and len(token) > 2
        mask = token in MASKS
        if marks_itself and not special and not mask and position != read:
            continue
        piece, glued = token, False
        if token.startswith("##") and position not in apart:
            piece, glued = token[2:], True
        elif byte_level:
            piece, glued = token.lstrip("Ġ▁"), not token.startswith(("Ġ", "▁"))
        if len(text) and not glued:
            text.append(" ")
        style = "bold green" if position in changed else ("dim" if marks_itself and not mask else "")
        style = (styles or {}).get(position, style)
        if position == read and mask:  # It has brackets of its own.
            text.append(piece, style="bold yellow")
        elif position == read:
            text.append("[", style="bold yellow")
            text.append(piece or token, style=style or "bold")
            text.append("]", style="bold yellow")
        else:
            text.append(piece or token, style=style)
    return text


def differences(before: Sequence[str], after: Sequence[str]) -> list[int]:
    """Positions where two texts of the same length differ; all of them where the lengths do."""
    if len(before) != len(after):
        return list(range(len(after)))
    return [position for position, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]


def short_target(target: Target) -> str:
    """The target in a few words."""
    return target.description or target.kind


SPARKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int, limits: tuple[float, float] | None = None) -> str:
    """Values as a line of little bars, the last of each stretch; `limits` put several lines on one scale."""
    if not values:
        return ""
    picked = [values[round(i * (len(values) - 1) / max(1, width - 1))] for i in range(min(width, len(values)))]
    low, high = limits or (min(picked), max(picked))
    scale = (len(SPARKS) - 1) / (high - low) if high > low else 0
    return "".join(SPARKS[round((min(max(value, low), high) - low) * scale)] for value in picked)
