"""The tables, in both dialects, as numbered migrations."""

from __future__ import annotations

from neurectomy.core.errors import StorageError

MARKED = (
    "(kind NOT IN ('step.started', 'step.finished', 'value.bound', 'branch.taken', 'loop.entered', "
    "'loop.left', 'model.requested', 'model.responded', 'tool.requested', 'tool.returned', "
    "'timer.set', 'timer.fired') "
    "OR (kind = 'tool.returned' AND instr(payload, x'2266696c6573223a') > 0))"
)
"""What stands out of a run: all but its usual events, and calls with ``"files":`` in their data.

An index holds these events alone; a statement uses it where this text is one of its conditions.
"""

SQLITE = (
    """
    CREATE TABLE runs (
      key INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      flow TEXT NOT NULL,
      program TEXT NOT NULL,
      meaning TEXT NOT NULL,
      source TEXT NOT NULL,
      title TEXT NOT NULL,
      status TEXT NOT NULL,
      ancestry TEXT NOT NULL,
      parent TEXT,
      head INTEGER NOT NULL,
      link BLOB NOT NULL,
      created_us INTEGER NOT NULL,
      ended_us INTEGER,
      accounts TEXT NOT NULL,
      labels TEXT NOT NULL,
      lease_epoch INTEGER NOT NULL,
      lease_owner TEXT NOT NULL,
      lease_until_us INTEGER NOT NULL,
      hidden INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
    CREATE TABLE ancestors (
      run INTEGER NOT NULL,
      ancestor INTEGER NOT NULL,
      until INTEGER NOT NULL,
      PRIMARY KEY (run, ancestor)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX ancestors_by_ancestor ON ancestors (ancestor, until);
    CREATE TABLE events (
      run INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      kind TEXT NOT NULL,
      step TEXT NOT NULL,
      header BLOB NOT NULL,
      payload BLOB,
      salt BLOB,
      payload_hash BLOB NOT NULL,
      link BLOB NOT NULL,
      PRIMARY KEY (run, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE keyframes (
      run INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      root BLOB NOT NULL,
      PRIMARY KEY (run, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE blobs (
      key INTEGER PRIMARY KEY,
      digest TEXT NOT NULL UNIQUE,
      encoding INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      stored INTEGER NOT NULL,
      content BLOB
    ) STRICT;
    CREATE TABLE blob_uses (
      run INTEGER NOT NULL,
      blob INTEGER NOT NULL,
      PRIMARY KEY (run, blob)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX blob_uses_by_blob ON blob_uses (blob);
    """,
    """
    CREATE TABLE blob_parts (
      blob INTEGER NOT NULL,
      part INTEGER NOT NULL,
      PRIMARY KEY (blob, part)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX blob_parts_by_part ON blob_parts (part);
    """,
    f"CREATE INDEX events_marked ON events (run, seq) WHERE {MARKED};",
)
"""Migration scripts; the database's version is how many of them it has seen."""

_POSTGRES_TYPES = (
    ("INTEGER PRIMARY KEY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    ("INTEGER", "BIGINT"),
    ("BLOB", "BYTEA"),
    (") STRICT, WITHOUT ROWID;", ");"),
    (") STRICT;", ");"),
    (" INDEXED BY events_marked", ""),
    ("instr(payload, x'2266696c6573223a')", r"position('\x2266696c6573223a'::bytea in payload)"),
)


def postgres(script: str) -> str:
    """A script in PostgreSQL's dialect; the two differ in a few words only."""
    for sqlite, other in _POSTGRES_TYPES:
        script = script.replace(sqlite, other)
    return script


def check_version(found: int) -> None:
    """Refuse a database that a later program wrote.

    Raises:
        StorageError: It has seen more migrations than this program knows.
    """
    if found > len(SQLITE):
        raise StorageError(
            f"the database has version {found}, and this program knows up to {len(SQLITE)}",
            hint="Upgrade with: pip install --upgrade neurectomy",
        )
