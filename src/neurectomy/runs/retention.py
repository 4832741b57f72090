"""How long runs are kept: rules, which runs they let go, and letting them go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from neurectomy.core.errors import Conflict, NotFound
from neurectomy.storage.port import RunQuery
from neurectomy.timeline.sweeping import sweep

if TYPE_CHECKING:
    from neurectomy.runs.service import Runs
    from neurectomy.storage.port import RunRow, Store

KEEP = "keep"
"""The label of runs that no rule deletes."""

_NO = frozenset({"", "no", "false", "0"})
_DAY_US = 86_400_000_000
_PAGE = 1000


class Retention(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rules by which runs that have ended are kept; one that says so is enough.

    Without ``keep_days`` and ``keep_runs`` every run is kept. One in motion, one that waits, and
    one with the label ``keep`` always are.

    Attributes:
        keep_days: Those that ended within so many days; 0 is no rule.
        keep_runs: So many of those that ended, the newest; 0 is no rule.
        keep_failed: Those that failed.
    """

    keep_days: Annotated[int, Meta(ge=0, le=100_000)] = 0
    keep_runs: Annotated[int, Meta(ge=0, le=10**9)] = 0
    keep_failed: bool = False


class Tidied(Struct, frozen=True):
    """What was removed, or would be; bytes are as stored.

    Attributes:
        expired: Ids of runs that the rules let go.
        expired_bytes: Of their events.
        hidden: Deleted runs that were kept for forks which are gone.
        files: In the folder of blobs, without a row, or whose writing broke off.
    """

    dry_run: bool
    expired: tuple[str, ...]
    expired_bytes: int
    hidden: int
    blobs: int
    blob_bytes: int
    files: int
    file_bytes: int


async def tidy(runs: Runs, rules: Retention, now_us: int, *, dry_run: bool = False) -> Tidied:
    """Delete what the rules let go, then sweep what nothing refers to.

    Args:
        runs: Of the workspace.
        rules: Its own.
        now_us: Wall time, microseconds.
        dry_run: Say what would go, and leave everything as it is. What only expired runs name is
            not counted then.
    """
    store = runs.log.store
    gone, size = [], 0
    for row in await asyncio.to_thread(expired, store, rules, now_us):
        if runs.motions.drives(row.id):
            continue
        try:
            used = (await asyncio.to_thread(store.run_usage, row.id)).event_bytes
            if not dry_run:
                await runs.motions.delete(row.id)
        except (Conflict, NotFound):  # somebody has just taken it up, or deleted it
            continue
        gone.append(row.id)
        size += used
    swept = await asyncio.to_thread(lambda: sweep(store, rehearsal=dry_run))
    return Tidied(
        dry_run,
        tuple(gone),
        size,
        swept.runs,
        swept.blobs,
        swept.blob_bytes,
        swept.files,
        swept.file_bytes,
    )


def expired(store: Store, rules: Retention, now_us: int) -> list[RunRow]:
    """The runs that no rule keeps, newest first. Blocking."""
    if not rules.keep_days and not rules.keep_runs:
        return []
    found: list[RunRow] = []
    before, seen = None, 0
    while True:
        query = RunQuery(_PAGE, before, ("finished", "failed", "cancelled"))
        page = store.runs(query)
        for row in page:
            seen += 1
            if not _kept(row, rules, seen, now_us):
                found.append(row)
        if len(page) < _PAGE:
            return found
        before = page[-1].id


def _kept(row: RunRow, rules: Retention, place: int, now_us: int) -> bool:
    ended = row.created_us if row.ended_us is None else row.ended_us
    return (
        (rules.keep_days > 0 and ended > now_us - rules.keep_days * _DAY_US)
        or place <= rules.keep_runs
        or (rules.keep_failed and row.status == "failed")
        or row.labels.get(KEEP, "").lower() not in _NO
        or (row.lease_owner != "" and row.lease_until_us > now_us)
    )
