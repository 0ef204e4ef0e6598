"""Whose run is next: clients take turns, so that one client's ten runs do not hold up another's first."""

from __future__ import annotations

from collections import deque

from textdream.errors import TextdreamError

MOST, MOST_OF_ONE = 100, 20
"""Runs that wait at most: of all clients, and of one."""


class QueueFullError(TextdreamError):
    """No room for one more run."""


class FairQueue:
    """Runs that wait, a line for each client. Not safe for threads: the engine guards it."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[str]] = {}
        self._turn = 0
        self._served: dict[str, int] = {}
        """The turn at which a client was last served; one that never was comes first."""

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def put(self, client: str, run: str) -> None:
        """Put a run at the end of its client's line.

        Raises
        ------
        QueueFullError
            If the line or the queue is as long as it may be.
        """
        if len(self) >= MOST:
            raise QueueFullError(f"{MOST} runs wait", "fewer", "try again when one has ended")
        if len(self._lines.get(client, ())) >= MOST_OF_ONE:
            raise QueueFullError(f"{MOST_OF_ONE} of your runs wait", "fewer", "try again when one has ended")
        self._lines.setdefault(client, deque()).append(run)

    def put_first(self, client: str, run: str) -> None:
        """Put a run that had begun at the head of its client's line, however long that is."""
        self._lines.setdefault(client, deque()).appendleft(run)

    def remove(self, run: str) -> bool:
        """Take a run out; whether it was there."""
        for client, line in list(self._lines.items()):
            if run in line:
                line.remove(run)
                self._drop(client)
                return True
        return False

    def take(self) -> str | None:
        """The next run, taken out; None if none waits."""
        client = self._next(self._lines, self._served)
        if client is None:
            return None
        self._turn += 1
        self._served[client] = self._turn
        run = self._lines[client].popleft()
        self._drop(client)
        return run

    def order(self) -> list[str]:
        """All runs, in the order in which they would be taken."""
        lines, served, turn = {client: deque(line) for client, line in self._lines.items()}, dict(self._served), 0
        found = []
        while (client := self._next(lines, served)) is not None:
            turn += 1
            served[client] = self._turn + turn
            found.append(lines[client].popleft())
            if not lines[client]:
                del lines[client]
        return found

    def _next(self, lines: dict[str, deque[str]], served: dict[str, int]) -> str | None:
        """Of those who wait, the client who was served longest ago; among equals, who came first."""
        return min(lines, key=lambda client: served.get(client, 0), default=None)

    def _drop(self, client: str) -> None:
        if not self._lines[client]:
            del self._lines[client]
        # Those who wait no more are forgotten after a while, so that the table cannot grow without end.
        old = [name for name, turn in self._served.items() if name not in self._lines and turn < self._turn - MOST]
        for name in old:
            del self._served[name]
