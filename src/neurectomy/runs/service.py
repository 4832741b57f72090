"""What people do with runs: start, fork, cancel, answer, resume, label."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from neurectomy.agents.program import Program, meaning
from neurectomy.agents.types import Mismatch, coerce_fields
from neurectomy.core import codecs, ids
from neurectomy.core.errors import Conflict, InvalidInput, NeurectomyError
from neurectomy.redaction.redactor import is_secret
from neurectomy.runs import answers, forks
from neurectomy.runs.applying import Applying
from neurectomy.runs.breakpoints import Breakpoint, as_data
from neurectomy.runs.departures import Departures
from neurectomy.runs.door import Door
from neurectomy.runs.driver import ASKING
from neurectomy.runs.erasing import Eraser
from neurectomy.runs.failures import IN_FLIGHT
from neurectomy.runs.files import FileReadings
from neurectomy.runs.folders import Folders
from neurectomy.runs.forks import Changes
from neurectomy.runs.motions import Motions
from neurectomy.runs.notes import Notebook
from neurectomy.runs.plan import Plan
from neurectomy.runs.readings import Readings
from neurectomy.storage.port import ENDED, RunRow

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.core.clock import Clock
    from neurectomy.models.port import ModelSource
    from neurectomy.redaction.redactor import Redactor
    from neurectomy.runs.bundle import Bundle
    from neurectomy.runs.erasing import Redaction, Wanted
    from neurectomy.runs.motions import Motion
    from neurectomy.sandboxes.select import Sandboxes
    from neurectomy.timeline.log import Log

PARALLEL = 8
"""Effects of one run that may be in flight at the same time."""

TITLE = 120
"""Characters of a run's title."""


class Runs(Readings):
    """Everything that changes or reads runs goes through here.

    Args:
        root: The workspace; programs' paths are relative to it.
        redactor: Takes secrets out of what people give.
        sole: Whether no other process writes this log, so that any lease found is a dead one's.

    Attributes:
        motions: The runs that this process drives.
        folders: The files that tools see.
        files: What can be read of them.
        applying: Brings them into the folder of the program.
        notebook: Notes about runs.
    """

    def __init__(
        self,
        log: Log,
        models: ModelSource,
        sandboxes: Sandboxes,
        root: Path,
        clock: Clock,
        *,
        redactor: Redactor,
        sole: bool = True,
    ) -> None:
        super().__init__(log)
        self.folders = Folders(log.store, root)
        self.files = FileReadings(self, self.folders)
        self.applying = Applying(self.files, self.folders)
        self.motions = Motions(self, models, sandboxes, self.folders, clock, redactor, sole=sole)
        self._models = models
        self._door = Door(redactor, self.motions.broker)
        self._departures = Departures(self, self.motions.broker, self._door, models)
        self.notebook = Notebook(self, self.motions, self._door.text)
        self._eraser = Eraser(log, clock, self.motions.rest, sole=sole)
        self._clock = clock

    async def start(
        self,
        bundle: Bundle,
        flow: str,
        inputs: dict[str, Any],
        *,
        title: str = "",
        labels: dict[str, str] | None = None,
        breakpoints: tuple[Breakpoint, ...] = (),
    ) -> RunRow:
        """Start a run; it is durable, and in motion, when this returns.

        Args:
            bundle: Its program.
            flow: The flow's name.
            inputs: Of the flow.
            title: In lists; made from the inputs by default.
            labels: Of the user.
            breakpoints: Before which it waits.

        Raises:
            NotFound: The program has no such flow, or names a model that there is not.
            InvalidInput: The inputs do not fit the flow's parameters.
        """
        program = bundle.compiled()
        plan = Plan(program)
        plan.flow(flow)
        run = ids.new_id(self._clock)
        with self.motions.broker.keeping(run):
            try:
                given, fields = self._door.inputs(run, plan, flow, inputs), plan.program.flows[flow]
                name = f"the inputs of {flow}"
                arguments = coerce_fields(given, fields.parameters, program.types, name=name)
            except Mismatch as error:
                hint = f"{flow} takes: {_parameters(program, flow)}."
                raise InvalidInput(str(error), hint=hint, path=error.path) from None
            sources = forks.model_sources(program, flow)
            models = {name: await self._models.resolve(source) for name, source in sources.items()}
            content = bundle.content()
            digest = codecs.digest(content)
            row = RunRow(
                run,
                flow,
                digest,
                meaning(program),
                bundle.path,
                self._door.text(title) or _title(arguments) or flow,
                "running",
                self._clock.wall(),
                labels=self._door.labels(labels),
            )
            data = {
                "flow": flow,
                "inputs": arguments,
                "program": digest,
                "models": {n: msgspec.to_builtins(model.profile) for n, model in models.items()},
                "limits": {"parallel": PARALLEL},
            }
            self.keep(digest, plan)
            texts, blobs = bundle.texts(), {digest: content}
            await self.motions.start(row, plan, models, blobs, data, texts, breakpoints)
            return await self.row(row.id)

    async def resume(
        self,
        run: str,
        changes: Changes = Changes(),  # noqa: B008  # it is frozen
    ) -> RunRow:
        """Go on with a run that nobody drives; one that failed or was cancelled goes on as a fork.

        What has finished is not done again. What failed is tried again, and so is what was in
        flight where that may simply be made again; of other calls the fork asks how they ended.

        Args:
            run: The run's id.
            changes: What is different from there on; only of a run that has ended.

        Raises:
            Conflict: It has finished, or somebody drives it.
            InvalidInput: The changes do not fit, or it has not ended.
        """
        row = await self.row(run)
        if row.status in ("failed", "cancelled"):
            return await self._revived(row, changes)
        if changes != Changes():
            hint = "Let it wait at a breakpoint, or fork it."
            raise InvalidInput("only what has ended is resumed with changes", hint=hint)
        await self.motions.resume(run)
        return await self.row(run)

    async def _revived(self, row: RunRow, changes: Changes) -> RunRow:
        at, revive = await self._departures.end(row)
        return await self._fork(row, at, changes, revive=revive)

    async def fork(
        self,
        run: str,
        at: int,
        changes: Changes = Changes(),  # noqa: B008  # it is frozen
        *,
        start: bool = True,
        labels: dict[str, str] | None = None,
    ) -> RunRow:
        """A new run that shares the first ``at`` events of another and goes on from there.

        Model calls that were in flight at that point are asked again; tool calls are unknown.

        Args:
            run: The parent.
            at: The last event that both share. Where a call or question is to end in another way,
                the event with which it ended: the events before it are shared then.
            changes: What is different from there on.
            start: Whether it goes on at once; else `resume` starts it.
            labels: Of the fork, besides those of its parent.

        Raises:
            InvalidInput: There is no such event, the run ended there, or the changes do not fit.
        """
        return await self._fork(await self.row(run), at, changes, start=start, labels=labels)

    async def _fork(
        self,
        parent: RunRow,
        at: int,
        changes: Changes,
        *,
        start: bool = True,
        labels: dict[str, str] | None = None,
        revive: dict[str, Any] | None = None,
    ) -> RunRow:
        made = ids.new_id(self._clock)
        with self.motions.broker.keeping(made):
            departure = await self._departures.fork(
                made, parent, at, changes, stopping=revive is not None
            )
            at, prepared = departure.at, departure.prepared
            if revive is not None:
                prepared.record["revive"] = revive
            row = RunRow(
                made,
                parent.flow,
                prepared.program,
                prepared.meaning,
                parent.source if changes.bundle is None else changes.bundle.path,
                parent.title,
                "running",
                self._clock.wall(),
                labels={**parent.labels, **self._door.labels(labels)},
            )
            await asyncio.to_thread(self.log.store.fork_run, parent.id, at, row)
            try:
                data = {"run": parent.id, "at": at, "changes": prepared.record}
                await self.motions.take_up(
                    made,
                    "run.forked",
                    data,
                    start=start,
                    blobs=prepared.blobs,
                    answer=departure.answer,
                )
            except BaseException:
                with suppress(NeurectomyError):
                    await self.motions.delete(made)
                raise
            return await self.row(made)

    async def check_fork(self, run: str, at: int, changes: Changes) -> None:
        """See that `fork` would take these changes.

        Raises:
            InvalidInput: It would not.
        """
        made = ids.new_id(self._clock)
        with self.motions.broker.keeping(made):
            await self._departures.fork(made, await self.row(run), at, changes)
        self.motions.broker.forget(made)

    async def change(self, run: str, changes: Changes, by: str = "user") -> RunRow:
        """Change a run that waits, in place, as a fork could; it goes on waiting.

        Raises:
            Conflict: It does not wait, or something of it is in flight.
            InvalidInput: The changes do not fit.
        """
        row = await self.row(run)
        if row.status != "waiting":
            hint = "Fork it instead, or let it wait at a breakpoint first."
            raise Conflict(f"the run is {row.status} and does not wait", hint=hint)
        if changes.value is not UNSET:
            raise InvalidInput("no call ends there", hint="Answer the run, or fork it.")
        state = await asyncio.to_thread(self.log.state, run, row.head)
        flying = [step for step, one in state["pending"].items() if one["kind"] in IN_FLIGHT]
        if flying:
            hint = f"Wait until {flying[0]} has ended."
            if not self.motions.drives(run):  # its process ended, so that nothing ends by itself
                hint = f"Let it go on first: neurectomy runs resume {run}"
            raise Conflict("something of the run is in flight", hint=hint)
        prepared = await self._departures.change(run, changes, state)
        data = {"changes": prepared.record, "by": by}
        await self.motions.take_up(run, "run.changed", data, blobs=prepared.blobs, head=row.head)
        return await self.row(run)

    async def cancel(self, run: str, by: str = "user") -> RunRow:
        """Ask a run to stop; it ends as soon as what is in flight has been stopped.

        Raises:
            Conflict: It has ended already.
        """
        row = await self.row(run)
        if row.status in ENDED:
            raise Conflict(f"the run has {row.status} already", hint="There is nothing to cancel.")
        motion = await self.motions.moving(run)
        await motion.driver.tell("run.cancel_requested", "", {"by": by})
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
        motion = await self.motions.moving(run)
        pending = motion.driver.state["pending"].get(step)
        if pending is None or pending["kind"] not in ASKING:
            asked = motion.driver.state["pending"].items()
            waiting = [path for path, effect in asked if effect["kind"] in ASKING]
            hint = f"It waits at: {', '.join(waiting)}." if waiting else "It waits for nobody."
            raise Conflict(f"the run does not wait at {step or 'that step'}", hint=hint)
        if pending["kind"] == "secret":
            await self._give_secret(motion, run, step, {"by": by}, decision, value)
            return await self.row(run)
        plan, state = await self.prepared(motion.driver.state["program"]), motion.driver.state
        value = self._door.answer(run, plan, state, step, value)
        data: dict[str, Any] = {"by": by}
        if pending["kind"] == "human":
            data["value"] = answers.human_value(plan, state, step, value)
        else:
            data |= answers.unknown_decision(plan, state, pending, decision, value)
        await motion.driver.tell("human.answered", step, data)
        return await self.row(run)

    async def _give_secret(
        self, motion: Motion, run: str, step: str, data: dict[str, Any], decision: str, value: Any
    ) -> None:
        """Give a secret that calls wait for, which only the broker sees; they are made then."""
        data |= answers.secret_decision(decision, value)
        mark, steps = motion.driver.state["pending"][step]["secret"], [step]
        if data["decision"] == "retry":
            self.motions.broker.give(run, mark, value)
            pending = motion.driver.state["pending"].items()
            steps += [path for path, one in pending if one.get("secret") == mark and path != step]
        for path in steps:
            await motion.driver.tell("human.answered", path, dict(data))

    async def set_breakpoints(
        self, run: str, breakpoints: tuple[Breakpoint, ...], by: str = "user"
    ) -> RunRow:
        """Replace the breakpoints of a run, before which it waits.

        Raises:
            Conflict: It has ended.
        """
        await self._going(run)
        motion = await self.motions.moving(run)
        data = {"breakpoints": as_data(breakpoints), "by": by}
        await motion.driver.tell("breakpoints.set", "", data)
        return await self.row(run)

    async def proceed(self, run: str, *, step: bool = False, by: str = "user") -> RunRow:
        """Let a paused run go on.

        Args:
            run: The run's id.
            step: Whether it waits again before its next step.
            by: Who says so.

        Raises:
            Conflict: It is not paused.
        """
        row = await self._going(run)
        state = await asyncio.to_thread(self.log.state, run, row.head)
        if not state.get("paused"):
            hint = "Set a breakpoint first: neurectomy runs break RUN CONDITION"
            raise Conflict(f"the run is {row.status} and not paused", hint=hint)
        motion = await self.motions.moving(run)
        mode = "step" if step else "continue"
        await motion.driver.tell("run.continued", "", {"mode": mode, "by": by})
        return await self.row(run)

    async def _going(self, run: str) -> RunRow:
        row = await self.row(run)
        if row.status in ENDED:
            hint = "Fork it at an earlier event to go another way."
            raise Conflict(f"the run has {row.status}", hint=hint)
        return row

    async def redact(
        self, run: str, wanted: Wanted, *, reason: str = "", by: str = "user", dry_run: bool = False
    ) -> Redaction:
        """Erase what a run holds, wherever it is repeated; see `neurectomy.runs.erasing`.

        Raises:
            InvalidInput: Nothing is wanted, or an event is not there.
            NotFound: Nothing in the run holds it.
            Conflict: A run that shares it is in motion.
        """
        row = await self.row(run)
        return await self._eraser.redact(row, wanted, by=by, reason=reason, dry_run=dry_run)

    async def label(self, run: str, labels: dict[str, str]) -> RunRow:
        """Replace the labels of a run."""
        await self.row(run)
        labels = self._door.labels(labels)
        await asyncio.to_thread(self.log.store.label, run, labels)
        self.log.changed.publish(run, run)
        return await self.row(run)


def _parameters(program: Program, flow: str) -> str:
    return ", ".join(p.name for p in program.flows[flow].parameters) or "nothing"


def _title(arguments: dict[str, Any]) -> str:
    given = [value for value in arguments.values() if not is_secret(value)]
    texts = [value for value in given if isinstance(value, str) and value.strip()]
    shown = "".join(c if c.isprintable() else " " for c in texts[0][: 4 * TITLE]) if texts else ""
    text = " ".join(shown.split())
    return text if len(text) <= TITLE else f"{text[: TITLE - 1]}…"
