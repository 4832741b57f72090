"""A SQLite file that is damaged as a file: told, copied, and read as far as it can be."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from neurectomy.core.errors import StorageError
from neurectomy.storage import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUFFIXES = ("", "-wal", "-shm")
_KEYS = {
    "runs": "key",
    "ancestors": "run, ancestor",
    "keyframes": "run, seq",
    "blobs": "key",
    "blob_uses": "run, blob",
    "blob_parts": "blob, part",
}
"""The tables that are read as a whole, with their keys; events are read run by run."""

_DANGLING = (
    ("events", "run", "runs"),
    ("keyframes", "run", "runs"),
    ("ancestors", "run", "runs"),
    ("ancestors", "ancestor", "runs"),
    ("blob_uses", "run", "runs"),
    ("blob_uses", "blob", "blobs"),
    ("blob_parts", "blob", "blobs"),
    ("blob_parts", "part", "blobs"),
)
"""What refers to rows that may be lost."""


def problems(path: Path) -> list[str]:
    """What SQLite finds wrong with a file; empty where nothing is. The file is only read.

    Raises:
        StorageError: A later program wrote it.
    """
    try:
        with closing(_opened(path)) as connection:
            schema.check_version(connection.execute("PRAGMA user_version").fetchone()[0])
            found = connection.execute("PRAGMA integrity_check(20)").fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return [str(error)]
    return [text for (text,) in found if text != "ok"]


def copy(path: Path, folder: Path) -> None:
    """Copy a database that nobody has open, with what belongs to it.

    Raises:
        StorageError: There is no room.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
        for suffix in _SUFFIXES:
            part = path.with_name(path.name + suffix)
            if part.exists():
                shutil.copy2(part, folder / part.name)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StorageError(
            f"no copy of the database can be made: {error.strerror}",
            hint="Free some space on the disk; nothing was changed.",
        ) from error


def salvage(path: Path) -> dict[str, int]:
    """Replace a damaged file by a new one with every row that can be read; rows by table.

    Raises:
        StorageError: Nothing of it can be read, or the new one cannot be written.
    """
    fresh = path.with_name(f"{path.name}.salvaged")
    for suffix in _SUFFIXES:
        fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None)) as made:
            counts = _carried(path, made)
    except (sqlite3.Error, UnicodeDecodeError, OSError) as error:
        fresh.unlink(missing_ok=True)
        raise StorageError(
            f"{path.name} cannot be salvaged: {error}",
            hint="Restore it from a backup, or move it away to start anew.",
        ) from error
    for suffix in _SUFFIXES[1:]:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    fresh.replace(path)
    return counts


def _carried(path: Path, made: sqlite3.Connection) -> dict[str, int]:
    made.execute("PRAGMA synchronous = FULL")
    made.execute("BEGIN")
    for script in schema.SQLITE:
        for statement in script.split(";"):
            made.execute(statement)
    counts = {}
    with closing(_opened(path)) as old:
        for table, key in _KEYS.items():
            counts[table] = _insert(made, table, _both_ways(old, table, "", key))
        counts["events"] = sum(
            _insert(made, "events", _both_ways(old, "events", f"WHERE run = {run}", "seq"))
            for run in sorted(_run_keys(old, made))
        )
    for table, column, other in _DANGLING:  # their keys will be given to others
        made.execute(f"DELETE FROM {table} WHERE {column} NOT IN (SELECT key FROM {other})")
    if not counts["runs"]:
        raise sqlite3.DatabaseError("no run in it can be read")
    made.execute(f"PRAGMA user_version = {len(schema.SQLITE)}")
    made.execute("COMMIT")
    return counts


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.execute("PRAGMA query_only = ON")
    return connection


def _run_keys(old: sqlite3.Connection, made: sqlite3.Connection) -> set[int]:
    return {key for (key,) in made.execute("SELECT key FROM runs")} | {
        row[0] for row in _both_ways(old, "keyframes", "", "run, seq")
    }


def _both_ways(
    connection: sqlite3.Connection, table: str, where: str, key: str
) -> Iterator[tuple[Any, ...]]:
    """Rows from the first on until one cannot be read, then from the last back."""
    backwards = ", ".join(f"{name} DESC" for name in key.split(", "))
    for order in (key, backwards):
        rows = iter(())  # type: Iterator[tuple[Any, ...]]
        try:
            rows = iter(connection.execute(f"SELECT * FROM {table} {where} ORDER BY {order}"))
            yield from rows
        except (sqlite3.Error, UnicodeDecodeError):
            continue
        return


def _insert(made: sqlite3.Connection, table: str, rows: Iterator[tuple[Any, ...]]) -> int:
    """Insert what is of the right types and not there yet; how many."""
    count = 0
    for row in rows:
        marks = ", ".join("?" * len(row))
        try:
            done = made.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)
        except sqlite3.IntegrityError:
            continue
        count += done.rowcount
    return count
