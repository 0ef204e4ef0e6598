"""Result files on disk: written whole or not at all, read with errors that teach."""

from __future__ import annotations

import json
import os
import tempfile
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from textdream.errors import ResultError
from textdream.records.kinds import AnyResult
from textdream.records.result import SCHEMA, Result

ADAPTER: TypeAdapter[Any] = TypeAdapter(AnyResult)
LARGEST = 2**28
"""Bytes beyond which a file is not read: more than any result has."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a result file, as kept in schema/."""
    schema = ADAPTER.json_schema(by_alias=True, mode="validation")
    for kind in schema["$defs"].values():
        if "schema" in kind["properties"]:
            # They have defaults in Python; a file without them is no result.
            kind["required"] += ["schema", "type"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **schema,
    }


def check_writable(path: Path, flag: str = "--out") -> None:
    """Raise ResultError where `path`, given as `flag`, could not be written later: before the work, not after it."""
    path = _target(path)
    folder = path.parent
    if path.is_dir():
        raise ResultError(f"{path} is a folder", f"{flag} takes a file", "give a file name inside it")
    if path.exists() and not path.is_file():
        raise ResultError(
            f"{path} is a device or a pipe", f"{flag} takes an ordinary file", "use --json for standard output"
        )
    if not folder.is_dir():
        raise ResultError(
            f"the folder {folder} does not exist", f"{flag} takes a path in a folder that does", "make it first"
        )
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ResultError(
            f"the folder {folder} cannot be written ({error.strerror})",
            f"{flag} takes a path in a folder that can",
            "choose another or change its permissions",
        ) from None


def _target(path: Path) -> Path:
    """The file itself: where a link points, so that the link stays."""
    try:
        resolved = path.resolve()
        resolved.exists()
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "a link that leads to itself"
        raise ResultError(
            f"{str(path)[:80]!r} cannot be a file here ({reason})", "a path that can", "choose another"
        ) from None
    return resolved


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically: a reader, or a killed process, finds the old file or the new one, never a part."""
    check_writable(path)
    path = _target(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".textdream-", suffix=".partial")
    except OSError as error:
        raise ResultError(
            f"{path} cannot be written ({error.strerror})", "a writable folder", "choose another path"
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~umask)
        Path(name).replace(path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise ResultError(
                f"{path} cannot be written ({error.strerror})",
                "room and permission",
                "free some or choose another path",
            ) from None
        raise


def write_result(result: Result, path: str | Path) -> None:
    """Write a result file atomically."""
    write_text(Path(path), result.to_json())


def _finite(number: str) -> float:
    value = float(number)
    if not isfinite(value):
        raise ValueError(f"the number {number}")
    return value


def read_result(path: str | Path) -> Any:
    """Read a result file.

    Returns
    -------
    One of the Result kinds, chosen by its `type`.

    Raises
    ------
    ResultError
        If the file is missing, is no JSON, is truncated, holds NaN or infinity, or follows another schema.
    """
    path = Path(path)
    expected = f"a {SCHEMA} file"
    data = read_json(path, expected, "write it again with textdream … --out")
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        schema = data.get("schema") if isinstance(data, dict) else None
        given = f"has the schema {schema!r}" if schema is not None else "has no schema key"
        raise ResultError(
            f"{path} {given}",
            expected,
            "write it with this version of textdream; a file of PAIR's: textdream import pair",
        ) from None
    try:
        return ADAPTER.validate_python(data)
    except ValidationError as error:
        where, message = first_fault(error, skip=1)  # The first part names the kind.
        raise ResultError(
            f"{path} does not follow {SCHEMA} at {where} ({message})", expected, "write it again"
        ) from None


def read_json(path: Path, expected: str, remedy: str) -> Any:
    """The JSON of a file, whose numbers are finite.

    Raises
    ------
    ResultError
        If the file cannot be read, is too large to be a result, is no JSON, is cut short, or holds NaN or infinity.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ResultError(f"{path} has more than {LARGEST // 2**20} MiB", expected, "give a smaller file")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ResultError(f"{path} is not UTF-8 text", expected, remedy) from None
    except OSError as error:
        raise ResultError(f"{path} cannot be read ({error.strerror})", expected, "check the path") from None
    try:
        data = json.loads(text, parse_constant=_finite, parse_float=_finite)
        if "\\ud" in text.lower():
            json.dumps(data, ensure_ascii=False).encode()
        return data
    except json.JSONDecodeError as error:
        where = "is empty" if not text.strip() else f"is no JSON, or was cut short (line {error.lineno}: {error.msg})"
        raise ResultError(f"{path} {where}", expected, remedy) from None
    except UnicodeEncodeError:
        raise ResultError(f"{path} holds half a character (a lone surrogate)", expected, remedy) from None
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path} holds {error}", f"{expected}, whose numbers are finite", remedy) from None


def first_fault(error: ValidationError, skip: int = 0) -> tuple[str, str]:
    """Where the first thing is that does not follow a format (without so many parts of the path), and what is wrong."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][skip:]) or ".".join(map(str, first["loc"]))
    return where[:120], first["msg"].removeprefix("Value error, ")[:200]
