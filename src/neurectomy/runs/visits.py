"""How often each part of a program was reached by a moment of a run, and how it went there.

A part is named by its step path without the flow, iterations and attempts: ``repeat/draft``. Blocks
of the log are counted once and kept, so that a moment costs the rest of one block.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from neurectomy.storage.ancestry import segments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neurectomy.storage.port import RunRow, Store

BLOCK = 4096
"""Events that are counted together."""

MOST_BLOCKS = 20_000
"""Counted blocks that are kept in memory."""

REST_SECONDS = 0.002
"""After each block that is counted, so that who asks for less is not kept waiting."""

_BEGINS = frozenset({"step.started", "tool.requested", "human.asked", "loop.entered"})
_DONE = frozenset({"value.bound", "branch.taken"})
_ENDS = {
    "step.finished": "done",
    "step.failed": "failed",
    "tool.returned": "done",
    "tool.failed": "failed",
    "human.answered": "done",
    "loop.left": "done",
}
_COUNTED = [*_BEGINS, *_DONE, *_ENDS]
_INNER = "/turn["
"""In the steps of an agent's own requests and calls, which are no parts of the program."""

_INDEX = re.compile(r"\[\d+\]")


class Visits(Struct):
    """A part of a program up to a moment.

    Attributes:
        count: How often it was reached.
        status: How it is: ``running``, ``done`` or ``failed``.
        first: The event that reached it first; ``last`` the one that did last; 0 for none.
        step: The step path of the last.
    """

    count: int = 0
    status: str = ""
    first: int = 0
    last: int = 0
    step: str = ""


class Counted:
    """Counts visits. Blocking and thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._blocks: dict[tuple[str, int], dict[str, Visits]] = {}

    def until(self, row: RunRow, at: int) -> dict[str, Visits]:
        """The visits of each part up to an event."""
        found: dict[str, Visits] = {}
        for part, first, until in segments(row):
            last = min(until, at)
            for number in range(first // BLOCK, -(-last // BLOCK)):
                low, high = max(first, number * BLOCK), min(last, (number + 1) * BLOCK)
                if low < high:
                    _merge(found, self._block(part, low, high))
        return found

    def _block(self, run: str, after: int, until: int) -> dict[str, Visits]:
        whole = until - after == BLOCK
        key = (run, after)
        known = self._blocks.get(key) if whole else None
        if known is None:
            known = count(self._store.scans.kinds(run, after, until, _COUNTED, _INNER))
            if whole:
                time.sleep(REST_SECONDS)
                if len(self._blocks) > MOST_BLOCKS:
                    self._blocks.clear()
                self._blocks[key] = known
        return known


def count(events: Iterable[tuple[int, str, str]]) -> dict[str, Visits]:
    """The visits that events tell of, each with its ``seq``, kind and step."""
    found: dict[str, Visits] = {}
    for seq, kind, step in events:
        if kind in _BEGINS:
            if kind == "step.started" and step.endswith("]"):
                continue  # an item of a map: only its end is drawn
            _reached(found, part_of(step), "running", seq, step)
        elif kind in _DONE:
            _reached(found, part_of(step), "done", seq, step)
        elif kind in _ENDS:
            name = part_of(step)
            if kind == "step.finished" and step.endswith("]"):
                _reached(found, f"{name}/yield", "done", seq, step)
            elif name:
                found.setdefault(name, Visits()).status = _ENDS[kind]
    return found


def part_of(step: str) -> str:
    """The part of the program that a step path is of; empty for the flow itself."""
    name = step.partition("/")[2]
    if "[" in name:
        name = _INDEX.sub("", name)
    return name.partition("~")[0]


def _reached(found: dict[str, Visits], name: str, status: str, seq: int, step: str) -> None:
    visits = found.setdefault(name, Visits())
    visits.count += 1
    visits.status = status
    visits.first = visits.first or seq
    visits.last, visits.step = seq, step


def _merge(into: dict[str, Visits], more: dict[str, Visits]) -> None:
    for name, visits in more.items():
        known = into.get(name)
        if known is None:
            into[name] = Visits(visits.count, visits.status, visits.first, visits.last, visits.step)
            continue
        known.count += visits.count
        known.status = visits.status
        known.first = known.first or visits.first
        if visits.last:
            known.last, known.step = visits.last, visits.step
