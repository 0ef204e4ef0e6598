"""Runs over HTTP: begin, watch, pause, stop, go on, look for, fetch, delete."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query
from fastapi import Request as HttpRequest
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse

from textdream.studio.answers import NotThereError, responses
from textdream.studio.catalog import KINDS
from textdream.studio.events import Viewers, replay
from textdream.studio.forms import REQUEST, RUN_ID
from textdream.studio.lookups import body_of, parsed
from textdream.studio.runs import Run, RunAnswer, RunDetail, RunPage, State
from textdream.studio.studio import Studio

Id = Annotated[str, Path(pattern=RUN_ID, max_length=40, description="The run.", examples=["20261126-125230-k3f9ab"])]
Client = Annotated[
    str,
    Header(
        alias="X-Textdream-Client",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        max_length=64,
        description="A random id that the page keeps: the queue takes turns between clients.",
    ),
]
JSON_FILE: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}}
LOCATION = {"Location": {"description": "The new run.", "schema": {"type": "string"}}}
FILES: dict[str, Any] = {
    "content": {kind: {} for kind in ("application/json", "text/html", "application/octet-stream")},
    "description": "The file, as an attachment.",
}
STREAM: dict[str, Any] = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}


def runs(studio: Studio) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/runs")
    engine, store, viewers = studio.engine, studio.store, Viewers()
    example = {"experiment": "dream", "model": studio.models.names[0], "settings": KINDS["dream"].example}

    def found(id_: str) -> Run:
        run = store.get(id_)
        if run is None:
            raise NotThereError(f"there is no run {id_}", "one of GET /api/runs", "look for it there")
        return run

    @router.post(
        "",
        status_code=201,
        responses={**responses(422, 429, unsafe=True), 201: {"headers": LOCATION}},
        openapi_extra=body_of("Request", example),
    )
    async def begin(request: HttpRequest, response: Response, client: Client = "anonymous") -> RunAnswer:
        """Queue a run; settings that cannot be used are refused at once."""
        asked = await parsed(REQUEST, request)

        def submit() -> RunAnswer:
            return engine.answer(studio.submit(asked.experiment, asked.model, asked.settings, client))

        answer = await run_in_threadpool(submit)
        response.headers["location"] = f"/api/runs/{answer.id}"
        return answer

    @router.get("", responses=responses(422))
    def gallery(
        search: Annotated[str, Query(max_length=200, description="All words have to be found.")] = "",
        experiment: Annotated[str, Query(max_length=40)] = "",
        model: Annotated[str, Query(max_length=200)] = "",
        state: Annotated[list[State], Query(max_length=10)] = [],  # noqa: B006 (FastAPI copies it)
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> RunPage:
        """Runs, newest first."""

        def keep(run: Run) -> bool:
            return experiment in ("", run.experiment) and model in ("", run.model) and (not state or run.state in state)

        matching = store.find(search, keep)
        page = [engine.answer(run) for run in matching[offset : offset + limit]]
        return RunPage(runs=page, total=len(matching), offset=offset, limit=limit)

    @router.get("/{id}", responses=responses(404, 422))
    def one(id: Id) -> RunDetail:
        """A run with its settings."""
        run = found(id)
        return RunDetail(**engine.answer(run).model_dump(), settings=run.settings)

    @router.post("/{id}/pause", responses=responses(404, 409, 422, unsafe=True))
    def pause(id: Id) -> RunAnswer:
        """Set a run aside; others run meanwhile."""
        engine.pause(found(id))
        return engine.answer(found(id))

    @router.post("/{id}/resume", responses=responses(404, 409, 422, unsafe=True))
    def resume(id: Id) -> RunAnswer:
        """Let a paused run go on."""
        engine.resume(found(id))
        return engine.answer(found(id))

    @router.post("/{id}/stop", responses=responses(404, 409, 422, unsafe=True))
    def stop(id: Id) -> RunAnswer:
        """End a run; what it found stays."""
        engine.stop(found(id))
        return engine.answer(found(id))

    @router.post(
        "/{id}/continue",
        status_code=201,
        responses={**responses(404, 409, 422, 429, unsafe=True), 201: {"headers": LOCATION}},
    )
    def go_on(id: Id, response: Response, client: Client = "anonymous") -> RunAnswer:
        """Go on from a run that was stopped or interrupted, in a new one."""
        run = studio.go_on(found(id), client)
        response.headers["location"] = f"/api/runs/{run.id}"
        return engine.answer(run)

    @router.delete("/{id}", status_code=204, responses=responses(404, 409, 422, unsafe=True))
    def delete(id: Id) -> None:
        """Delete a run's files."""
        run = found(id)
        if "delete" not in engine.actions(run):
            raise engine.refusal(run, "delete")
        store.delete(id)

    @router.get("/{id}/result", response_class=Response, responses={**responses(404, 422), 200: JSON_FILE})
    def result(id: Id) -> Response:
        """The result file, as it was last written."""
        return Response(_file(studio, found(id), ".json"), media_type="application/json")

    @router.get("/{id}/download", response_class=Response, responses={**responses(404, 422), 200: FILES})
    def download(
        id: Id, kind: Annotated[Literal["json", "html", "concept"], Query(alias="format")] = "json"
    ) -> Response:
        """The result, its picture in one HTML file, or the concept that the run made."""
        run = found(id)
        name = f"textdream-{run.experiment}-{id}"
        if kind == "concept":
            content, suffix, media = _file(studio, run, ".safetensors"), "safetensors", "application/octet-stream"
        elif kind == "json":
            content, suffix, media = _file(studio, run, ".json"), "json", "application/json"
        else:
            content, suffix, media = _picture(studio, run), "html", "text/html"
        return Response(
            content, media_type=media, headers={"content-disposition": f'attachment; filename="{name}.{suffix}"'}
        )

    @router.get("/{id}/events", response_class=StreamingResponse, responses={**responses(404, 422, 429), 200: STREAM})
    async def events(
        id: Id,
        last_event_id: Annotated[str, Header(alias="Last-Event-ID", max_length=100)] = "",
        after: Annotated[str, Query(max_length=100, description="The same, where a new stream goes on.")] = "",
    ) -> StreamingResponse:
        """What a run says while it goes on, as server-sent events."""

        def stream() -> AsyncIterator[bytes]:
            channel = engine.channel(found(id))
            if channel is None:
                # Looked up again: it may have ended, or been deleted, a moment ago.
                return replay(engine.answer(found(id)))
            return channel.read(last_event_id or after, lambda: engine.closing)

        # Not on the loop: whoever asks for a run waits while its file is written.
        return StreamingResponse(viewers.admit(await run_in_threadpool(stream)), media_type="text/event-stream")

    return router


def _file(studio: Studio, run: Run, suffix: str) -> bytes:
    """A file of a run; whether a result is one, the store looked when the folder was opened."""
    try:
        return studio.store.path(run.id, suffix).read_bytes()
    except FileNotFoundError:
        what = "concept" if suffix == ".safetensors" else "result"
        raise NotThereError(
            f"the run {run.id} has no {what}", f"a run that made one (this one is {run.state})", "choose another"
        ) from None


def _picture(studio: Studio, run: Run) -> bytes:
    """The result in one HTML file."""
    from textdream.records import read_result
    from textdream.report.html import html

    _file(studio, run, ".json")
    result = read_result(studio.store.path(run.id, ".json"))
    return html([result], [run.id]).encode()
