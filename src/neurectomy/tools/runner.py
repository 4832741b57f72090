"""Runs the tools of one program, each in its sandbox, with a warm session per file."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from neurectomy.agents.types import Mismatch, Records, coerce
from neurectomy.core.errors import NeurectomyError, Unavailable
from neurectomy.sandboxes.port import Limits, SessionSpec
from neurectomy.tools.port import ToolOutcome

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from neurectomy.agents.program import ToolDeclaration
    from neurectomy.sandboxes.port import Outcome, Session
    from neurectomy.sandboxes.select import Sandboxes

logger = logging.getLogger(__name__)

Key = tuple[str, str, tuple[str, ...]]
Value = TypeVar("Value")

MOST_MESSAGE = 4000
"""Characters of an error's message, which the log, the page and the model are given."""


class ToolRunner:
    """Calls tools of the programs in one folder.

    Args:
        folder: The program's; tools see it, read-only, and nothing else of the machine.
        beside: Places elsewhere that links in it lead to; they are seen too.
        whole: Whether nothing in the folder is hidden, and never will be.
    """

    def __init__(
        self,
        sandboxes: Sandboxes,
        folder: Path,
        limits: Limits | None = None,
        beside: tuple[Path, ...] = (),
        *,
        whole: bool = False,
    ) -> None:
        self._sandboxes = sandboxes
        self._folder = folder
        self._beside = beside
        self._whole = whole
        self._limits = limits or Limits()
        self._current: dict[Key, _Warm] = {}
        self._open: set[_Warm] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._locks: dict[Key, asyncio.Lock] = {}
        self._closed = False

    async def call(
        self, tool: ToolDeclaration, arguments: dict[str, Any], timeout_ms: int, records: Records
    ) -> ToolOutcome:
        """Call a tool once. Cancelling the task kills the call and all that it started."""
        try:
            outcome = await self._call(tool, arguments, timeout_ms)
        except NeurectomyError as error:
            return _refused(tool, error.code, f"{error.message}. {error.hint}".strip())
        except Exception as error:
            logger.exception("%s cannot run; this is a defect of the program", tool.name)
            return _refused(tool, "internal", f"{type(error).__name__}: {error}")
        return _called(tool, outcome, records)

    async def close(self) -> None:
        """End every session, also those whose calls have not ended."""
        self._closed = True
        self._current.clear()
        for warm in list(self._open):
            self._end(warm)
        while self._ending:
            await asyncio.wait(self._ending)

    async def _call(
        self, tool: ToolDeclaration, arguments: dict[str, Any], timeout_ms: int
    ) -> Outcome:
        warm = await self._warm(tool)
        try:
            limits = replace(self._limits, wall_ms=timeout_ms)
            return await warm.session.call(tool.function, arguments, limits)
        finally:
            warm.users -= 1
            self._end_unused(warm)

    async def _warm(self, tool: ToolDeclaration) -> _Warm:
        """The session of a tool with this caller counted, a new one where files have changed."""
        key = (tool.path, tool.sandbox, tool.network)
        async with self._locks.setdefault(key, asyncio.Lock()):
            self._check_open()
            warm = self._current.get(key)
            if warm is None or await asyncio.to_thread(warm.session.changed):
                sandbox = await self._sandboxes.choose(tool.sandbox)
                code = self._folder / tool.path
                spec = SessionSpec(
                    code, self._folder, tool.network, self._beside, whole=self._whole
                )
                replaced, warm = warm, _Warm(await sandbox.open(spec))
                try:
                    self._check_open()
                except Unavailable:
                    await warm.session.close()
                    raise
                self._open.add(warm)
                self._current[key] = warm
                if replaced is not None:
                    replaced.current = False
                    self._end_unused(replaced)
            warm.users += 1
            return warm

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the tools are closed", hint="Start the server again.")

    def _end_unused(self, warm: _Warm) -> None:
        if warm.users == 0 and not warm.current:
            self._end(warm)

    def _end(self, warm: _Warm) -> None:
        if warm in self._open:
            self._open.remove(warm)
            task = asyncio.get_running_loop().create_task(warm.session.close())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)


async def call_alone(
    sandboxes: Sandboxes,
    spec: SessionSpec,
    tool: ToolDeclaration,
    arguments: dict[str, Any],
    timeout_ms: int,
    records: Records,
) -> ToolOutcome:
    """Call a tool once, in a session that nothing outlives: for what it may change.

    Cancelling the task kills the call and all that it started; no process of it is left when this
    returns or raises.
    """
    try:
        sandbox = await sandboxes.choose(tool.sandbox)
        session = await sandbox.open(spec)
        try:
            limits = replace(Limits(), wall_ms=timeout_ms)
            outcome = await session.call(tool.function, arguments, limits)
        finally:
            await to_the_end(session.close())
    except NeurectomyError as error:
        return _refused(tool, error.code, f"{error.message}. {error.hint}".strip())
    return _called(tool, outcome, records)


async def to_the_end(work: Awaitable[Value]) -> Value:
    """Await work that has to be done, also where this task is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return task.result()


class _Warm:
    """A session and how many calls use it, those that wait for their turn among them."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.users = 0
        self.current = True


def _refused(tool: ToolDeclaration, code: str, reason: str) -> ToolOutcome:
    message = _cut(f"{tool.name} cannot run: {reason}")
    return ToolOutcome(error={"code": code, "message": message, "retryable": False})


def _called(tool: ToolDeclaration, outcome: Outcome, records: Records) -> ToolOutcome:
    error, value = None, None
    if outcome.status == "ok":
        try:
            value = coerce(outcome.value, tool.returns, records)
        except Mismatch as mismatch:
            message = _cut(f"{tool.name} returned the wrong type: {mismatch}")
            error = {"code": "wrong_type", "message": message, "retryable": False}
    else:
        code = f"limit_{outcome.limit}" if outcome.status == "limit" else outcome.status
        message = f"{tool.name} failed: {outcome.error}"
        if outcome.traceback:
            message += f"\n{outcome.traceback.rstrip()}"
        error = {"code": code, "message": _cut(message), "retryable": True}
    stderr = outcome.stderr
    if outcome.dropped_bytes:
        stderr += f"\n[{outcome.dropped_bytes} more bytes of output were left out]"
    return ToolOutcome(value, error, outcome.stdout, stderr, outcome.cpu_us)


def _cut(message: str) -> str:
    """The message with its middle left out where it is too long: both of its ends tell most."""
    left_out = len(message) - MOST_MESSAGE
    if left_out <= 0:
        return message
    half = MOST_MESSAGE // 2
    return f"{message[:half]}\n[{left_out} characters were left out here]\n{message[-half:]}"
