"""What is pushed: a run's events over WebSocket, changes of runs as server-sent events."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import StreamingResponse
from starlette.websockets import WebSocketDisconnect

from neurectomy.core import codecs
from neurectomy.core.errors import NeurectomyError
from neurectomy.server.views import run_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from neurectomy.server.context import Services

FRAME_SECONDS = 0.016
"""Events and deltas within this time share a frame."""

COALESCE_SECONDS = 0.1
"""A run's changes within this time are told once."""

BEAT_SECONDS = 15.0
MOST_DELTAS = 2000


class RunStream:
    """A WebSocket that follows one run from a place in its log to its end."""

    def __init__(self, services: Services, socket: WebSocket) -> None:
        self._services = services
        self._socket = socket
        self._deltas: list[dict[str, Any]] = []
        self._stopped: NeurectomyError | None = None
        self._events: asyncio.Queue[list[Any] | None] = asyncio.Queue(maxsize=4)

    async def serve(self) -> None:
        """Until the run has ended or the client leaves."""
        socket = self._socket
        run = socket.path_params["run"]
        await socket.accept()
        try:
            after = int(socket.query_params.get("after", "0"))
            await self._services.runs.row(run)
        except (NeurectomyError, ValueError) as error:
            message = getattr(error, "message", "after is not a number")
            await socket.send_text(codecs.encode({"type": "error", "message": message}).decode())
            await socket.close(4404)
            return
        tasks = [
            asyncio.create_task(self._read_events(run, after)),
            asyncio.create_task(self._read_deltas(run)),
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._send(run)),
        ]
        try:
            await asyncio.wait([tasks[2], tasks[3]], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.close()

    async def _read_events(self, run: str, after: int) -> None:
        try:
            async for events in self._services.runs.motions.follow(run, after):
                await self._events.put(events)
        except NeurectomyError as error:
            self._stopped = error
        await self._events.put(None)

    async def _read_deltas(self, run: str) -> None:
        with self._services.runs.motions.deltas.subscribe(run) as subscription:
            while True:
                for step, delta in await subscription.wait():
                    if len(self._deltas) < MOST_DELTAS:
                        self._deltas.append({"step": step, **msgspec.to_builtins(delta)})

    async def _listen(self) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                text = await self._socket.receive_text()
                if "ping" in text[:64]:
                    await self._socket.send_text('{"type":"pong"}')

    async def _send(self, run: str) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                batch: list[Any] = []
                ended = False
                with suppress(TimeoutError):
                    async with asyncio.timeout(FRAME_SECONDS if self._deltas else 0.1):
                        first = await self._events.get()
                        ended = first is None
                        batch = first or []
                while not ended and not self._events.empty() and len(batch) < 2000:
                    more = self._events.get_nowait()
                    ended = more is None
                    batch = [*batch, *(more or [])]
                await self._send_batch(run, batch)
                if ended:
                    await self._socket.send_text(self._last_frame())
                    return
                if batch:
                    await asyncio.sleep(FRAME_SECONDS)

    def _last_frame(self) -> str:
        if self._stopped is None:
            return '{"type":"end"}'
        return codecs.encode({"type": "error", **self._stopped.as_dict()}).decode()

    async def _send_batch(self, run: str, batch: list[Any]) -> None:
        deltas, self._deltas = self._deltas, []
        if deltas:
            frame = codecs.encode({"type": "deltas", "deltas": deltas})
            await self._socket.send_text(frame.decode())
        if batch:
            row = await self._services.runs.row(run)
            frame = codecs.encode(
                {"type": "events", "events": batch, "head": row.head, "status": row.status}
            )
            await self._socket.send_text(frame.decode())


def status_response(services: Services, request: Request) -> StreamingResponse:
    """Server-sent events: ``hello``, then ``run`` with each run that changes."""
    return StreamingResponse(
        _status(services, request),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _status(services: Services, request: Request) -> AsyncIterator[bytes]:
    with services.log.changed.subscribe() as subscription:
        yield b"event: hello\ndata: {}\n\n"
        while not await request.is_disconnected():
            changed: list[str] = []
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    changed = await subscription.wait()
            if subscription.overflowed:
                subscription.overflowed = False
                yield b"event: hello\ndata: {}\n\n"
            if not changed:
                yield b": beat\n\n"
                continue
            for run in dict.fromkeys(changed):
                yield await _changed(services, run)
            await asyncio.sleep(COALESCE_SECONDS)


async def _changed(services: Services, run: str) -> bytes:
    try:
        row = await services.runs.row(run)
    except NeurectomyError:
        return b"event: gone\ndata: " + codecs.encode({"id": run}) + b"\n\n"
    view = run_view(row, live=services.runs.motions.drives(run))
    return b"event: run\ndata: " + codecs.encode(view) + b"\n\n"
