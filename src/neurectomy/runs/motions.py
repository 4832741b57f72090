"""The runs that this process drives: taken up, moved, followed, left as the log has them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from neurectomy.bus.local import Topic
from neurectomy.core.errors import Conflict, NeurectomyError
from neurectomy.runs import answers, requests
from neurectomy.runs.breakpoints import Breakpoint, as_data
from neurectomy.runs.changes import SUPERSEDED, superseded
from neurectomy.runs.driver import Driver
from neurectomy.runs.erasing import in_motion
from neurectomy.runs.failures import IN_FLIGHT, STOPPING
from neurectomy.runs.forks import interned
from neurectomy.runs.machine import Machine
from neurectomy.runs.moment import Moment
from neurectomy.runs.redacted import RedactedEffects
from neurectomy.runs.rooms import Rooms
from neurectomy.runs.secrets import Broker
from neurectomy.runs.workers import LocalWorkers
from neurectomy.storage.port import DOCTOR, ELSEWHERE, ENDED, RunQuery
from neurectomy.timeline.event import Draft
from neurectomy.timeline.writer import RunWriter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from neurectomy.core.clock import Clock
    from neurectomy.models.port import Delta, Model, ModelSource
    from neurectomy.redaction.redactor import Redactor
    from neurectomy.runs.folders import Folders
    from neurectomy.runs.plan import Plan
    from neurectomy.runs.readings import Readings
    from neurectomy.sandboxes.select import Sandboxes
    from neurectomy.storage.port import RunRow
    from neurectomy.timeline.event import Event

logger = logging.getLogger(__name__)


class Motion(Struct):
    """A run that this process drives."""

    driver: Driver
    writer: RunWriter
    task: asyncio.Task[None]


class Motions:
    """Drives runs, each in a task of its own.

    Args:
        folders: Captures the files that tools see, and lays them out.
        redactor: Takes secrets out of what models and tools give.
        sole: Whether no other process writes this log, so that any lease found is a dead one's.

    Attributes:
        deltas: Pieces that models stream, with the step of their request, by run.
        broker: Keeps the secrets of the runs, for as long as they go on.
    """

    def __init__(
        self,
        readings: Readings,
        models: ModelSource,
        sandboxes: Sandboxes,
        folders: Folders,
        clock: Clock,
        redactor: Redactor,
        *,
        sole: bool,
    ) -> None:
        self.deltas: Topic[tuple[str, Delta]] = Topic()
        self.broker = Broker()
        self._readings = readings
        self._log = readings.log
        self._models = models
        self._folders = folders
        self._rooms = Rooms(sandboxes, folders)
        self._clock = clock
        self._redactor = redactor
        self._sole = sole
        self._motions: dict[str, Motion] = {}
        self._changing = asyncio.Lock()
        self._stopped: dict[str, NeurectomyError] = {}

    def drives(self, run: str) -> bool:
        """Whether this process drives the run."""
        return run in self._motions

    async def start(
        self,
        row: RunRow,
        plan: Plan,
        models: dict[str, Model],
        blobs: dict[str, bytes],
        data: dict[str, Any],
        texts: dict[str, str],
        breakpoints: tuple[Breakpoint, ...] = (),
    ) -> None:
        """Insert a run with its first event, durably, and drive it.

        Args:
            row: Without events.
            plan: Its program.
            models: Those that it may ask, by the name that the program declares.
            blobs: What the row names.
            data: Of ``run.created``; inputs are not interned yet, and files not captured.
            texts: Of the program and its tools, by their path in the program's folder.
            breakpoints: Before which it waits.
        """
        writer = await self._log.create(row, blobs)
        try:
            driver = self._driver(writer, plan, models, row.source)
            intern = writer.values.intern
            data["inputs"] = {name: intern(value) for name, value in data["inputs"].items()}
            folder = row.source.rpartition("/")[0]
            files = await self._folders.capture(row.id, folder, texts)
            data["files"] = {name: intern(value) for name, value in files.items()}
            driver.record("run.created", "", data)
            if breakpoints:
                told = {"breakpoints": as_data(breakpoints), "by": "user"}
                driver.record("breakpoints.set", "", told)
            await writer.barrier()
        except BaseException:
            with suppress(NeurectomyError):
                await self._log.release(writer)
            with suppress(NeurectomyError):  # nothing of it was acknowledged
                await self.delete(row.id)
            raise
        self._move(driver, writer)

    async def take_up(
        self,
        run: str,
        kind: str,
        data: dict[str, Any],
        *,
        start: bool = True,
        blobs: Mapping[str, bytes] = MappingProxyType({}),
        answer: tuple[str, dict[str, Any]] | None = None,
        head: int | None = None,
    ) -> None:
        """Take a run over, mark how, deal with what was in flight, and go on unless told not to.

        Args:
            run: The run's id; where this process drives it, it is halted first.
            kind: Of the event that marks it.
            data: Of that event; the values of its changes are not interned yet.
            start: Whether it goes on at once.
            blobs: Contents that the event names.
            answer: How a person ends what was pending at a step.
            head: Its last event, where what is done holds at that moment only.

        Raises:
            Conflict: It went on since.
        """
        async with self._changing:
            motion = self._motions.get(run)
            if motion is not None and head not in (None, motion.writer.seq):
                raise _went_on()
            if motion is not None:
                motion.task.cancel()
                await asyncio.wait([motion.task])
            if head not in (None, (await self._readings.row(run)).head):
                raise _went_on()
            await self._continue(run, kind, data, start=start, blobs=blobs, answer=answer)

    async def resume(self, run: str) -> None:
        """Go on with a run that has not ended and that nobody drives.

        Raises:
            Conflict: It has ended, or somebody drives it.
        """
        async with self._changing:
            row = await self._readings.row(run)
            if run in self._motions:
                hint = f"Watch it: neurectomy runs show {run}"
                raise Conflict("the run is in motion already", hint=hint)
            if row.status in ENDED:
                hint = "Fork it at an earlier event to go another way."
                raise Conflict(f"the run has {row.status}", hint=hint)
            await self._continue(run, "run.resumed", {"owner": "", "unknown": []})

    async def moving(self, run: str) -> Motion:
        """A run's motion; it is resumed where nobody drives it.

        Raises:
            Conflict: It cannot be.
        """
        if run not in self._motions:
            await self.resume(run)
        motion = self._motions.get(run)
        if motion is None:
            raise _at_rest(run)
        return motion

    async def rest(self, run: str) -> None:
        """Drive a run no more that only waits for a person; an answer takes it up again.

        Raises:
            Conflict: It is in motion.
        """
        motion = self._motions.get(run)
        if motion is None:
            return
        state = motion.driver.state
        flying = any(one["kind"] in IN_FLIGHT for one in state["pending"].values())
        if state["status"] != "waiting" or flying:  # paused, while something else goes on
            raise in_motion(run)
        motion.task.cancel()
        await asyncio.wait([motion.task])

    async def remark(self, run: str, kind: str, data: dict[str, Any]) -> None:
        """Append what changes nothing: by who drives the run, else by itself, also after its end.

        Raises:
            Conflict: Another process writes the run.
        """
        while (motion := self._motions.get(run)) is not None:
            with suppress(Conflict):
                await motion.driver.tell(kind, "", data)
                return
            await asyncio.wait([motion.task])  # it came to its end just then
        async with self._changing:
            writer = await self._log.open(run, force=self._sole)
            try:
                writer.append(Draft(kind, "", data, []))
                await writer.barrier()
            finally:
                await self._log.release(writer)

    async def delete(self, run: str) -> None:
        """Delete a run. What forks need of it is kept, out of sight.

        Raises:
            Conflict: It is in motion.
        """
        if run in self._motions:
            hint = f"Cancel it first: neurectomy runs cancel {run}"
            raise Conflict("the run is in motion", hint=hint)
        now = self._clock.wall()
        await asyncio.to_thread(self._log.store.delete_run, run, now, force=self._sole)
        self._stopped.pop(run, None)
        self.broker.forget(run)
        self._log.changed.publish(run, run)

    async def follow(self, run: str, after: int = 0) -> AsyncIterator[list[Event]]:
        """Batches of events from a place in the log to the run's end, as they come.

        Raises:
            StorageError: The run was stopped by the store; it can be resumed.
            Conflict: Nobody drives the run, it has not ended, and it waits for no person.
        """
        events = self._log.follow(run, after)
        driven = asyncio.ensure_future(self._driven(run))
        following = asyncio.ensure_future(anext(events, None))
        try:
            while True:
                await asyncio.wait({following, driven}, return_when=asyncio.FIRST_COMPLETED)
                if not following.done():
                    status = (await self._readings.row(run)).status
                    if status in ENDED or status == "waiting":
                        await asyncio.wait({following})
                    else:
                        await asyncio.sleep(0.05)  # what is committed comes first
                if following.done():
                    batch = following.result()
                    if batch is None:
                        return
                    yield batch
                    following = asyncio.ensure_future(anext(events, None))
                    if driven.done():
                        driven = asyncio.ensure_future(self._driven(run))
                elif run not in self._motions:
                    raise self._stopped.get(run) or _at_rest(run)
        finally:
            following.cancel()
            driven.cancel()

    async def wait(self, run: str) -> None:
        """Wait until the run has ended, or waits for a person, or is driven no more."""
        with suppress(NeurectomyError):
            async for _ in self.follow(run):
                if (await self._readings.row(run)).status == "waiting":
                    return

    async def left(self) -> list[RunRow]:
        """Runs that an earlier process left in motion.

        A run that waits for a person is none: it goes on when somebody answers it.
        """
        found: list[RunRow] = []
        before = None
        while True:
            query = RunQuery(limit=500, status=("running", "cancelling", "failing"), before=before)
            page = await asyncio.to_thread(self._log.store.runs, query)
            found += [row for row in page if row.id not in self._motions]
            if len(page) < query.limit:
                return found
            before = page[-1].id

    async def recover(self) -> list[str]:
        """Go on with every run that an earlier process of ours left in motion; their ids."""
        ours = [row for row in await self.left() if row.lease_owner not in (ELSEWHERE, DOCTOR)]
        return [row.id for row in ours if await self._recovered(row)]

    async def _recovered(self, row: RunRow) -> bool:
        try:
            began = row.ancestry[-1].until if row.ancestry else 0
            if row.head == began:  # its process ended before the run was acknowledged
                await self.delete(row.id)
                return False
            await self.resume(row.id)
        except NeurectomyError as error:
            logger.warning("the run %s cannot go on: %s", row.id, error.message)
            return False
        return True

    async def close(self) -> None:
        """Stop driving; every run stays as the log has it."""
        motions = list(self._motions.values())
        for motion in motions:
            motion.task.cancel()
        if motions:
            await asyncio.wait([motion.task for motion in motions])
        await self._rooms.close()

    async def _driven(self, run: str) -> None:
        """Wait for as long as this process drives the run."""
        motion = self._motions.get(run)
        if motion is not None:
            with suppress(Exception):
                await asyncio.shield(motion.task)

    def _driver(
        self, writer: RunWriter, plan: Plan, models: dict[str, Model], source: str
    ) -> Driver:
        run = writer.run

        def on_delta(step: str, delta: Delta) -> None:
            self.deltas.publish(run, (step, delta))

        leaks = partial(self.broker.leaks, run)
        program, rooms, folders = plan.program, self._rooms, self._folders
        workers = LocalWorkers(run, source, program, models, rooms, folders, leaks)
        records = plan.program.types
        effects = RedactedEffects(workers, self._redactor, self.broker, run, records)
        return Driver(writer, Machine(plan, writer.values), effects, self._clock, on_delta)

    async def _continue(
        self,
        run: str,
        kind: str,
        data: dict[str, Any],
        *,
        start: bool = True,
        blobs: Mapping[str, bytes] = MappingProxyType({}),
        answer: tuple[str, dict[str, Any]] | None = None,
    ) -> None:
        row = await self._readings.row(run)
        if blobs:
            await asyncio.to_thread(self._log.store.add_blobs, run, blobs, {})
        writer = await self._log.open(run, force=self._sole)
        try:
            changes = data.get("changes", {})
            plan = await self._readings.prepared(
                changes.get("program") or writer.state["program"] or row.program
            )
            profiles = {**writer.state["models"], **changes.get("models", {})}
            models = {
                name: await self._models.resolve(profile["id"])
                for name, profile in profiles.items()
            }
            driver = self._driver(writer, plan, models, row.source)
            if "program" in changes:
                files = await self._with_program(writer, changes["program"], row.source)
                changes = data["changes"] = {**changes, "files": files}
            stopping = writer.state["status"] in STOPPING
            unknown = [] if stopping else answers.unknown_calls(plan.program, writer.state)
            if kind == "run.resumed":
                data = {"owner": row.lease_owner, "unknown": unknown}
            else:
                data["changes"] = interned(changes, writer.values)
            driver.record(kind, "", data)
            for path in superseded(writer.state) if "program" in changes else ():
                message = "another program took over, and asks with what it says"
                error = {"code": SUPERSEDED, "message": message, "retryable": False}
                driver.record("model.failed", path, {"error": error, "took_us": 0})
            if not stopping or "revive" in changes:
                self._refuse_over_budget(driver, writer, plan)
            if answer is not None and answer[0] not in unknown:
                unknown = [*unknown, answer[0]]
            for path in unknown:
                pending = writer.state["pending"][path]
                if pending["kind"] == "tool":
                    tool = writer.state["frames"][pending["frame"]]["callee"]
                    driver.record("tool.unknown", path, {"tool": tool})
            if answer is not None:
                given = dict(answer[1])
                if "value" in given:
                    given["value"] = writer.values.intern(given["value"])
                driver.record("human.answered", answer[0], given)
            await writer.barrier()
        except BaseException:
            await self._log.release(writer)
            raise
        if start:
            self._move(driver, writer)
        else:
            await self._log.release(writer)

    def _refuse_over_budget(self, driver: Driver, writer: RunWriter, plan: Plan) -> None:
        """End what was in flight and cannot be asked once more within the budgets."""
        asked = [p for p, one in writer.state["pending"].items() if one["kind"] == "model"]
        for path in asked:
            moment = Moment(plan, writer.values, writer.state, writer.seq + 1)
            if problem := requests.over_again(moment, path):
                error = {"code": "budget", "message": problem, "retryable": False}
                driver.record("model.failed", path, {"error": error, "took_us": 0})

    async def _with_program(self, writer: RunWriter, program: str, source: str) -> dict[str, Any]:
        """The run's files with the texts of another program and of its tools."""
        texts = (await asyncio.to_thread(self._readings.program, program)).texts()
        if "files" not in writer.state:  # it began before files were captured
            folder = source.rpartition("/")[0]
            return await self._folders.capture(writer.run, folder, texts)
        resolve = writer.values.resolve
        files = {name: resolve(value) for name, value in writer.state["files"].items()}
        return await self._folders.overlay(writer.run, files, texts)

    def _move(self, driver: Driver, writer: RunWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._drive(driver, writer))
        self._motions[writer.run] = Motion(driver, writer, task)

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
            if driver.state["status"] in ENDED:
                self.broker.forget(writer.run)
            with suppress(NeurectomyError):
                await self._log.release(writer)


def _went_on() -> Conflict:
    return Conflict("the run went on meanwhile", hint="Look at its state, and try again.")


def _at_rest(run: str) -> Conflict:
    hint = f"Go on with: neurectomy runs resume {run}"
    return Conflict("nobody drives the run at this moment", hint=hint)
