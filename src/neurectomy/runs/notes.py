"""Notes and bookmarks: events of a run that change nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from neurectomy.core.errors import InvalidInput, NotFound
from neurectomy.runs.marks import Note, marked_rows
from neurectomy.timeline.axis import wall_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurectomy.runs.motions import Motions
    from neurectomy.runs.readings import Readings
    from neurectomy.storage.port import RunRow, Store
    from neurectomy.timeline.axis import Axis

MOST_TEXT = 2_000
"""Characters of a note."""

ADDED, REMOVED = "note.added", "note.removed"

_decode = msgspec.json.Decoder(tuple[dict[str, Any], msgspec.Raw]).decode


def notes_of(store: Store, axis: Axis, row: RunRow) -> list[Note]:
    """The notes of a run, by the moment that they are about. Blocking."""
    found: dict[int, tuple[dict[str, Any], int]] = {}
    for marked in marked_rows(store, row, 0, row.head, kinds=(ADDED, REMOVED)):
        if marked.payload is None:
            continue
        data = _decode(marked.payload)[0]
        if marked.kind == REMOVED:
            found.pop(data.get("note", 0), None)
        elif isinstance(data.get("seq"), int) and 1 <= data["seq"] <= row.head:
            found[marked.seq] = (data, wall_of(marked.header))
    times = axis.times(row, [data["seq"] for data, _ in found.values()])
    notes = [
        Note(
            note,
            data["seq"],
            str(data.get("step", "")),
            str(data.get("text", "")),
            str(data.get("by", "")),
            at,
            mono,
        )
        for (note, (data, at)), mono in zip(found.items(), times, strict=True)
    ]
    return sorted(notes, key=lambda note: (note.seq, note.note))


class Notebook:
    """Writes notes about runs, and takes them back.

    Args:
        readings: Of the workspace.
        motions: The runs that this process drives.
        redact: Takes secrets out of a text.
    """

    def __init__(self, readings: Readings, motions: Motions, redact: Callable[[str], str]) -> None:
        self._readings = readings
        self._motions = motions
        self._redact = redact

    async def add(self, run: str, seq: int, text: str, *, by: str = "user") -> RunRow:
        """Write a note about an event of a run; a bookmark where the text is empty.

        Raises:
            InvalidInput: There is no such event, or the text is too long.
        """
        row = await self._readings.row(run)
        known = 1 <= seq <= row.head
        about = await self._readings.log.events(run, seq - 1, 1) if known else []
        data = added(row, seq, about[0].step if about else "", text, by)
        await self._motions.remark(run, ADDED, {**data, "text": self._redact(data["text"])})
        return await self._readings.row(run)

    async def remove(self, run: str, note: int, *, by: str = "user") -> RunRow:
        """Take a note back.

        Raises:
            NotFound: The run has no such note.
        """
        row = await self._readings.row(run)
        notes = await self._readings.notes(row)
        await self._motions.remark(run, REMOVED, removed(notes, note, by))
        return await self._readings.row(run)


def added(row: RunRow, seq: int, step: str, text: str, by: str) -> dict[str, Any]:
    """The data of a note.

    Raises:
        InvalidInput: There is no such event, or the text is too long.
    """
    if not 1 <= seq <= row.head:
        hint = f"Choose one from 1 to {row.head}."
        raise InvalidInput(f"the run has no event {seq}", hint=hint)
    if len(text) > MOST_TEXT:
        raise InvalidInput(f"a note has at most {MOST_TEXT} characters", hint="Write less.")
    return {"seq": seq, "step": step, "text": text.strip(), "by": by}


def removed(notes: list[Note], note: int, by: str) -> dict[str, Any]:
    """The data of a note's removal.

    Raises:
        NotFound: The run has no such note.
    """
    if all(one.note != note for one in notes):
        names = ", ".join(str(one.note) for one in notes) or "none"
        raise NotFound(f"the run has no note {note}", hint=f"It has: {names}.")
    return {"note": note, "by": by}
