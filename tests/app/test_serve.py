"""The socket that the server listens on."""

from __future__ import annotations

import asyncio
import socket

import pytest

from neurectomy.app.serve import listen

pytestmark = pytest.mark.anyio


async def test_small_answers_on_an_open_connection_are_not_held_back() -> None:
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    class Ask(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            own = transport.get_extra_info("socket")
            accepted.set_result(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    listener = listen("127.0.0.1", 0)
    server = await asyncio.get_running_loop().create_server(Ask, sock=listener)
    async with server:
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await asyncio.wait_for(accepted, 5) == 1
        writer.close()
        await writer.wait_closed()
