"""A run's log in parts: the prefixes of other runs that it continues, then its own events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurectomy.core.errors import InvalidInput
from neurectomy.storage.port import Ancestor

if TYPE_CHECKING:
    from neurectomy.storage.port import RunRow


def segments(row: RunRow) -> list[tuple[str, int, int]]:
    """The parts of a run's log: ``(run, first seq - 1, last seq)``, oldest first, its own last."""
    parts, start = [], 0
    for ancestor in row.ancestry:
        parts.append((ancestor.run, start, ancestor.until))
        start = ancestor.until
    return [*parts, (row.id, start, row.head)]


def fork_ancestry(parent: RunRow, at: int) -> tuple[Ancestor, ...]:
    """The flattened ancestry of a fork of ``parent`` after the event ``at``.

    Raises:
        InvalidInput: The parent has no such event.
    """
    if not 1 <= at <= parent.head:
        hint = f"Choose one from 1 to {parent.head}."
        raise InvalidInput(f"the run has no event {at}", hint=hint)
    return tuple(
        Ancestor(run, min(until, at)) for run, first, until in segments(parent) if first < at
    )
