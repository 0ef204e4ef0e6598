"""A file of PAIR's as a result, and token ids for it from a vocabulary at hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from textdream.errors import ResultError
from textdream.records.files import ADAPTER, first_fault, read_json
from textdream.records.pair import convert
from textdream.records.pair.format import (
    DreamRun,
    Piece,
    ReconstructRun,
    ShiftRun,
    SimilarRun,
    TokenSearchRun,
    TopWordsRun,
    kind_of,
    unwrapped,
)
from textdream.records.result import SCHEMA
from textdream.version import __version__

EXPECTED = "one of PAIR's six kinds of result file"
REMEDY = "give a file that PAIR's text-dream wrote"

ALONE: dict[str, tuple[type[Piece], Any]] = {
    "dream": (DreamRun, convert.dream),
    "token_search": (TokenSearchRun, convert.token_search),
    "similar_embeddings": (SimilarRun, convert.similar),
    "top_words": (TopWordsRun, convert.top_words),
}
TOGETHER: dict[str, tuple[type[Piece], Any]] = {
    "reconstruct": (ReconstructRun, convert.reconstruct),
    "reconstruct_shifted": (ShiftRun, convert.shift),
}


def read_pair(path: str | Path) -> Any:
    """Read a result file of PAIR's text-dream: any of its six kinds, alone or in its wrappers.

    Returns
    -------
    The result of the kind that fits: a dream, a token search, similar tokens, a reconstruction or a shift, without token
    ids (see `with_ids`). What the file does not say is null.

    Raises
    ------
    ResultError
        If the file is missing, is no JSON, is truncated, holds NaN or infinity, or is none of PAIR's.
    """
    path = Path(path)
    data = read_json(path, EXPECTED, REMEDY)
    if isinstance(data, dict) and data.get("schema") == SCHEMA:
        raise ResultError(f"{path} is a result of textdream", EXPECTED, f"draw it: textdream show {path}")
    try:
        runs = list(unwrapped(data))
        kinds = sorted({kind_of(run) for run in runs})
        if len(kinds) > 1:
            raise ValueError(f"runs of several kinds ({', '.join(kinds)})")
        body = _converted(kinds[0], runs)
        return ADAPTER.validate_python({**_header(path, kinds[0], runs), **body})
    except ValidationError as error:
        where, message = first_fault(error)
        raise ResultError(
            f"{path} does not follow PAIR's format{where and f' at {where}'} ({message})", EXPECTED, REMEDY
        ) from None
    except ValueError as error:
        raise ResultError(f"{path} holds {error}", EXPECTED, REMEDY) from None


def with_ids(result: Any, vocabulary: Mapping[str, int]) -> Any:
    """The same result with the ids of its tokens; a text with a token that the vocabulary lacks stays without.

    Parameters
    ----------
    result
        Made by `read_pair`.
    vocabulary
        Ids by token.
    """

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(each) for each in value]
        if not isinstance(value, dict):
            return value
        value = {key: filled(each) for key, each in value.items()}
        if value.get("ids") == []:
            ids = [vocabulary.get(token) for token in value["tokens"]]
            value["ids"] = [] if None in ids else ids
        if "token" in value and value.get("id", 0) is None:
            value["id"] = vocabulary.get(value["token"])
        return value

    data = result.model_dump(by_alias=True)
    return ADAPTER.validate_python({**filled(data), "imported": data["imported"]})


def _converted(kind: str, runs: list[Any]) -> dict[str, Any]:
    if kind in TOGETHER:
        format_, make = TOGETHER[kind]
        return make([format_.model_validate(run) for run in runs])
    if len(runs) > 1:
        raise ValueError(f"{len(runs)} runs of the kind {kind}, of which a result has one")
    format_, make = ALONE[kind]
    return make(format_.model_validate(runs[0]))


def _header(path: Path, kind: str, runs: list[Any]) -> dict[str, Any]:
    """What every result has. The weights of the model are unknown, and with them all but its name."""
    params = [run.get("params", run) for run in runs]
    common = {
        key: value
        for key, value in params[0].items()
        if _plain(value) and all(key in each and each[key] == value for each in params)
    }
    return {
        "schema": SCHEMA,
        "textdream": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": {
            "name": common.get("model_config") or "unknown",
            "source": "an imported file",
            **dict.fromkeys(("sha256", "architecture", "layers", "width", "vocabulary_size")),
        },
        "seed": None,
        "settings": {},
        "seconds": None,
        "imported": {
            "format": "pair",
            "file": path.name,
            "kind": kind,
            "params": {key: value for key, value in common.items() if key != "type"},
        },
    }


def _plain(value: Any) -> bool:
    """A setting, not a part of the results."""
    return not isinstance(value, dict) and not (
        isinstance(value, list) and any(isinstance(each, dict | list) for each in value)
    )
