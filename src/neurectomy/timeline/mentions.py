"""Which blobs a run names: found in the text of its events, so that kinds need not be known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from neurectomy.core.errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neurectomy.storage.port import RunRow, Store

_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")

PAGE = 1000
"""Events that are read at a time."""


def digests_in(content: bytes) -> set[str]:
    """Everything in a text that could be the digest of a blob."""
    return {found.decode() for found in _DIGEST.findall(content)}


class Mentions:
    """Collects what is named, directly or by a value that is named.

    Args:
        known: The digests that count.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._left = set(known)
        self._waiting: list[str] = []
        self.found: set[str] = set()

    def look(self, content: bytes | None) -> None:
        """Look at a text."""
        if content is not None and self._left:
            new = digests_in(content) & self._left
            self._left -= new
            self.found |= new
            self._waiting += sorted(new)

    def take(self) -> str | None:
        """A digest that was found and whose own content was not looked at yet."""
        return self._waiting.pop() if self._waiting else None


def mentioned(store: Store, row: RunRow, known: Iterable[str]) -> frozenset[str]:
    """Those of some blobs that a run's own part of the log names, up to its head. Blocking.

    A blob that is lost names nothing.
    """
    mentions = Mentions(known)
    mentions.look(row.program.encode())
    after = row.ancestry[-1].until if row.ancestry else 0
    while events := store.events(row.id, after, row.head, PAGE):
        for event in events:
            mentions.look(event.payload)
        after = events[-1].seq
    for seq in store.upkeep.keyframes(row.id, row.head):
        keyframe = store.keyframe(row.id, seq)
        mentions.look(keyframe[1] if keyframe else None)
    while (digest := mentions.take()) is not None:
        try:
            mentions.look(store.blob(digest))
        except Damaged:
            continue
    return frozenset(mentions.found)
