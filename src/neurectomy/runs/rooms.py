"""Where runs' tools are called: a shared room per tree, or a copy for those that write."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from neurectomy.core.errors import NeurectomyError
from neurectomy.runs.file_changes import status
from neurectomy.sandboxes.port import SessionSpec
from neurectomy.snapshots.tree import changes
from neurectomy.tools.port import ToolOutcome
from neurectomy.tools.runner import ToolRunner, call_alone, to_the_end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from neurectomy.agents.program import Program, ToolDeclaration
    from neurectomy.runs.folders import Files, Folders
    from neurectomy.sandboxes.select import Sandboxes
    from neurectomy.snapshots.copies import Copy

MOST_IDLE = 6
"""Rooms that stay open while nobody is in them."""

LOOK_SECONDS = 0.5
"""How often a copy is measured while a tool works in it."""

MOST_LISTED = 20
"""Changed paths that the event of a call lists."""

Key = tuple[str, "Path | None", tuple[str, ...]]


class Rooms:
    """Calls the tools of runs, each where the files are as its run has them."""

    def __init__(self, sandboxes: Sandboxes, folders: Folders) -> None:
        self._sandboxes = sandboxes
        self._folders = folders
        self._rooms: dict[Key, _Room] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()

    async def call(
        self,
        run: str,
        tool: ToolDeclaration,
        arguments: dict[str, Any],
        timeout_ms: int,
        program: Program,
        files: Files,
        live: Path | None,
        leaks: Callable[[bytes], bool],
    ) -> ToolOutcome:
        """Call a tool once where a run's files are as ``files`` says.

        Args:
            run: The run's id.
            tool: One of the program's.
            arguments: By name.
            timeout_ms: Limit of the call, milliseconds.
            program: Whose types the tool's answer is checked against.
            files: Of the run's state, with its values resolved.
            live: The folder that was captured; null where it is not to be seen.
            leaks: Whether what a tool wrote must not be kept, since it holds a secret.
        """
        try:
            if tool.writes:
                given = (run, tool, arguments, timeout_ms, program, files, live, leaks)
                return await self._write(*given)
            async with self._entered(files, live) as runner:
                return await runner.call(tool, arguments, timeout_ms, program.types)
        except NeurectomyError as error:
            return _refused(tool, error)

    async def close(self) -> None:
        """End every session, also those whose calls have not ended."""
        rooms, self._rooms = list(self._rooms.values()), {}
        for room in rooms:
            await room.close()
        while self._closing:
            await asyncio.wait(self._closing)

    @asynccontextmanager
    async def _entered(self, files: Files, live: Path | None) -> AsyncIterator[ToolRunner]:
        beside = self._folders.places(files, live)
        key = (files["root"], live, beside)
        if key not in self._rooms:
            async with self._opening:
                if key not in self._rooms:
                    self._rooms[key] = await self._opened(files, live)
        room = self._rooms[key] = self._rooms.pop(key)  # the last one is the newest
        room.users += 1
        try:
            yield room.runner
        finally:
            room.users -= 1
            self._close_idle()

    async def _opened(self, files: Files, live: Path | None) -> _Room:
        async with AsyncExitStack() as stack:
            path = await stack.enter_async_context(self._folders.laid_out(files, live))
            beside = self._beside(files, live)
            runner = ToolRunner(self._sandboxes, path, beside=beside, whole=True)
            stack.push_async_callback(runner.close)
            return _Room(runner, stack.pop_all())

    def _beside(self, files: Files, live: Path | None) -> tuple[Path, ...]:
        if live is None:
            return ()
        return tuple(live / path for path in self._folders.places(files, live))

    def _close_idle(self) -> None:
        idle = [key for key, room in self._rooms.items() if not room.users]
        for key in idle[: max(0, len(idle) - MOST_IDLE)]:
            task = asyncio.get_running_loop().create_task(self._rooms.pop(key).close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _write(
        self,
        run: str,
        tool: ToolDeclaration,
        arguments: dict[str, Any],
        timeout_ms: int,
        program: Program,
        files: Files,
        live: Path | None,
        leaks: Callable[[bytes], bool],
    ) -> ToolOutcome:
        """Call a tool in a copy of its own; only where it returns is the copy looked at."""
        copy = await self._folders.lend(files, live)
        outcome: ToolOutcome | None = None
        try:
            await asyncio.to_thread(copy.settle)
            beside = self._beside(files, live)
            code = copy.path / tool.path
            spec = SessionSpec(code, copy.path, tool.network, beside, writes=True, whole=True)
            calling = asyncio.ensure_future(
                call_alone(self._sandboxes, spec, tool, arguments, timeout_ms, program.types)
            )
            outcome = await _watched(calling, copy)
        finally:
            keep = outcome is not None and outcome.error is None
            captured = await to_the_end(self._folders.take_back(run, copy, leaks if keep else None))
        if captured is None or (captured.root == files["root"] and not captured.skipped):
            return outcome
        told = await asyncio.to_thread(summary, files["root"], captured.root, self._folders.read)
        skipped = [list(pair) for pair in captured.skipped[:MOST_LISTED]]
        made = {"base": files["root"], "root": captured.root, **told, "skipped": skipped}
        return replace(outcome, files=made)


class _Room:
    """A runner over a folder, which stays for as long as the room is open."""

    def __init__(self, runner: ToolRunner, stack: AsyncExitStack) -> None:
        self.runner = runner
        self.users = 0
        self._stack = stack

    async def close(self) -> None:
        await self._stack.aclose()


async def _watched(calling: asyncio.Future[ToolOutcome], copy: Copy) -> ToolOutcome:
    """How a call ended, unless it makes its folder grow too much.

    Raises:
        InvalidInput: It did.
    """
    try:
        while True:
            done, _ = await asyncio.wait({calling}, timeout=LOOK_SECONDS)
            if done:
                return calling.result()
            await asyncio.to_thread(copy.check)
    finally:
        calling.cancel()
        await to_the_end(asyncio.wait({calling}))


def summary(before: str, after: str, read: Callable[[str], bytes]) -> dict[str, Any]:
    """How many paths differ between two trees, and the first of them. Blocking."""
    listed: list[dict[str, str]] = []
    count = 0
    for change in changes(before, after, read):
        count += 1
        if len(listed) < MOST_LISTED:
            listed.append({"path": change.path, "status": status(change)})
    return {"changed": listed, "count": count}


def _refused(tool: ToolDeclaration, error: NeurectomyError) -> ToolOutcome:
    message = f"{tool.name} failed: {error.message}. {error.hint}".strip()
    return ToolOutcome(error={"code": error.code, "message": message, "retryable": False})
