"""The run log in PostgreSQL: what a workspace moves to when several machines read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from neurectomy.core import codecs
from neurectomy.storage import blobs, erasing, rows, schema
from neurectomy.storage.ancestry import fork_ancestry
from neurectomy.storage.deleting import delete, sweep
from neurectomy.storage.port import Batch, Erasure, EventRow, RunQuery, RunRow, RunUsage, Usage
from neurectomy.storage.postgres_connections import BLOB_LOCK, Marked, PostgresConnections, marked
from neurectomy.storage.scans import Scans
from neurectomy.storage.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from neurectomy.storage.port import Durability
    from neurectomy.storage.postgres_connections import Connection

_INSERT_RUN = (
    f"INSERT INTO runs ({rows.RUN_COLUMNS}) VALUES "
    f"({', '.join(['%s'] * (rows.RUN_COLUMNS.count(',') + 1))}) RETURNING key"
)
_SELECT_RUN = f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE id = %s"


class PostgresStore(PostgresConnections):
    """Implements `neurectomy.storage.port.Store`.

    ``power`` waits for the server's disk at each commit; ``process`` does not
    (``synchronous_commit = off``): a crash of the server's machine may undo the last commits.
    Blobs are rows: there is no folder that every machine would see.

    Args:
        url: ``postgresql://...``.
    """

    name = "postgres"

    def __init__(self, url: str, durability: Durability = "power") -> None:
        super().__init__(url, durability)
        self._keys: dict[str, int] = {}
        self.scans = Scans(self._select, schema.postgres)
        self.upkeep = Upkeep(self._alone, self._looking, _write_blob, self._keys.clear, None)

    def _key(self, run: str, db: Connection) -> int:
        key = self._keys.get(run)
        if key is None:
            found = db.execute("SELECT key FROM runs WHERE id = %s", (run,)).fetchone()
            if found is None:
                raise rows.no_run(run)
            key = self._keys[run] = int(found[0])
        return key

    def create_run(self, run: RunRow, blobs: Mapping[str, bytes]) -> None:
        with self._transaction() as db:
            self._write_blobs(db, blobs)
            key = self._insert_run(db, run)
            self._use_blobs(db, key, blobs)

    def _insert_run(self, db: Connection, run: RunRow) -> int:
        try:
            found = db.execute(_INSERT_RUN, rows.run_values(run)).fetchone()
        except psycopg.errors.UniqueViolation:
            raise rows.taken(run.id) from None
        assert found is not None
        return int(found[0])

    def fork_run(self, parent: str, at: int, run: RunRow) -> RunRow:
        with self._transaction() as db:
            found = db.execute(f"{_SELECT_RUN} FOR SHARE".encode(), (parent,)).fetchone()
            if found is None:
                raise rows.no_run(parent)
            source = rows.run_row(found)
            ancestors = [(self._key(a.run, db), a.until) for a in fork_ancestry(source, at)]
            link = db.execute(
                "SELECT link FROM events WHERE run = %s AND seq = %s", (ancestors[-1][0], at)
            ).fetchone()
            made = rows.forked(source, at, run, link)
            key = self._insert_run(db, made)
            with db.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO ancestors (run, ancestor, until) VALUES (%s, %s, %s)",
                    [(key, ancestor, until) for ancestor, until in ancestors],
                )
        return made

    def run(self, run: str) -> RunRow | None:
        with self._reading() as db:
            found = db.execute(_SELECT_RUN.encode(), (run,)).fetchone()
        return None if found is None else rows.run_row(found)

    def runs(self, query: RunQuery) -> list[RunRow]:
        sql, values = rows.query_sql(query, "%s")
        with self._reading() as db:
            return [rows.run_row(found) for found in db.execute(sql.encode(), values)]

    def label(self, run: str, labels: Mapping[str, str]) -> None:
        with self._transaction() as db:
            text = codecs.encode(dict(labels)).decode()
            db.execute("UPDATE runs SET labels = %s WHERE key = %s", (text, self._key(run, db)))

    def acquire(self, run: str, owner: str, now_us: int, until_us: int, *, force: bool) -> RunRow:
        with self._transaction() as db:
            key = self._key(run, db)
            sql = f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE key = %s FOR UPDATE"
            found = db.execute(sql.encode(), (key,)).fetchone()
            if found is None:
                raise rows.no_run(run)
            row = rows.run_row(found)
            if row.lease_owner and row.lease_until_us > now_us and not force:
                raise rows.leased(row.lease_owner)
            db.execute(
                "UPDATE runs SET lease_epoch = lease_epoch + 1, lease_owner = %s, "
                "lease_until_us = %s WHERE key = %s",
                (owner, until_us, key),
            )
            found = db.execute(sql.encode(), (key,)).fetchone()
            assert found is not None
            return rows.run_row(found)

    def renew(self, run: str, lease_epoch: int, until_us: int) -> None:
        with self._transaction() as db:
            done = db.execute(
                "UPDATE runs SET lease_until_us = %s WHERE id = %s AND lease_epoch = %s",
                (until_us, run, lease_epoch),
            )
            if done.rowcount != 1:
                raise rows.stale(run)

    def release(self, run: str, lease_epoch: int) -> None:
        with self._transaction() as db:
            db.execute(
                "UPDATE runs SET lease_owner = '', lease_until_us = 0 "
                "WHERE id = %s AND lease_epoch = %s",
                (run, lease_epoch),
            )

    def commit(self, batches: Sequence[Batch]) -> list[Exception | None]:
        with self._transaction() as db:
            self._write_blobs(db, {d: c for batch in batches for d, c in batch.blobs.items()})
            return rows.write_each(batches, lambda batch: self._write_batch(db, batch))

    def _write_batch(self, db: Connection, batch: Batch) -> None:
        key = self._key(batch.run, db)
        last = batch.events[-1] if batch.events else None
        moved = db.execute(
            "UPDATE runs SET head = %s, link = coalesce(%s, link) "
            "WHERE key = %s AND lease_epoch = %s AND head = %s",
            (
                batch.after if last is None else last.seq,
                None if last is None else last.link,
                key,
                batch.lease_epoch,
                batch.after,
            ),
        )
        if moved.rowcount != 1:
            raise rows.stale(batch.run)
        self._use_blobs(db, key, batch.blobs)
        with db.cursor() as cursor:
            if batch.events:
                values = [rows.event_values(key, event) for event in batch.events]
                cursor.executemany(marked(rows.INSERT_EVENT), values)
            if batch.keyframes:
                cursor.executemany(
                    "INSERT INTO keyframes (run, seq, root) VALUES (%s, %s, %s)",
                    [(key, seq, root) for seq, root in batch.keyframes],
                )
        if batch.update is not None:
            update = batch.update
            accounts = codecs.encode(update.accounts).decode()
            db.execute(
                "UPDATE runs SET status = %s, accounts = %s, ended_us = %s WHERE key = %s",
                (update.status, accounts, update.ended_us, key),
            )

    def _write_blobs(self, db: Connection, contents: Mapping[str, bytes]) -> None:
        """Insert the blobs of a whole transaction, which keeps others from deleting any of them."""
        if not contents:
            return
        db.execute("SELECT pg_advisory_xact_lock_shared(%s)", (BLOB_LOCK,))
        for digest in sorted(contents):  # in one order, so that two writers never wait in a circle
            _write_blob(Marked(db), digest, contents[digest])

    def _use_blobs(self, db: Connection, key: int, contents: Collection[str]) -> None:
        if contents:
            db.execute(
                "INSERT INTO blob_uses (run, blob) SELECT %s, key FROM blobs "
                "WHERE digest = ANY(%s) ON CONFLICT DO NOTHING",
                (key, list(contents)),
            )

    def hold(self, run: str, digests: Sequence[str]) -> list[str]:
        with self._transaction() as db:
            db.execute("SELECT pg_advisory_xact_lock_shared(%s)", (BLOB_LOCK,))
            key = self._key(run, db)
            sql = "SELECT digest FROM blobs WHERE digest = ANY(%s)"
            known = {digest for (digest,) in db.execute(sql, (list(digests),)).fetchall()}
            self._use_blobs(db, key, known)
        return [digest for digest in digests if digest not in known]

    def add_blobs(
        self, run: str, contents: Mapping[str, bytes], parts: Mapping[str, Sequence[str]]
    ) -> None:
        with self._transaction() as db:
            self._write_blobs(db, contents)
            self._use_blobs(db, self._key(run, db), contents)
            for digest, named in parts.items():
                db.execute(
                    "INSERT INTO blob_parts (blob, part) SELECT blobs.key, parts.key "
                    "FROM blobs, blobs AS parts WHERE blobs.digest = %s "
                    "AND parts.digest = ANY(%s) ON CONFLICT DO NOTHING",
                    (digest, list(named)),
                )
                found = db.execute(
                    "SELECT count(*) FROM blob_parts JOIN blobs ON key = blob WHERE digest = %s",
                    (digest,),
                ).fetchone()
                if found is None or found[0] != len(named):
                    raise rows.incomplete(digest)

    def events(self, run: str, after: int, until: int, limit: int) -> list[EventRow]:
        sql = (
            f"SELECT {rows.EVENT_COLUMNS} FROM events "
            "WHERE run = %s AND seq > %s AND seq <= %s ORDER BY seq LIMIT %s"
        )
        with self._reading() as db:
            values = (self._key(run, db), after, until, limit)
            return [rows.event_row(found) for found in db.execute(sql.encode(), values)]

    def keyframe(self, run: str, until: int) -> tuple[int, bytes] | None:
        with self._reading() as db:
            found = db.execute(
                "SELECT seq, root FROM keyframes WHERE run = %s AND seq <= %s "
                "ORDER BY seq DESC LIMIT 1",
                (self._key(run, db), until),
            ).fetchone()
        return None if found is None else (found[0], bytes(found[1]))

    def payloads(self, run: str, after: int, until: int) -> list[bytes | None]:
        with self._reading() as db:
            found = db.execute(
                "SELECT payload FROM events WHERE run = %s AND seq > %s AND seq <= %s ORDER BY seq",
                (self._key(run, db), after, until),
            )
            return [None if payload is None else bytes(payload) for (payload,) in found]

    def _select(self, run: str, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._reading() as db:
            text = sql.replace("?", "%s").encode()
            return db.execute(text, (self._key(run, db), *values)).fetchall()

    def blob(self, digest: str) -> bytes | None:
        with self._reading() as db:
            found = db.execute(
                "SELECT encoding, content FROM blobs WHERE digest = %s", (digest,)
            ).fetchone()
        return None if found is None else blobs.expand(digest, found[0], bytes(found[1] or b""))

    def delete_run(self, run: str, now_us: int, *, force: bool) -> None:
        with self._transaction() as db:
            db.execute("SELECT pg_advisory_xact_lock(%s)", (BLOB_LOCK,))
            key = self._key(run, db)
            sql = "SELECT lease_owner, lease_until_us FROM runs WHERE key = %s FOR UPDATE"
            lease = db.execute(sql, (key,)).fetchone()
            if lease is None:
                raise rows.no_run(run)
            if lease[0] and lease[1] > now_us and not force:
                raise rows.leased(lease[0])
            deleted = delete(Marked(db).execute, key, lock="FOR UPDATE")
            for gone in deleted.runs:
                self._keys.pop(gone, None)

    def relatives(self, run: str) -> list[RunRow]:
        with self._reading() as db:
            key = self._key(run, db)
            found = db.execute(marked(erasing.RELATIVES), (key, key))
            return [rows.run_row(columns) for columns in found]

    def blobs_of(self, run: str) -> list[str]:
        with self._reading() as db:
            found = db.execute(marked(erasing.BLOBS_OF), (self._key(run, db),))
            return [digest for (digest,) in found]

    def erase(self, erasures: Sequence[Erasure]) -> list[str]:
        dropped = {digest for erasure in erasures for digest in erasure.dropped}
        with self._transaction() as db:
            db.execute("SELECT pg_advisory_xact_lock(%s)", (BLOB_LOCK,))
            unnamed: list[int] = []
            self._write_blobs(db, {d: c for e in erasures for d, c in e.blobs.items()})
            for erasure in erasures:
                key = self._key(erasure.run, db)
                self._use_blobs(db, key, erasure.blobs)
                unnamed += erasing.erase(Marked(db).execute, key, erasure)
            sweep(Marked(db).execute, unnamed)
            found = db.execute("SELECT digest FROM blobs WHERE digest = ANY(%s)", (list(dropped),))
            return sorted(digest for (digest,) in found.fetchall())

    def wipe(self) -> bool:
        with self._reading() as db:
            for table in ("runs", "events", "keyframes", "blobs", "blob_uses"):
                db.execute(f"VACUUM {table}".encode())
        return True

    def usage(self) -> Usage:
        with self._reading() as db:
            found = db.execute(
                "SELECT pg_total_relation_size('runs') + pg_total_relation_size('events') + "
                "pg_total_relation_size('keyframes') + pg_total_relation_size('blob_uses'), "
                "(SELECT coalesce(sum(stored), 0) FROM blobs), "
                "(SELECT count(*) FROM runs WHERE hidden = 0), "
                "(SELECT count(*) FROM events), (SELECT count(*) FROM blobs)"
            ).fetchone()
        assert found is not None
        return Usage(*[int(number) for number in found])

    def run_usage(self, run: str) -> RunUsage:
        with self._reading() as db:
            key = self._key(run, db)
            found = db.execute(
                "SELECT count(*), "
                "coalesce(sum(length(header) + coalesce(length(payload), 0)), 0), "
                "(SELECT coalesce(sum(stored), 0) FROM blob_uses JOIN blobs ON key = blob "
                "WHERE run = %s) FROM events WHERE run = %s",
                (key, key),
            ).fetchone()
        assert found is not None
        return RunUsage(run, *[int(number) for number in found])


def _write_blob(db: Marked, digest: str, content: bytes) -> None:
    """Insert a blob; one whose content was lost gets it back."""
    encoding, stored = blobs.shrink(content)
    db.execute(
        "INSERT INTO blobs (digest, encoding, bytes, stored, content) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (digest) DO UPDATE SET encoding = excluded.encoding, "
        "stored = excluded.stored, content = excluded.content WHERE blobs.content IS NULL",
        (digest, encoding, len(content), len(stored), stored),
    )
