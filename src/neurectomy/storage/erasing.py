"""SQL with which values are erased from what a store keeps of a run; both databases understand it.

Each statement has ``?`` where a value goes; PostgreSQL's driver is given ``%s`` there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.core import codecs
from neurectomy.core.errors import Conflict
from neurectomy.storage import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neurectomy.storage.port import Erasure

    Execute = Callable[[str, Sequence[Any]], Any]

RELATIVES = (
    f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE key IN ("
    "WITH roots AS (SELECT ? AS root UNION SELECT ancestor FROM ancestors WHERE run = ?) "
    "SELECT root FROM roots UNION SELECT run FROM ancestors WHERE ancestor IN "
    "(SELECT root FROM roots)) ORDER BY id"
)
"""A run, the runs that it continues, and every run that continues one of these; the key twice."""

BLOBS_OF = "SELECT digest FROM blob_uses JOIN blobs ON key = blob WHERE run = ? ORDER BY digest"

_TAKE_OVER = (
    "UPDATE runs SET head = ?, link = ?, title = ?, labels = ?, lease_epoch = lease_epoch + 1 "
    "WHERE key = ? AND head = ? AND lease_epoch = ?"
)
_SET_KEYFRAME = (
    "INSERT INTO keyframes (run, seq, root) VALUES (?, ?, ?) "
    "ON CONFLICT (run, seq) DO UPDATE SET root = excluded.root"
)


def erase(execute: Execute, key: int, erasure: Erasure) -> list[int]:
    """Erase what one run holds, but for its new blobs, and give the keys of blobs it names no more.

    Raises:
        Conflict: The run has changed since the erasure was worked out.
    """
    head, link = erasure.head, erasure.link
    if erasure.event is not None:
        head, link = erasure.event.seq, erasure.event.link
    labels = codecs.encode(erasure.labels).decode()
    values = (head, link, erasure.title, labels, key, erasure.head, erasure.lease_epoch)
    if execute(_TAKE_OVER, values).rowcount != 1:
        raise Conflict(f"the run {erasure.run} has changed meanwhile", hint="Redact it again.")
    for seq in erasure.events:
        execute(
            "UPDATE events SET payload = NULL, salt = NULL WHERE run = ? AND seq = ?", (key, seq)
        )
    if erasure.event is not None:
        execute(rows.INSERT_EVENT, rows.event_values(key, erasure.event))
    for seq, root in erasure.keyframes:
        execute(_SET_KEYFRAME, (key, seq, root))
    unnamed: list[int] = []
    for digest in erasure.dropped:
        found = execute("SELECT key FROM blobs WHERE digest = ?", (digest,)).fetchone()
        if found is not None:
            execute("DELETE FROM blob_uses WHERE run = ? AND blob = ?", (key, found[0]))
            unnamed.append(found[0])
    return unnamed
