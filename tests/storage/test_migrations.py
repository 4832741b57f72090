"""A database that an earlier version wrote is brought up to date when it is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.storage.test_store import batch, created, event

from neurectomy.storage import schema
from neurectomy.storage.sqlite import SqliteStore


def test_what_stands_out_of_an_older_log_is_indexed(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "log.db"
    monkeypatch.setattr(schema, "SQLITE", schema.SQLITE[:2])
    older = SqliteStore(path, tmp_path / "blobs", "process")
    run = created(older)
    older.commit([batch(run.id, 0, 5)])
    older.close()
    monkeypatch.undo()
    store = SqliteStore(path, tmp_path / "blobs", "process")
    found = store.scans.marked(run.id, 1, 4)
    assert [(one.seq, one.kind, one.step) for one in found] == [
        (seq, event(seq).kind, event(seq).step) for seq in (2, 3, 4)
    ]
    store.close()
    with sqlite3.connect(path) as reader:
        assert reader.execute("PRAGMA user_version").fetchone()[0] == len(schema.SQLITE)
        plan = reader.execute(
            f"EXPLAIN QUERY PLAN SELECT seq FROM events INDEXED BY events_marked "
            f"WHERE {schema.MARKED} AND run = 1 AND seq > 2 ORDER BY seq"
        ).fetchall()
    reader.close()
    assert "events_marked" in str(plan)
    assert "TEMP B-TREE" not in str(plan)
