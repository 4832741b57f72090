"""Drives one run: decisions into the log, commands to workers, completions back into the log."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from neurectomy.models.port import Delta, ModelError, ModelResponse
from neurectomy.runs import requests
from neurectomy.runs.moment import Moment
from neurectomy.storage.port import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurectomy.core.clock import Clock
    from neurectomy.runs.effects import Effects
    from neurectomy.runs.machine import Machine
    from neurectomy.timeline.writer import RunWriter

STARTS_EFFECT = frozenset({"model.requested", "tool.requested", "timer.set"})
"""Decisions after which something outside of the machine has to happen."""

Completion = tuple[str, str, dict[str, Any]]
"""Kind, step and data of a completion whose values are not interned yet."""


class Driver:
    """One run in motion.

    Args:
        writer: Under whose lease the run is written.
        machine: Shares the writer's values.
        on_delta: Told of each streamed piece with the step of its request.
    """

    def __init__(
        self,
        writer: RunWriter,
        machine: Machine,
        effects: Effects,
        clock: Clock,
        on_delta: Callable[[str, Delta], None],
    ) -> None:
        self.run = writer.run
        self._writer = writer
        self._machine = machine
        self._effects = effects
        self._clock = clock
        self._on_delta = on_delta
        self._inbox: asyncio.Queue[Completion] = asyncio.Queue()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._expiry: asyncio.TimerHandle | None = None

    @property
    def state(self) -> dict[str, Any]:
        """The state after the last event, durable or not."""
        state: dict[str, Any] = self._writer.state
        return state

    def send(self, kind: str, step: str, data: dict[str, Any]) -> None:
        """Give the run a completion from outside, such as a person's answer."""
        self._inbox.put_nowait((kind, step, data))

    def record(self, kind: str, step: str, data: dict[str, Any]) -> None:
        """Append a completion now; only before `drive` or from within it."""
        writer = self._writer
        draft = self._machine.complete(writer.state, writer.seq + 1, kind, step, data)
        writer.append(draft)

    async def drive(self) -> None:
        """Carry the run to its end.

        Effects that are pending when it begins are started first. When the task is cancelled, or
        the log refuses, everything in flight is cancelled and the run stays as the log has it.
        """
        started = [path for path, effect in self.state["pending"].items() if _works(effect)]
        self._watch_time()
        try:
            while True:
                started += self._decide()
                await self._writer.barrier()
                for path in started:
                    self._start(path)
                started = []
                if self.state["status"] in ENDED:
                    return
                if self.state["status"] in ("failing", "cancelling"):
                    self._stop_tasks()
                self._take(await self._inbox.get())
                while not self._inbox.empty():
                    self._take(self._inbox.get_nowait())
        finally:
            await self._end()

    def _decide(self) -> list[str]:
        writer, started = self._writer, []
        while (draft := self._machine.decide(writer.state, writer.seq + 1)) is not None:
            if draft.kind in STARTS_EFFECT:
                started.append(draft.step)
            writer.append(draft)
        return started

    def _take(self, completion: Completion) -> None:
        kind, step, data = completion
        pending = self.state["pending"]
        if step and step not in pending:
            return  # it was cancelled, and ended all the same
        if not step and self.state["status"] not in ("running", "waiting"):
            return  # it fails or is being cancelled already
        intern = self._writer.values.intern
        for name in ("value", "message", "stdout", "stderr"):
            if name in data:
                data[name] = intern(data[name])
        retried = kind == "human.answered" and data.get("decision") == "retry"
        self.record(kind, step, data)
        if retried:
            self._start(step)

    def _start(self, path: str) -> None:
        pending = self.state["pending"].get(path)
        if pending is None or path in self._tasks:
            return
        match pending["kind"]:
            case "model":
                work = self._ask_model(path, pending)
            case "tool":
                work = self._call_tool(path, pending)
            case _:
                work = self._wait(path, pending)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[path] = task
        task.add_done_callback(lambda _: self._tasks.pop(path, None))

    async def _ask_model(self, path: str, pending: dict[str, Any]) -> None:
        writer = self._writer
        moment = Moment(self._machine.plan, writer.values, writer.state, writer.seq)
        frame = moment.frame(pending["frame"])
        request = requests.build_request(moment, frame)
        model = moment.plan.program.agents[frame["callee"]].model
        began = self._clock.monotonic()
        stream: list[list[int]] = []

        def on_delta(delta: Delta) -> None:
            size = len(delta.text) + len(delta.thinking) + len(delta.arguments)
            stream.append([self._since(began) // 1000, size])
            self._on_delta(path, delta)

        try:
            async with asyncio.timeout(frame["timeout_ms"] / 1000):
                response = await self._effects.ask_model(model, request, on_delta)
        except TimeoutError:
            seconds = frame["timeout_ms"] / 1000
            error = ModelError("timeout", f"no answer within {seconds:g} s", retryable=True)
            self._model_failed(path, error, began)
        except ModelError as error:
            self._model_failed(path, error, began)
        except asyncio.CancelledError:
            self._model_failed(path, ModelError("cancelled", "cancelled", retryable=False), began)
        else:
            message = _message(response, frame["turn"])
            data = {
                "message": message,
                "usage": msgspec.to_builtins(response.usage),
                "finish": response.finish,
                "model": response.model,
                "took_us": self._since(began),
                "stream": stream,
            }
            self.send("model.responded", path, data)

    def _model_failed(self, path: str, error: ModelError, began: int) -> None:
        data = {
            "code": error.code,
            "message": error.message,
            "retryable": error.retryable,
            "retry_after_ms": error.retry_after_ms,
        }
        self.send("model.failed", path, {"error": data, "took_us": self._since(began)})

    async def _call_tool(self, path: str, pending: dict[str, Any]) -> None:
        frame = self.state["frames"][pending["frame"]]
        tool = self._machine.plan.program.tools[frame["callee"]]
        resolve = self._writer.values.resolve
        arguments = {name: resolve(value) for name, value in frame["args"].items()}
        began = self._clock.monotonic()
        try:
            outcome = await self._effects.call_tool(tool, arguments, frame["timeout_ms"])
        except asyncio.CancelledError:
            error = {"code": "cancelled", "message": "cancelled", "retryable": False}
            data = {"error": error, "took_us": self._since(began)}
            self.send("tool.failed", path, data)
            return
        data = {"stdout": outcome.stdout, "stderr": outcome.stderr}
        data |= {"took_us": self._since(began), "cpu_us": outcome.cpu_us}
        if outcome.error is None:
            self.send("tool.returned", path, {"value": outcome.value, **data})
        else:
            self.send("tool.failed", path, {"error": outcome.error, **data})

    async def _wait(self, path: str, pending: dict[str, Any]) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(pending["ms"] / 1000)
            self.send("timer.fired", path, {})

    def _watch_time(self) -> None:
        flow = self._machine.plan.program.flows[self.state["flow"]]
        limit = flow.budget.time_ms
        if limit is not None:
            loop = asyncio.get_running_loop()
            data = {"limit_ms": limit}
            self._expiry = loop.call_later(limit / 1000, self.send, "run.expired", "", data)

    def _stop_tasks(self) -> None:
        for task in list(self._tasks.values()):
            task.cancel()

    async def _end(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        tasks = list(self._tasks.values())
        self._stop_tasks()
        if tasks:
            await asyncio.wait(tasks)

    def _since(self, began: int) -> int:
        return (self._clock.monotonic() - began) // 1000


def _works(effect: dict[str, Any]) -> bool:
    return effect["kind"] in ("model", "tool", "timer")


def _message(response: ModelResponse, turn: int) -> dict[str, Any]:
    """The message as data; ids of its calls derive from turn and place."""
    message: dict[str, Any] = msgspec.to_builtins(response.message)
    for index, call in enumerate(message.get("calls", ())):
        call["id"] = f"call_{turn}_{index}"
    if message.get("calls"):
        message["calls"] = list(message["calls"])
    return message
