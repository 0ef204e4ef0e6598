"""The web app: the page, the routes, the guard around them, and a description that is complete."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response

from textdream.studio.answers import add_handlers
from textdream.studio.catalog import add_limits
from textdream.studio.forms import REQUEST, TokensRequest
from textdream.studio.lookups import lookups
from textdream.studio.routes import runs
from textdream.studio.security import Access, Guard
from textdream.studio.studio import Studio
from textdream.version import __version__

PAGE = {
    "/": ("studio.html", "text/html"),
    "/studio.js": ("studio.js", "text/javascript"),
    "/studio.css": ("studio.css", "text/css"),
}


def create_app(studio: Studio, access: Access | None = None) -> FastAPI:
    """The app around a studio. Its engine begins with the app, and ends with it."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        studio.engine.start()
        yield
        await run_in_threadpool(studio.close)

    app = FastAPI(
        title="textdream studio",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=life,
        redirect_slashes=False,
    )
    add_handlers(app, studio.store.named)
    app.include_router(lookups(studio))
    app.include_router(runs(studio))
    for path in PAGE:
        app.add_api_route(path, _page(path), include_in_schema=False)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    app.add_middleware(Guard, access=access or Access())
    return app


def _page(path: str) -> Any:
    """One file of the page."""
    name, media = PAGE[path]
    content = files("textdream.studio").joinpath("assets", name).read_bytes()

    def page() -> Response:
        return Response(content, media_type=media)

    return page


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with the bodies that are read strictly, and the limits that the configs check."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = found["components"]["schemas"]
        template = "#/components/schemas/{model}"
        for name, schema in (
            ("Request", REQUEST.json_schema(ref_template=template)),
            ("TokensRequest", TokensRequest.model_json_schema(ref_template=template)),
        ):
            schemas |= schema.pop("$defs", {})
            schemas[name] = schema
        add_limits(schemas)
        app.openapi_schema = found
    return app.openapi_schema
