"""The page of the result file: keys and types from the JSON Schema, meanings from the records' docstrings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import griffe

from textdream.records import json_schema

HEAD = """# The result file

A result is one JSON file, UTF-8, one object: `"schema": "textdream.result/1"`. This page is made from its JSON Schema
(`schema/result.schema.json`) and the records in `textdream/records/`. Numbers are finite. Activations are float32 values of these
token ids alone. Positions, layers and neurons count from 0. A reader has to pass over keys that it does not know: later
versions may add some. Keys marked * are always there.

[Read results in Python](how-to/results.md) shows how to use one; [Check somebody's result](how-to/verify.md) how to hold it to
the model.

## What every file has

"""
KIND = "schema", "type"


def page() -> str:
    """Markdown: what all kinds share, each kind, and the pieces that they are made of."""
    schema = json_schema()
    pieces: dict[str, Any] = schema["$defs"]
    kinds = {kind: where.rsplit("/", 1)[1] for kind, where in schema["discriminator"]["mapping"].items()}
    shared = set.intersection(*(set(pieces[name]["properties"]) for name in kinds.values())) - {"type"}
    first = pieces[next(iter(kinds.values()))]
    meanings = _meanings()
    lines = [HEAD, *_table(first, sorted(shared, key=list(first["properties"]).index), meanings), ""]
    for kind, name in kinds.items():
        lines += [f"## `{kind}`", "", pieces[name].get("description", ""), ""]
        lines += [*_table(pieces[name], [key for key in pieces[name]["properties"] if key not in shared], meanings), ""]
    lines += ["## Pieces", ""]
    for name in sorted(set(pieces) - set(kinds.values())):
        lines += [f"### {name}", "", pieces[name].get("description", ""), ""]
        lines += [*_table(pieces[name], list(pieces[name]["properties"]), meanings), ""]
    return "\n".join(lines)


def _table(piece: dict[str, Any], keys: list[str], meanings: dict[tuple[str, str], str]) -> Iterator[str]:
    known = {key: meanings.get((piece["title"], key), "").replace("|", "\\|").replace("\n", " ") for key in keys}
    # Where every name says enough, a column of meanings would stand empty.
    said = any(known.values())
    yield "| key | type |" + " what it is |" * said
    yield "| --- | --- |" + " --- |" * said
    for key, meaning in known.items():
        star = " *" if key in piece.get("required", []) else ""
        yield f"| `{key}`{star} | {_type(piece['properties'][key])} |" + f" {meaning} |" * said


def _type(schema: dict[str, Any]) -> str:
    """A type in words, with links to the pieces."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array" and "items" in schema:
        return f"list of {_type(schema['items'])}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return str(schema.get("type", "anything"))


def _meanings() -> dict[tuple[str, str], str]:
    """(record, key) → the docstring under the field; a key of a parent is a key of the record too."""
    found: dict[tuple[str, str], str] = {}
    package = griffe.load("textdream.records")
    for module in package.modules.values():
        for name, record in module.classes.items():
            if record.is_alias:
                continue
            for key, field in record.all_members.items():
                if field.is_attribute and field.docstring is not None:
                    found[name, key.rstrip("_")] = field.docstring.value
    return found
