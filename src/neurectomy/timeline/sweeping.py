"""Reclaims what nothing refers to: blobs, files without a row, hidden runs that no fork needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurectomy.storage.upkeep import Trim
from neurectomy.timeline.mentions import mentioned

if TYPE_CHECKING:
    from neurectomy.storage.port import Store
    from neurectomy.storage.upkeep import Collected


def sweep(store: Store, *, rehearsal: bool = False) -> Collected:
    """Remove what nothing refers to, beside whoever writes. Blocking.

    A run that was deleted and is kept for its forks gives back what only its later events named.

    Args:
        store: Of the workspace.
        rehearsal: Say what would go, and leave everything as it is.
    """
    trims = []
    for row in store.upkeep.runs():
        if row.hidden and (uses := store.upkeep.uses(row.id)):
            named = mentioned(store, row, uses)
            if named != uses:
                trims.append(Trim(row.id, row.head, named))
    return store.upkeep.collect(trims, rehearsal=rehearsal)
