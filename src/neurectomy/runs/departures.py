"""Where a fork or a change leaves what is recorded: found, and checked against that moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Struct

from neurectomy.core.errors import Damaged, InvalidInput
from neurectomy.runs import answers, forks, malformed
from neurectomy.runs.failures import STOPPING
from neurectomy.runs.forks import Changes, Prepared
from neurectomy.runs.plan import Plan
from neurectomy.storage.port import ENDED

if TYPE_CHECKING:
    from neurectomy.models.port import ModelSource
    from neurectomy.runs.door import Door
    from neurectomy.runs.readings import Readings
    from neurectomy.runs.secrets import Broker
    from neurectomy.storage.port import RunRow

NEAR = 1000
"""Events before and after one among which others are looked for that would do."""

MOST_ENDS = 5
"""Of these that are named."""


class Departure(Struct, frozen=True):
    """What a fork begins with.

    Attributes:
        at: The last event that it shares with its parent.
        prepared: What is different from there on.
        answer: A step and the data of how what is pending there ends; null where that stays open.
    """

    at: int
    prepared: Prepared
    answer: tuple[str, dict[str, Any]] | None


class Departures:
    """Takes secrets out of what people want to be different, and checks it; writes nothing.

    Args:
        broker: Keeps the secrets that are given.
        door: Takes them, and what else is redacted, out of changes.
        models: Finds the models that a changed program names.
    """

    def __init__(self, readings: Readings, broker: Broker, door: Door, models: ModelSource) -> None:
        self._readings = readings
        self._broker = broker
        self._door = door
        self._models = models

    async def fork(
        self, made: str, parent: RunRow, at: int, changes: Changes, *, stopping: bool = False
    ) -> Departure:
        """Where a fork leaves its parent, its changes, and how what is pending there ends.

        Args:
            made: The fork's id.
            parent: The run that it leaves.
            at: See `neurectomy.runs.service.Runs.fork`.
            changes: Not checked yet.
            stopping: Whether there may be changes to a run that is about to end.

        Raises:
            InvalidInput: There is no such event, the run ended there, or the changes do not fit.
            Damaged: The state lacks what it must have.
        """
        step = ""
        if changes.value is not UNSET:
            at, step = await self._before(parent.id, at)
        if not 1 <= at <= parent.head:
            hint = f"Choose an event from 1 to {parent.head}."
            raise InvalidInput(f"the run has no event {at}", hint=hint)
        state = await asyncio.to_thread(self._readings.log.state, parent.id, at)
        if state["status"] in ENDED:
            hint = f"Choose an event from 1 to {at - 1}."
            raise InvalidInput(f"the run had {state['status']} at event {at}", hint=hint)
        self._broker.inherit(made, parent.id)
        with malformed.telling():
            changes = await self._let_in(made, changes, state, step)
            prepared = await self._prepared(changes, state, stopping=stopping)
            answer = _answer(prepared.plan, state, step, changes.value)
        return Departure(at, prepared, answer)

    async def change(self, run: str, changes: Changes, state: Any) -> Prepared:
        """What is different from a moment on in the run itself.

        Args:
            run: The run's id.
            changes: Not checked yet.
            state: Of the run at its head.

        Raises:
            InvalidInput: They do not fit.
        """
        changes = await self._let_in(run, changes, state, "")
        return await self._prepared(changes, state)

    async def end(self, row: RunRow) -> tuple[int, dict[str, Any]]:
        """The moment before a run failed or was cancelled, and what goes on from there again.

        Returns:
            The ``seq`` of the event before its end, and ``revive`` of the fork's changes.

        Raises:
            Damaged: Events are missing.
        """
        last = await asyncio.to_thread(self._last_of, row, frozenset({f"run.{row.status}"}), {""})
        at = last[""] - 1
        state = await asyncio.to_thread(self._readings.log.state, row.id, at)
        asking = {path for path, one in state["frames"].items() if one["kind"] == "ask"}
        asked = await asyncio.to_thread(self._last_of, row, frozenset({"human.asked"}), asking)
        failed = (state["error"] or {}).get("step", "")
        frame = state["frames"].get(failed, {})
        again = {failed: frame["callee"]} if frame.get("kind") == "agent" else {}
        return at, {"asked": asked, "again": again}

    def _last_of(self, row: RunRow, kinds: frozenset[str], steps: set[str]) -> dict[str, int]:
        """The last event of some kinds at each of some steps. Blocking.

        Raises:
            Damaged: There is none at one of them.
        """
        found: dict[str, int] = {}
        until = row.head
        while len(found) < len(steps) and until > 0:
            first = max(0, until - 1000)
            for event in reversed(self._readings.log.rows(row.id, first, until - first)):
                if event.kind in kinds and event.step in steps:
                    found.setdefault(event.step, event.seq)
            until = first
        if len(found) < len(steps):
            raise Damaged("events are missing that the state tells of", hint="Fork it earlier.")
        return found

    async def _let_in(self, run: str, changes: Changes, state: Any, step: str) -> Changes:
        """Changes without the secrets in them."""
        recorded = await self._readings.prepared(state["program"])
        plan = recorded if changes.bundle is None else Plan(changes.bundle.compiled())
        return self._door.changes(run, plan, state, step, changes)

    async def _prepared(self, changes: Changes, state: Any, *, stopping: bool = False) -> Prepared:
        if state["status"] in STOPPING and changes != Changes() and not stopping:
            hint = "Choose an event before it began to fail or to be cancelled."
            raise InvalidInput(f"the run was {state['status']} at that moment", hint=hint)
        recorded = await self._readings.prepared(state["program"])
        return await forks.prepare(
            changes, state, recorded, self._readings.log.reader, self._models
        )

    async def _before(self, run: str, at: int) -> tuple[int, str]:
        """The last event before a call or question ended at ``at``, and the step that ended."""
        events = await self._readings.log.events(run, at - 1, 1) if at >= 1 else []
        event = events[0] if events and events[0].seq == at else None
        if event is not None and event.kind in forks.ENDS:
            return at - 1, event.step
        if event is not None and event.kind in ("tool.requested", "human.asked"):
            return at, event.step
        hint = await asyncio.to_thread(self._ends_near, run, at)
        raise InvalidInput(f"event {at} ends no call and no question", hint=hint)

    def _ends_near(self, run: str, at: int) -> str:
        """A hint at the events near one that end a call or a question. Blocking."""
        first = max(0, at - NEAR)
        rows = self._readings.log.rows(run, first, 2 * NEAR)
        found = [(row.seq, row.step) for row in rows if row.kind in forks.ENDS]
        nearest = sorted(sorted(found, key=lambda end: abs(end[0] - at))[:MOST_ENDS])
        listed = ", ".join(f"{seq} {step.rpartition('/')[2]}" for seq, step in nearest)
        hint = "Choose the event with which a tool's call or a question to a person ended"
        return f"{hint}: {listed}." if listed else f"{hint}."


def _answer(plan: Plan, state: Any, step: str, value: Any) -> tuple[str, dict[str, Any]] | None:
    """How a person ends what is pending at a step; null where nothing is to end."""
    if not step:
        return None
    pending = state["pending"].get(step)
    if pending is None:
        raise InvalidInput(f"nothing is pending at {step}", hint="Choose another event.")
    if pending["kind"] == "human":
        given = {"value": answers.human_value(plan, state, step, value)}
    else:
        given = answers.unknown_decision(plan, state, pending, "value", value)
    return step, {"by": "user", **given}
