"""Connections to a PostgreSQL server: a pool, the migrations, and who may add or delete blobs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from neurectomy.core.errors import StorageError
from neurectomy.storage import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from neurectomy.storage.port import Durability

    Connection = psycopg.Connection[tuple[Any, ...]]

_MIGRATION_LOCK = 6387
"""Number of the advisory lock under which one process at a time migrates."""

BLOB_LOCK = 6388
"""Number of the one that who adds blobs shares, and who deletes some has alone."""


class PostgresConnections:
    """The server as `neurectomy.storage.postgres` uses it.

    Args:
        url: ``postgresql://...``.
        durability: What a commit survives.

    Raises:
        StorageError: The server does not answer, or a newer version wrote its tables.
    """

    def __init__(self, url: str, durability: Durability) -> None:
        level = "on" if durability == "power" else "off"
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=16,
            timeout=20,
            kwargs={"options": f"-c synchronous_commit={level}", "autocommit": True},
            open=False,
        )
        with errors():
            psycopg.connect(url, connect_timeout=10).close()  # a pool would try for as long as told
            self._pool.open(wait=True, timeout=20)
        try:
            self._migrate()
        except BaseException:
            self._pool.close()
            raise

    def _migrate(self) -> None:
        with self._transaction() as db:
            db.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
            db.execute("CREATE TABLE IF NOT EXISTS neurectomy (version BIGINT NOT NULL)")
            found = db.execute("SELECT max(version) FROM neurectomy").fetchone()
            version = int(found[0] or 0) if found else 0
            schema.check_version(version)
            for script in schema.SQLITE[version:]:
                for statement in schema.postgres(script).split(";"):
                    if statement.strip():
                        db.execute(statement.encode())
            if version < len(schema.SQLITE):
                db.execute("INSERT INTO neurectomy (version) VALUES (%s)", (len(schema.SQLITE),))

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with errors(), self._pool.connection() as db, db.transaction():
            yield db

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with errors(), self._pool.connection() as db:
            yield db

    @contextmanager
    def _alone(self) -> Iterator[Marked]:
        """A transaction while nobody else adds or deletes blobs."""
        with self._transaction() as db:
            db.execute("SELECT pg_advisory_xact_lock(%s)", (BLOB_LOCK,))
            yield Marked(db)

    @contextmanager
    def _looking(self) -> Iterator[Marked]:
        with self._reading() as db:
            yield Marked(db)

    def close(self) -> None:
        self._pool.close()


def marked(sql: str) -> bytes:
    """A statement that both databases understand, with this driver's marks for values."""
    return sql.replace("?", "%s").encode()


class Marked:
    """A connection that takes question marks for values, as SQLite does."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._db.execute(marked(sql), values)


@contextmanager
def errors() -> Iterator[None]:
    """Turn the driver's errors into ours, with the next step; addresses and keys stay out."""
    try:
        yield
    except (PoolClosed, PoolTimeout) as error:
        raise _silent() from error
    except psycopg.Error as error:
        if isinstance(error, psycopg.OperationalError) and not error.diag.message_primary:
            raise _silent() from error
        reason = (error.diag.message_primary or type(error).__name__).strip()
        hint = "Look at the server's log; nothing that was acknowledged is lost."
        if isinstance(error, psycopg.errors.DiskFull):
            hint = "Free some space on the server's disk; nothing that was acknowledged is lost."
        raise StorageError(f"PostgreSQL: {reason}", hint=hint) from error


def _silent() -> StorageError:
    return StorageError(
        "the PostgreSQL server does not answer",
        hint="Start it, or look at NEURECTOMY_DATABASE_URL.",
    )
