"""Serve the app until Ctrl-C: a socket that is bound first, so that a taken port is one sentence, and uvicorn on it."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from textdream.errors import InputError

PATIENCE = 3
"""Seconds that open streams have to end by themselves."""


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens on the address.

    Raises
    ------
    InputError
        If the address is not this machine's, or the port is taken or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once: else each waits 40 ms for an acknowledgement (Nagle).
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        # From here on whoever comes waits, and is not sent away, while the server starts.
        found.listen()
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f"the port {port} is taken", "one that is free", f"give --port {port + 1}, or --port 0 for any"
            ) from None
        raise InputError(
            f"{host}:{port} cannot be listened on ({error.strerror or error})",
            "an address of this machine and a free port",
            "give another --host or --port",
        ) from None
    return found


def serve(app: ASGIApp, listening: socket.socket, ending: Callable[[], None]) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Parameters
    ----------
    ending
        Is called when the server is told to end: streams have to end then, for their readers would wait for ever.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=PATIENCE,
    )
    # uvicorn raises the signal again when it has ended; for a server, Ctrl-C is the way to end well.
    with suppress(KeyboardInterrupt):
        _Server(config, ending).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Says that it ends."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self.ending = ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C: once to end well, twice to end now; files are whole at any time."""
        if self.should_exit and sig == signal.SIGINT:
            os._exit(130)
        self.ending()
        super().handle_exit(sig, frame)
