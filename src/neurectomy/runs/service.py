"""Runs of a workspace: start, follow, cancel, answer, resume, fork, replay, delete."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from neurectomy.agents.program import Program, meaning
from neurectomy.agents.types import Mismatch, coerce_fields
from neurectomy.bus.local import Topic
from neurectomy.core import codecs, ids
from neurectomy.core.errors import Conflict, Damaged, InvalidInput, NeurectomyError, NotFound
from neurectomy.runs import answers, requests
from neurectomy.runs.bundle import Bundle, read_bundle
from neurectomy.runs.driver import Driver
from neurectomy.runs.lookup import find_run
from neurectomy.runs.machine import Machine
from neurectomy.runs.moment import Moment
from neurectomy.runs.plan import Plan, called
from neurectomy.runs.replay import Replay, Replayer
from neurectomy.runs.workers import LocalWorkers
from neurectomy.storage.port import ENDED, RunQuery, RunRow
from neurectomy.timeline.values import Values
from neurectomy.timeline.writer import RunWriter
from neurectomy.tools.runner import ToolRunner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from neurectomy.core.clock import Clock
    from neurectomy.models.port import Delta, Model, ModelRequest, ModelSource
    from neurectomy.sandboxes.select import Sandboxes
    from neurectomy.timeline.event import Event
    from neurectomy.timeline.log import Log

logger = logging.getLogger(__name__)

PARALLEL = 8
"""Effects of one run that may be in flight at the same time."""

TITLE = 120
"""Characters of a run's title."""


class _Motion(Struct):
    """A run that this process drives."""

    driver: Driver
    writer: RunWriter
    task: asyncio.Task[None]


class Runs:
    """Everything that changes or reads runs goes through here.

    Args:
        root: The workspace; programs' paths are relative to it.
        sole: Whether no other process writes this log, so that any lease found is a dead one's.
    """

    def __init__(
        self,
        log: Log,
        models: ModelSource,
        sandboxes: Sandboxes,
        root: Path,
        clock: Clock,
        *,
        sole: bool = True,
    ) -> None:
        self._sole = sole
        self.log = log
        self.deltas: Topic[tuple[str, Delta]] = Topic()
        self._models = models
        self._sandboxes = sandboxes
        self._root = root
        self._clock = clock
        self._motions: dict[str, _Motion] = {}
        self._runners: dict[Path, ToolRunner] = {}
        self._plans: dict[str, Plan] = {}
        self._changing = asyncio.Lock()
        self._stopped: dict[str, NeurectomyError] = {}

    def live(self, run: str) -> bool:
        """Whether this process drives the run."""
        return run in self._motions

    async def start(
        self,
        bundle: Bundle,
        flow: str,
        inputs: dict[str, Any],
        *,
        title: str = "",
        labels: dict[str, str] | None = None,
    ) -> RunRow:
        """Start a run; it is durable, and in motion, when this returns.

        Raises:
            NotFound: The program has no such flow, or names a model that there is not.
            InvalidInput: The inputs do not fit the flow's parameters.
        """
        program = bundle.compiled()
        plan = Plan(program)
        plan.flow(flow)
        try:
            arguments = coerce_fields(
                inputs, program.flows[flow].parameters, program.types, name=f"the inputs of {flow}"
            )
        except Mismatch as error:
            hint = f"{flow} takes: {_parameters(program, flow)}."
            raise InvalidInput(str(error), hint=hint, path=error.path) from None
        models = {name: await self._models.resolve(s) for name, s in _sources(program, flow)}
        content = bundle.content()
        digest = codecs.digest(content)
        row = RunRow(
            ids.new_id(self._clock),
            flow,
            digest,
            meaning(program),
            bundle.path,
            title or _title(arguments) or flow,
            "running",
            self._clock.wall(),
            labels=labels or {},
        )
        writer = await self.log.create(row, {digest: content})
        driver = self._driver(writer, plan, models, bundle.path)
        intern = writer.values.intern
        data = {
            "flow": flow,
            "inputs": {name: intern(value) for name, value in arguments.items()},
            "program": digest,
            "models": {n: msgspec.to_builtins(model.profile) for n, model in models.items()},
            "limits": {"parallel": PARALLEL},
        }
        driver.record("run.created", "", data)
        await writer.barrier()
        self._plans[digest] = plan
        self._move(driver, writer)
        return await self.row(row.id)

    async def resume(self, run: str) -> RunRow:
        """Go on with a run that has not ended and that nobody drives.

        Raises:
            Conflict: It has ended, or somebody drives it.
        """
        async with self._changing:
            row = await self.row(run)
            if run in self._motions:
                hint = f"Watch it: neurectomy runs show {run}"
                raise Conflict("the run is in motion already", hint=hint)
            if row.status in ENDED:
                hint = "Fork it at an earlier event to go another way."
                raise Conflict(f"the run has {row.status}", hint=hint)
            await self._continue(run, {"owner": "", "unknown": []}, "run.resumed")
        return await self.row(run)

    async def fork(
        self, run: str, at: int, inputs: dict[str, Any] | None = None, *, start: bool = True
    ) -> RunRow:
        """A new run that shares the first ``at`` events of another and goes on from there.

        Model calls that were in flight at that point are asked again; tool calls are unknown.

        Args:
            run: The parent.
            at: The last event that both share.
            inputs: Inputs that the fork has instead of the recorded ones.
            start: Whether it goes on at once; else `resume` starts it.

        Raises:
            InvalidInput: There is no such event, the run ended there, or the inputs do not fit.
        """
        parent = await self.row(run)
        plan = await self._plan(parent)
        changes = self._changed_inputs(plan.program, parent.flow, inputs or {})
        if 1 <= at <= parent.head:
            state = await asyncio.to_thread(self.log.state, run, at)
            if state["status"] in ENDED:
                hint = f"Choose an event from 1 to {at - 1}."
                raise InvalidInput(f"the run had {state['status']} at event {at}", hint=hint)
        row = RunRow(
            ids.new_id(self._clock),
            parent.flow,
            parent.program,
            parent.meaning,
            parent.source,
            parent.title,
            "running",
            self._clock.wall(),
            labels=parent.labels,
        )
        made = await asyncio.to_thread(self.log.store.fork_run, run, at, row)
        async with self._changing:
            data = {"run": run, "at": at, "changes": changes}
            await self._continue(made.id, data, "run.forked", start=start)
        return await self.row(made.id)

    def _changed_inputs(
        self, program: Program, flow: str, inputs: dict[str, Any]
    ) -> dict[str, Any]:
        if not inputs:
            return {}
        fields = program.flows[flow].parameters
        given = tuple(field for field in fields if field.name in inputs)
        try:
            return {"inputs": coerce_fields(inputs, given, program.types, name=f"inputs of {flow}")}
        except Mismatch as error:
            hint = f"{flow} takes: {_parameters(program, flow)}."
            raise InvalidInput(str(error), hint=hint) from None

    async def cancel(self, run: str, by: str = "user") -> RunRow:
        """Ask a run to stop; it ends as soon as what is in flight has been stopped.

        Raises:
            Conflict: It has ended already.
        """
        row = await self.row(run)
        if row.status in ENDED:
            raise Conflict(f"the run has {row.status} already", hint="There is nothing to cancel.")
        if run not in self._motions:
            await self.resume(run)
        self._motions[run].driver.send("run.cancel_requested", "", {"by": by})
        return await self.row(run)

    async def answer(
        self, run: str, step: str, value: Any, *, decision: str = "", by: str = "user"
    ) -> RunRow:
        """Give what a run waits for: a person's answer, or what to do about an unknown call.

        Args:
            run: The run's id.
            step: Where it waits.
            value: The answer, or what the call returned.
            by: Who answers.
            decision: For a tool call whose end is unknown: ``retry``, ``fail`` or ``value``.

        Raises:
            Conflict: The run does not wait at that step.
            InvalidInput: The answer is not of the type that was asked for.
        """
        if run not in self._motions:
            await self.resume(run)
        motion = self._motions[run]
        pending = motion.driver.state["pending"].get(step)
        if pending is None or pending["kind"] not in ("human", "unknown"):
            waiting = [s for s, p in motion.driver.state["pending"].items() if p["kind"] == "human"]
            hint = f"It waits at: {', '.join(waiting)}." if waiting else "It waits for nobody."
            raise Conflict(f"the run does not wait at {step or 'that step'}", hint=hint)
        plan = await self._plan(await self.row(run))
        data: dict[str, Any] = {"by": by}
        if pending["kind"] == "human":
            data["value"] = answers.human_value(plan, motion.driver.state, step, value)
        else:
            data |= answers.unknown_decision(plan, motion.driver.state, pending, decision, value)
        motion.driver.send("human.answered", step, data)
        return await self.row(run)

    async def replay(self, run: str, progress: Callable[[int, int], None] | None = None) -> Replay:
        """Compute every decision of a run again and compare it with the log."""
        row = await self.row(run)
        replayer = Replayer(run, await self._plan(row), self.log.store.blob)
        after = 0
        while after < row.head:
            events = await self.log.events(run, after, 500)
            if not events:
                break
            if not await asyncio.to_thread(replayer.feed, events):
                break
            after = events[-1].seq
            if progress is not None:
                progress(after, row.head)
        return replayer.result()

    async def follow(self, run: str, after: int = 0) -> AsyncIterator[list[Event]]:
        """Batches of events from a place in the log to the run's end, as they come.

        Raises:
            StorageError: The run was stopped by the store; it can be resumed.
            Conflict: Nobody drives the run, and it has not ended.
        """
        events = self.log.follow(run, after)
        driven = asyncio.ensure_future(self.wait(run))
        following = asyncio.ensure_future(anext(events, None))
        try:
            while True:
                await asyncio.wait({following, driven}, return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    batch = following.result()
                    if batch is None:
                        return
                    yield batch
                    following = asyncio.ensure_future(anext(events, None))
                elif (await self.row(run)).status in ENDED:
                    await asyncio.wait({following})
                else:
                    await asyncio.sleep(0.05)  # what is committed comes first
                    if not following.done() and run not in self._motions:
                        raise self._stopped.get(run) or _at_rest(run)
        finally:
            following.cancel()
            driven.cancel()

    async def row(self, run: str) -> RunRow:
        """The run's row.

        Raises:
            NotFound: No such run.
        """
        row = await asyncio.to_thread(self.log.row, run)
        if row.hidden:
            raise NotFound(f"there is no run {run}", hint="List them with: neurectomy runs list")
        return row

    async def find(self, start: str) -> str:
        """The id of the run that ``start`` means; see `neurectomy.runs.lookup.find_run`."""
        return await asyncio.to_thread(find_run, self.log.store, start)

    async def request(self, run: str, seq: int) -> ModelRequest:
        """The canonical request of a ``model.requested`` event.

        Raises:
            NotFound: The event is none.
        """
        row = await self.row(run)
        events = await self.log.events(run, seq - 1, 1) if seq >= 1 else []
        if not events or events[0].seq != seq or events[0].kind != "model.requested":
            raise NotFound(f"event {seq} asks no model", hint="Give the seq of a model.requested.")
        plan = await self._plan(row)

        def build() -> ModelRequest:
            values = Values(self.log.store.blob)
            state = self.log.state(run, seq)
            moment = Moment(plan, values, state, seq + 1)
            frame = moment.frame(state["pending"][events[0].step]["frame"])
            return requests.build_request(moment, frame)

        return await asyncio.to_thread(build)

    async def bundle(self, run: str) -> Bundle:
        """What the run was made from."""
        return await self._bundle(await self.row(run))

    async def result(self, row: RunRow) -> tuple[Any, dict[str, Any] | None]:
        """A run's value and error, each null until there is one."""
        if row.head == 0:
            return None, None

        def read() -> tuple[Any, dict[str, Any] | None]:
            state = self.log.state(row.id, row.head)
            return self.log.reader.resolve(state["result"]), state["error"]

        return await asyncio.to_thread(read)

    async def delete(self, run: str) -> None:
        """Delete a run. What forks need of it is kept, out of sight.

        Raises:
            Conflict: It is in motion.
        """
        if run in self._motions:
            hint = f"Cancel it first: neurectomy runs cancel {run}"
            raise Conflict("the run is in motion", hint=hint)
        await asyncio.to_thread(self.log.store.delete_run, run)
        self.log.changed.publish(run, run)

    async def label(self, run: str, labels: dict[str, str]) -> RunRow:
        """Replace the labels of a run."""
        await self.row(run)
        await asyncio.to_thread(self.log.store.label, run, labels)
        self.log.changed.publish(run, run)
        return await self.row(run)

    async def recover(self) -> list[str]:
        """Go on with every run that an earlier process left in motion; their ids."""
        query = RunQuery(limit=1000, status=("running", "waiting", "cancelling", "failing"))
        found = []
        for row in await asyncio.to_thread(self.log.store.runs, query):
            try:
                if row.head == 0:  # its process ended before the run was acknowledged
                    await asyncio.to_thread(self.log.store.release, row.id, row.lease_epoch)
                    await self.delete(row.id)
                    continue
                await self.resume(row.id)
                found.append(row.id)
            except NeurectomyError as error:
                logger.warning("the run %s cannot go on: %s", row.id, error.message)
        return found

    async def wait(self, run: str) -> None:
        """Wait until the run has ended, or waits for a person, or is driven no more."""
        motion = self._motions.get(run)
        if motion is not None:
            with suppress(Exception):
                await asyncio.shield(motion.task)

    async def close(self) -> None:
        """Stop driving; every run stays as the log has it."""
        motions = list(self._motions.values())
        for motion in motions:
            motion.task.cancel()
        if motions:
            await asyncio.wait([motion.task for motion in motions])
        for runner in self._runners.values():
            await runner.close()

    async def _bundle(self, row: RunRow) -> Bundle:
        content = await asyncio.to_thread(self.log.store.blob, row.program)
        if content is None:
            raise Damaged("the run's program is missing", hint="Delete the run.")
        return read_bundle(content)

    async def _plan(self, row: RunRow) -> Plan:
        plan = self._plans.get(row.program)
        if plan is None:
            plan = Plan((await self._bundle(row)).compiled())
            if len(self._plans) >= 64:
                self._plans.clear()
            self._plans[row.program] = plan
        return plan

    def _driver(
        self, writer: RunWriter, plan: Plan, models: dict[str, Model], source: str
    ) -> Driver:
        folder = (self._root / source).parent
        runner = self._runners.get(folder)
        if runner is None:
            runner = self._runners[folder] = ToolRunner(self._sandboxes, folder)
        run = writer.run

        def on_delta(step: str, delta: Delta) -> None:
            self.deltas.publish(run, (step, delta))

        workers = LocalWorkers(plan.program, models, runner)
        return Driver(writer, Machine(plan, writer.values), workers, self._clock, on_delta)

    async def _continue(
        self, run: str, data: dict[str, Any], kind: str, *, start: bool = True
    ) -> None:
        """Take a run over, mark how, deal with what was in flight, and go on."""
        row = await self.row(run)
        plan = await self._plan(row)
        writer = await self.log.open(run, force=self._sole)
        try:
            profiles = writer.state["models"]
            models = {
                name: await self._models.resolve(profile["id"])
                for name, profile in profiles.items()
            }
            driver = self._driver(writer, plan, models, row.source)
            unknown = answers.unknown_calls(plan.program, writer.state)
            if kind == "run.resumed":
                data = {"owner": row.lease_owner, "unknown": unknown}
            elif "inputs" in data["changes"]:
                intern = writer.values.intern
                inputs = data["changes"]["inputs"]
                data["changes"]["inputs"] = {n: intern(value) for n, value in inputs.items()}
            driver.record(kind, "", data)
            for path in unknown:
                tool = writer.state["frames"][writer.state["pending"][path]["frame"]]["callee"]
                driver.record("tool.unknown", path, {"tool": tool})
            await writer.barrier()
        except BaseException:
            await self.log.release(writer)
            raise
        if start:
            self._move(driver, writer)
        else:
            await self.log.release(writer)

    def _move(self, driver: Driver, writer: RunWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._drive(driver, writer))
        self._motions[writer.run] = _Motion(driver, writer, task)

    async def _drive(self, driver: Driver, writer: RunWriter) -> None:
        try:
            await driver.drive()
        except NeurectomyError as error:
            logger.info("the run %s stopped: %s", writer.run, error.message)
            self._stopped[writer.run] = error
        except Exception:
            logger.exception("the run %s stopped; this is a defect of the program", writer.run)
        finally:
            self._motions.pop(writer.run, None)
            with suppress(NeurectomyError):
                await self.log.release(writer)


def _sources(program: Program, flow: str) -> list[tuple[str, str]]:
    """The models that a flow may ask, with what the program writes for them."""
    names = called(program, program.flows[flow])
    used = {program.agents[name].model for name in names if name in program.agents}
    return [(name, program.models[name].source) for name in program.models if name in used]


def _at_rest(run: str) -> Conflict:
    hint = f"Go on with: neurectomy runs resume {run}"
    return Conflict("nobody drives the run at this moment", hint=hint)


def _parameters(program: Program, flow: str) -> str:
    return ", ".join(p.name for p in program.flows[flow].parameters) or "nothing"


def _title(arguments: dict[str, Any]) -> str:
    texts = [value for value in arguments.values() if isinstance(value, str) and value.strip()]
    text = " ".join(texts[0].split()) if texts else ""
    return text if len(text) <= TITLE else f"{text[: TITLE - 1]}…"
