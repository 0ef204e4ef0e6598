"""What every result file has, as pydantic models; the kinds stand in the files beside this one.

JSON, UTF-8, one object, ``"schema": "textdream.result/1"``. Activations are float32 values of these token ids
alone. Numbers are finite. Nothing here needs torch: a result opens anywhere.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

SCHEMA = "textdream.result/1"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Index = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """A frozen piece of a result. Keys that a later version adds are kept, not refused."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, protected_namespaces=())


class BareSample(Record):
    """A text of real tokens."""

    ids: Annotated[list[Index], Field(min_length=1)]
    tokens: list[str]
    text: str
    """Decoded without special tokens: what a user would paste."""
    round_trip: bool
    """Whether tokenising `text` gives `ids` again."""

    @model_validator(mode="after")
    def _one_token_an_id(self) -> BareSample:
        if len(self.ids) != len(self.tokens):
            raise ValueError(f"{len(self.ids)} ids but {len(self.tokens)} tokens")
        return self


class Sample(BareSample):
    """A text of real tokens and what the target does on it."""

    activation: FiniteFloat
    """The target's value in float32 for these ids alone."""


class Target(Record):
    """What was to be raised. A sum of several has `terms`; then site, layer and the others are null."""

    kind: Literal["neuron", "channel", "layer", "direction", "logit", "logit_difference", "log_probability", "sum"]
    """`neuron` reads one unit at one position, `channel` one unit averaged over positions, `layer` the mean of squares."""
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
    """The model that a result belongs to."""

    name: str
    source: str
    """Where the weights came from, without the paths of one machine."""
    sha256: Sha256
    """Of the weights file; of the concatenated digests where there are several."""
    architecture: str
    layers: Index
    width: Index
    vocabulary_size: Index


class Result(Record):
    """What every kind of result has."""

    schema_: Literal["textdream.result/1"] = Field(default="textdream.result/1", alias="schema")
    textdream: str
    created: str
    """UTC, ISO 8601."""
    model: ModelInfo
    seed: int
    settings: dict[str, Any]
    seconds: Annotated[FiniteFloat, Field(ge=0)]

    model_config = ConfigDict(
        frozen=True, extra="allow", allow_inf_nan=False, protected_namespaces=(), populate_by_name=True
    )

    @field_validator("settings", check_fields=False)
    @classmethod
    def _finite(cls, value: Any) -> Any:
        json.dumps(value, allow_nan=False, default=str)
        return value

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
        from importlib import import_module

        # By name: the drawing stands later on the line of imports than the record.
        import_module("textdream.report.terminal").show(self)
