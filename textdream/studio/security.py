"""Who may ask, and how much: every request passes here first.

A page of another site can make a browser send requests to this server, and by DNS rebinding even read the answers. So the Host
has to be an address that is served here, requests that change something must not come from another site, and bodies are JSON.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from textdream.errors import TextdreamError

BODY = 262_144
"""Bytes of a body at most."""
COOKIE = "textdream-studio"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data: blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


class RefusedError(TextdreamError):
    """A request that is not let in."""

    def __init__(self, status: int, given: str, expected: str, remedy: str) -> None:
        super().__init__(given, expected, remedy)
        self.status = status


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is this machine's own alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass
class Access:
    """Who is let in.

    Attributes
    ----------
    host
        The address that is listened on.
    token
        Asked of everyone, if there is one.
    heard
        Is told each new address from which the page can be opened once.
    """

    host: str = "127.0.0.1"
    token: str | None = None
    heard: Callable[[str], None] | None = None
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """Lets one browser in: it is given the token as a cookie, and the key is made anew."""

    def check_host(self, host: str) -> None:
        """Refuse a name that does not stand for this server: a name of someone else's may point here."""
        name = host.rpartition(":")[0] if _has_port(host) else host
        name = name.lower().rstrip(".")
        if name in self._names or (not is_loopback(self.host) and _is_address(name)):
            return
        raise RefusedError(
            421, f"the request is for {host[:80]!r}", f"one for {self._shown}", "open the printed address"
        )

    @property
    def _names(self) -> set[str]:
        names = set(LOOPBACK) | {self.host.lower(), f"[{self.host.lower()}]"}
        return names if is_loopback(self.host) else names | {socket.gethostname().lower(), socket.getfqdn().lower()}

    @property
    def _shown(self) -> str:
        return " or ".join(LOOPBACK) if is_loopback(self.host) else self.host

    def check_site(self, headers: dict[str, str]) -> None:
        """Refuse what a page of another site sends."""
        site = headers.get("sec-fetch-site", "none")
        if site not in ("same-origin", "none"):
            raise RefusedError(
                403, f"the request comes from another site ({site[:40]})", "this page", "use the page itself"
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host", ""):
            raise RefusedError(403, f"the request comes from {origin[:80]!r}", "this page", "use the page itself")

    def check_token(self, headers: dict[str, str]) -> None:
        """Refuse whoever has no token, where one is asked for."""
        if self.token is None:
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            try:
                morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
            except CookieError:
                morsel = None
            given = morsel.value if morsel is not None else ""
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise RefusedError(
                401,
                "the token is missing or wrong",
                "the one that the studio was started with",
                "open the address that its terminal printed, or send it as Authorization: Bearer",
            )

    def enter(self, key: str) -> bool:
        """Whether a key lets its bearer in; it does so once."""
        good = hmac.compare_digest(key.encode(), self.key.encode())
        if good:
            self.key = secrets.token_urlsafe(24)
            if self.heard is not None:
                self.heard(self.key)
        return good


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdigit() and (host.count(":") == 1 or host.startswith("["))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


class Guard:
    """The middleware around the app."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        begun = False

        async def answered(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                there = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in there),
                ]
            await send(message)

        try:
            self.access.check_host(headers.get("host", ""))
            if self.access.token is not None and scope["path"] == "/enter":
                await self._enter(scope, answered)
                return
            self.access.check_token(headers)
            if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
                self.access.check_site(headers)
                check_body(headers)
            await self.app(scope, _bounded(receive), answered)
        except RefusedError as refusal:
            if begun:
                raise
            await _answer(answered, refusal.status, refusal)

    async def _enter(self, scope: Scope, send: Send) -> None:
        """Give the browser that has the key the token as a cookie."""
        key = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
        if not self.access.enter(key):
            raise RefusedError(
                401, "the key was used before, or is wrong", "the address printed last", "look into the terminal"
            )
        cookie = f"{COOKIE}={self.access.token}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def check_body(headers: dict[str, str]) -> None:
    """Refuse a body that is too large or no JSON."""
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length[:20]) > BODY:
        raise _too_large()
    has_body = length != "0" or "transfer-encoding" in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and kind != "application/json":
        raise RefusedError(
            415,
            f"the body is {kind[:60]!r}" if kind else "the body's type is not said",
            "application/json",
            "send it as JSON",
        )


def _too_large() -> RefusedError:
    return RefusedError(413, "the body is too large", f"{BODY:,} bytes at most", "send less")


def _bounded(receive: Receive) -> Receive:
    """The same, cut off where a body is longer than it said."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY:
            raise _too_large()
        return message

    return bounded


async def _answer(send: Send, status: int, error: TextdreamError) -> None:
    from textdream.studio.answers import problem

    body = json.dumps(problem(error), ensure_ascii=False).encode()
    headers: Iterable[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 401:
        headers = [*headers, (b"www-authenticate", b'Bearer realm="textdream studio"')]
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
