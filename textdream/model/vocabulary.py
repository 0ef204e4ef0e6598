"""A model's vocabulary from its tokenizer's file: no weights, no torch."""

from __future__ import annotations

from pathlib import Path

from textdream.errors import ModelError
from textdream.model.catalog import PACKAGED, packaged


def vocabulary(name: str) -> dict[str, int]:
    """Ids by token, special ones among them.

    Parameters
    ----------
    name
        A model at hand, a folder, or a Hugging Face name whose tokenizer is in the cache.

    Raises
    ------
    ModelError
        If there is no such model, or it has no tokenizer.json.
    """
    from tokenizers import Tokenizer

    file = _file(name)
    if file is None or not file.is_file():
        raise ModelError(
            f"the model {name[:80]!r} has no vocabulary on this machine",
            "one at hand (`textdream models`), or a folder with a tokenizer.json",
            "give another --model",
        )
    try:
        return dict(Tokenizer.from_file(str(file)).get_vocab(with_added_tokens=True))
    except Exception as error:  # The library raises nothing narrower.
        raise ModelError(
            f"{file} is no tokenizer ({str(error)[:80]})", "a tokenizer.json of Hugging Face", "give another --model"
        ) from None


def _file(name: str) -> Path | None:
    if name in PACKAGED:
        return packaged(name)[1] / "tokenizer.json"
    try:
        if (folder := Path(name).expanduser()).is_dir():
            return folder / "tokenizer.json"
    except OSError:  # A name too long to be a path.
        return None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "tokenizer.json")
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None
