"""The run log in one SQLite file: what a workspace has from the first minute."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any

from neurectomy.core import codecs
from neurectomy.storage import blobs, erasing, rows
from neurectomy.storage.ancestry import fork_ancestry
from neurectomy.storage.deleting import delete, sweep
from neurectomy.storage.port import Batch, Erasure, EventRow, RunQuery, RunRow, RunUsage, Usage
from neurectomy.storage.scans import Scans
from neurectomy.storage.sqlite_connections import SqliteConnections, errors
from neurectomy.storage.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from neurectomy.storage.port import Durability

_INSERT_RUN = (
    f"INSERT INTO runs ({rows.RUN_COLUMNS}) VALUES "
    f"({', '.join('?' * (rows.RUN_COLUMNS.count(',') + 1))})"
)
_SELECT_RUN = f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE id = ?"
_PUT_BLOB = (
    "INSERT INTO blobs (digest, encoding, bytes, stored, content) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (digest) DO UPDATE SET encoding = excluded.encoding, stored = excluded.stored, "
    "content = excluded.content RETURNING key"
)
_INSERT_PART = (
    "INSERT OR IGNORE INTO blob_parts (blob, part) SELECT blobs.key, parts.key "
    "FROM blobs, blobs AS parts WHERE blobs.digest = ? AND parts.digest = ?"
)
_COUNT_PARTS = "SELECT count(*) FROM blob_parts JOIN blobs ON key = blob WHERE digest = ?"
_MOVE_HEAD = (
    "UPDATE runs SET head = ?, link = coalesce(?, link), status = coalesce(?, status), "
    "accounts = coalesce(?, accounts), ended_us = coalesce(?, ended_us) "
    "WHERE key = ? AND lease_epoch = ? AND head = ?"
)


class SqliteStore(SqliteConnections):
    """Implements `neurectomy.storage.port.Store`.

    ``power`` is ``synchronous = FULL``: with the write-ahead log, a commit that returned survives
    loss of power. ``process`` is ``NORMAL``: it survives SIGKILL of the process, since the system
    has the pages; loss of power may undo the last commits, never tear one.

    Args:
        path: The database file; made when missing.
        folder: Where large blobs are kept.
    """

    name = "sqlite"

    def __init__(self, path: Path, folder: Path, durability: Durability = "power") -> None:
        super().__init__(path, durability, folder)
        self._files = blobs.BlobFiles(folder, sync=durability == "power")
        self._keys: dict[str, int] = {}
        self.scans = Scans(self._select, lambda text: text)
        self.upkeep = Upkeep(
            self._transaction, self._reading, self._write_blob, self._keys.clear, self._files
        )

    def _key(self, run: str, connection: sqlite3.Connection) -> int:
        key = self._keys.get(run)
        if key is None:
            found = connection.execute("SELECT key FROM runs WHERE id = ?", (run,)).fetchone()
            if found is None:
                raise rows.no_run(run)
            key = self._keys[run] = int(found[0])
        return key

    def create_run(self, run: RunRow, blobs: Mapping[str, bytes]) -> None:
        with self._transaction() as writer:
            key = self._insert_run(writer, run)
            self._write_blobs(writer, key, blobs)

    def _insert_run(self, writer: sqlite3.Connection, run: RunRow) -> int:
        try:
            key = writer.execute(_INSERT_RUN, rows.run_values(run)).lastrowid
        except sqlite3.IntegrityError:
            raise rows.taken(run.id) from None
        return int(key or 0)

    def fork_run(self, parent: str, at: int, run: RunRow) -> RunRow:
        with self._transaction() as writer:
            found = writer.execute(_SELECT_RUN, (parent,)).fetchone()
            if found is None:
                raise rows.no_run(parent)
            source = rows.run_row(found)
            ancestors = [(self._key(a.run, writer), a.until) for a in fork_ancestry(source, at)]
            link = writer.execute(
                "SELECT link FROM events WHERE run = ? AND seq = ?", (ancestors[-1][0], at)
            ).fetchone()
            made = rows.forked(source, at, run, link)
            key = self._insert_run(writer, made)
            writer.executemany(
                "INSERT INTO ancestors (run, ancestor, until) VALUES (?, ?, ?)",
                [(key, ancestor, until) for ancestor, until in ancestors],
            )
        return made

    def run(self, run: str) -> RunRow | None:
        with self._reading() as reader:
            found = reader.execute(_SELECT_RUN, (run,)).fetchone()
        return None if found is None else rows.run_row(found)

    def runs(self, query: RunQuery) -> list[RunRow]:
        sql, values = rows.query_sql(query, "?")
        with self._reading() as reader:
            return [rows.run_row(found) for found in reader.execute(sql, values)]

    def label(self, run: str, labels: Mapping[str, str]) -> None:
        with self._transaction() as writer:
            key = self._key(run, writer)
            text = codecs.encode(dict(labels)).decode()
            writer.execute("UPDATE runs SET labels = ? WHERE key = ?", (text, key))

    def acquire(self, run: str, owner: str, now_us: int, until_us: int, *, force: bool) -> RunRow:
        with self._transaction() as writer:
            key = self._key(run, writer)
            sql = f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE key = ?"
            row = rows.run_row(writer.execute(sql, (key,)).fetchone())
            living = row.lease_owner and row.lease_until_us > now_us
            if living and not force:
                raise rows.leased(row.lease_owner)
            writer.execute(
                "UPDATE runs SET lease_epoch = lease_epoch + 1, lease_owner = ?, "
                "lease_until_us = ? WHERE key = ?",
                (owner, until_us, key),
            )
            return rows.run_row(writer.execute(sql, (key,)).fetchone())

    def renew(self, run: str, lease_epoch: int, until_us: int) -> None:
        with self._transaction() as writer:
            done = writer.execute(
                "UPDATE runs SET lease_until_us = ? WHERE id = ? AND lease_epoch = ?",
                (until_us, run, lease_epoch),
            )
            if done.rowcount != 1:
                raise rows.stale(run)

    def release(self, run: str, lease_epoch: int) -> None:
        with self._transaction() as writer:
            writer.execute(
                "UPDATE runs SET lease_owner = '', lease_until_us = 0 "
                "WHERE id = ? AND lease_epoch = ?",
                (run, lease_epoch),
            )

    def commit(self, batches: Sequence[Batch]) -> list[Exception | None]:
        with self._transaction() as writer:
            return rows.write_each(batches, lambda batch: self._write_batch(writer, batch))

    def _write_batch(self, writer: sqlite3.Connection, batch: Batch) -> None:
        key = self._key(batch.run, writer)
        head, link = batch.after, None
        if batch.events:
            head, link = batch.events[-1].seq, batch.events[-1].link
        status = accounts = ended = None
        if batch.update is not None:
            status, ended = batch.update.status, batch.update.ended_us
            accounts = codecs.encode(batch.update.accounts).decode()
        moved = writer.execute(
            _MOVE_HEAD,
            (head, link, status, accounts, ended, key, batch.lease_epoch, batch.after),
        )
        if moved.rowcount != 1:
            raise rows.stale(batch.run)
        if batch.blobs:
            self._write_blobs(writer, key, batch.blobs)
        writer.executemany(rows.INSERT_EVENT, [rows.event_values(key, e) for e in batch.events])
        if batch.keyframes:
            writer.executemany(
                "INSERT INTO keyframes (run, seq, root) VALUES (?, ?, ?)",
                [(key, seq, root) for seq, root in batch.keyframes],
            )

    def _write_blobs(
        self, writer: sqlite3.Connection, key: int, contents: Mapping[str, bytes]
    ) -> None:
        for digest, content in contents.items():
            blob = self._write_blob(writer, digest, content)
            writer.execute("INSERT OR IGNORE INTO blob_uses (run, blob) VALUES (?, ?)", (key, blob))

    def _write_blob(self, writer: sqlite3.Connection, digest: str, content: bytes) -> int:
        sql = "SELECT key, encoding, content IS NULL FROM blobs WHERE digest = ?"
        found = writer.execute(sql, (digest,)).fetchone()
        if found is not None and not (found[2] and self._files.size(digest) is None):
            return int(found[0])
        encoding, stored = blobs.shrink(content)
        inline: bytes | None = stored
        if len(stored) > blobs.INLINE_BYTES:
            self._files.write(digest, stored)
            inline = None
        return int(
            writer.execute(
                _PUT_BLOB, (digest, encoding, len(content), len(stored), inline)
            ).fetchone()[0]
        )

    def hold(self, run: str, digests: Sequence[str]) -> list[str]:
        missing: list[str] = []
        with self._transaction() as writer:
            key = self._key(run, writer)
            for digest in digests:
                sql = "SELECT key FROM blobs WHERE digest = ?"
                found = writer.execute(sql, (digest,)).fetchone()
                if found is None:
                    missing.append(digest)
                else:
                    sql = "INSERT OR IGNORE INTO blob_uses (run, blob) VALUES (?, ?)"
                    writer.execute(sql, (key, found[0]))
        return missing

    def add_blobs(
        self, run: str, contents: Mapping[str, bytes], parts: Mapping[str, Sequence[str]]
    ) -> None:
        with self._transaction() as writer:
            self._write_blobs(writer, self._key(run, writer), contents)
            for digest, named in parts.items():
                for part in named:
                    writer.execute(_INSERT_PART, (digest, part))
                found = writer.execute(_COUNT_PARTS, (digest,)).fetchone()
                if found[0] != len(named):
                    raise rows.incomplete(digest)

    def events(self, run: str, after: int, until: int, limit: int) -> list[EventRow]:
        sql = (
            f"SELECT {rows.EVENT_COLUMNS} FROM events "
            "WHERE run = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        )
        with self._reading() as reader:
            values = (self._key(run, reader), after, until, limit)
            return [rows.event_row(found) for found in reader.execute(sql, values)]

    def keyframe(self, run: str, until: int) -> tuple[int, bytes] | None:
        with self._reading() as reader:
            found = reader.execute(
                "SELECT seq, root FROM keyframes WHERE run = ? AND seq <= ? "
                "ORDER BY seq DESC LIMIT 1",
                (self._key(run, reader), until),
            ).fetchone()
        return None if found is None else (found[0], found[1])

    def payloads(self, run: str, after: int, until: int) -> list[bytes | None]:
        with self._reading() as reader:
            found = reader.execute(
                "SELECT payload FROM events WHERE run = ? AND seq > ? AND seq <= ? ORDER BY seq",
                (self._key(run, reader), after, until),
            )
            return [payload for (payload,) in found]

    def _select(self, run: str, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._reading() as reader:
            return _Listed(reader).execute(sql, (self._key(run, reader), *values)).fetchall()

    def blob(self, digest: str) -> bytes | None:
        with self._reading() as reader:
            found = reader.execute(
                "SELECT encoding, content FROM blobs WHERE digest = ?", (digest,)
            ).fetchone()
        if found is None:
            return None
        encoding, stored = found
        if stored is None:
            stored = self._files.read(digest) or b""
        return blobs.expand(digest, encoding, stored)

    def delete_run(self, run: str, now_us: int, *, force: bool) -> None:
        with self._transaction() as writer:
            key = self._key(run, writer)
            sql = "SELECT lease_owner, lease_until_us FROM runs WHERE key = ?"
            owner, until = writer.execute(sql, (key,)).fetchone()
            if owner and until > now_us and not force:
                raise rows.leased(owner)
            deleted = delete(_Listed(writer).execute, key)
            for gone in deleted.runs:
                self._keys.pop(gone, None)
            writer.execute("COMMIT")
            for digest in deleted.files:  # before anybody else commits the same content
                self._files.remove(digest)

    def relatives(self, run: str) -> list[RunRow]:
        with self._reading() as reader:
            key = self._key(run, reader)
            found = reader.execute(erasing.RELATIVES, (key, key))
            return [rows.run_row(columns) for columns in found]

    def blobs_of(self, run: str) -> list[str]:
        with self._reading() as reader:
            found = reader.execute(erasing.BLOBS_OF, (self._key(run, reader),))
            return [digest for (digest,) in found]

    def erase(self, erasures: Sequence[Erasure]) -> list[str]:
        dropped = {digest for erasure in erasures for digest in erasure.dropped}
        with self._transaction() as writer:
            unnamed: list[int] = []
            for erasure in erasures:
                key = self._key(erasure.run, writer)
                self._write_blobs(writer, key, erasure.blobs)
                unnamed += erasing.erase(writer.execute, key, erasure)
            orphans = sweep(_Listed(writer).execute, unnamed)
            sql = "SELECT 1 FROM blobs WHERE digest = ?"
            kept = [d for d in sorted(dropped) if writer.execute(sql, (d,)).fetchone()]
            writer.execute("COMMIT")
            for digest in orphans:
                self._files.remove(digest)
        return kept

    def wipe(self) -> bool:
        with self._lock, errors(self._path):
            self._refuse_when_closed()
            self._writer.execute("VACUUM")  # copies of rows that were moved stay in free space
            for _ in range(20):
                busy = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                if not busy:
                    return True
                time.sleep(0.05)
        return False

    def usage(self) -> Usage:
        with self._reading() as reader:
            pages = reader.execute("PRAGMA page_count").fetchone()[0]
            size = reader.execute("PRAGMA page_size").fetchone()[0]
            runs = reader.execute("SELECT count(*) FROM runs WHERE hidden = 0").fetchone()[0]
            events = reader.execute("SELECT count(*) FROM events").fetchone()[0]
            count, stored = reader.execute(
                "SELECT count(*), coalesce(sum(stored), 0) FROM blobs"
            ).fetchone()
        return Usage(pages * size, stored, runs, events, count)

    def run_usage(self, run: str) -> RunUsage:
        with self._reading() as reader:
            key = self._key(run, reader)
            events, size = reader.execute(
                "SELECT count(*), coalesce(sum(length(header) + coalesce(length(payload), 0)), 0) "
                "FROM events WHERE run = ?",
                (key,),
            ).fetchone()
            stored = reader.execute(
                "SELECT coalesce(sum(stored), 0) FROM blob_uses JOIN blobs ON key = blob "
                "WHERE run = ?",
                (key,),
            ).fetchone()[0]
        return RunUsage(run, events, size, stored)


class _Listed:
    """A connection that takes a list for ``= ANY(?)``, as PostgreSQL does."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> sqlite3.Cursor:
        plain = [codecs.encode(v).decode() if isinstance(v, list) else v for v in values]
        return self._connection.execute(
            sql.replace("= ANY(?)", "IN (SELECT value FROM json_each(?))"), plain
        )
