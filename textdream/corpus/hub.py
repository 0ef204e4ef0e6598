"""Texts out of Hugging Face data sets, streamed: the package `datasets` finds them."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator

from textdream.corpus.readers import EXPECTED, Input, no_field
from textdream.errors import CorpusError

# `imdb`, `stas/openwebtext-10k`, `wikitext:wikitext-2-raw-v1`.
_NAME = re.compile(r"(\w[\w.-]*(?:/\w[\w.-]*)?)(?::([\w.,+-]+))?")
_ENDINGS = (".txt", ".jsonl", ".ndjson", ".parquet", ".gz")
# Configurations named at most: some data sets have hundreds.
_LISTED = 12


def data_set(name: str, field: str) -> Input:
    """The data set that a name which is no file's stands for: its split `train`, or its only one. Nothing is read yet.

    Parameters
    ----------
    name
        Of the data set, and behind a colon of its configuration, where it has several.

    Raises
    ------
    CorpusError
        If it can only be meant for a file, or the package `datasets` is not here.
    """
    match = _NAME.fullmatch(name)
    if match is None or match[1].endswith(_ENDINGS) or ("/" not in name and "." in match[1]):
        raise CorpusError(f"the file {name!r} does not exist", EXPECTED, "check the path")
    if importlib.util.find_spec("datasets") is None:
        raise CorpusError(
            f"there is no file {name!r}, and Hugging Face data sets need the package datasets",
            EXPECTED,
            "check the path, or run: pip install datasets",
        )
    repository, config = match.groups()
    return Input(name, lambda: _texts(repository, config, field))


def _texts(name: str, config: str | None, field: str) -> Iterator[str]:
    from datasets import load_dataset  # type: ignore[import-not-found, unused-ignore]

    try:
        found = load_dataset(name, config, streaming=True)
        rows = found["train"] if "train" in found else next(iter(found.values()))
        for row in rows:
            if field not in row:
                raise no_field(f"the data set {name}", field, row)
            yield str(row[field] or "")
    except CorpusError:
        raise
    except Exception as error:  # Any way in which a network or a data set can fail: the sentence says which.
        if "config" in str(error).lower() and (configs := _configs(name)):
            given = f"the data set {name!r} has {'several configurations' if config is None else f'no configuration {config!r}'}"
            listed = ", ".join(configs[:_LISTED])
            more = f" and {len(configs) - _LISTED} more" if len(configs) > _LISTED else ""
            raise CorpusError(given, f"one of {listed}{more}", f"give it as {name}:{configs[0]}") from None
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise CorpusError(
            f"there is no file {name!r}, and the data set of that name cannot be read ({reason})",
            EXPECTED,
            "check the path, or the data set's name and the network",
        ) from None


def _configs(name: str) -> list[str]:
    """The configurations of a data set; none, if they cannot be had."""
    from datasets import get_dataset_config_names

    try:
        return list(get_dataset_config_names(name))
    except Exception:  # As above: what is said then is the first failure.
        return []
