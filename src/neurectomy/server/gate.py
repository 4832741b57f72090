"""The one gate: every HTTP request and every WebSocket passes it before anything else sees it."""

from __future__ import annotations

import ipaddress
import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from starlette.requests import cookie_parser

from neurectomy.core.errors import Forbidden, InvalidInput, NeurectomyError
from neurectomy.server.rest import problem
from neurectomy.server.transfers import MOST_UPLOAD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "neurectomy_token"
"""The cookie's name; the port is added to it, since browsers share cookies among ports."""
MOST_BODY = 8 * 1024 * 1024
"""Bytes of a request's body."""

LARGER = {"/api/import": MOST_UPLOAD}
"""Paths whose bodies may have more bytes; whoever answers there keeps them in no memory."""

OPEN = frozenset({"/health"})
"""Paths that answer without a token; they say nothing about the workspace."""

_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        b"font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; "
        b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_DENIED = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>NEURECTOMY</title>
<style>body{font:16px/1.5 system-ui;margin:20vh auto;max-width:32rem;padding:0 1rem}
code{background:#8882;padding:.1em .3em;border-radius:4px}</style>
<h1>This workspace is closed</h1>
<p>Open the address that the server printed when it started; it ends in <code>?token=...</code>.</p>
<p>In the workspace's folder, <code>neurectomy serve --print-address</code> shows it again.</p>"""


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Gate:
    """ASGI middleware: ``Host``, ``Origin`` and the token, on HTTP and WebSocket alike.

    Args:
        token: Whoever shows it may do everything.
        hosts: Names, besides loopback, that requests may be addressed to.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Iterable[str] = ()) -> None:
        if not token:
            raise InvalidInput("the gate needs a token", hint="Set NEURECTOMY_TOKEN.")
        self._app = app
        self._token = token
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {key.decode("latin-1"): value for key, value in scope["headers"]}
        try:
            self._check_place(headers)
            most = LARGER.get(scope["path"], MOST_BODY)
            if scope["type"] == "http" and _length(headers) > most:
                told = f"{most / 1e9:g} GB" if most >= 1e9 else f"{most >> 20} MB"
                message = f"the body is larger than {told}"
                raise InvalidInput(message, hint="Send less at a time.")
            if await self._enter(scope, send, headers):
                return
            if scope["path"] not in OPEN and not self._knows(headers):
                raise Forbidden(
                    "this needs the server's token",
                    hint="Open the address that the server printed, or send it as a bearer token.",
                )
        except NeurectomyError as error:
            await self._refuse(scope, receive, send, headers, error)
            return
        await self._app(scope, _bounded(receive, most), self._guarded(send))

    def _check_place(self, headers: dict[str, bytes]) -> None:
        host = headers.get("host", b"").decode("latin-1").lower()
        name = _name(host)
        if not is_loopback(name) and name not in self._hosts:
            raise Forbidden(
                f"requests to {name or 'no host'} are not answered",
                hint="Add the name to NEURECTOMY_ALLOWED_HOSTS.",
            )
        origin = headers.get("origin")
        if origin is not None and _place(origin.decode("latin-1").lower()) != host:
            raise Forbidden(
                "requests from other sites are not answered", hint="Open the address itself."
            )

    def _knows(self, headers: dict[str, bytes]) -> bool:
        scheme, _, given = headers.get("authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "bearer" and self._same(given.strip()):
            return True
        cookies = cookie_parser(headers.get("cookie", b"").decode("latin-1"))
        return self._same(cookies.get(_cookie(headers), ""))

    def _same(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())

    async def _enter(self, scope: Scope, send: Send, headers: dict[str, bytes]) -> bool:
        """Trade the token of an opened address for a cookie, and lose it from the address."""
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or b"token" not in scope["query_string"]
        ):
            return False
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = query.pop("token", [""])[0]
        if not given or not self._same(given):
            return False
        cookie = (
            f"{_cookie(headers)}={self._token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000"
        )
        rest = urlencode(query, doseq=True)
        path = quote(scope["path"])
        if not path.startswith("/") or path.startswith("//"):
            path = "/"
        target = f"{path}?{rest}" if rest else path
        await send(
            {
                "type": "http.response.start",
                "status": 303,
                "headers": [
                    (b"location", target.encode("ascii")),
                    (b"set-cookie", cookie.encode()),
                    (b"cache-control", b"no-store"),
                    *_HEADERS,
                ],
            }
        )
        await send({"type": "http.response.body", "body": b""})
        return True

    async def _refuse(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: dict[str, bytes],
        error: NeurectomyError,
    ) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403, "reason": error.message})
            return
        response = problem(error)
        if b"text/html" in headers.get("accept", b""):
            response.body = _DENIED
            response.headers["content-type"] = "text/html; charset=utf-8"
            response.headers["content-length"] = str(len(_DENIED))
        await response(scope, receive, self._guarded(send))

    def _guarded(self, send: Send) -> Send:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {key.lower() for key, _ in message["headers"]}
                more = [pair for pair in _HEADERS if pair[0] not in present]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        return guarded


def _length(headers: dict[str, bytes]) -> int:
    """The length that a body is said to have; 0 where nothing is said."""
    told = headers.get("content-length", b"")
    return int(told) if told.isdigit() else 0


def _bounded(receive: Receive, most: int) -> Receive:
    """A body that is longer than it may be breaks off, as if whoever sends it had gone."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > most:
                return {"type": "http.disconnect"}
        return message

    return bounded


def _place(origin: str) -> str | None:
    """Host and port of an ``Origin``; null where it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _name(host: str) -> str:
    """The name of a ``Host`` header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _cookie(headers: dict[str, bytes]) -> str:
    """The name of the cookie that holds the token of the server at the request's port."""
    port = headers.get("host", b"").decode("latin-1").rpartition(":")[2]
    return f"{COOKIE}_{port}" if port.isdigit() else COOKIE
