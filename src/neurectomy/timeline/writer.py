"""The single writer of one run: places events, folds the state, and waits at barriers."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from neurectomy.storage.port import ENDED, Batch, EventRow, RunUpdate
from neurectomy.timeline.chain import GENESIS
from neurectomy.timeline.event import Draft, Event, to_row
from neurectomy.timeline.fold import fold
from neurectomy.timeline.values import Values, pack

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurectomy.core.clock import Clock
    from neurectomy.storage.port import RunRow
    from neurectomy.timeline.committer import Committer

KEYFRAME_EVERY = 64
"""Events between two keyframes: the most patches that lie between a keyframe and any moment."""


class RunWriter:
    """Appends to one run under its lease.

    Args:
        row: The run's row as the lease was taken.
        state: The state at ``row.head``; the writer owns it from now on.
        mono: Microseconds on the run's own clock at ``row.head``.
        publish: Told of events once they are durable.

    Attributes:
        state: The state after the last appended event.
        values: Interns and resolves the run's values.
    """

    def __init__(
        self,
        row: RunRow,
        state: Any,
        mono: int,
        *,
        values: Values,
        committer: Committer,
        clock: Clock,
        publish: Callable[[str, list[EventRow]], None],
    ) -> None:
        self.run = row.id
        self.state = state
        self.values = values
        self.seq = row.head
        self._epoch = row.lease_epoch
        self._ended_us = row.ended_us
        self._link = row.link or GENESIS
        self._committer = committer
        self._clock = clock
        self._publish = publish
        self._zero = clock.monotonic() - mono * 1000
        self._mono = mono
        self._rows: list[EventRow] = []
        self._keyframes: list[tuple[int, bytes]] = []
        self._committed = row.head
        self._waiting: list[asyncio.Future[None]] | None = None

    @property
    def mono(self) -> int:
        """Microseconds on the run's own clock at its last event."""
        return self._mono

    def append(self, draft: Draft) -> None:
        """Give the draft its place and fold it; it is durable at the next barrier.

        Folding takes the draft's objects over: they belong to the state from now on.
        """
        now = (self._clock.monotonic() - self._zero) // 1000
        self._mono = now = max(self._mono, now)
        self.seq += 1
        event = Event(
            self.seq,
            draft.kind,
            draft.version,
            draft.step,
            draft.causes,
            self._clock.wall(),
            now,
            draft.data,
            draft.patch,
        )
        row = to_row(event, self._link)
        self._link = row.link or GENESIS
        self._rows.append(row)
        self.state = fold(self.state, draft.patch, draft.data)
        if self.seq % KEYFRAME_EVERY == 0:
            self._keyframes.append((self.seq, pack(self.state, self.values)))

    async def barrier(self) -> None:
        """Wait until everything appended so far is durable, then publish it.

        Raises:
            StaleLease: Another writer has taken the run over.
            StorageError: The store refused; nothing of this part was written.
        """
        waiting = self._flush()
        if waiting is not None:
            durable = asyncio.get_running_loop().create_future()
            waiting.append(durable)
            await durable

    def _flush(self) -> list[asyncio.Future[None]] | None:
        """Hand what is new to the committer; those who wait for it, null where nothing is due."""
        if not self._rows:
            return self._waiting
        rows, keyframes = self._rows, tuple(self._keyframes)
        batch = Batch(
            self.run,
            self._epoch,
            self._committed,
            tuple(rows),
            keyframes,
            self.values.take_fresh(),
            self._update(),
        )
        self._rows, self._keyframes = [], []
        self._committed = self.seq
        waiting: list[asyncio.Future[None]] = []
        self._waiting = waiting
        self._committer.submit(batch, partial(self._landed, rows, waiting))
        return waiting

    def _landed(
        self, rows: list[EventRow], waiting: list[asyncio.Future[None]], error: Exception | None
    ) -> None:
        """Publish what is durable now, and wake those who wait for it."""
        if self._waiting is waiting:
            self._waiting = None
        if error is None:
            self._publish(self.run, rows)
        for durable in waiting:
            if durable.done():
                continue  # whoever waited was cancelled
            if error is None:
                durable.set_result(None)
            else:
                durable.set_exception(error)

    def _update(self) -> RunUpdate:
        status = self.state["status"]
        if status in ENDED and self._ended_us is None:
            self._ended_us = self._clock.wall()
        ended = self._ended_us if status in ENDED else None
        return RunUpdate(status, dict(self.state["accounts"]), ended)
