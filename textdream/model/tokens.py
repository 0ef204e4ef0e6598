"""Text and token ids: encoding with checks, words and their positions, tokens that may be proposed, the round trip."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from textdream.errors import InputError

# Vocabulary entries that no text was ever trained on: BERT, T5, fairseq, Llama 3 and Gemma name them so.
_UNUSED = re.compile(r"\[unused\d+\]|<unused\d+>|<extra_id_\d+>|madeupword\d+|<\|?reserved_special_token_\d+\|?>")

# Why a text cannot be encoded: no tokens; special ones, or characters not known, inside; more than the model takes.
Refusal = Literal["empty", "unknown", "long"]
# Characters of a text that is tokenised in bulk, at most: no model takes so many.
LONGEST = 1 << 20


def word_spans(text: str, word: str) -> list[tuple[int, int]]:
    """Where `word` stands in `text` as a whole word, in any case: beginning and end of each occurrence."""
    left = r"(?<!\w)" if re.match(r"\w", word) else ""
    right = r"(?!\w)" if re.search(r"\w$", word) else ""
    return [found.span() for found in re.finditer(left + re.escape(word) + right, text, re.IGNORECASE)] if word else []


class Tokens:
    """The tokenizer of a model, seen as the map between text and ids that a search needs.

    Parameters
    ----------
    tokenizer
        A Hugging Face tokenizer; it is only read.
    rows
        Rows of the model's embedding table.
    max_length
        Longest input the model takes, in tokens.
    causal
        Whether later tokens are hidden from earlier ones: then a word of several tokens is read at its last.
    """

    def __init__(self, tokenizer: Any, rows: int, max_length: int, causal: bool) -> None:
        self.tokenizer, self.rows, self.max_length, self.causal = tokenizer, rows, max_length, causal

    @cached_property
    def special(self) -> frozenset[int]:
        """Ids that carry no text: [CLS], [PAD], <s>, chat marks and the like."""
        added = getattr(self.tokenizer, "added_tokens_decoder", {})
        return frozenset(self.tokenizer.all_special_ids) | {id_ for id_, token in added.items() if token.special}

    @cached_property
    def allowed(self) -> Int[Tensor, " allowed"]:
        """Ids that may be proposed: neither special nor unused, and with a row in the embedding table."""
        size = min(self.rows, len(self.tokenizer))
        names = self.tokenizer.convert_ids_to_tokens(list(range(size)))
        good = [
            id_
            for id_, name in enumerate(names)
            if id_ not in self.special and name is not None and not _UNUSED.fullmatch(name)
        ]
        return torch.tensor(good)

    @cached_property
    def mask(self) -> int | None:
        """Id of the mask token, behind which a model that sees both sides predicts; causal models have none."""
        return None if self.causal else self.tokenizer.mask_token_id

    def encode(self, text: str, masks: bool = False) -> list[int]:
        """Token ids of `text`, with the special tokens that the model expects around it.

        Parameters
        ----------
        text
            What a user would paste.
        masks
            Whether it may hold the mask token, beside others.

        Raises
        ------
        InputError
            If the text is empty, too long, contains special tokens, or characters that the tokenizer does not know.
        """
        if not text.strip():
            raise InputError("the text is empty", "at least one word", "give a sentence in quotes")
        inner = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        for id_ in inner:
            if id_ in self.special and not (masks and id_ == self.mask):
                name = self.tokenizer.convert_ids_to_tokens(id_)
                unknown = id_ == self.tokenizer.unk_token_id and name not in text
                what = (
                    f"{self._unknown_piece(text)!r}, which the tokenizer does not know"
                    if unknown
                    else f"the special token {name}"
                )
                raise InputError(
                    f"the text holds {what}", "plain text; special tokens are put around it", "take it out"
                )
        ids = list(self.tokenizer(text, verbose=False)["input_ids"])
        if len(ids) > self.max_length:
            raise InputError(
                f"the text has {len(ids)} tokens",
                f"the model takes {self.max_length} at most",
                "give a shorter text",
            )
        if not inner:
            raise InputError("the text has no tokens", "at least one word", "give a sentence in quotes")
        if self.special.issuperset(inner):
            raise InputError(
                "the text holds special tokens only", "a word beside the mask", "give a sentence in quotes"
            )
        return ids

    def masked(self, ids: Sequence[int], position: int) -> list[int]:
        """`ids` with the mask token at a position, which may hold it already.

        Raises
        ------
        InputError
            If the position is outside, or holds another special token.
        """
        if self.mask is None:
            raise InputError(
                "the tokenizer has no mask token", "one that the model was trained with", "give another --model"
            )
        possible = self.readable_positions(ids)
        if position not in possible:
            what = f"holds {self.names([ids[position]])[0]}" if 0 <= position < len(ids) else "is not in the text"
            raise InputError(
                f"position {position} {what}",
                f"a token that can be masked: {possible[0]} to {possible[-1]}",
                "see them with `textdream tokens`",
            )
        return [self.mask if place == position else id_ for place, id_ in enumerate(ids)]

    def readable_positions(self, ids: Sequence[int]) -> list[int]:
        """Positions that hold a token of the text: no special one but the mask."""
        return [place for place, id_ in enumerate(ids) if int(id_) not in self.special or int(id_) == self.mask]

    def mask_positions(self, ids: Sequence[int]) -> list[int]:
        """Positions that hold the mask token."""
        return [place for place, id_ in enumerate(ids) if self.mask is not None and int(id_) == self.mask]

    @cached_property
    def frame(self) -> int:
        """How many special tokens the model expects around a text."""
        return len(self.tokenizer("", verbose=False)["input_ids"])

    def encode_many(self, texts: Sequence[str]) -> list[list[int] | Refusal]:
        """`encode` for many texts at once: in place of each that it would refuse, the reason.

        A text of more than `LONGEST` characters is too long, and not so much as tokenised: that takes a hundred times its size.
        """
        found: list[list[int] | Refusal] = []
        shown = [text if len(text) <= LONGEST else "" for text in texts]
        rows = self.tokenizer(shown, verbose=False)["input_ids"] if texts else []
        for text, ids in zip(texts, rows, strict=True):
            if len(text) > LONGEST:
                found.append("long")
            elif len(ids) <= self.frame:
                found.append("empty")
            elif sum(id_ in self.special for id_ in ids) > self.frame:
                found.append("unknown")
            else:
                found.append(ids if len(ids) <= self.max_length else "long")
        return found

    def _unknown_piece(self, text: str) -> str:
        """The first piece of `text` that becomes the unknown token."""
        encoding = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        where = encoding["input_ids"].index(self.tokenizer.unk_token_id)
        start, end = encoding["offset_mapping"][where]
        return text[start:end][:40]

    def names(self, ids: Sequence[int]) -> list[str]:
        """The tokens as the vocabulary writes them."""
        return list(self.tokenizer.convert_ids_to_tokens([int(id_) for id_ in ids]))

    def text(self, ids: Sequence[int]) -> str:
        """What a user would paste: decoded without special tokens, the mask excepted."""
        return self._texts([[int(id_) for id_ in ids]])[0]

    def _texts(self, rows: list[list[int]]) -> list[str]:
        if self.mask is None or not any(self.mask in row for row in rows):
            return list(self.tokenizer.batch_decode(rows, skip_special_tokens=True))
        rows = [[row[place] for place in self.readable_positions(row)] for row in rows]
        return list(self.tokenizer.batch_decode(rows, skip_special_tokens=False))

    def open_positions(self, ids: Sequence[int]) -> list[int]:
        """Positions that hold no special token."""
        return [position for position, id_ in enumerate(ids) if int(id_) not in self.special]

    def survives(self, ids: Int[Tensor, "batch pos"]) -> Bool[Tensor, " batch"]:
        """Which sequences come back the same when they are decoded and tokenised again (the round trip)."""
        rows = ids.tolist()
        if not rows:
            return torch.zeros(0, dtype=torch.bool)
        again = self.tokenizer(self._texts(rows), verbose=False)["input_ids"]
        return torch.tensor([list(a) == b for a, b in zip(again, rows, strict=True)])

    def occurrences(self, text: str, word: str) -> list[list[int]]:
        """Positions of the tokens of each occurrence of `word` in `text`: a whole word, in any case."""
        encoding = self.tokenizer(text, return_offsets_mapping=True, verbose=False)
        offsets = encoding["offset_mapping"]
        return [
            [position for position, (start, end) in enumerate(offsets) if start < stop and end > begin and end > start]
            for begin, stop in word_spans(text, word)
        ]

    def word_positions(self, text: str, word: str) -> list[int]:
        """Positions of the tokens that make up `word`, which must be in `text` exactly once.

        Raises
        ------
        InputError
            If the word is absent or there several times; the sentence gives the positions.
        """
        found = self.occurrences(text, word)
        if not found:
            raise InputError(
                f"the word {word!r} is not in the text",
                f"a word of {text!r}",
                "check the spelling or give --position",
            )
        if len(found) > 1:
            where = ", ".join(str(self.reading_position(positions)) for positions in found)
            raise InputError(
                f"the word {word!r} is in the text {len(found)} times",
                "once",
                f"give --position, one of {where}",
            )
        return found[0]

    def reading_position(self, positions: Sequence[int]) -> int:
        """Where a word of several tokens is read: at its first token, in causal models at its last."""
        return positions[-1] if self.causal else positions[0]

    def token_id(self, token: str) -> int:
        """Id of a token given as the vocabulary writes it, or as text that is one token (with or without a space before it).

        Raises
        ------
        InputError
            If it is not exactly one token.
        """
        known = self.tokenizer.convert_tokens_to_ids(token)
        if isinstance(known, int) and known != self.tokenizer.unk_token_id:
            return known
        # A word inside a sentence has a space before it, which byte-level vocabularies write into the token.
        for text in (" " + token, token):
            ids = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
            if len(ids) == 1 and ids[0] != self.tokenizer.unk_token_id:
                return int(ids[0])
        pieces = self.names(self.tokenizer(token, add_special_tokens=False, verbose=False)["input_ids"])
        if len(pieces) < 2:
            raise InputError(
                f"the tokenizer does not know {token!r}", "a token of the vocabulary", "give another token"
            )
        raise InputError(
            f"{token!r} is {len(pieces)} tokens ({' '.join(pieces)})",
            "one token",
            "give one of the vocabulary's tokens",
        )

    def word_forms(self, word: str) -> list[list[int]]:
        """Ids of a word's tokens, at the beginning of a text and after a space."""
        return [
            self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"] for text in (word, f" {word}")
        ]

    def random_ids(self, length: int, generator: torch.Generator) -> list[int]:
        """A random text of `length` allowed tokens, special ones around it, that survives the round trip.

        Built from left to right: at each place the first of a random handful whose text so far comes back the same.
        """
        frame = self.tokenizer("", verbose=False)["input_ids"]
        opening = frame[: len(frame) // 2] if len(frame) > 1 else frame
        closing = frame[len(opening) :]
        ids: list[int] = []
        tries = 0
        while len(ids) < length:
            tries += 1
            if tries > 50 * length:
                raise InputError(
                    "no random text survives the round trip", "a tokenizer that gives back its own text", "give a text"
                )
            draw = self.allowed[torch.randint(len(self.allowed), (64,), generator=generator)]
            rows = torch.tensor([[*opening, *ids, int(id_), *closing] for id_ in draw])
            good = self.survives(rows).nonzero()
            if len(good):
                ids.append(int(draw[int(good[0])]))
            elif ids:
                ids.pop()
        return [*opening, *ids, *closing]
