"""What can be read of runs: rows, programs, requests, results, and whether a replay agrees."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from neurectomy.agents.changes import between
from neurectomy.core.errors import Damaged, InvalidInput, NotFound
from neurectomy.runs import requests
from neurectomy.runs.bundle import Bundle, read_bundle
from neurectomy.runs.compare import Comparer
from neurectomy.runs.lookup import find_run
from neurectomy.runs.malformed import telling
from neurectomy.runs.moment import Moment
from neurectomy.runs.notes import notes_of
from neurectomy.runs.overview import Overviews
from neurectomy.runs.plan import Plan
from neurectomy.runs.replay import Replay, Replayer
from neurectomy.runs.visits import Counted
from neurectomy.timeline.chain import GENESIS
from neurectomy.timeline.values import Values

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurectomy.models.port import ModelRequest
    from neurectomy.runs.marks import Note
    from neurectomy.storage.port import RunRow
    from neurectomy.timeline.log import Log

MOST_PLANS = 64
"""Prepared programs that are kept in memory."""


class Readings:
    """Reads runs, and keeps the programs that they were made from prepared.

    Attributes:
        comparer: Puts two runs beside each other.
        overviews: Counts what happened in windows of a run's time.
        visits: Counts how often each part of a program was reached.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.comparer = Comparer(self)
        self.overviews = Overviews(log)
        self.visits = Counted(log.store)
        self._plans: dict[str, Plan] = {}

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

    async def plan(self, row: RunRow) -> Plan:
        """The program of a run, prepared.

        Raises:
            Damaged: It is missing or cannot be read.
        """
        return await self.prepared(row.program)

    async def prepared(self, program: str) -> Plan:
        """The program of a bundle, by its digest.

        Raises:
            Damaged: It is missing or cannot be read.
        """
        plan = self._plans.get(program)
        return await asyncio.to_thread(self._prepare, program) if plan is None else plan

    def _prepare(self, program: str) -> Plan:
        plan = self._plans.get(program)
        if plan is None:
            plan = Plan(self.program(program).compiled())
            self.keep(program, plan)
        return plan

    def keep(self, program: str, plan: Plan) -> None:
        """Remember a prepared program by the digest of its bundle."""
        if len(self._plans) >= MOST_PLANS:
            self._plans.clear()
        self._plans[program] = plan

    async def bundle(self, run: str, at: int | None = None) -> Bundle:
        """The program that decides at a moment of a run, the last one by default."""
        row = await self.row(run)
        if at is None:
            at = row.head
        program = row.program
        if at > 0:
            program = (await asyncio.to_thread(self.log.state, run, at))["program"]
        return await asyncio.to_thread(self.program, program)

    async def request(self, run: str, seq: int) -> ModelRequest:
        """The canonical request of a ``model.requested`` event.

        Raises:
            NotFound: The event is none.
        """
        await self.row(run)
        events = await self.log.events(run, seq - 1, 1) if seq >= 1 else []
        if not events or events[0].seq != seq or events[0].kind != "model.requested":
            raise NotFound(f"event {seq} asks no model", hint="Give the seq of a model.requested.")

        @telling()
        def build() -> ModelRequest:
            values = Values(self.log.store.blob)
            state = self.log.state(run, seq)
            moment = Moment(self._prepare(state["program"]), values, state, seq + 1)
            frame = moment.frame(state["pending"][events[0].step]["frame"])
            return requests.build_request(moment, frame)

        return await asyncio.to_thread(build)

    async def notes(self, row: RunRow) -> list[Note]:
        """The notes of a run, by the moment that they are about."""
        return await asyncio.to_thread(notes_of, self.log.store, self.overviews.axis, row)

    async def result(self, row: RunRow) -> tuple[Any, dict[str, Any] | None]:
        """A run's value and error, each null until there is one."""
        if row.head == 0:
            return None, None

        def read() -> tuple[Any, dict[str, Any] | None]:
            state = self.log.state(row.id, row.head)
            return self.log.reader.resolve(state["result"]), state["error"]

        return await asyncio.to_thread(read)

    async def replay(
        self,
        run: str,
        *,
        plan: Plan | None = None,
        until: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Replay:
        """Compute every decision of a run again and compare it with the log.

        Args:
            run: The run's id.
            plan: A program to compare with instead of those that the run was recorded with.
            until: The last event to compare; the run's last one by default.
            progress: Told of the events that were compared, and of how many there are.

        Raises:
            Damaged: The log has a gap, or an event does not match its hash.
            InvalidInput: There is no event ``until``.
        """
        row = await self.row(run)
        if until is not None and not 1 <= until <= row.head:
            message = f"the run has no event {until}"
            raise InvalidInput(message, hint=f"Choose one from 1 to {row.head}.")
        last = row.head if until is None else until
        replayer = Replayer(
            run, self.log.store.blob, self._prepare if plan is None else lambda _: plan
        )
        link, after = GENESIS, 0
        while after < last:
            events, link = await asyncio.to_thread(self.log.verified, row, after, link)
            fed = [event for event in events if event.seq <= last]
            if not await asyncio.to_thread(replayer.feed, fed):
                break
            after = events[-1].seq
            if progress is not None:
                progress(min(after, last), last)
        found = replayer.result()
        if plan is None or found.difference is None or not replayer.program:
            return found
        recorded = await self.prepared(replayer.program)
        lines = tuple(change.line for change in between(recorded.program, plan.program))
        return replace(found, program_changes=lines)

    def program(self, program: str) -> Bundle:
        """A bundle by its digest. Blocking.

        Raises:
            Damaged: It is missing or cannot be read.
        """
        content = self.log.store.blob(program)
        if content is None:
            raise Damaged("the run's program is missing", hint="Delete the run.")
        return read_bundle(content)
