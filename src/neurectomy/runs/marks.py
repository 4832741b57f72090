"""What stands out of a run: errors, budgets, questions, files, forks, pauses, notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from neurectomy.storage.ancestry import segments
from neurectomy.timeline.axis import time_of

if TYPE_CHECKING:
    from neurectomy.storage.port import RunRow, Store
    from neurectomy.storage.scans import EventPart


class Mark(Struct, frozen=True):
    """An event that stands out.

    Attributes:
        kind: ``error``, ``budget``, ``person``, ``file``, ``fork``, ``pause``, ``run`` or ``note``.
        event: The event's kind.
        mono: Microseconds on the run's clock.
        text: What a note says; empty for other marks.
    """

    seq: int
    kind: str
    event: str
    step: str
    mono: int
    text: str = ""


_UNMARKED = frozenset(
    {
        "run.created",
        "run.finished",
        "run.waiting",
        "breakpoints.set",  # where it may wait, and not that it does
        "note.added",
        "note.removed",
        "tool.requested",
    }
)
_KINDS = {
    "run.expired": "budget",
    "human.asked": "person",
    "human.answered": "person",
    "tool.unknown": "person",
    "tool.withheld": "person",
    "run.forked": "fork",
    "run.paused": "pause",
    "run.continued": "pause",
    "tool.returned": "file",
}
_ERRORS = (".failed", ".rejected")


class _Error(Struct):
    code: str = ""


class _Data(Struct):
    error: _Error | None = None
    files: Any = None


_decode = msgspec.json.Decoder(tuple[_Data, msgspec.Raw]).decode


def mark_kind(kind: str, payload: bytes | None) -> str | None:
    """How an event stands out; null where it does not after all."""
    if kind in _UNMARKED:
        return None
    if kind == "tool.returned":
        return "file" if _data(payload).files is not None else None
    if kind in _KINDS:
        return _KINDS[kind]
    if kind.endswith(_ERRORS):
        error = _data(payload).error if kind in ("step.failed", "run.failed") else None
        return "budget" if error is not None and error.code == "budget" else "error"
    return "file" if kind.startswith("files.") else "run"


def _data(payload: bytes | None) -> _Data:
    try:
        return _Data() if payload is None else _decode(payload)[0]
    except msgspec.MsgspecError:
        return _Data()


class Note(Struct, frozen=True):
    """Something that a person wrote about a moment; a bookmark says nothing.

    Attributes:
        note: The event that added it, which is its name.
        seq: The event that it is about.
        at: When it was written, wall microseconds.
        mono: The moment on the run's clock that it is about, microseconds.
    """

    note: int
    seq: int
    step: str
    text: str
    by: str
    at: int
    mono: int


def marked_rows(
    store: Store,
    row: RunRow,
    after: int,
    until: int,
    *,
    kinds: tuple[str, ...] = (),
    limit: int = 1_000_000,
    newest: bool = False,
) -> list[EventPart]:
    """Events that stand out, those of ancestors included, in order or newest first. Blocking."""
    found: list[EventPart] = []
    parts = segments(row)
    for part, first, last in reversed(parts) if newest else parts:
        low, high = max(first, after), min(last, until)
        if low < high and len(found) < limit:
            left = limit - len(found)
            found += store.scans.marked(part, low, high, kinds=kinds, limit=left, newest=newest)
    return found


def marks_of(rows: list[EventPart]) -> list[Mark]:
    """The marks of such events."""
    return [
        Mark(row.seq, kind, row.kind, row.step, time_of(row.header))
        for row in rows
        if (kind := mark_kind(row.kind, row.payload)) is not None
    ]
