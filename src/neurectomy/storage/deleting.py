"""Deleting runs, and blobs that nothing names any more, in SQL that both databases understand.

Each statement has ``?`` where a value goes, and ``= ANY(?)`` where a list does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Execute = Callable[[str, Sequence[Any]], Any]

_DELETE_UNNAMED = (
    "DELETE FROM blobs WHERE key = ANY(?) "
    "AND NOT EXISTS (SELECT 1 FROM blob_uses WHERE blob = blobs.key) "
    "AND NOT EXISTS (SELECT 1 FROM blob_parts WHERE part = blobs.key) "
    "RETURNING key, digest, content IS NULL"
)


class Deleted(Struct):
    """What went.

    Attributes:
        runs: Ids of the runs without a row now.
        files: Digests of blobs without a row now, whose content was no part of it.
    """

    runs: list[str]
    files: list[str]


def delete(execute: Execute, key: int, *, lock: str = "") -> Deleted:
    """Delete a run, and the hidden ones that only it continued; hide it where forks continue it.

    Args:
        execute: Runs a statement in a transaction in which nobody else adds or deletes blobs.
        key: Of the run, whose row this transaction has locked, so that nobody forks it.
        lock: What keeps others from forking a row that is selected.
    """
    needed = execute("SELECT max(until) FROM ancestors WHERE ancestor = ?", (key,)).fetchone()[0]
    if needed is not None:
        execute("DELETE FROM events WHERE run = ? AND seq > ?", (key, needed))
        execute("DELETE FROM keyframes WHERE run = ? AND seq > ?", (key, needed))
        execute(
            "UPDATE runs SET hidden = 1, head = CASE WHEN head > ? THEN ? ELSE head END, "
            "link = CASE WHEN head > ? "
            "THEN coalesce((SELECT link FROM events WHERE run = ? AND seq = ?), link) "
            "ELSE link END WHERE key = ?",
            (needed, needed, needed, key, needed, key),
        )
        return Deleted([], [])
    ancestors = execute("SELECT ancestor FROM ancestors WHERE run = ?", (key,)).fetchall()
    used = execute("SELECT blob FROM blob_uses WHERE run = ?", (key,)).fetchall()
    for table in ("events", "keyframes", "blob_uses", "ancestors"):
        execute(f"DELETE FROM {table} WHERE run = ?", (key,))
    gone = execute("DELETE FROM runs WHERE key = ? RETURNING id", (key,)).fetchall()
    deleted = Deleted([run for (run,) in gone], [])
    for (ancestor,) in ancestors:
        hidden = execute(
            "SELECT key FROM runs WHERE key = ? AND hidden = 1 AND NOT EXISTS "
            f"(SELECT 1 FROM ancestors WHERE ancestor = key) {lock}",
            (ancestor,),
        ).fetchone()
        if hidden is not None:
            more = delete(execute, hidden[0], lock=lock)
            deleted.runs += more.runs
            deleted.files += more.files
    deleted.files += sweep(execute, [blob for (blob,) in used])
    return deleted


def sweep(execute: Execute, candidates: list[int]) -> list[str]:
    """Delete those of some blobs that nothing names any more, and then their parts.

    Returns:
        Digests of those whose content was no part of their row.
    """
    files: list[str] = []
    while candidates:
        gone = execute(_DELETE_UNNAMED, (candidates,)).fetchall()
        files += [digest for _, digest, elsewhere in gone if elsewhere]
        sql = "DELETE FROM blob_parts WHERE blob = ANY(?) RETURNING part"
        parts = execute(sql, ([key for key, _, _ in gone],)).fetchall()
        candidates = list({part for (part,) in parts})
    return files
