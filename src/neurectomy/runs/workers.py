"""Carries a run's commands out: its models, and its tools in their sandboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from neurectomy.agents.program import Program, ToolDeclaration
    from neurectomy.models.port import Model, ModelRequest, ModelResponse, OnDelta
    from neurectomy.runs.folders import Folders
    from neurectomy.runs.rooms import Rooms
    from neurectomy.tools.port import ToolOutcome


class LocalWorkers:
    """Implements `neurectomy.runs.effects.Effects` in this process.

    Args:
        run: The run's id.
        source: Path of its program.
        models: By the name that the program declares.
        leaks: Whether what a tool wrote must not be kept, since it holds a secret.
    """

    def __init__(
        self,
        run: str,
        source: str,
        program: Program,
        models: Mapping[str, Model],
        rooms: Rooms,
        folders: Folders,
        leaks: Callable[[bytes], bool],
    ) -> None:
        self._run = run
        self._source = source
        self._program = program
        self._models = models
        self._rooms = rooms
        self._folders = folders
        self._leaks = leaks

    async def ask_model(
        self, model: str, request: ModelRequest, on_delta: OnDelta
    ) -> ModelResponse:
        return await self._models[model].request(request, on_delta)

    async def call_tool(
        self,
        tool: ToolDeclaration,
        arguments: dict[str, Any],
        timeout_ms: int,
        files: dict[str, Any] | None,
    ) -> ToolOutcome:
        if files is None:  # of a run that began before files were captured
            folder = self._source.rpartition("/")[0]
            files = await self._folders.capture(self._run, folder, {})
        live = self._folders.live(files["folder"])
        return await self._rooms.call(
            self._run, tool, arguments, timeout_ms, self._program, files, live, self._leaks
        )

    async def merge_files(self, files: dict[str, Any], root: str) -> dict[str, Any]:
        merged, overlaps = await self._folders.merge(self._run, files["base"], root, files["root"])
        found = [*files.get("conflicts", ()), *overlaps]
        return {**files, "base": root, "root": merged, **({"conflicts": found} if found else {})}
