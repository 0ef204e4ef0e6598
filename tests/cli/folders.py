"""Folders of tiny models, as save_pretrained writes them, and ways to break them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORDS = [
    "then",
    "he",
    "compressed",
    "his",
    "temples",
    "with",
    "hands",
    ",",
    "as",
    "if",
    "to",
    "crush",
    "them",
    ".",
    "no",
    "wheeler",
    "for",
    "me",
    "dream",
    "storm",
    "the",
    "a",
    "doctor",
    "she",
    "was",
    "!",
    "?",
]
PIECES = ["##s", "##ed", "##ing", "##ly", "un", "##known"]
LETTERS = [chr(c) for c in range(ord("a"), ord("z") + 1)]
VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[unused0]",
    "[unused1]",
    *dict.fromkeys([*WORDS, *PIECES, *(letter for letter in LETTERS if letter not in WORDS)]),
]


def tokenizer(longest: int = 24) -> Any:
    """A small uncased WordPiece tokenizer."""
    from tokenizers import Tokenizer
    from tokenizers.decoders import WordPiece as WordPieceDecoder
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(WordPiece({token: i for i, token in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    inner.normalizer = BertNormalizer(lowercase=True)
    inner.pre_tokenizer = BertPreTokenizer()
    inner.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    inner.decoder = WordPieceDecoder(prefix="##")
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        model_max_length=longest,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def save(folder: Path, kind: str = "BertModel", seed: int = 0, **changes: Any) -> Path:
    """Save a tiny BERT and its tokenizer; `kind` is the transformers class."""
    import torch
    import transformers

    fields = {
        "vocab_size": len(VOCABULARY),
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 24,
        "initializer_range": 0.5,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(transformers, kind)(transformers.BertConfig(**{**fields, **changes}))
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def rewrite(path: Path, change: Any) -> None:
    """Rewrite a JSON file with `change` applied to its object."""
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
