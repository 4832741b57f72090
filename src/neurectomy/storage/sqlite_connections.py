"""Connections to one SQLite file: opened and migrated, one that writes, one a thread that reads."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from neurectomy.core.errors import StorageError
from neurectomy.storage import reserve, schema
from neurectomy.storage.presence import check_file, check_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from neurectomy.storage.port import Durability


class SqliteConnections:
    """The file as `neurectomy.storage.sqlite` uses it.

    Args:
        path: The file; made, with its folder, when missing.
        durability: What a commit survives.
        folder: Where large blobs are kept; while it holds any, no file is made.

    Raises:
        StorageError: It cannot be opened, or a newer version wrote it.
        Damaged: It is missing or empty, and blobs that it has named are there.
    """

    def __init__(self, path: Path, durability: Durability, folder: Path) -> None:
        self._path = path
        self._folder = folder
        self._durability = durability
        self._lock = threading.Lock()
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._closed = False
        check_file(path, folder)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._open()
        except StorageError:
            if not reserve.give(path.parent):
                raise
            self._open()
        else:
            reserve.keep(path.parent)

    def _open(self) -> None:
        with errors(self._path):
            self._writer = self._connect()
            self._migrate()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=30
        )
        connection.create_function("lower", 1, str.lower, deterministic=True)  # not ASCII only
        connection.execute("PRAGMA journal_mode = WAL")
        level = "FULL" if self._durability == "power" else "NORMAL"
        connection.execute(f"PRAGMA synchronous = {level}")
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute("PRAGMA mmap_size = 2147418112")
        return connection

    def _migrate(self) -> None:
        writer = self._writer
        version = writer.execute("PRAGMA user_version").fetchone()[0]
        schema.check_version(version)
        if version == len(schema.SQLITE):
            return
        writer.execute("BEGIN IMMEDIATE")
        try:
            version = writer.execute("PRAGMA user_version").fetchone()[0]
            if not version:
                tables = writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
                check_tables(self._path, self._folder, tables)
            for script in schema.SQLITE[version:]:
                for statement in script.split(";"):
                    writer.execute(statement)
            writer.execute(f"PRAGMA user_version = {len(schema.SQLITE)}")
            writer.execute("COMMIT")
        except BaseException:
            writer.execute("ROLLBACK")
            raise

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, errors(self._path):
            self._refuse_when_closed()
            writer = self._writer
            writer.execute("BEGIN IMMEDIATE")
            try:
                yield writer
                if writer.in_transaction:
                    writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with errors(self._path):
            self._refuse_when_closed()
            reader: sqlite3.Connection | None = getattr(self._local, "reader", None)
            if reader is None:
                reader = self._local.reader = self._connect()
                with self._lock:
                    self._readers.append(reader)
            yield reader

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise StorageError("the store is closed", hint="Start the program again.")

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for connection in (self._writer, *self._readers):
                connection.close()
            reserve.keep(self._path.parent)


@contextmanager
def errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, with the next step."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"{path.name}: {error}", hint=_hint(error)) from error
    except UnicodeDecodeError as error:  # also what SQLite says of a torn schema
        raise StorageError(f"{path.name}: a text in it is torn", hint=_MEND) from error


_MEND = "Look at the damage with: neurectomy doctor"


def _hint(error: sqlite3.Error) -> str:
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return "Free some space on the disk; nothing that was acknowledged is lost."
    if "no such table" in text or "no such column" in text:
        return "Restore log.db from a backup; a part of it was taken out."
    if "malformed" in text:
        return _MEND
    if "not a database" in text:
        return "Move the file away, or restore it from a backup; it is not a sound database."
    if "locked" in text:
        return "Close the other program that writes this workspace."
    if "readonly" in text or "unable to open" in text:
        return "Give yourself the right to write in the folder .neurectomy."
    return "Look at the disk and its rights, then try again."
