"""Runs for tests: workers that follow a script, and a run from its start to its end."""

from __future__ import annotations

import asyncio
from typing import Any

from neurectomy.core.clock import SystemClock
from neurectomy.models.port import (
    OUTPUT_TOOL,
    AssistantMessage,
    ModelProfile,
    ModelRequest,
    ModelResponse,
    ToolCall,
    Usage,
)
from neurectomy.runs.driver import Driver
from neurectomy.runs.machine import Machine
from neurectomy.runs.replay import Replayer
from neurectomy.timeline.event import from_row
from neurectomy.timeline.log import Log
from neurectomy.tools.port import ToolOutcome

CLOCK = SystemClock()
PROFILE = ModelProfile("scripted", "scripted", language_model=False,
                       input_nanos=1000.0, output_nanos=2000.0, max_output_tokens=100)  # fmt: skip

AGENT = """
model m = auto
tool add(a: int, b: int = 1) -> int from "t.py"
type Sum { total: int }
agent think(n: int) -> Sum { model m tools add turns 3 retry 1 after 1ms prompt "{{ n }}" }
"""


def said(*calls: ToolCall, text: str = "") -> ModelResponse:
    return ModelResponse(AssistantMessage(text, calls), Usage(50, 10, cost_nanos=70_000))


def answer(total: Any) -> ModelResponse:
    return said(ToolCall("x", OUTPUT_TOOL, {"value": {"total": total}}))


class Script:
    """Workers that follow a script, and remember what they were asked."""

    def __init__(self, *answers: Any, tools: Any = None) -> None:
        self.answers = list(answers)
        self.tools = tools
        self.requests: list[ModelRequest] = []
        self.calls: list[dict[str, Any]] = []
        self.at_once = self.most_at_once = 0

    async def ask_model(self, model: str, request: ModelRequest, on_delta: Any) -> ModelResponse:
        self.requests.append(request)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        if found == "hang":
            await asyncio.sleep(60)
        return found

    async def call_tool(
        self, tool: Any, arguments: dict[str, Any], timeout_ms: int, files: Any = None
    ) -> ToolOutcome:
        self.calls.append(arguments)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0.005)
            found = self.tools(arguments) if self.tools else arguments["a"] + arguments["b"]
            if found == "hang":
                await asyncio.sleep(60)
        finally:
            self.at_once -= 1
        return found if isinstance(found, ToolOutcome) else ToolOutcome(value=found)


class Life:
    """One run from its start to its end, and whether its replay agrees."""

    def __init__(self, log: Log, plan: Any, driver: Driver, writer: Any) -> None:
        self.log, self.plan, self.driver, self.writer = log, plan, driver, writer

    async def end(self) -> dict[str, Any]:
        await asyncio.wait_for(self.driver.drive(), 20)
        await self.log.release(self.writer)
        replayer = Replayer(self.writer.run, self.log.store.blob, lambda _: self.plan)
        replayer.feed(from_row(row) for row in self.log.rows(self.writer.run, 0, 10_000))
        assert replayer.result().agrees, replayer.result().difference
        state: dict[str, Any] = self.driver.state
        return state

    async def kinds(self) -> list[str]:
        return [event.kind for event in await self.log.events(self.writer.run)]

    async def kill(self) -> None:
        """Leave the run as a process that was killed leaves it."""
        await self.log.release(self.writer)

    async def again(self, script: Script) -> Life:
        """The run, taken up by another process that has not marked anything yet."""
        writer = await self.log.open(self.writer.run, force=True)
        driver = Driver(writer, Machine(self.plan, writer.values), script, CLOCK, lambda *_: None)
        return Life(self.log, self.plan, driver, writer)
