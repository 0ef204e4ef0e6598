"""A run as it is written down, and as the page sees it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from textdream.studio.forms import RUN_ID

RUN_SCHEMA = "textdream.run/1"
State = Literal["queued", "running", "paused", "done", "stopped", "interrupted", "failed", "broken"]
Action = Literal["pause", "resume", "stop", "continue", "delete"]
LIVE: tuple[State, ...] = ("queued", "running", "paused")
"""States of a run that the engine knows."""
SHOWN = 200
"""Characters of a start text in the gallery."""


class Progress(BaseModel):
    """How far a run is."""

    phase: str
    done: int
    total: int
    """0 where the end is not known."""
    news: str | None = None
    headline: str | None = None
    """What was found so far."""


class Run(BaseModel):
    """What `<id>.run.json` holds: a run is this file from the moment it exists."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True, validate_assignment=False)

    schema_: Literal["textdream.run/1"] = Field(default="textdream.run/1", alias="schema")
    id: Annotated[str, Field(pattern=RUN_ID)]
    experiment: str
    model: str
    settings: dict[str, Any]
    state: State = "queued"
    text: str = ""
    """Of the start, cut for the gallery."""
    created: str
    """UTC, ISO 8601."""
    started: str | None = None
    ended: str | None = None
    seconds: float = 0.0
    """Engine time; pauses are not counted."""
    headline: str | None = None
    """What was found."""
    error: str | None = None
    note: str | None = None
    """What a reader has to know, such as from what a run went on."""
    continues: str | None = None
    continued_by: str | None = None
    result_bytes: int | None = None
    """Length of the result file when the run ended: another length is looked into."""

    def to_json(self) -> str:
        """The file's text."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"


class RunAnswer(BaseModel):
    """A run as the page sees it."""

    id: Annotated[str, Field(pattern=RUN_ID)]
    experiment: str
    model: str
    text: str
    state: State
    created: str
    started: str | None
    ended: str | None
    seconds: float
    place: int | None = Field(description="Place in the queue, 1 = next.")
    progress: Progress | None
    headline: str | None
    error: str | None
    note: str | None
    continues: str | None
    continued_by: str | None
    has_result: bool
    has_concept: bool
    pausing: bool
    stopping: bool
    actions: list[Action]


class RunDetail(RunAnswer):
    """A run with its settings."""

    settings: dict[str, Any]


class RunPage(BaseModel):
    """Some of the runs, newest first."""

    runs: list[RunAnswer]
    total: int = Field(description="How many there are in all that match.")
    offset: int
    limit: int


def new_id() -> str:
    """An id that sorts by time."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{''.join(secrets.choice(letters) for _ in range(6))}"


def now() -> str:
    """UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def actions_of(state: State, pausable: bool, pausing: bool) -> list[Action]:
    """What may be done with a run."""
    if state == "running":
        return ["pause", "stop"] if pausable and not pausing else ["stop"]
    known: dict[State, list[Action]] = {
        "queued": ["stop"],
        "paused": ["resume", "stop"],
        "stopped": ["continue", "delete"],
        "interrupted": ["continue", "delete"],
    }
    return known.get(state, ["delete"])
