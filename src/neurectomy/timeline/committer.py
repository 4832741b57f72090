"""One thread that commits for every run: barriers that meet share one transaction and one sync."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from neurectomy.core.errors import StorageError

if TYPE_CHECKING:
    from neurectomy.storage.port import Batch, Store

_MOST_BATCHES = 512
"""Batches in one transaction, so that a flood does not make one barrier wait for all of it."""

Ended = Callable[[Exception | None], None]
"""Told on the event loop how a batch ended: null once it is durable, else why it is not."""

Waiting = tuple["Batch", Ended, asyncio.AbstractEventLoop]


class Committer:
    """Commits batches in the order in which they were submitted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="run log committer", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch, ended: Ended) -> None:
        """Queue a batch; ``ended`` is called on this event loop."""
        loop = asyncio.get_running_loop()
        if self._closed:
            error = StorageError("the run log is closed", hint="Start the server.")
            loop.call_soon(ended, error)
        else:
            self._queue.put((batch, ended, loop))

    def close(self) -> None:
        """Commit what is queued and end the thread."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            waiting, last = [first], False
            while len(waiting) < _MOST_BATCHES and not self._queue.empty():
                item = self._queue.get()
                if item is None:
                    last = True
                    break
                waiting.append(item)
            self._commit(waiting)
            if last:
                return

    def _commit(self, waiting: list[Waiting]) -> None:
        batches = [batch for batch, _, _ in waiting]
        results = self._committed(batches)
        if len(batches) > 1 and all(results):  # one may be what spoils the transaction of all
            results = [self._committed([batch])[0] for batch in batches]
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Ended, Exception | None]]] = {}
        for (_, ended, loop), result in zip(waiting, results, strict=True):
            by_loop.setdefault(loop, []).append((ended, result))
        for loop, told in by_loop.items():
            try:
                loop.call_soon_threadsafe(_tell, told)
            except RuntimeError:
                continue  # the loop was closed: nobody waits any more

    def _committed(self, batches: list[Batch]) -> list[Exception | None]:
        try:
            return self._store.commit(batches)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            return [error] * len(batches)


def _tell(told: list[tuple[Ended, Exception | None]]) -> None:
    for ended, error in told:
        ended(error)
