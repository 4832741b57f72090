"""Carries a run's commands out: its models, and its tools in their sandboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurectomy.agents.program import Program, ToolDeclaration
    from neurectomy.models.port import Model, ModelRequest, ModelResponse, OnDelta
    from neurectomy.tools.port import ToolOutcome
    from neurectomy.tools.runner import ToolRunner


class LocalWorkers:
    """Implements `neurectomy.runs.effects.Effects` in this process.

    Args:
        models: By the name that the program declares.
    """

    def __init__(self, program: Program, models: Mapping[str, Model], tools: ToolRunner) -> None:
        self._program = program
        self._models = models
        self._tools = tools

    async def ask_model(
        self, model: str, request: ModelRequest, on_delta: OnDelta
    ) -> ModelResponse:
        return await self._models[model].request(request, on_delta)

    async def call_tool(
        self, tool: ToolDeclaration, arguments: dict[str, Any], timeout_ms: int
    ) -> ToolOutcome:
        return await self._tools.call(tool, arguments, timeout_ms, self._program.types)
