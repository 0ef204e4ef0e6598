"""What may be asked before a run: the version, models, experiments, concepts, indexes, and how a model sees a text."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi import Request as HttpRequest
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, TypeAdapter, ValidationError

from textdream.studio import bounds, queue
from textdream.studio.answers import responses
from textdream.studio.catalog import ExperimentAnswer, experiments
from textdream.studio.engine import PAUSED
from textdream.studio.forms import LONGEST_SENTENCES, LONGEST_TEXT, TokensRequest
from textdream.studio.models import ModelAnswer
from textdream.studio.security import BODY
from textdream.studio.studio import Studio
from textdream.version import __version__

TOKENS: TypeAdapter[TokensRequest] = TypeAdapter(TokensRequest)


class About(BaseModel):
    """What this server is."""

    version: str
    default_model: str
    folder: str
    """Name of the folder of runs."""
    limits: dict[str, int]
    bounds: dict[str, float]
    """The largest value of a setting, by its name."""


class ModelsAnswer(BaseModel):
    """The models that may be named."""

    models: list[ModelAnswer]


class ExperimentsAnswer(BaseModel):
    """What can be run."""

    experiments: list[ExperimentAnswer]


class ConceptAnswer(BaseModel):
    """A concept that a run made."""

    id: str
    model: str
    positive: str
    negative: str
    layers: list[int]
    created: str


class ConceptsAnswer(BaseModel):
    """The concepts at hand, newest first."""

    concepts: list[ConceptAnswer]


class IndexAnswer(BaseModel):
    """A corpus index at hand."""

    name: str
    model: str
    sites: list[str]
    layers: list[int]
    sentences: int
    files: list[str]


class IndexesAnswer(BaseModel):
    """The indexes at hand."""

    indexes: list[IndexAnswer]


class TokenAnswer(BaseModel):
    """One token of a text."""

    position: int
    id: int
    token: str
    special: bool
    start: int | None
    end: int | None
    """Characters of the text; null where it stands for none."""
    word: str | None
    """The word that it is part of, if that is in the text once."""


class TokensAnswer(BaseModel):
    """A text as a model sees it."""

    model: str
    text: str
    ids: list[int]
    tokens: list[str]
    positions: list[TokenAnswer]
    round_trip: bool
    longest: int


async def parsed(adapter: TypeAdapter[Any], request: HttpRequest) -> Any:
    """The body, strictly by its schema."""
    try:
        return adapter.validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_context=False)) from None


def body_of(name: str, *examples: dict[str, Any]) -> dict[str, Any]:
    """The description of a body that is read by `parsed`."""
    shown = {f"example {number}": {"value": example} for number, example in enumerate(examples, start=1)}
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "examples": shown}}}}


def lookups(studio: Studio) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api")

    @router.get("/about", responses=responses())
    def about() -> About:
        """Version, default model, limits."""
        limits = {
            "text": LONGEST_TEXT,
            "sentences": LONGEST_SENTENCES,
            "body": BODY,
            "queue": queue.MOST,
            "queue_per_client": queue.MOST_OF_ONE,
            "paused": PAUSED,
        }
        names, folder = studio.models.names, studio.store.folder.resolve().name
        return About(
            version=__version__, default_model=names[0], folder=folder, limits=limits, bounds=dict(bounds.BOUNDS)
        )

    @router.get("/models", responses=responses())
    def models() -> ModelsAnswer:
        """The models that may be named; those that were used have their limits."""
        return ModelsAnswer(models=studio.models.answers())

    @router.get("/model", responses=responses(422))
    def model(
        name: Annotated[str, Query(min_length=1, max_length=200, examples=["minilm"])],
    ) -> ModelAnswer:
        """One model with its limits; it is loaded if it was not."""
        return studio.models.answer(name)

    # The same for everyone, and large: written once.
    offered = ExperimentsAnswer(experiments=experiments(bool(studio.places.indexes))).model_dump_json(by_alias=True)

    @router.get("/experiments", responses=responses(), response_model=ExperimentsAnswer)
    def all_experiments() -> Response:
        """What can be run, with the schema of each one's settings."""
        return Response(offered, media_type="application/json")

    @router.get("/concepts", responses=responses())
    def concepts() -> ConceptsAnswer:
        """Concepts that runs have made."""
        return ConceptsAnswer(concepts=list(_concepts(studio)))

    @router.get("/indexes", responses=responses())
    def indexes() -> IndexesAnswer:
        """Corpus indexes that were given on the command line."""
        return IndexesAnswer(indexes=[_index(name, studio) for name in studio.places.indexes])

    @router.post(
        "/tokens",
        responses=responses(422, unsafe=True),
        openapi_extra=body_of("TokensRequest", {"model": studio.models.names[0], "text": "no wheeler for me ."}),
    )
    async def tokens(request: HttpRequest) -> TokensAnswer:
        """How a model sees a text."""
        from fastapi.concurrency import run_in_threadpool

        asked: TokensRequest = await parsed(TOKENS, request)
        return await run_in_threadpool(_tokens, studio, asked)

    return router


def _concepts(studio: Studio) -> Any:
    from textdream.errors import TextdreamError
    from textdream.model.concept_file import read_concept

    for run in studio.store.find("", lambda run: run.experiment == "concept-fit" and run.state == "done"):
        if not studio.store.has(run.id, ".safetensors"):
            continue
        try:
            manifest = read_concept(studio.store.path(run.id, ".safetensors")).manifest
        except TextdreamError:
            continue
        yield ConceptAnswer(
            id=run.id,
            model=run.model,
            positive=manifest.words.positive,
            negative=manifest.words.negative,
            layers=manifest.layers,
            created=run.created,
        )


def _index(name: str, studio: Studio) -> IndexAnswer:
    from textdream.corpus.index import Index

    manifest = Index.open(studio.places.index(name)).manifest
    return IndexAnswer(
        name=name,
        model=manifest.model.name,
        sites=manifest.sites,
        layers=manifest.layers,
        sentences=manifest.corpus.sentences,
        files=[file.name for file in manifest.corpus.files],
    )


def _tokens(studio: Studio, asked: TokensRequest) -> TokensAnswer:
    import torch

    tokens = studio.models.get(asked.model).tokens
    ids = tokens.encode(asked.text, masks=True)
    names, open_ = tokens.names(ids), set(tokens.open_positions(ids))
    spans = tokens.tokenizer(asked.text, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    words = _words(asked.text, [span for position, span in enumerate(spans) if position in open_])
    positions = [
        TokenAnswer(
            position=position,
            id=id_,
            token=name,
            special=position not in open_,
            start=None if position not in open_ else start,
            end=None if position not in open_ else end,
            word=words.get((start, end)) if position in open_ else None,
        )
        for position, (id_, name, (start, end)) in enumerate(zip(ids, names, spans, strict=True))
    ]
    trip = bool(tokens.survives(torch.tensor([ids]))[0])
    return TokensAnswer(
        model=asked.model,
        text=asked.text,
        ids=ids,
        tokens=names,
        positions=positions,
        round_trip=trip,
        longest=tokens.max_length,
    )


def _words(text: str, spans: list[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """For each token, the word around it, if that stands in the text once."""
    import re

    from textdream.model.tokens import word_spans

    found = {}
    whole = {match.span(): match[0] for match in re.finditer(r"\w+|[^\w\s]", text)}
    once = {span: word for span, word in whole.items() if len(word_spans(text, word)) == 1}
    for start, end in spans:
        inside = next((word for (low, high), word in once.items() if low < end and start < high), None)
        if inside is not None:
            found[start, end] = inside
    return found
