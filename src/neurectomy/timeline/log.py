"""The run log of a workspace: create runs, open them for writing, read and follow them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from neurectomy.bus.local import Topic
from neurectomy.core import codecs
from neurectomy.core.errors import Damaged, InvalidInput, NotFound, StaleLease, StorageError
from neurectomy.storage.ancestry import segments
from neurectomy.storage.port import ENDED, RunRow
from neurectomy.timeline import chain
from neurectomy.timeline.committer import Committer
from neurectomy.timeline.event import Event, decode_payload, from_row
from neurectomy.timeline.fold import fold
from neurectomy.timeline.values import Values, unpack
from neurectomy.timeline.writer import RunWriter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from neurectomy.core.clock import Clock
    from neurectomy.storage.port import EventRow, Store

LEASE_US = 30_000_000
"""How long a lease lasts without renewal, microseconds; it is renewed three times in that time."""

PAGE = 1000
"""Events that are read from the store at a time."""


class Log:
    """Everything that reads or writes run logs goes through here.

    Args:
        store: Where rows and blobs are kept; the log does not close it.
        owner: This process's name in leases.

    Attributes:
        published: Events of each run, under its id, once they are durable.
        changed: Ids of runs whose row has changed.
    """

    def __init__(self, store: Store, clock: Clock, owner: str) -> None:
        self.store = store
        self._clock = clock
        self._owner = owner
        self._committer = Committer(store)
        self._writers: dict[str, tuple[RunWriter, int]] = {}
        self._renewal: asyncio.Task[None] | None = None
        self.published: Topic[list[EventRow]] = Topic()
        self.changed: Topic[str] = Topic()
        self.reader = Values(store.blob)

    async def create(self, row: RunRow, blobs: dict[str, bytes]) -> RunWriter:
        """Insert a new run and write it; its first event must set the whole state."""
        row = self._leased(row)
        await asyncio.to_thread(self.store.create_run, row, blobs)
        return self._writer(row, {}, 0)

    async def open(self, run: str, *, force: bool = False) -> RunWriter:
        """Take a run over at its head.

        Args:
            run: The run's id.
            force: Take it from a writer whose lease has not ended.
        """
        now = self._clock.wall()
        row = await asyncio.to_thread(
            self.store.acquire, run, self._owner, now, now + LEASE_US, force=force
        )
        state = await asyncio.to_thread(self.state, run, row.head)
        last = await self.events(run, row.head - 1, 1)
        return self._writer(row, state, last[0].mono if last else 0)

    async def release(self, writer: RunWriter) -> None:
        """End writing: commit what is left and give the lease back."""
        try:
            with suppress(StaleLease):
                await writer.barrier()
        finally:
            entry = self._writers.get(writer.run)
            if entry is not None and entry[0] is writer:
                del self._writers[writer.run]
                await asyncio.to_thread(self.store.release, writer.run, entry[1])

    def row(self, run: str) -> RunRow:
        """The run's row.

        Raises:
            NotFound: No such run.
        """
        row = self.store.run(run)
        if row is None:
            raise NotFound(f"there is no run {run}", hint="List them with: neurectomy runs list")
        return row

    def rows(self, run: str, after: int, limit: int) -> list[EventRow]:
        """Stored events with ``seq > after``, those of ancestors included. Blocking."""
        found: list[EventRow] = []
        for part, first, until in segments(self.row(run)):
            if until <= after or len(found) >= limit:
                continue
            found += self.store.events(part, max(first, after), until, limit - len(found))
        return found

    async def events(self, run: str, after: int = 0, limit: int = PAGE) -> list[Event]:
        """Events with ``seq > after``, those of ancestors included, at most ``limit``.

        Of a damaged log, those before the damage.

        Raises:
            Damaged: The next one is missing, or cannot be read.
        """
        after = max(after, 0)
        rows = await asyncio.to_thread(self.rows, run, after, limit)
        if not rows and limit > 0:
            row = await asyncio.to_thread(self.row, run)
            rows = await asyncio.to_thread(self.rows, run, after, limit)
            if not rows and row.head > after:
                raise _missing(after + 1, row.head)
        events: list[Event] = []
        for seq, found in enumerate(rows, after + 1):
            try:
                if found.seq != seq:
                    raise _missing(seq, found.seq)
                events.append(_event(found))
            except Damaged:
                if events:
                    break
                raise
        return events

    def state(self, run: str, at: int) -> Any:
        """The state after the event ``at``: one keyframe, and the patches after it.

        Long lists are in their chunked form; see `whole_state`. Blocking.
        """
        row = self.row(run)
        if not 0 <= at <= row.head:
            raise InvalidInput(f"the run has no event {at}", hint=f"The last one is {row.head}.")
        parts = [part for part in segments(row) if part[1] < at or part[1] == 0]
        start, state = self._keyframe(parts, at)
        for part, first, until in parts:
            if until <= start:
                continue
            after, last = max(first, start), min(until, at)
            payloads = self.store.payloads(part, after, last)
            if len(payloads) != last - after:
                seqs = [event.seq for event in self.store.events(part, after, last, last - after)]
                gap = next(n for n, seq in enumerate([*seqs, 0], after + 1) if seq != n)
                raise _missing(gap, row.head)
            for seq, payload in enumerate(payloads, after + 1):
                try:
                    if payload is not None:
                        data, patch = decode_payload(payload)
                        state = fold(state, patch, data)
                except UNFOLDABLE as error:
                    message = f"the log cannot be folded at event {seq} ({type(error).__name__})"
                    raise damaged(message, seq) from error
        return state

    def _keyframe(self, parts: list[tuple[str, int, int]], at: int) -> tuple[int, Any]:
        """The newest keyframe up to an event that can be read; the empty state before the first."""
        for part, first, until in reversed(parts):
            last = min(until, at)
            while last > first and (found := self.store.keyframe(part, last)) is not None:
                try:
                    return found[0], codecs.decode(found[1])
                except (ValueError, RecursionError):
                    last = found[0] - 1
        return 0, {}

    def whole_state(self, run: str, at: int) -> Any:
        """As `state`, with every list whole. Blocking."""
        return unpack(self.state(run, at), self.reader)

    async def follow(self, run: str, after: int = 0) -> AsyncIterator[list[Event]]:
        """Batches of events in order without a gap, first from the store, then as they come.

        Ends when the run has ended and everything was given.
        """
        with self.published.subscribe(run) as subscription:
            while True:
                while events := await self.events(run, after):
                    after = events[-1].seq
                    yield events
                row = await asyncio.to_thread(self.row, run)
                if row.head > after:
                    continue
                if row.status in ENDED:
                    return
                while True:
                    batches = await subscription.wait()
                    fresh = [from_row(row) for batch in batches for row in batch if row.seq > after]
                    gap = fresh and fresh[0].seq != after + 1
                    if subscription.overflowed or gap or not fresh:
                        subscription.overflowed = False
                        break
                    after = fresh[-1].seq
                    yield fresh
                    if any(event.kind in _LAST for event in fresh):
                        return

    def verified(self, row: RunRow, after: int, link: bytes) -> tuple[list[Event], bytes]:
        """The next events of a run, checked against the chain, and the link of the last. Blocking.

        Args:
            row: The run's.
            after: The last event that was checked, before the head.
            link: Its link; `chain.GENESIS` before the first.

        Raises:
            Damaged: The log has a gap there, or an event does not match its hash.
        """
        rows = self.rows(row.id, after, PAGE)
        for seq, found in enumerate(rows, after + 1):
            if found.seq != seq:
                rows = rows[: seq - after - 1]
                break
        if not rows:
            raise _missing(after + 1, row.head)
        link = chain.verify(rows, link)
        if rows[-1].seq == row.head and row.link and link != row.link:
            raise damaged("the chain does not end as the run says", row.head)
        return [from_row(found) for found in rows], link

    def verify(self, run: str) -> int:
        """Check the whole chain of a run, its ancestors' prefixes included, and count its events.

        Raises:
            Damaged: An event does not match. Blocking.
        """
        row, link, after = self.row(run), chain.GENESIS, 0
        while after < row.head:
            events, link = self.verified(row, after, link)
            after = events[-1].seq
        return after

    async def close(self) -> None:
        """Commit what is queued, give leases back, stop."""
        if self._renewal is not None:
            self._renewal.cancel()
        for writer, _ in list(self._writers.values()):
            await self.release(writer)
        await asyncio.to_thread(self._committer.close)

    def forget(self) -> None:
        """Drop what is kept in memory of stored values: some were erased."""
        self.reader = Values(self.store.blob)

    def tell(self, run: str, rows: list[EventRow]) -> None:
        """Tell those who follow of events that the store was given by another way than a writer."""
        self._publish(run, rows)

    def _leased(self, row: RunRow) -> RunRow:
        until = self._clock.wall() + LEASE_US
        return _replace(row, lease_epoch=1, lease_owner=self._owner, lease_until_us=until)

    def _writer(self, row: RunRow, state: Any, mono: int) -> RunWriter:
        writer = RunWriter(
            row,
            state,
            mono,
            values=Values(self.store.blob),
            committer=self._committer,
            clock=self._clock,
            publish=self._publish,
        )
        self._writers[row.id] = (writer, row.lease_epoch)
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.get_running_loop().create_task(self._renew())
        return writer

    def _publish(self, run: str, rows: list[EventRow]) -> None:
        self.published.publish(run, rows)
        self.changed.publish(run, run)

    async def _renew(self) -> None:
        while self._writers:
            await asyncio.sleep(LEASE_US / 3_000_000)
            until = self._clock.wall() + LEASE_US
            for run, (_, epoch) in list(self._writers.items()):
                try:
                    await asyncio.to_thread(self.store.renew, run, epoch, until)
                except StaleLease:
                    self._writers.pop(run, None)  # its next barrier says so to whoever writes
                except StorageError:
                    continue  # the next commit says so to whoever writes


UNFOLDABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What folding an event raises that does not fit."""


def damaged(message: str, seq: int) -> Damaged:
    """The error of a log that is sound up to an event."""
    hint = "The events before it are sound. Look at the damage with: neurectomy doctor"
    return Damaged(message, hint=hint, seq=seq)


def _missing(seq: int, head: int) -> Damaged:
    return damaged(f"event {seq} is missing, and the run goes on to {head}", seq)


def _event(row: EventRow) -> Event:
    try:
        return from_row(row)
    except (ValueError, RecursionError) as error:
        raise damaged(f"event {row.seq} cannot be read", row.seq) from error


_LAST = frozenset({"run.finished", "run.failed", "run.cancelled"})


def _replace(row: RunRow, **changes: Any) -> RunRow:
    return RunRow(**{name: getattr(row, name) for name in row.__struct_fields__} | changes)
