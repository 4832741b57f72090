"""Which run somebody means who gives less than its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurectomy.core import ids
from neurectomy.core.errors import InvalidInput, NotFound
from neurectomy.storage.port import RunQuery

if TYPE_CHECKING:
    from neurectomy.storage.port import Store

SHORTEST = 4
"""Characters of an id's end that are enough to look for."""


def find_run(store: Store, start: str) -> str:
    """The id of the one run whose id begins or ends with ``start``, or ``last`` for the newest.

    Raises:
        NotFound: There is none.
        InvalidInput: There are several, or ``start`` is empty.
    """
    if not start:
        raise InvalidInput("the run's id is missing", hint="List runs with: neurectomy runs list")
    if ids.is_id(start):
        return start
    if start == "last":
        found = [row.id for row in store.runs(RunQuery(limit=1))]
    else:
        rows = store.runs(RunQuery(limit=1000, search=start))
        long = len(start) >= SHORTEST
        found = [r.id for r in rows if r.id.startswith(start) or (long and r.id.endswith(start))]
    if not found:
        raise NotFound(f"there is no run {start}", hint="List them with: neurectomy runs list")
    if len(found) > 1:
        raise InvalidInput(f"several runs begin or end with {start}", hint="Give more of the id.")
    return found[0]
