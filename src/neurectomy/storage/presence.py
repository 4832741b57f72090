"""Whether a log's file may be opened or made: no empty one beside blobs that another has named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurectomy.core.errors import Damaged, StorageError

if TYPE_CHECKING:
    from pathlib import Path

_NEXT = (
    "Restore log.db from a backup, or move the folder .neurectomy/blobs away to start anew; "
    "nothing was changed."
)


def check_file(path: Path, folder: Path) -> None:
    """Refuse to take what is left of a log for a new workspace.

    With an empty log, every file of a blob would be one that nothing names, and be removed.

    Args:
        path: The database file.
        folder: Where large blobs are kept.

    Raises:
        Damaged: The file is missing or empty, and there are blobs.
        StorageError: It is no file.
    """
    if path.is_dir():
        hint = "Move it away, and restore log.db from a backup."
        raise StorageError(f"{path.name} is a folder, and no database", hint=hint)
    if is_blank(path) and holds_files(folder):
        what = "empty" if path.exists() else "missing"
        raise Damaged(f"{path.name} is {what}, and the blobs of its runs are there", hint=_NEXT)


def check_tables(path: Path, folder: Path, tables: int) -> None:
    """Refuse a database that has no version: it has nothing, or was not made here.

    Args:
        path: The database file.
        folder: Where large blobs are kept.
        tables: How many there are.

    Raises:
        Damaged: It has tables, or there are blobs.
    """
    if tables:
        hint = f"Restore {path.name} from a backup; nothing was changed."
        raise Damaged(f"{path.name} has tables and no version", hint=hint)
    if holds_files(folder):
        raise Damaged(f"{path.name} is empty, and the blobs of its runs are there", hint=_NEXT)


def is_blank(path: Path) -> bool:
    """Whether a database has nothing yet, in its file or beside it."""
    parts = (path, path.with_name(f"{path.name}-wal"))
    return not any(part.exists() and part.stat().st_size for part in parts)


def holds_files(folder: Path) -> bool:
    """Whether there is a file of a blob."""
    return any(entry.is_file() for entry in folder.glob("??/*"))
