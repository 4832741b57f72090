"""A session over a worker process: frames out, frames in, a new worker where one has died."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
import struct
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from neurectomy.core.errors import InvalidInput, Unavailable
from neurectomy.sandboxes.frames import BROKEN, Ended, Ready, outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from neurectomy.sandboxes.port import Limits, Outcome
    from neurectomy.sandboxes.sources import Sources

    Launch = Callable[[], Awaitable[asyncio.subprocess.Process]]

START_SECONDS = 60.0
"""How long loading and warming up a tool's file may take."""

GRACE_SECONDS = 3.0
"""How much longer than its limit a call may take before the whole worker is ended."""

END_SECONDS = 1.0
"""How long a worker may take to end its calls."""

AT_ONCE = 16
"""Calls of one session at the same time: they share the kernel's count of its processes."""

MOST_FRAME = 64 * 1024 * 1024
"""Bytes of one frame; the result's limit is far below it."""


_NO_FRAME = (ValueError, RecursionError, msgspec.DecodeError)

Frame = TypeVar("Frame", Ready, Ended)


class WorkerSession:
    """Implements `neurectomy.sandboxes.port.Session`.

    Args:
        launch: Starts a worker with pipes for its standard input and output.
        sources: The files that are loaded by it.
        folder: Removed when the session is closed; empty for none.
    """

    def __init__(self, launch: Launch, sources: Sources, folder: str = "") -> None:
        self._launch = launch
        self._sources = sources
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Ended]] = {}
        self._ids = itertools.count(1)
        self._starting = asyncio.Lock()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._closed = False

    async def start(self) -> None:
        """Start a worker unless one runs.

        Raises:
            InvalidInput: The tool's file cannot be loaded.
            Unavailable: The worker cannot be started.
        """
        async with self._starting:
            if self._process is not None and self._process.returncode is None:
                return
            if self._closed:
                raise _closed()
            await asyncio.to_thread(self._sources.begin)
            self._process = process = await self._launch()
            try:
                if self._closed:  # while it was launched
                    raise _closed()
                ready = await self._hear(process)
                await asyncio.to_thread(self._sources.loaded, ready.files)
            except BaseException:
                await _end(process)
                raise
            self._reader = asyncio.get_running_loop().create_task(self._receive(process))

    async def _hear(self, process: asyncio.subprocess.Process) -> Ready:
        """Wait for the worker's first frame, and tell why where it has not loaded the file."""
        try:
            async with asyncio.timeout(START_SECONDS):
                first = await _read(process, Ready)
        except TimeoutError:
            raise InvalidInput(
                f"loading the file took longer than {START_SECONDS:g} s",
                hint="Move slow work out of the top level and out of warm().",
            ) from None
        except (EOFError, OSError):
            said = await _last_words(process)
            raise Unavailable(
                f"the sandbox did not start: {said or 'no reason was given'}",
                hint="Look at: neurectomy doctor",
            ) from None
        except _NO_FRAME:
            raise InvalidInput(BROKEN, hint="Mend what the file does when it is loaded.") from None
        if not first.ready:
            error = first.error or "the file cannot be loaded"
            raise InvalidInput(error, hint="Mend the file.", traceback=first.traceback)
        return first

    async def call(self, function: str, arguments: dict[str, Any], limits: Limits) -> Outcome:
        async with self._turns:
            return await self._call(function, arguments, limits)

    async def _call(self, function: str, arguments: dict[str, Any], limits: Limits) -> Outcome:
        await self.start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        ident = next(self._ids)
        future: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._waiting[ident] = future
        sizes = {name: getattr(limits, name) for name in limits.__struct_fields__}
        frame = {"id": ident, "function": function, "arguments": arguments, "limits": sizes}
        try:
            _write(process, frame)
            async with asyncio.timeout(limits.wall_ms / 1000 + GRACE_SECONDS):
                result = await future
        except TimeoutError:
            await _end(process)
            result = Ended(ident, limit="wall")
        except asyncio.CancelledError:
            _write(process, {"cancel": ident})
            raise
        finally:
            self._waiting.pop(ident, None)
        return outcome(result, sizes)

    def changed(self) -> bool:
        return self._sources.changed()

    async def close(self) -> None:
        self._closed = True
        if self._process is not None:
            await _end(self._process)
        if self._reader is not None:
            await self._reader
        if self._folder:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _receive(self, process: asyncio.subprocess.Process) -> None:
        error = "the sandbox's worker ended"
        try:
            while True:
                frame = await _read(process, Ended)
                future = self._waiting.get(frame.id)
                if future is not None and not future.done():
                    future.set_result(frame)
        except (EOFError, OSError):
            pass
        except _NO_FRAME:
            error = BROKEN
        await _end(process)
        for ident, future in list(self._waiting.items()):
            if not future.done():
                future.set_result(Ended(ident, error=error))


def _closed() -> Unavailable:
    return Unavailable("the sandbox is closed", hint="Start the server again.")


def private_folder() -> str:
    """A new folder that only this user may enter."""
    return os.path.realpath(tempfile.mkdtemp(prefix="neurectomy-jail-"))


def _write(process: asyncio.subprocess.Process, frame: dict[str, Any]) -> None:
    assert process.stdin is not None
    data = json.dumps(frame).encode()
    with suppress(OSError, RuntimeError):
        process.stdin.write(struct.pack(">I", len(data)) + data)


async def _read(process: asyncio.subprocess.Process, kind: type[Frame]) -> Frame:
    """The next frame; raises one of `_NO_FRAME` where it is none of this kind."""
    assert process.stdout is not None
    (size,) = struct.unpack(">I", await process.stdout.readexactly(4))
    if size > MOST_FRAME:
        raise ValueError(size)
    return msgspec.json.decode(await process.stdout.readexactly(size), type=kind)


async def _last_words(process: asyncio.subprocess.Process) -> str:
    said = b""
    if process.stderr is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                said = await process.stderr.read(4000)
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a worker: it ends its calls first, unless it does not listen."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    if process.returncode is None:
        with suppress(ProcessLookupError):
            # Process.kill polls first, and would take the exit status from asyncio's own watcher
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()
