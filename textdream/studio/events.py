"""What a run says while it goes on, as server-sent events: written once, read by any number of viewers.

The engine appends; it never waits for a reader. Steps and news are joined into frames, at most 20 a second, which all viewers
share; each viewer has only its place in them, and one that is slow lags behind. Of states and progress the newest counts.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from weakref import WeakSet

from textdream.errors import TextdreamError
from textdream.studio.runs import Progress, RunAnswer

EVERY = 0.05
"""Seconds between frames."""
AT_ONCE = 256
"""Frames that are sent in one piece at most."""
ALIVE = 15.0
"""Seconds after which a silent stream says that it is there."""
VIEWERS = 500
"""Streams that are open at once at most."""


class TooManyViewersError(TextdreamError):
    """No more streams may be opened now."""


def event(kind: str, data: str, id_: str | None = None) -> bytes:
    """One server-sent event."""
    head = "" if id_ is None else f"id: {id_}\n"
    return f"{head}event: {kind}\ndata: {data}\n\n".encode()


class Channel:
    """The events of one run while it waits or runs."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._epoch = secrets.token_hex(4)
        self._frames: list[bytes] = []
        self._steps: list[str] = []
        self._news: list[str] = []
        self._sealed = 0.0
        self.state: bytes = b""
        self.progress: bytes = b""
        self.last: bytes | None = None
        """What is said at the end; None while there is more to come."""

    def tell_state(self, run: RunAnswer) -> None:
        """The run changed."""
        self.state = event("state", run.model_dump_json())

    def tell_progress(self, progress: Progress) -> None:
        """How far the run is."""
        self.progress = event("progress", progress.model_dump_json())

    def tell_steps(self, steps: Sequence[str]) -> None:
        """Steps of a dream, as JSON."""
        with self._guard:
            self._steps += steps

    def tell_news(self, news: str) -> None:
        """A line of news."""
        with self._guard:
            self._news.append(json.dumps(news, ensure_ascii=False))

    def end(self, run: RunAnswer) -> None:
        """Nothing more will be said."""
        self.tell_state(run)
        self._seal(whole=True)
        self.last = ending(run)

    def _seal(self, whole: bool = False) -> None:
        """Join what came since the last frame into a new one."""
        with self._guard:
            now = time.monotonic()
            if not (self._steps or self._news) or (now - self._sealed < EVERY and not whole):
                return
            self._sealed = now
            number = len(self._frames) + 1
            kinds = [(kind, told) for kind, told in (("steps", self._steps), ("news", self._news)) if told]
            # One id for a frame: that of its last event, so that no half of it is taken for the whole.
            self._frames.append(
                b"".join(
                    event(kind, f"[{','.join(told)}]", f"{self._epoch}-{number}" if last == len(kinds) else None)
                    for last, (kind, told) in enumerate(kinds, start=1)
                )
            )
            self._steps, self._news = [], []

    def _place(self, last_id: str | None) -> int | None:
        """How many frames the reader has; None if that is not known."""
        match = re.fullmatch(rf"{self._epoch}-(\d{{1,9}})", last_id or "")
        return int(match[1]) if match and int(match[1]) <= len(self._frames) else None

    async def read(self, last_id: str | None, closing: Callable[[], bool]) -> AsyncIterator[bytes]:
        """The events, from the first or from where a reader was, to the end of the run or of the server."""
        place = self._place(last_id)
        if place is None:
            place = 0
            yield event("begin", "{}")
        state = progress = b""
        spoke = time.monotonic()
        while True:
            self._seal()
            # Read before the frames: once it is there, no frame comes after.
            last = self.last
            pieces = []
            if state is not self.state:
                pieces.append(state := self.state)
            frames = self._frames[place : place + AT_ONCE]
            place += len(frames)
            pieces += frames
            if not frames and progress is not self.progress:
                pieces.append(progress := self.progress)
            if pieces:
                spoke = time.monotonic()
                yield b"".join(pieces)
            elif last is not None:
                yield last
                return
            elif closing():
                return
            elif time.monotonic() - spoke > ALIVE:
                spoke = time.monotonic()
                yield b": \n\n"
            if len(frames) < AT_ONCE:
                await asyncio.sleep(EVERY)


def ending(run: RunAnswer) -> bytes:
    """The last events of a run that ended."""
    result = event("result", run.model_dump_json()) if run.has_result else b""
    return result + event("end", "{}")


async def replay(run: RunAnswer) -> AsyncIterator[bytes]:
    """The events of a run that had ended before."""
    yield event("begin", "{}") + event("state", run.model_dump_json()) + ending(run)


class Viewers:
    """The streams that are open, of all runs: those that somebody still holds."""

    def __init__(self) -> None:
        self._open: WeakSet[AsyncIterator[bytes]] = WeakSet()

    def admit(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The stream, counted until it is let go.

        Raises
        ------
        TooManyViewersError
            If `VIEWERS` are open.
        """
        if len(self._open) >= VIEWERS:
            raise TooManyViewersError(f"{VIEWERS} live views are open", "fewer", "close some, or try again later")
        self._open.add(stream)
        return stream
