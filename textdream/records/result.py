"""What every result file has, as pydantic models; the kinds stand in the files beside this one.

JSON, UTF-8, one object, ``"schema": "textdream.result/1"``. Activations are float32 values of these token ids
alone. Numbers are finite. Nothing here needs torch: a result opens anywhere.

A result that was imported (`imported`) leaves open what the file that it comes from does not say: those fields are
`OrUnknown`, and any other result is refused without them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

SCHEMA = "textdream.result/1"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Index = Annotated[int, Field(ge=0)]

ONLY_IMPORTED = object()
"""Marks a field that imported files alone may leave open."""
_Known = TypeVar("_Known")
if TYPE_CHECKING:
    # Experiments refuse imported results, so what they work on is complete. Drawings take both.
    OrUnknown = Annotated[_Known, ONLY_IMPORTED]
else:
    OrUnknown = Annotated[_Known | None, ONLY_IMPORTED]
"""Null only in imported files, which do not say it."""


class Record(BaseModel):
    """A frozen piece of a result. Keys that a later version adds are kept, not refused."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, protected_namespaces=())


class BareSample(Record):
    """A text of real tokens."""

    ids: Annotated[list[Index], ONLY_IMPORTED]
    """Empty only in imported files: the vocabulary was not at hand, or lacks one of the tokens."""
    tokens: list[str]
    text: str
    """Decoded without special tokens: what a user would paste."""
    round_trip: OrUnknown[bool]
    """Whether tokenising `text` gives `ids` again."""

    @model_validator(mode="after")
    def _one_token_an_id(self) -> BareSample:
        if self.ids and len(self.ids) != len(self.tokens):
            raise ValueError(f"{len(self.ids)} ids but {len(self.tokens)} tokens")
        return self


class Sample(BareSample):
    """A text of real tokens and what the target does on it."""

    activation: OrUnknown[FiniteFloat]
    """The target's value in float32 for these ids alone."""


class Target(Record):
    """What was to be raised. A sum of several has `terms`; then site, layer and the others are null."""

    kind: Literal[
        "neuron", "channel", "layer", "direction", "logit", "logit_difference", "log_probability", "sum", "mean"
    ]
    """`neuron` reads one unit at one position, `channel` one unit averaged over positions, `layer` the mean of squares;
    `mean`, only in imported files, the mean of all units."""
    site: str | None = None
    layer: Index | None = None
    neuron: Index | None = None
    position: Index | None = None
    """Null: averaged over positions (or the site has none); each sentence of a corpus has its own."""
    head: Index | None = None
    token: Index | None = None
    """Id of the token whose logit or log-probability is read."""
    minus_token: Index | None = None
    """Id of the token whose logit is taken off."""
    vector: list[FiniteFloat] | None = None
    """The direction, one number a unit of the site."""
    normalised: bool = False
    """Whether the value is divided by the norm of the position's resid_post over all layers (PAIR)."""
    weight: FiniteFloat = 1.0
    terms: list[Target] | None = None
    description: str = ""


class ModelInfo(Record):
    """The model that a result belongs to. Imported files name it and no more: there is no hash to check against."""

    name: str
    source: str
    """Where the weights came from, without the paths of one machine."""
    sha256: OrUnknown[Sha256]
    """Of the weights file; of the concatenated digests where there are several."""
    architecture: OrUnknown[str]
    layers: OrUnknown[Index]
    width: OrUnknown[Index]
    vocabulary_size: OrUnknown[Index]


class Imported(Record):
    """Where an imported result comes from."""

    format: Literal["pair"]
    """PAIR's text-dream scripts of 2019."""
    file: str | None
    """Its name, without the folder."""
    kind: str
    """Which of PAIR's kinds it is."""
    params: dict[str, Any]
    """As the file has them; of several runs, what they have in common."""


class Result(Record):
    """What every kind of result has."""

    schema_: Literal["textdream.result/1"] = Field(default="textdream.result/1", alias="schema")
    textdream: str
    created: str
    """UTC, ISO 8601."""
    model: ModelInfo
    seed: OrUnknown[int]
    settings: dict[str, Any]
    seconds: OrUnknown[Annotated[FiniteFloat, Field(ge=0)]]
    imported: Imported | None = None
    """Null in every result of textdream's own."""

    model_config = ConfigDict(
        frozen=True, extra="allow", allow_inf_nan=False, protected_namespaces=(), populate_by_name=True
    )

    @field_validator("settings", check_fields=False)
    @classmethod
    def _finite(cls, value: Any) -> Any:
        json.dumps(value, allow_nan=False, default=str)
        return value

    @model_validator(mode="after")
    def _complete(self) -> Result:
        if self.imported is None:
            complete(self)
        return self

    def to_json(self) -> str:
        """The result file's text: one key a line, and one item a line in lists of objects."""

        def compact(value: Any) -> str:
            if isinstance(value, list) and value and isinstance(value[0], dict):
                return "[\n  " + ",\n  ".join(map(compact, value)) + "\n ]"
            return json.dumps(value, ensure_ascii=False, allow_nan=False)

        items = self.model_dump(by_alias=True).items()
        return "{\n" + ",\n".join(f" {json.dumps(key)}: {compact(value)}" for key, value in items) + "\n}\n"

    def show(self) -> None:
        """Draw it in the terminal."""
        # By name: the drawing stands later on the line of imports than the record.
        import_module("textdream.report.terminal").show(self)

    def to_html(self) -> str:
        """One HTML page that draws it, offline."""
        name = f"{getattr(self, 'type', 'result')}.json"
        return str(import_module("textdream.report.html").html([self], [name]))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What a notebook displays: the picture, and text for terminals."""
        bundle: dict[str, Any] = import_module("textdream.report.notebook").mimebundle(self)
        return bundle


def complete(record: Record) -> Record:
    """Refuse a record that leaves open what imported files alone may.

    Raises
    ------
    ValueError
        With the name of what is missing.
    """
    if missing := next(_missing(record, ""), None):
        raise ValueError(f"{missing} is missing, which only an imported file may lack")
    return record


KnownModel = Annotated[ModelInfo, AfterValidator(complete)]
"""A model whose weights have a hash."""


@cache
def _only_imported(record: type[Record]) -> frozenset[str]:
    """Fields that imported files alone may leave open."""
    return frozenset(name for name, field in record.model_fields.items() if ONLY_IMPORTED in field.metadata)


def _missing(record: Record, where: str) -> Iterator[str]:
    """Where a record leaves open what imported files alone may."""
    if isinstance(record, Target) and record.kind == "mean":
        yield f"{where}kind"
    for name, value in record:
        if name in _only_imported(type(record)) and (value is None or value == []):
            yield f"{where}{name}"
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Record):
                yield from _missing(each, f"{where}{name}.")
