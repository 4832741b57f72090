"""Files that differ between two trees, for people: what has moved is told as one change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neurectomy.snapshots.tree import Change

Status = Literal["added", "removed", "changed", "moved"]


class FileChange(Struct, frozen=True):
    """A file that differs between two moments, of one run or of two.

    Attributes:
        was: Where it was before, when ``moved``.
        bytes_a: Its size before; null where it was not there. Likewise ``bytes_b`` afterwards.
    """

    path: str
    status: Status
    bytes_a: int | None = None
    bytes_b: int | None = None
    was: str = ""


def status(change: Change) -> Status:
    """What became of a path, looked at alone."""
    if change.before is None:
        return "added"
    return "removed" if change.after is None else "changed"


def described(found: Iterable[Change]) -> list[FileChange]:
    """Changes for people: what is gone here and there again, unchanged, has moved."""
    listed = list(found)
    gone = {
        change.before.digest: change.path
        for change in listed
        if change.after is None and change.before is not None and change.before.size
    }
    moved: dict[str, str] = {}
    for change in listed:
        if change.before is None and change.after is not None and change.after.digest in gone:
            moved[change.path] = gone.pop(change.after.digest)
    told: list[FileChange] = []
    for change in listed:
        before = None if change.before is None else change.before.size
        after = None if change.after is None else change.after.size
        if change.path in moved:
            told.append(FileChange(change.path, "moved", after, after, moved[change.path]))
        elif change.path not in moved.values():
            told.append(FileChange(change.path, status(change), before, after))
    return told
