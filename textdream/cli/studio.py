"""`textdream studio`: experiments in the browser, live."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from textdream.cli.app import app
from textdream.cli.common import console, plain
from textdream.errors import InputError

SERVER = Group.create_ordered("Server")


@app.command
def studio(
    *,
    port: Annotated[int, Parameter(help="Port; 0 takes any that is free.", group=SERVER)] = 8765,
    folder: Annotated[
        Path, Parameter(help="Folder of the runs: each is a file there, with its result beside it.", group=SERVER)
    ] = Path("textdream-runs"),
    index: Annotated[
        list[Path] | None,
        Parameter(help="A corpus index to offer, by its folder's name; may be given several times.", group=SERVER),
    ] = None,
    models: Annotated[
        str | None,
        Parameter(help="Only these models, with commas: names at hand, folders, Hugging Face names.", group=SERVER),
    ] = None,
    device: Annotated[str, Parameter(help="cpu, cuda, cuda:1 or mps.", group=SERVER)] = "cpu",
    host: Annotated[
        str, Parameter(help="Address to listen on; any but this machine's own asks for a token.", group=SERVER)
    ] = "127.0.0.1",
    token: Annotated[
        str | None, Parameter(help="Ask for this token; without it, one is made where one is needed.", group=SERVER)
    ] = None,
    browser: Annotated[bool, Parameter(help="Open the page in the browser.", negative="", group=SERVER)] = False,
) -> int:
    """Serve the studio: forms for every experiment, runs watched live, a gallery of results.

    A worked example:

    ```
    textdream studio --port 8765 --folder my-runs
    ```

    Every run is a file the moment it exists, and its result is what `textdream verify` takes.
    Ctrl-C ends the server with exit code 0: the run under way is saved as interrupted, and can go on later.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"--port {port} was given", "0 to 65535", "give another, such as 8765")
    if token is not None and not (
        8 <= len(token) <= 200 and token.isascii() and token.isprintable() and " " not in token
    ):
        raise InputError("the --token cannot be used", "8 to 200 letters, digits and signs, no spaces", "give another")
    if token is not None and any(sign in token for sign in '";,\\'):
        raise InputError("the --token cannot be used", 'one without ", ;, comma and backslash', "give another")
    from textdream.studio.serve import bound

    listening = bound(host, port)
    try:
        return _serve(listening, folder, index or [], models, device, host, token, browser)
    finally:
        listening.close()


def _serve(
    listening: object,
    folder: Path,
    indexes: list[Path],
    models: str | None,
    device: str,
    host: str,
    token: str | None,
    browser: bool,
) -> int:
    """Open the studio, load its first model, and serve."""
    import secrets
    import socket

    assert isinstance(listening, socket.socket)
    from textdream.studio.app import create_app
    from textdream.studio.models import Models
    from textdream.studio.security import Access, is_loopback
    from textdream.studio.serve import serve
    from textdream.studio.studio import Studio

    names = [name.strip() for name in models.split(",") if name.strip()] if models is not None else []
    if models is not None and not names:
        raise InputError(f"--models {models!r} was given", "names with commas", "leave it out for all at hand")
    at_hand = Models(names, device)
    if not at_hand.names:
        raise InputError("no model is at hand", "at least one", "see `textdream models`, or give --models")
    opened = Studio.open(folder, at_hand, indexes)
    try:
        with console().status(plain(f"loading {at_hand.names[0]} …")):
            at_hand.get(at_hand.names[0])
        if token is None and not is_loopback(host):
            token = secrets.token_urlsafe(24)
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}"
        out = console(stderr=False)

        def tell(key: str) -> None:
            out.print(plain(f" opens once: {address}/enter?key={key}"), soft_wrap=True)

        access = Access(host, token, tell)
        out.print(plain(f" textdream studio: {address} · runs in {folder} · Ctrl-C ends it"), soft_wrap=True)
        if token is not None:
            tell(access.key)
        app = create_app(opened, access)
        if browser:
            import webbrowser

            webbrowser.open(address if token is None else f"{address}/enter?key={access.key}")
        serve(app, listening, opened.engine.end)
    finally:
        opened.close()
    out.print(plain(" ended; the runs are kept"), soft_wrap=True)
    return 0
