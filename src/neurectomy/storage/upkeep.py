"""What keeps a store in order, in SQL that both databases understand: arrivals and sweeping."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from neurectomy.core.errors import Conflict, NeurectomyError
from neurectomy.storage import rows
from neurectomy.storage.port import Ancestor, EventRow, RunRow

if TYPE_CHECKING:
    from neurectomy.storage.blobs import BlobFiles

_RUN_MARKS = ", ".join("?" * (rows.RUN_COLUMNS.count(",") + 1))
_SET_ROW = ", ".join(f"{name} = ?" for name in rows.RUN_COLUMNS.split(", "))
_USE = (
    "INSERT INTO blob_uses (run, blob) SELECT ?, key FROM blobs WHERE digest = ? "
    "ON CONFLICT DO NOTHING"
)
_PART = (
    "INSERT INTO blob_parts (blob, part) SELECT blobs.key, parts.key FROM blobs, blobs AS parts "
    "WHERE blobs.digest = ? AND parts.digest = ? ON CONFLICT DO NOTHING"
)
_UNNAMED = (
    "DELETE FROM blobs WHERE NOT EXISTS (SELECT 1 FROM blob_uses WHERE blob = blobs.key) "
    "AND NOT EXISTS (SELECT 1 FROM blob_parts WHERE part = blobs.key) RETURNING digest, stored"
)
_FILES_AT_A_TIME = 200
"""Files that are compared with the rows in one transaction, so that no writer waits for long."""


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


class Database(Protocol):
    """A connection of either kind; question marks stand for values."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Cursor:
        """Execute one statement."""
        ...


class Arrival(Struct, frozen=True):
    """A run that comes into the store whole, written by no writer of it.

    Attributes:
        row: As it is to be; without a lease.
        known: The ``head`` of its row that is here already, which must still be that; null where
            there is none.
        events: Its own events after ``known``, in order.
        keyframes: ``(seq, root)``, likewise.
        uses: Digests of the blobs that it names.
    """

    row: RunRow
    known: int | None
    events: Iterable[EventRow]
    keyframes: Iterable[tuple[int, bytes]]
    uses: frozenset[str]


class Trim(Struct, frozen=True):
    """A hidden run that names less since its last events went.

    Attributes:
        head: Its ``head`` as it was looked at; a run that has another by now is left alone.
        keep: Digests that it still names.
    """

    run: str
    head: int
    keep: frozenset[str]


class Collected(Struct):
    """What was removed because nothing refers to it; bytes are as stored."""

    runs: int = 0
    blobs: int = 0
    blob_bytes: int = 0
    files: int = 0
    file_bytes: int = 0


class _Rehearsed(Exception):
    """Undoes a transaction that was only to be looked at."""


class Upkeep:
    """Of one store; blocking and thread-safe like it, and raises the same errors.

    Args:
        changing: A transaction, which keeps all others from adding or removing blobs.
        reading: A connection.
        write_blob: Stores a blob in a transaction, whoever names it.
        forget: Told when rows of runs went away.
        files: Where large blobs are; null where all are rows.
    """

    def __init__(
        self,
        changing: Callable[[], AbstractContextManager[Database]],
        reading: Callable[[], AbstractContextManager[Database]],
        write_blob: Callable[[Any, str, bytes], object],
        forget: Callable[[], None],
        files: BlobFiles | None,
    ) -> None:
        self._changing = changing
        self._reading = reading
        self._write_blob = write_blob
        self._forget = forget
        self._files = files

    def runs(self) -> list[RunRow]:
        """Every row, hidden ones too, oldest first."""
        with self._reading() as db:
            found = db.execute(f"SELECT {rows.RUN_COLUMNS} FROM runs ORDER BY id").fetchall()
        return [rows.run_row(columns) for columns in found]

    def ancestry(self, run: str) -> tuple[Ancestor, ...]:
        """What a run continues as the table of ancestors has it, oldest first."""
        sql = (
            "SELECT parents.id, until FROM ancestors JOIN runs ON runs.key = run "
            "JOIN runs AS parents ON parents.key = ancestor WHERE runs.id = ? ORDER BY until"
        )
        with self._reading() as db:
            return tuple(Ancestor(*found) for found in db.execute(sql, (run,)).fetchall())

    def uses(self, run: str) -> frozenset[str]:
        """Digests of the blobs that a run names."""
        sql = (
            "SELECT digest FROM blobs JOIN blob_uses ON blob = blobs.key "
            "JOIN runs ON runs.key = run WHERE runs.id = ?"
        )
        with self._reading() as db:
            return frozenset(digest for (digest,) in db.execute(sql, (run,)).fetchall())

    def parts(self, digest: str) -> list[str]:
        """Digests of the blobs that a blob names, in order."""
        sql = (
            "SELECT parts.digest FROM blobs JOIN blob_parts ON blob = blobs.key "
            "JOIN blobs AS parts ON parts.key = part WHERE blobs.digest = ? ORDER BY parts.digest"
        )
        with self._reading() as db:
            return [part for (part,) in db.execute(sql, (digest,)).fetchall()]

    def keyframes(self, run: str, until: int) -> list[int]:
        """The places of a run's own keyframes up to an event, in order."""
        sql = (
            "SELECT seq FROM keyframes JOIN runs ON runs.key = run "
            "WHERE runs.id = ? AND seq <= ? ORDER BY seq"
        )
        with self._reading() as db:
            return [seq for (seq,) in db.execute(sql, (run, until)).fetchall()]

    def digests(self) -> Iterator[str]:
        """Every blob there is a row of, in order."""
        last = ""
        while True:
            with self._reading() as db:
                sql = "SELECT digest FROM blobs WHERE digest > ? ORDER BY digest LIMIT 1000"
                found = db.execute(sql, (last,)).fetchall()
            yield from (digest for (digest,) in found)
            if not found:
                return
            last = found[-1][0]

    def bring(
        self,
        arrivals: Sequence[Arrival],
        blobs: Iterable[tuple[str, bytes]],
        parts: Mapping[str, Sequence[str]],
    ) -> None:
        """Take runs in with everything that they name: all of it or nothing, durably.

        Args:
            arrivals: Each after the runs whose prefixes it continues.
            blobs: Digest and content of all that the arrivals use, and of the parts of those.
            parts: For a blob that names others, their digests.

        Raises:
            Conflict: A row is there that was not known, or has changed.
        """
        fresh: list[str] = []
        try:
            with self._changing() as db:
                for digest, content in blobs:
                    if not db.execute("SELECT 1 FROM blobs WHERE digest = ?", (digest,)).fetchone():
                        fresh.append(digest)
                    self._write_blob(db, digest, content)
                for digest, named in parts.items():
                    for part in named:
                        db.execute(_PART, (digest, part))
                for arrival in arrivals:
                    self._arrive(db, arrival)
        except BaseException:
            with suppress(NeurectomyError):
                self._remove_files(fresh, rehearsal=False)
            raise

    def _arrive(self, db: Database, arrival: Arrival) -> None:
        row = arrival.row
        found = db.execute("SELECT key, head FROM runs WHERE id = ?", (row.id,)).fetchone()
        if (None if found is None else found[1]) != arrival.known:
            message = f"the run {row.id} has changed while it was imported"
            raise Conflict(message, hint="Import the file again.")
        if found is None:
            sql = f"INSERT INTO runs ({rows.RUN_COLUMNS}) VALUES ({_RUN_MARKS}) RETURNING key"
            key = db.execute(sql, rows.run_values(row)).fetchone()[0]
            _insert_ancestors(db, key, row)
        else:
            key = found[0]
            db.execute(f"UPDATE runs SET {_SET_ROW} WHERE key = ?", (*rows.run_values(row), key))
        for event in arrival.events:
            db.execute(rows.INSERT_EVENT, rows.event_values(key, event))
        for seq, root in arrival.keyframes:
            sql = "INSERT INTO keyframes (run, seq, root) VALUES (?, ?, ?)"
            db.execute(sql, (key, seq, root))
        for digest in sorted(arrival.uses):
            db.execute(_USE, (key, digest))

    def collect(self, trims: Sequence[Trim] = (), *, rehearsal: bool = False) -> Collected:
        """Remove what nothing refers to: hidden runs, blobs, and files without a row.

        Args:
            trims: What hidden runs still name.
            rehearsal: Say what would go, and leave everything as it is.
        """
        done = Collected()
        gone: list[str] = []
        try:
            with self._changing() as db:
                for trim in trims:
                    _trim(db, trim)
                done.runs = _remove_hidden(db)
                while found := db.execute(_UNNAMED).fetchall():
                    db.execute("DELETE FROM blob_parts WHERE blob NOT IN (SELECT key FROM blobs)")
                    done.blobs += len(found)
                    done.blob_bytes += sum(stored for _, stored in found)
                    gone += [digest for digest, _ in found]
                if rehearsal:
                    raise _Rehearsed
            self._forget()
            self._remove_files(gone, rehearsal=False)
        except _Rehearsed:
            pass
        if self._files is not None:
            known = set(gone)
            files = [name for name in self._files.names() if name not in known]
            done.files, done.file_bytes = self._remove_files(files, rehearsal=rehearsal)
        return done

    def mend(self, row: RunRow, keyframes: Mapping[int, bytes | None]) -> None:
        """Bring a run back to what is sound of it: its row, no event after its head.

        Args:
            row: As it is to be; its ancestors are those that it names.
            keyframes: Roots to write, by their place; null for one that goes.
        """
        with self._changing() as db:
            key = db.execute("SELECT key FROM runs WHERE id = ?", (row.id,)).fetchone()[0]
            for table in ("events", "keyframes"):
                db.execute(f"DELETE FROM {table} WHERE run = ? AND seq > ?", (key, row.head))
            for seq, root in keyframes.items():
                db.execute("DELETE FROM keyframes WHERE run = ? AND seq = ?", (key, seq))
                if root is not None:
                    sql = "INSERT INTO keyframes (run, seq, root) VALUES (?, ?, ?)"
                    db.execute(sql, (key, seq, root))
            db.execute(f"UPDATE runs SET {_SET_ROW} WHERE key = ?", (*rows.run_values(row), key))
            db.execute("DELETE FROM ancestors WHERE run = ?", (key,))
            _insert_ancestors(db, key, row)

    def lose(self, digest: str) -> None:
        """Forget the content of a blob that is damaged, so that whoever has it writes it again."""
        with self._changing() as db:
            sql = "UPDATE blobs SET content = NULL, encoding = 0 WHERE digest = ?"
            db.execute(sql, (digest,))
            if self._files is not None:
                self._files.remove(digest)

    def stored(self, digest: str) -> bytes | None:
        """The bytes that are kept for a digest, whatever they are; null where there are none."""
        with self._reading() as db:
            found = db.execute("SELECT content FROM blobs WHERE digest = ?", (digest,)).fetchone()
        if found is not None and found[0] is not None:
            return bytes(found[0])
        return None if self._files is None else self._files.read(digest)

    def _remove_files(self, names: Sequence[str], *, rehearsal: bool) -> tuple[int, int]:
        """Remove those of some files of blobs that no row needs; how many, and their bytes."""
        count = size = 0
        if self._files is None:
            return count, size
        for start in range(0, len(names), _FILES_AT_A_TIME):
            with self._changing() as db:  # nobody writes a file but in a transaction
                for name in names[start : start + _FILES_AT_A_TIME]:
                    sql = "SELECT 1 FROM blobs WHERE digest = ? AND content IS NULL"
                    if db.execute(sql, (name,)).fetchone() is None:
                        found = self._files.size(name)
                        count, size = count + (found is not None), size + (found or 0)
                        if not rehearsal:
                            self._files.remove(name)
        return count, size


def _insert_ancestors(db: Database, key: int, row: RunRow) -> None:
    for ancestor in row.ancestry:
        db.execute(
            "INSERT INTO ancestors (run, ancestor, until) SELECT ?, key, ? FROM runs WHERE id = ?",
            (key, ancestor.until, ancestor.run),
        )


def _trim(db: Database, trim: Trim) -> None:
    sql = "SELECT key FROM runs WHERE id = ? AND head = ? AND hidden = 1"
    found = db.execute(sql, (trim.run, trim.head)).fetchone()
    if found is None:
        return
    sql = "SELECT digest, blob FROM blob_uses JOIN blobs ON key = blob WHERE run = ?"
    for digest, blob in db.execute(sql, (found[0],)).fetchall():
        if digest not in trim.keep:
            db.execute("DELETE FROM blob_uses WHERE run = ? AND blob = ?", (found[0], blob))


def _remove_hidden(db: Database) -> int:
    """Delete the hidden runs that no fork continues; how many."""
    count = 0
    sql = (
        "SELECT key FROM runs WHERE hidden = 1 "
        "AND NOT EXISTS (SELECT 1 FROM ancestors WHERE ancestor = runs.key)"
    )
    while found := db.execute(sql).fetchall():
        for (key,) in found:
            for table in ("events", "keyframes", "blob_uses", "ancestors"):
                db.execute(f"DELETE FROM {table} WHERE run = ?", (key,))
            db.execute("DELETE FROM runs WHERE key = ?", (key,))
        count += len(found)
    return count
