"""Serving a workspace: the token, the socket, uvicorn, and the end."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import secrets
import socket
from typing import TYPE_CHECKING

from neurectomy.app.services import open_services
from neurectomy.app.upkeep import keep_order
from neurectomy.core.errors import Forbidden, Unavailable
from neurectomy.server.gate import is_loopback
from neurectomy.workspace.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from neurectomy.server.context import Services
    from neurectomy.workspace.settings import Settings

    Ready = Callable[[str, Services], Awaitable[None]]

logger = logging.getLogger(__name__)

_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,}")


async def serve(root: Path, settings: Settings, ready: Ready) -> None:
    """Serve until the process is told to stop.

    Args:
        root: The workspace.
        settings: Its settings.
        ready: Called with the address that opens the page, once the server answers.

    Raises:
        Forbidden: The host is not loopback and no token was set.
        Unavailable: The port is taken.
        WorkspaceLocked: Another process owns the workspace.
    """
    if not is_loopback(settings.host) and not settings.token:
        raise Forbidden(
            f"listening on {settings.host} opens the workspace to other machines",
            hint="Set a secret of your own in NEURECTOMY_TOKEN, or listen on 127.0.0.1.",
        )
    if settings.token and not _TOKEN.fullmatch(settings.token):
        hint = "Use at least 16 of: letters, digits, - . _ ~"
        raise Forbidden("the token is too short, or cannot be sent in a cookie", hint=hint)
    token = settings.token or secrets.token_urlsafe(24)
    async with open_services(root, settings) as services:
        with listen(settings.host, settings.port) as listener:
            await _serve(services, listener, token, ready)


async def _serve(services: Services, listener: socket.socket, token: str, ready: Ready) -> None:
    import uvicorn

    from neurectomy.server.application import create_app

    host, port = services.settings.host, listener.getsockname()[1]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    config = uvicorn.Config(
        create_app(services, token),
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        timeout_graceful_shutdown=3,
        server_header=False,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    services.lock.announce(address, token)
    await _recover(services)
    if not serving.done():
        await ready(f"{address}/?token={token}", services)
    keeping = asyncio.create_task(keep_order(services))
    try:
        await serving
    finally:
        keeping.cancel()


async def _recover(services: Services) -> None:
    """Go on with what an earlier process left in motion, unless the log came from elsewhere.

    Whoever sends a folder with a running run in it would else have it go on, with this user's
    models, as soon as the folder is opened.
    """
    motions, origin = services.runs.motions, Origin(services.programs.root)
    if await asyncio.to_thread(origin.ours):
        await motions.recover()
    elif left := await motions.left():
        logger.warning(
            "%d runs were in motion when this folder came here; go on with one by: "
            "neurectomy runs resume %s",
            len(left),
            left[0].id,
        )
    else:
        await asyncio.to_thread(origin.adopt)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        Unavailable: The port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET
    try:
        if ipaddress.ip_address(host).version == 6:
            family = socket.AF_INET6
    except ValueError:
        pass
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it, each request on
    # a connection that stays open waits 40 ms for the acknowledgement of the headers
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"port {port} of {host} cannot be used: {error.strerror}",
            hint="Choose another with --port, or a free one with --port 0.",
        ) from None
    return listener
