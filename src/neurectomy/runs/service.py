"""What people do with runs: start, fork, cancel, answer, resume, label."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from neurectomy.agents.program import Program, meaning
from neurectomy.agents.types import Mismatch, coerce_fields
from neurectomy.core import codecs, ids
from neurectomy.core.errors import Conflict, InvalidInput, NeurectomyError
from neurectomy.runs import answers
from neurectomy.runs.driver import ASKING
from neurectomy.runs.motions import Motions
from neurectomy.runs.plan import Plan, called
from neurectomy.runs.readings import Readings
from neurectomy.storage.port import ENDED, RunRow

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.core.clock import Clock
    from neurectomy.models.port import ModelSource
    from neurectomy.runs.bundle import Bundle
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
        sole: Whether no other process writes this log, so that any lease found is a dead one's.

    Attributes:
        motions: The runs that this process drives.
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
        super().__init__(log)
        self.motions = Motions(self, models, sandboxes, root, clock, sole=sole)
        self._models = models
        self._clock = clock

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
        data = {
            "flow": flow,
            "inputs": arguments,
            "program": digest,
            "models": {n: msgspec.to_builtins(model.profile) for n, model in models.items()},
            "limits": {"parallel": PARALLEL},
        }
        self.keep(digest, plan)
        await self.motions.start(row, plan, models, {digest: content}, data)
        return await self.row(row.id)

    async def resume(self, run: str) -> RunRow:
        """Go on with a run that has not ended and that nobody drives.

        Raises:
            Conflict: It has ended, or somebody drives it.
        """
        await self.motions.resume(run)
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
        plan = await self.plan(parent)
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
        try:
            data = {"run": run, "at": at, "changes": changes}
            await self.motions.take_up(made.id, "run.forked", data, start=start)
        except BaseException:
            with suppress(NeurectomyError):
                await self.motions.delete(made.id)
            raise
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
        plan = await self.plan(await self.row(run))
        data: dict[str, Any] = {"by": by}
        if pending["kind"] == "human":
            data["value"] = answers.human_value(plan, motion.driver.state, step, value)
        else:
            data |= answers.unknown_decision(plan, motion.driver.state, pending, decision, value)
        await motion.driver.tell("human.answered", step, data)
        return await self.row(run)

    async def label(self, run: str, labels: dict[str, str]) -> RunRow:
        """Replace the labels of a run."""
        await self.row(run)
        await asyncio.to_thread(self.log.store.label, run, labels)
        self.log.changed.publish(run, run)
        return await self.row(run)


def _sources(program: Program, flow: str) -> list[tuple[str, str]]:
    """The models that a flow may ask, with what the program writes for them."""
    names = called(program, program.flows[flow])
    used = {program.agents[name].model for name in names if name in program.agents}
    return [(name, program.models[name].source) for name in program.models if name in used]


def _parameters(program: Program, flow: str) -> str:
    return ", ".join(p.name for p in program.flows[flow].parameters) or "nothing"


def _title(arguments: dict[str, Any]) -> str:
    texts = [value for value in arguments.values() if isinstance(value, str) and value.strip()]
    shown = "".join(c if c.isprintable() else " " for c in texts[0][: 4 * TITLE]) if texts else ""
    text = " ".join(shown.split())
    return text if len(text) <= TITLE else f"{text[: TITLE - 1]}…"
