"""What a model predicts at a position: the token behind a mask, or in causal models the next one."""

from __future__ import annotations

import time

import torch
from jaxtyping import Float
from torch import Tensor

from textdream.configs import FillMaskConfig
from textdream.errors import InputError, ModelError
from textdream.experiments.setting import check_one_token, header
from textdream.model import Model, Read
from textdream.records import FillMaskResult, RankedProbability, TokenProbability


def fill_mask(
    model: Model,
    text: str,
    config: FillMaskConfig | None = None,
    *,
    word: str | None = None,
    position: int | None = None,
) -> FillMaskResult:
    """The probabilities over the vocabulary at one position of a text.

    Parameters
    ----------
    model
        With a masked-token or a next-token head.
    text
        May hold the mask token, if the model has one; other masks than the one that is read stay.
    config
        What is kept.
    word, position
        Where. A masked-token model reads it with the mask put there; without either, at the text's own mask. A causal model
        predicts the token there (the first of a word) from what stands before; without either, what comes next.

    Raises
    ------
    ModelError
        If the model has no such head.
    InputError
        If the text, the word, the position or the tokens do not fit the model.
    """
    config = config or FillMaskConfig()
    begin = time.perf_counter()
    given, place = asked_place(model, text, word, position)
    if model.tokens.causal:
        ids, row = given, torch.tensor([given[:place]])
        read = Read("logits", None, place - 1)
    else:
        ids = model.tokens.masked(given, place)
        row, read = torch.tensor([ids]), Read("logits", None, place)
    probabilities = probabilities_of(model.engine.activations(row, {read})[read][0])
    names = _names(model, len(probabilities))
    best = probabilities.argsort(descending=True, stable=True)[: config.top].tolist()

    def ranked(token: int) -> RankedProbability:
        value = probabilities[token]
        rank = 1 + int((probabilities > value).sum())
        return RankedProbability(id=token, token=names[token], probability=float(value), rank=rank)

    asked = [ranked(token) for token in asked_tokens(model, config.tokens, len(probabilities))]
    there = place < len(given) and given[place] != model.tokens.mask
    return FillMaskResult(
        **header(model, config, time.perf_counter() - begin),
        start=model.bare_sample(ids),
        position=place,
        predicts="next" if model.tokens.causal else "masked",
        tokens=[TokenProbability(id=i, token=names[i], probability=float(probabilities[i])) for i in best],
        given=ranked(given[place]) if there else None,
        asked=sorted(asked, key=lambda token: token.rank),
    )


def asked_place(model: Model, text: str, word: str | None, position: int | None) -> tuple[list[int], int]:
    """(ids of the text, the position that is predicted). No pass of the model is made. See `fill_mask` for the errors."""
    if model.layout.decoder is None:
        raise ModelError(
            f"{model.name} ({model.info.architecture}) has no head that predicts tokens",
            "a masked-token model such as bert-tiny-mlm, or a next-token model such as smollm2",
            "give one with --model (`textdream models`)",
        )
    given = model.tokens.encode(text, masks=True)
    place = _place(model, text, given, word, position)
    if not model.tokens.causal:
        model.tokens.masked(given, place)
    return given, place


def probabilities_of(logits: Float[Tensor, " d_vocab"]) -> Float[Tensor, " d_vocab"]:
    """Softmax in float64, so that small probabilities keep their digits and all of them sum to 1."""
    return logits.double().softmax(-1)


def asked_tokens(model: Model, tokens: str | None, size: int) -> list[int]:
    """Ids of the tokens in a list with commas, each once.

    Raises
    ------
    InputError
        If one of them is empty, or not exactly one token of the vocabulary.
    """
    if tokens is None:
        return []
    # Spaces stay: to a byte-level vocabulary, a word after a space is another token than the word alone.
    parts = tokens.split(",")
    if not all(part.strip() for part in parts):
        raise InputError(f"--tokens {tokens!r} was given", "tokens with commas between them", "for example he,she")
    found = list(dict.fromkeys(model.tokens.token_id(part) for part in parts))
    if beyond := [id_ for id_ in found if id_ >= size]:
        name = model.tokens.names(beyond[:1])[0]
        raise InputError(f"{name!r} is not among the predictions", f"tokens of the first {size} ids", "leave it out")
    return found


def _place(model: Model, text: str, ids: list[int], word: str | None, position: int | None) -> int:
    """The position that is predicted."""
    tokens = model.tokens
    if word is not None and position is not None:
        raise InputError("both a word and a position were given", "one of them", "leave --word or --position out")
    if word is not None:
        found = tokens.word_positions(text, word)
        if not tokens.causal:
            check_one_token(model, word, found, ids)
        position = found[0]
    if tokens.causal:
        end = tokens.open_positions(ids)[-1] + 1
        return end if position is None else _checked(model, ids, position, end)
    if position is not None:
        return position
    masks = tokens.mask_positions(ids)
    if len(masks) == 1:
        return masks[0]
    mask = tokens.names([tokens.mask])[0] if tokens.mask is not None else "the mask"
    if masks:
        where = ", ".join(map(str, masks))
        raise InputError(f"the text holds {mask} {len(masks)} times", "one to read", f"give --position, one of {where}")
    raise InputError(
        "no position was given", "the token that is masked", f"give --word or --position, or write {mask} in the text"
    )


def _checked(model: Model, ids: list[int], position: int, end: int) -> int:
    """The position, if a causal model can predict the token there."""
    first = max(1, model.tokens.open_positions(ids)[0])
    if first <= position <= end:
        return position
    inside = 0 <= position < first
    raise InputError(
        f"position {position} {'has no token before it to be predicted from' if inside else 'is not in the text'}",
        f"positions {first} to {end - 1}, and {end} for what comes next" if first < end else f"{end}: what comes next",
        "see the positions with `textdream tokens`",
    )


def _names(model: Model, size: int) -> list[str]:
    """Names of all ids that have a logit; empty for rows that pad the table."""
    names = model.tokens.tokenizer.convert_ids_to_tokens(list(range(size)))
    return [name or "" for name in names]
