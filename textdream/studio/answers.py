"""What an answer looks like where something is wrong: one sentence, in its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi import Request as HttpRequest
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from textdream.errors import InputError, TextdreamError
from textdream.studio.catalog import KINDS
from textdream.studio.desk import NotNowError
from textdream.studio.events import TooManyViewersError
from textdream.studio.queue import QueueFullError
from textdream.studio.security import RefusedError


class Problem(BaseModel):
    """What was wrong with a request."""

    error: str
    """The sentence: given; expected; remedy."""
    given: str
    expected: str
    remedy: str
    where: str | None = None
    """Where in the request, as a path with dots, if that is known."""


MEANINGS = {
    400: "The body is no JSON",
    401: "The token is missing",
    403: "The request comes from another site",
    404: "There is no such thing",
    409: "Not possible in the run's present state",
    413: "The body is too large",
    415: "The body is not JSON",
    421: "The request is for another host",
    422: "The settings cannot be used",
    429: "The queue is full, or too many watch",
}
ALWAYS = (401, 421)
UNSAFE = (400, 403, 413, 415)


def responses(*statuses: int, unsafe: bool = False) -> dict[int | str, dict[str, Any]]:
    """The error answers of an operation, for its description."""
    own = sorted({*statuses, *ALWAYS, *(UNSAFE if unsafe else ())})
    return {status: {"model": Problem, "description": MEANINGS[status]} for status in own}


class NotThereError(TextdreamError):
    """Nothing is there under that name."""


def problem(
    error: TextdreamError, where: str | None = None, named: Callable[[str], str] = lambda sentence: sentence
) -> dict[str, Any]:
    """The body of an error's answer.

    Parameters
    ----------
    named
        Gives a sentence with names in place of the server's paths.
    """
    given, expected, remedy = map(named, (error.given, error.expected, error.remedy))
    return Problem(error=named(str(error)), given=given, expected=expected, remedy=remedy, where=where).model_dump()


_NO_PLACES = {"body", "query", "path", "header", "int", "str", "float", "bool", *KINDS}


def from_validation(errors: list[Any]) -> tuple[InputError, str]:
    """The first thing that is wrong by the schema, as a sentence, and where it is."""
    first = errors[0]
    # What a value was tried as is no part of its place: the experiment's name, the part of a request, a type among several.
    place = [str(part) for part in first["loc"] if str(part) not in _NO_PLACES]
    where = ".".join(place)
    if first["type"] == "json_invalid":
        return InputError("the body is no JSON", first["msg"], "send JSON"), where
    given = first.get("input")
    shown = f" {given!r:.60}" if isinstance(given, str | int | float | bool) else ""
    known = first["type"] == "extra_forbidden"
    expected = "a setting that is known" if known else first["msg"][:1].lower() + first["msg"][1:]
    return InputError(f"{where or 'the body'}{shown} was given", expected, "see GET /api/experiments"), where


def status_of(error: TextdreamError) -> int:
    """The HTTP status of an error."""
    kinds: Mapping[type[TextdreamError], int] = {
        NotThereError: 404, NotNowError: 409, QueueFullError: 429, TooManyViewersError: 429,
    }  # fmt: skip
    return error.status if isinstance(error, RefusedError) else kinds.get(type(error), 422)


def add_handlers(app: FastAPI, named: Callable[[str], str]) -> None:
    """Every error of the app becomes a Problem."""

    def ours(_: HttpRequest, error: Exception) -> JSONResponse:
        assert isinstance(error, TextdreamError)
        status = status_of(error)
        return JSONResponse(problem(error, named=named), status, {"retry-after": "10"} if status == 429 else None)

    def invalid(_: HttpRequest, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        sentence, where = from_validation(list(error.errors()))
        return JSONResponse(problem(sentence, where), 400 if str(sentence).startswith("the body is no JSON") else 422)

    def http(request: HttpRequest, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        what = f"{request.method} {request.url.path[:80]}"
        sentence = InputError(f"{what} is not possible ({error.detail})", "see GET /openapi.json", "check the address")
        return JSONResponse(problem(sentence), error.status_code, error.headers)

    def unknown(_: HttpRequest, error: Exception) -> JSONResponse:
        name = type(error).__name__
        sentence = InputError(f"an error of textdream's own ({name})", "an answer", "see the server's terminal")
        return JSONResponse(problem(sentence), 500)

    app.add_exception_handler(TextdreamError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unknown)
