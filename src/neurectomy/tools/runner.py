"""Runs the tools of one program, each in its sandbox, with a warm session per file."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from neurectomy.agents.types import Mismatch, Records, coerce
from neurectomy.core.errors import NeurectomyError
from neurectomy.sandboxes.port import Limits, SessionSpec
from neurectomy.tools.port import ToolOutcome

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.agents.program import ToolDeclaration
    from neurectomy.sandboxes.port import Outcome, Session
    from neurectomy.sandboxes.select import Sandboxes

Key = tuple[str, str, tuple[str, ...]]


class ToolRunner:
    """Calls tools of the programs in one folder.

    Args:
        folder: The program's; tools see it, read-only, and nothing else of the machine.
    """

    def __init__(self, sandboxes: Sandboxes, folder: Path, limits: Limits | None = None) -> None:
        self._sandboxes = sandboxes
        self._folder = folder
        self._limits = limits or Limits()
        self._sessions: dict[Key, tuple[tuple[Any, ...], Session]] = {}
        self._locks: dict[Key, asyncio.Lock] = {}

    async def call(
        self, tool: ToolDeclaration, arguments: dict[str, Any], timeout_ms: int, records: Records
    ) -> ToolOutcome:
        """Call a tool once. Cancelling the task kills the call and all that it started."""
        try:
            session = await self._session(tool)
        except NeurectomyError as error:
            message = f"{tool.name} cannot run: {error.message}. {error.hint}".strip()
            return ToolOutcome(error={"code": error.code, "message": message, "retryable": False})
        limits = replace(self._limits, wall_ms=timeout_ms)
        outcome = await session.call(tool.function, arguments, limits)
        return _called(tool, outcome, records)

    async def close(self) -> None:
        """End every session."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for _, session in sessions:
            await session.close()

    async def _session(self, tool: ToolDeclaration) -> Session:
        key = (tool.path, tool.sandbox, tool.network)
        async with self._locks.setdefault(key, asyncio.Lock()):
            version = await asyncio.to_thread(_version, self._folder / tool.path)
            known = self._sessions.get(key)
            if known is not None and known[0] == version:
                return known[1]
            sandbox = await self._sandboxes.choose(tool.sandbox)
            spec = SessionSpec(self._folder / tool.path, self._folder, tool.network)
            session = await sandbox.open(spec)
            self._sessions[key] = (version, session)
            if known is not None:
                await known[1].close()
            return session


def _version(code: Path) -> tuple[Any, ...]:
    """What changes when a Python file of the tool's folder does."""
    found = []
    for path in sorted(code.parent.glob("*.py")):
        with suppress(OSError):
            status = path.stat()
            found.append((path.name, status.st_mtime_ns, status.st_size))
    return tuple(found)


def _called(tool: ToolDeclaration, outcome: Outcome, records: Records) -> ToolOutcome:
    error, value = None, None
    if outcome.status == "ok":
        try:
            value = coerce(outcome.value, tool.returns, records)
        except Mismatch as mismatch:
            message = f"{tool.name} returned the wrong type: {mismatch}"
            error = {"code": "wrong_type", "message": message, "retryable": False}
    else:
        code = f"limit_{outcome.limit}" if outcome.status == "limit" else outcome.status
        message = f"{tool.name} failed: {outcome.error}"
        if outcome.traceback:
            message += f"\n{outcome.traceback.rstrip()}"
        error = {"code": code, "message": message, "retryable": True}
    stderr = outcome.stderr
    if outcome.dropped_bytes:
        stderr += f"\n[{outcome.dropped_bytes} more bytes of output were left out]"
    return ToolOutcome(value, error, outcome.stdout, stderr, outcome.cpu_us)
