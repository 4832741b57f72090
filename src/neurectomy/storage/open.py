"""Which store a workspace has: SQLite in its folder, or the PostgreSQL that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurectomy.core.errors import InvalidInput, Unavailable
from neurectomy.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.storage.port import Durability, Store


def open_store(folder: Path, durability: Durability = "power", database_url: str = "") -> Store:
    """The store of a workspace.

    Args:
        folder: The workspace's own, ``.neurectomy``; large blobs are kept in it.
        durability: What a commit survives.
        database_url: ``postgresql://...``; empty for SQLite in the folder.

    Raises:
        InvalidInput: The address is of no database that is known.
        Unavailable: The extra ``postgres`` is not installed.
        StorageError: The database cannot be opened.
    """
    if not database_url:
        return SqliteStore(folder / "log.db", folder / "blobs", durability)
    if not database_url.startswith(("postgresql://", "postgres://")):
        raise InvalidInput(
            "the database's address begins with postgresql://",
            hint="Unset NEURECTOMY_DATABASE_URL for SQLite.",
        )
    try:
        from neurectomy.storage.postgres import PostgresStore
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"PostgreSQL needs the package {error.name}",
            hint="Install it with: pip install 'neurectomy[postgres]'",
        ) from error
    return PostgresStore(database_url, durability)
