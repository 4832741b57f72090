"""Drives one run: decisions into the log, commands to workers, completions back into the log."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from neurectomy.core.errors import Conflict
from neurectomy.models.port import Delta, ModelError, ModelResponse
from neurectomy.runs import requests
from neurectomy.runs.failures import IN_FLIGHT, STOPPING
from neurectomy.runs.moment import Moment
from neurectomy.runs.secrets import Withheld
from neurectomy.storage.port import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from neurectomy.core.clock import Clock
    from neurectomy.runs.effects import Effects
    from neurectomy.runs.machine import Machine
    from neurectomy.timeline.writer import RunWriter

logger = logging.getLogger(__name__)

STARTS_EFFECT = frozenset({"model.requested", "tool.requested", "timer.set"})
"""Decisions after which something outside of the machine has to happen."""

ASKING = frozenset({"human", "unknown", "secret"})
"""Kinds of pending effects that a person ends."""

REMARKS = frozenset({"note.added", "note.removed"})
"""Completions that say something and change nothing, so that they come at any time."""

MOST_DECISIONS = 256
"""Decisions between two barriers, so that a long loop stops neither the log nor other runs."""

MOST_CALLS = 64
"""Calls of one response that are kept, so that a frame's lists stay short."""

_CANCELLED = ("cancelled", "cancelled")
_LOST = ("lost", "it was in flight when the process ended; nobody knows how it ended")


class _Completion(Struct):
    """A completion whose values are not interned yet.

    Attributes:
        durable: Resolved once it is in the log for good; null where nobody waits for that.
    """

    kind: str
    step: str
    data: dict[str, Any]
    durable: asyncio.Future[None] | None = None


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
        self._inbox: asyncio.Queue[_Completion] = asyncio.Queue()
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._taken: list[asyncio.Future[None]] = []
        self._expiry: asyncio.TimerHandle | None = None
        self._ended = False

    @property
    def state(self) -> dict[str, Any]:
        """The state after the last event, durable or not."""
        state: dict[str, Any] = self._writer.state
        return state

    async def tell(self, kind: str, step: str, data: dict[str, Any]) -> None:
        """Give the run a completion from outside, such as a person's answer, and wait for the log.

        Raises:
            Conflict: Nothing waits for it, or the run stopped before it was durable.
        """
        if self._ended:
            raise _stopped()
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait(_Completion(kind, step, data, durable))
        await durable

    def send(self, kind: str, step: str, data: dict[str, Any]) -> None:
        """As `tell`, without waiting."""
        self._inbox.put_nowait(_Completion(kind, step, data))

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
        try:
            started = [path for path, effect in self.state["pending"].items() if _works(effect)]
            lost = frozenset(started)
            self._watch_time()
            while True:
                begun, more = self._decide()
                started += begun
                await self._writer.barrier()
                self._acknowledge()
                if self.state["status"] in ENDED:
                    return
                if self.state["status"] in STOPPING:
                    self._stop_tasks()
                    for path in started:
                        self._fail(path, *(_LOST if path in lost else _CANCELLED))
                else:
                    for path in started:
                        self._start(path)
                started, lost = [], frozenset()
                if not more:
                    started += self._take(await self._inbox.get())
                while not self._inbox.empty():
                    started += self._take(self._inbox.get_nowait())
        finally:
            await self._end()

    def _decide(self) -> tuple[list[str], bool]:
        """Append decisions; the effects that they start, and whether there are more to come."""
        writer, started = self._writer, list[str]()
        for _ in range(MOST_DECISIONS):
            draft = self._machine.decide(writer.state, writer.seq + 1)
            if draft is None:
                return started, False
            if draft.kind in STARTS_EFFECT:
                started.append(draft.step)
            writer.append(draft)
        return started, True

    def _take(self, completion: _Completion) -> list[str]:
        """Append a completion unless it comes too late; the effects that start because of it."""
        kind, step, data = completion.kind, completion.step, completion.data
        pending = self.state["pending"].get(step)
        if kind == "human.answered" and not (pending and pending["kind"] in ASKING):
            hint = "Look at the run's state."
            error = Conflict(f"the run does not wait at {step or 'that step'}", hint=hint)
            _settle(completion.durable, error)
            return []
        if kind == "run.continued" and not self.state.get("paused"):
            hint = "Look at the run's state."
            _settle(completion.durable, Conflict("the run is not paused", hint=hint))
            return []
        if completion.durable is not None:
            self._taken.append(completion.durable)
        if step and pending is None:
            return []  # it was cancelled, and ended all the same
        if kind not in REMARKS and not step and self.state["status"] not in ("running", "waiting"):
            return []  # it fails or is being cancelled already
        intern = self._writer.values.intern
        if "files" in data:
            if data["files"]["base"] != self.state["files"]["root"]:
                self._merge(completion)
                return []
            self._record_conflicts(step, data["files"])
            data["files"] = {name: intern(value) for name, value in data["files"].items()}
        for name in ("value", "message", "stdout", "stderr", "stream"):
            if name in data:
                data[name] = intern(data[name])
        self.record(kind, step, data)
        again = kind == "human.answered" and data.get("decision") == "retry"
        return [step] if again else []

    def _merge(self, completion: _Completion) -> None:
        """Have a call's files merged with the run's, which have changed meanwhile."""
        path, files = completion.step, completion.data["files"]
        work = self._effects.merge_files(files, self.state["files"]["root"])
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[path] = task
        task.add_done_callback(partial(self._merged, completion))

    def _merged(self, completion: _Completion, task: asyncio.Task[dict[str, Any]]) -> None:
        path, data = completion.step, completion.data
        self._tasks.pop(path, None)
        if task.cancelled():
            self._fail(path, *_CANCELLED, took_us=data["took_us"])
        elif (error := task.exception()) is not None:
            logger.error("the files of %s of %s broke", path, self.run, exc_info=error)
            message = f"what it wrote cannot be merged: {error}"[:4000]
            self._fail(path, "files", message, took_us=data["took_us"])
        else:
            self.send(completion.kind, path, {**data, "files": task.result()})

    def _record_conflicts(self, step: str, files: dict[str, Any]) -> None:
        """Say which files other calls had changed too, before the call's end does."""
        conflicts = files.pop("conflicts", None)
        if conflicts:
            data = {"conflicts": self._writer.values.intern(conflicts)}
            self.record("files.conflicted", step, data)

    def _acknowledge(self) -> None:
        taken, self._taken = self._taken, []
        for durable in taken:
            _settle(durable)

    def _start(self, path: str) -> None:
        pending = self.state["pending"].get(path)
        if pending is None or path in self._tasks:
            return
        work: Coroutine[Any, Any, tuple[str, dict[str, Any]]]
        match pending["kind"]:
            case "model":
                work = self._ask_model(path, pending)
            case "tool":
                work = self._call_tool(pending)
            case _:
                work = self._wait(pending)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[path] = task
        began = self._clock.monotonic()
        task.add_done_callback(partial(self._effect_ended, path, pending["kind"], began))

    def _effect_ended(
        self, path: str, kind: str, began: int, task: asyncio.Task[tuple[str, dict[str, Any]]]
    ) -> None:
        """Send how an effect ended, however it did: also where it never came to run."""
        self._tasks.pop(path, None)
        took = (self._clock.monotonic() - began) // 1000
        if task.cancelled():
            self._fail(path, *_CANCELLED, took_us=took)
        elif (error := task.exception()) is not None:
            logger.error("%s of the run %s broke", path, self.run, exc_info=error)
            message = f"a defect of the program: {type(error).__name__}: {error}"[:4000]
            self._fail(path, "internal", message, took_us=took)
        else:
            name, data = task.result()
            self.send(name, path, data if kind == "timer" else {**data, "took_us": took})

    def _fail(self, path: str, code: str, message: str, took_us: int = 0) -> None:
        """Send that an effect failed; a timer's end is of no interest."""
        pending = self.state["pending"].get(path)
        if pending is not None and pending["kind"] in IN_FLIGHT:
            error = {"code": code, "message": message, "retryable": False}
            self.send(f"{pending['kind']}.failed", path, {"error": error, "took_us": took_us})

    async def _ask_model(self, path: str, pending: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        writer = self._writer
        moment = Moment(self._machine.plan, writer.values, writer.state, writer.seq)
        frame = moment.frame(pending["frame"])
        request = requests.build_request(moment, frame)
        model = moment.plan.program.agents[frame["callee"]].model
        began = self._clock.monotonic()
        stream: list[list[int]] = []

        def on_delta(delta: Delta) -> None:
            size = len(delta.text) + len(delta.thinking) + len(delta.arguments)
            stream.append([(self._clock.monotonic() - began) // 1_000_000, size])
            self._on_delta(path, delta)

        seconds = frame["timeout_ms"] / 1000
        try:
            async with asyncio.timeout(seconds):
                response = await self._effects.ask_model(model, request, on_delta)
        except TimeoutError:
            error = ModelError("timeout", f"no answer within {seconds:g} s", retryable=True)
        except ModelError as raised:
            error = raised
        else:
            return "model.responded", {
                "message": _message(response, frame["turn"]),
                "usage": msgspec.to_builtins(response.usage),
                "finish": response.finish,
                "model": response.model,
                "stream": stream,
            }
        fields = ("code", "message", "retryable", "retry_after_ms")
        return "model.failed", {"error": {name: getattr(error, name) for name in fields}}

    async def _call_tool(self, pending: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        frame = self.state["frames"][pending["frame"]]
        tool = self._machine.plan.program.tools[frame["callee"]]
        resolve = self._writer.values.resolve
        arguments = {name: resolve(value) for name, value in frame["args"].items()}
        files = self.state.get("files")
        if files is not None:
            files = {name: resolve(value) for name, value in files.items()}
        try:
            outcome = await self._effects.call_tool(tool, arguments, frame["timeout_ms"], files)
        except Withheld as withheld:
            return "tool.withheld", {"tool": tool.name, "secret": withheld.mark}
        data: dict[str, Any] = {
            "stdout": outcome.stdout,
            "stderr": outcome.stderr,
            "cpu_us": outcome.cpu_us,
        }
        if outcome.error is None:
            if outcome.files is not None:
                data["files"] = outcome.files
            return "tool.returned", {"value": outcome.value, **data}
        return "tool.failed", {"error": outcome.error, **data}

    async def _wait(self, pending: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        await asyncio.sleep(pending["ms"] / 1000)
        return "timer.fired", {}

    def _watch_time(self) -> None:
        """End the run when its time is over; what earlier processes used of it counts."""
        flow = self._machine.plan.program.flows[self.state["flow"]]
        limit = flow.budget.time_ms
        if limit is not None:
            left = max(0.0, limit / 1000 - self._writer.mono / 1e6)
            loop = asyncio.get_running_loop()
            data = {"limit_ms": limit}
            self._expiry = loop.call_later(left, self.send, "run.expired", "", data)

    def _stop_tasks(self) -> None:
        for task in list(self._tasks.values()):
            if not task.cancelling():  # a second time would break off what it does at its end
                task.cancel()

    async def _end(self) -> None:
        self._ended = True
        if self._expiry is not None:
            self._expiry.cancel()
        tasks = list(self._tasks.values())
        self._stop_tasks()
        if tasks:
            await asyncio.wait(tasks)
        while not self._inbox.empty():
            durable = self._inbox.get_nowait().durable
            if durable is not None:
                self._taken.append(durable)
        for durable in self._taken:
            _settle(durable, _stopped())


def _settle(durable: asyncio.Future[None] | None, error: Exception | None = None) -> None:
    if durable is None or durable.done():
        return  # nobody waits, or not any more
    if error is None:
        durable.set_result(None)
    else:
        durable.set_exception(error)


def _stopped() -> Conflict:
    return Conflict("the run stopped before that was recorded", hint="Look at it, and try again.")


def _works(effect: dict[str, Any]) -> bool:
    return effect["kind"] in ("model", "tool", "timer")


def _message(response: ModelResponse, turn: int) -> dict[str, Any]:
    """The message as data; ids of its calls derive from turn and place."""
    message: dict[str, Any] = msgspec.to_builtins(response.message)
    if message.get("calls"):
        message["calls"] = calls = list(message["calls"][:MOST_CALLS])
        for index, call in enumerate(calls):
            call["id"] = f"call_{turn}_{index}"
    return message
