"""Everything that a workspace keeps, as bytes: what a person with its disk could read."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import psycopg

TABLES = ("runs", "events", "keyframes", "blobs")


def kept(root: Path, database_url: str = "") -> bytes:
    """The bytes of every file below ``.neurectomy``, or of every row of a database.

    Blobs that are compressed count twice: as they are, and as they were.
    """
    if database_url:
        return _rows(database_url)
    files = [path for path in sorted((root / ".neurectomy").rglob("*")) if path.is_file()]
    contents = [path.read_bytes() for path in files]
    assert any(content.startswith(b"SQLite format 3") for content in contents)
    return b"\n".join([*contents, *map(_expanded, contents), *_inflated_rows(root)])


def _expanded(content: bytes) -> bytes:
    try:
        return zlib.decompress(content)
    except zlib.error:
        return b""


def _inflated_rows(root: Path) -> list[bytes]:
    import sqlite3

    found = []
    for path in (root / ".neurectomy").glob("*.db"):
        connection = sqlite3.connect(path)
        for (content,) in connection.execute("SELECT content FROM blobs WHERE encoding = 1"):
            found.append(_expanded(content or b""))
        connection.close()
    return found


def _rows(database_url: str) -> bytes:
    found: list[bytes] = []
    with psycopg.connect(database_url) as connection:
        for table in TABLES:
            for row in connection.execute(f"SELECT * FROM {table}".encode()).fetchall():
                for value in row:
                    part = bytes(value) if isinstance(value, bytes | memoryview) else value
                    if isinstance(part, bytes):
                        found += [part, _expanded(part)]
                    else:
                        found.append(json.dumps(part, ensure_ascii=False).encode())
    return b"\n".join(found)
