"""The tree of runs around one: what it continues, and what continues it or its ancestors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from neurectomy.storage.port import RunQuery

if TYPE_CHECKING:
    from neurectomy.storage.port import RunRow, Store
    from neurectomy.timeline.axis import Axis

MOST_BRANCHES = 100
"""Runs that are given besides the one that is asked for."""


class Branch(Struct, frozen=True):
    """A run of the tree.

    Attributes:
        parent: The run whose events it continues; empty for the first.
        leaves: The last event that it shares with the run that was asked for; 0 for that run.
        left: That event, microseconds on the run's clock.
        began: Where it leaves its parent, microseconds on the run's clock.
        ended: Its last event, likewise.
    """

    run: str
    parent: str
    at: int
    leaves: int
    left: int
    began: int
    ended: int
    head: int
    status: str
    title: str
    created: int


def branches_of(store: Store, axis: Axis, row: RunRow) -> list[Branch]:
    """The run, then the others of its tree, those that leave early first. Blocking."""
    rows = {row.id: row}
    for ancestor in row.ancestry:
        found = store.run(ancestor.run)
        if found is not None:
            rows[found.id] = found
    waiting = list(rows)
    while waiting and len(rows) <= MOST_BRANCHES:
        for child in store.runs(RunQuery(parent=waiting.pop(0), limit=MOST_BRANCHES)):
            if child.id not in rows:
                rows[child.id] = child
                waiting.append(child.id)
    shown = [one for one in rows.values() if one.head > 0 and not one.hidden]
    branches = [_branch(axis, row, one) for one in shown[: MOST_BRANCHES + 1]]
    own = [branch for branch in branches if branch.run == row.id]
    others = [branch for branch in branches if branch.run != row.id]
    return own + sorted(others, key=lambda branch: (branch.leaves, branch.created))


def _branch(axis: Axis, row: RunRow, one: RunRow) -> Branch:
    parent = one.ancestry[-1] if one.ancestry else None
    (ended,) = axis.times(one, [one.head])
    leaves = shared(row, one)
    left = axis.times(one, [leaves])[0] if leaves else 0
    began = axis.times(one, [parent.until])[0] if parent else 0
    return Branch(
        one.id,
        parent.run if parent else "",
        parent.until if parent else 0,
        leaves,
        left,
        began,
        ended,
        one.head,
        one.status,
        one.title,
        one.created_us,
    )


def shared(row: RunRow, other: RunRow) -> int:
    """The last event that two runs of a tree share; 0 for a run and itself."""
    if row.id == other.id:
        return 0
    prefixes = {a.run: a.until for a in row.ancestry} | {row.id: row.head}
    found = 0
    for ancestor in other.ancestry:
        if ancestor.run in prefixes:
            found = max(found, min(ancestor.until, prefixes[ancestor.run]))
    if other.id in prefixes:
        found = max(found, prefixes[other.id])
    return found
