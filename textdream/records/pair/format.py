"""What stands in PAIR's files: six kinds of run, alone or in wrappers.

Source: `output_helper.py`, `token_search.py` and `similar_embedding_activation.py` of PAIR-code/interpretability,
folder text-dream (Apache-2.0), and the files that they published. Layers, words and neurons count from 0; null and -1
mean all of them. A file may leave out `type` inside a wrapper, and calls a shift by one of two names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, model_validator

Index = Annotated[int, Field(ge=0)]
Where = Annotated[Index | None, BeforeValidator(lambda value: None if value == -1 else value)]
Loss = Annotated[FiniteFloat, Field(ge=0)]

WRAPPERS = ("layers", "magnitudes", "magnitues")
TYPES = {
    "dream": "dream",
    "token_search": "token_search",
    "similar_embeddings": "similar_embeddings",
    "reconstruct": "reconstruct",
    "resemble": "reconstruct",
    "reconstruct_shifted": "reconstruct_shifted",
    "resemble_shifted": "reconstruct_shifted",
    "top_words": "top_words",
}
"""The kinds, by the names that files give them."""


class Piece(BaseModel):
    """A part of a file. Numbers are numbers: "3" is none."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", allow_inf_nan=False, protected_namespaces=())


class Target(Piece):
    """What was read, of which text."""

    layer_id: Where = None
    word_id: Where = None
    neuron_id: Where = None
    tokens: Annotated[list[str], Field(min_length=1)]

    @model_validator(mode="after")
    def _word_is_there(self) -> Target:
        if self.word_id is not None and self.word_id >= len(self.tokens):
            raise ValueError(f"word_id {self.word_id}, but {len(self.tokens)} tokens")
        return self


class Params(Target):
    """The settings of an annealing."""

    named: Annotated[str | None, Field(alias="model_config")] = None
    normalize: bool | None = None
    dream_start: int | None = None
    dream_end: int | None = None

    @property
    def free(self) -> list[int]:
        """Positions that were free to change; 0 or -1 as the end mean the last before [SEP]."""
        start = 1 if self.dream_start in (None, -1) else self.dream_start
        end = len(self.tokens) - 2 if self.dream_end in (None, -1, 0) else self.dream_end
        assert start is not None
        assert end is not None
        if not 0 <= start <= end < len(self.tokens):
            raise ValueError(f"dream_start {start} and dream_end {end}, but {len(self.tokens)} tokens")
        return list(range(start, end + 1))


class ShiftParams(Params):
    """The settings of a shift: the activations at `shift_start` to `shift_end` were moved."""

    shift_vector: str | None = None
    shift_magnitude: FiniteFloat
    shift_start: Index
    shift_end: Index
    target: str | None = None

    @property
    def shifted(self) -> list[int]:
        """Positions whose activations were moved."""
        if not self.shift_start <= self.shift_end < len(self.tokens):
            raise ValueError(
                f"shift_start {self.shift_start} and shift_end {self.shift_end}, but {len(self.tokens)} tokens"
            )
        return list(range(self.shift_start, self.shift_end + 1))


class Iteration(Piece):
    """One step that was written down: the heaviest token at each position, and its weight in the mixture."""

    number: Index
    tokens: Annotated[list[str], Field(min_length=1)]
    temperature: FiniteFloat | None = None
    max_values: list[FiniteFloat] | None = None

    @model_validator(mode="after")
    def _one_value_a_token(self) -> Iteration:
        if self.max_values is not None and len(self.max_values) != len(self.tokens):
            raise ValueError(f"{len(self.max_values)} max_values, but {len(self.tokens)} tokens")
        return self


class DreamIteration(Iteration):
    """Soft activation, of the mixture, and hard, of the tokens."""

    activation: FiniteFloat | None = None
    ids_activation: FiniteFloat


class LossIteration(Iteration):
    """Mean squared error from the activation that was given: of the mixture, and of the tokens."""

    loss: Loss | None = None
    ids_loss: Loss


class TopIteration(Piece):
    """The heaviest tokens at one position."""

    number: Index
    tokens: Annotated[list[str], Field(min_length=1)]
    scores: list[FiniteFloat]
    indices: list[Index] | None = None
    activation: FiniteFloat | None = None
    temperature: FiniteFloat | None = None

    @model_validator(mode="after")
    def _one_score_a_token(self) -> TopIteration:
        for name, values in (("scores", self.scores), ("indices", self.indices)):
            if values is not None and len(values) != len(self.tokens):
                raise ValueError(f"{len(values)} {name}, but {len(self.tokens)} tokens")
        return self


class DreamResults(Piece):
    """Of a dream."""

    iterations: Annotated[list[DreamIteration], Field(min_length=1)]


class LossResults(Piece):
    """Of a reconstruction or a shift."""

    iterations: Annotated[list[LossIteration], Field(min_length=1)]


class TopResults(Piece):
    """Of a dream, one position of it."""

    iterations: Annotated[list[TopIteration], Field(min_length=1)]


class DreamRun(Piece):
    """`dream`."""

    params: Params
    results: DreamResults


class ReconstructRun(Piece):
    """`reconstruct`."""

    params: Params
    results: LossResults


class ShiftRun(Piece):
    """`reconstruct_shifted`, also `resemble_shifted`."""

    params: ShiftParams
    results: LossResults


class TopWordsRun(Piece):
    """`top_words`. PAIR's script writes `iterations` beside `params`, and the position as `word_id`."""

    params: Params
    results: TopResults
    word_id: Where = None

    @model_validator(mode="before")
    @classmethod
    def _iterations_inside(cls, data: Any) -> Any:
        if isinstance(data, dict) and "results" not in data and "iterations" in data:
            return {**data, "results": {"iterations": data["iterations"]}}
        return data

    @property
    def position(self) -> int:
        """Where the tokens stand."""
        free = self.params.free
        said = self.word_id if self.word_id is not None else self.params.word_id
        position = free[0] if self.word_id is None and len(free) == 1 else said
        if position is None or position not in free:
            where = "of no position (word_id null or -1)" if position is None else f"at position {position}"
            raise ValueError(
                f"top words {where}, which have to be of one of the free positions {free[0]} to {free[-1]}"
            )
        return position


class TopToken(Piece):
    """A token put in, and the activation with it."""

    token: str
    activation: FiniteFloat


class NearToken(TopToken):
    """The same, and how far its embedding is."""

    distance: FiniteFloat


class TokenSearchRun(Target):
    """`token_search`."""

    change_word: Index
    tops: Annotated[list[TopToken], Field(min_length=1)]

    @model_validator(mode="after")
    def _changed_word_is_there(self) -> TokenSearchRun:
        if self.change_word >= len(self.tokens):
            raise ValueError(f"change_word {self.change_word}, but {len(self.tokens)} tokens")
        return self


class SimilarRun(TokenSearchRun):
    """`similar_embeddings`."""

    tops: Annotated[list[NearToken], Field(min_length=1)]  # type: ignore[assignment]
    cosine: bool | None = None
    furthest: FiniteFloat


def unwrapped(data: Any, depth: int = 0) -> Iterator[Any]:
    """The runs of a file, out of `layers`, of `magnitudes`, or of both."""
    name = next((name for name in WRAPPERS if isinstance(data, dict) and name in data), None)
    if name is None:
        yield data
        return
    if not isinstance(data[name], list) or not data[name] or depth == 2:
        raise ValueError(f"{name} that are no list of runs")
    for each in data[name]:
        yield from unwrapped(each, depth + 1)


def kind_of(run: Any) -> str:
    """The kind of a run: by its type, or by its keys where it has none."""
    if not isinstance(run, dict):
        raise ValueError("something else than an object where a run belongs")
    if (said := run.get("type")) is not None:
        if not isinstance(said, str) or said not in TYPES:
            raise ValueError(f"the type {said!r:.60}")
        return TYPES[said]
    if "tops" in run:
        return "similar_embeddings" if "furthest" in run else "token_search"
    params, results = (run[key] if isinstance(run.get(key), dict) else {} for key in ("params", "results"))
    iterations = results.get("iterations", run.get("iterations"))
    first = iterations[0] if isinstance(iterations, list) and iterations else None
    keys = set(first) if isinstance(first, dict) else set()
    if "scores" in keys:
        return "top_words"
    if "shift_magnitude" in params or "shift_vector" in params:
        return "reconstruct_shifted"
    if keys & {"loss", "ids_loss"}:
        return "reconstruct"
    if keys & {"activation", "ids_activation"}:
        return "dream"
    raise ValueError("no type, and none of the keys of a run")
