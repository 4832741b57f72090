"""Publish and subscribe within one process: bounded queues that tell a slow reader to catch up."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class Subscription(Generic[T]):
    """One reader's queue. On overflow it is emptied and marked, and the reader catches up."""

    def __init__(self, capacity: int) -> None:
        self._items: list[T] = []
        self._capacity = capacity
        self._wake = asyncio.Event()
        self.overflowed = False

    def put(self, item: T) -> None:
        """Queue an item; never waits."""
        if len(self._items) >= self._capacity:
            self._items.clear()
            self.overflowed = True
        else:
            self._items.append(item)
        self._wake.set()

    async def wait(self) -> list[T]:
        """Everything that has come since the last call; waits for at least one wake-up.

        After an overflow the list may be empty and ``overflowed`` is true until it is cleared.
        """
        await self._wake.wait()
        self._wake.clear()
        items, self._items = self._items, []
        return items


class Topic(Generic[T]):
    """Everybody who subscribes to a key gets what is published under it."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._readers: dict[str, set[Subscription[T]]] = {}

    def publish(self, key: str, item: T) -> None:
        """Give the item to the readers of ``key`` and to those of ``*``."""
        for name in (key, "*"):
            for reader in self._readers.get(name, ()):
                reader.put(item)

    @contextmanager
    def subscribe(self, key: str = "*") -> Iterator[Subscription[T]]:
        """A subscription for as long as the block runs."""
        reader: Subscription[T] = Subscription(self._capacity)
        self._readers.setdefault(key, set()).add(reader)
        try:
            yield reader
        finally:
            readers = self._readers[key]
            readers.discard(reader)
            if not readers:
                del self._readers[key]
