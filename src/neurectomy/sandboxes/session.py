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
from typing import TYPE_CHECKING, Any

from neurectomy.core.errors import InvalidInput, Unavailable
from neurectomy.sandboxes.port import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from neurectomy.sandboxes.port import Limits

    Launch = Callable[[], Awaitable[asyncio.subprocess.Process]]

START_SECONDS = 60.0
"""How long loading and warming up a tool's file may take."""

GRACE_SECONDS = 3.0
"""How much longer than its limit a call may take before the whole worker is ended."""

AT_ONCE = 16
"""Calls of one session at the same time: they share the kernel's count of its processes."""

MOST_FRAME = 64 * 1024 * 1024
"""Bytes of one frame; the result's limit is far below it."""

_MESSAGES = {
    "wall": "it took longer than {wall_ms} ms",
    "cpu": "it used more than {cpu_s} s of processor time",
    "memory": "it needed more than {memory_mb} MB of memory",
    "output": "it printed too much",
    "result": "its result is larger than {result_bytes} bytes",
    "processes": "it started more than {processes} processes",
    "file": "it wrote a file larger than {file_mb} MB",
    "cancelled": "it was cancelled",
}


class WorkerSession:
    """Implements `neurectomy.sandboxes.port.Session`.

    Args:
        launch: Starts a worker with pipes for its standard input and output.
        folder: Removed when the session is closed; empty for none.
    """

    def __init__(self, launch: Launch, folder: str = "") -> None:
        self._launch = launch
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
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
                raise Unavailable("the sandbox is closed", hint="Start the server again.")
            process = await self._launch()
            try:
                async with asyncio.timeout(START_SECONDS):
                    first = await _read(process)
            except TimeoutError:
                await _end(process)
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
            if not first.get("ready"):
                await _end(process)
                text = first.get("error", "the file cannot be loaded")
                raise InvalidInput(text, hint="Mend the file.", traceback=first.get("traceback"))
            self._process = process
            self._reader = asyncio.get_running_loop().create_task(self._receive(process))

    async def call(self, function: str, arguments: dict[str, Any], limits: Limits) -> Outcome:
        async with self._turns:
            return await self._call(function, arguments, limits)

    async def _call(self, function: str, arguments: dict[str, Any], limits: Limits) -> Outcome:
        await self.start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        ident = next(self._ids)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[ident] = future
        sizes = {name: getattr(limits, name) for name in limits.__struct_fields__}
        frame = {"id": ident, "function": function, "arguments": arguments, "limits": sizes}
        try:
            _write(process, frame)
            async with asyncio.timeout(limits.wall_ms / 1000 + GRACE_SECONDS):
                result = await future
        except TimeoutError:
            await _end(process)
            result = {"status": "limit", "limit": "wall"}
        except asyncio.CancelledError:
            _write(process, {"cancel": ident})
            raise
        finally:
            self._waiting.pop(ident, None)
        return _outcome(result, sizes)

    async def close(self) -> None:
        self._closed = True
        if self._process is not None:
            await _end(self._process)
        if self._reader is not None:
            await self._reader
        if self._folder:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _receive(self, process: asyncio.subprocess.Process) -> None:
        with suppress(EOFError, OSError, ValueError):
            while True:
                frame = await _read(process)
                future = self._waiting.get(frame["id"])
                if future is not None and not future.done():
                    future.set_result(frame)
        await _end(process)
        lost = {"status": "crashed", "error": "the sandbox's worker ended"}
        for future in list(self._waiting.values()):
            if not future.done():
                future.set_result(lost)


def private_folder() -> str:
    """A new folder that only this user may enter."""
    return os.path.realpath(tempfile.mkdtemp(prefix="neurectomy-jail-"))


def _outcome(frame: dict[str, Any], sizes: dict[str, int]) -> Outcome:
    known = {name: frame[name] for name in Outcome.__struct_fields__ if name in frame}
    if frame["status"] == "limit" and not frame.get("error"):
        known["error"] = _MESSAGES[frame["limit"]].format(**sizes)
    return Outcome(**known)


def _write(process: asyncio.subprocess.Process, frame: dict[str, Any]) -> None:
    assert process.stdin is not None
    data = json.dumps(frame).encode()
    with suppress(OSError, RuntimeError):
        process.stdin.write(struct.pack(">I", len(data)) + data)


async def _read(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    (size,) = struct.unpack(">I", await process.stdout.readexactly(4))
    if size > MOST_FRAME:
        raise EOFError
    frame: dict[str, Any] = json.loads(await process.stdout.readexactly(size))
    return frame


async def _last_words(process: asyncio.subprocess.Process) -> str:
    said = b""
    if process.stderr is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                said = await process.stderr.read(4000)
    await _end(process)
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        with suppress(ProcessLookupError):
            # Process.kill polls first, and would take the exit status from asyncio's own watcher
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()
