"""A server's application over a real workspace, without a socket."""

from __future__ import annotations

from pathlib import Path

import httpx2 as httpx
import pytest

from neurectomy.app.services import open_services
from neurectomy.server.application import create_app
from neurectomy.workspace.settings import Settings

TOKEN = "a-token-for-tests-only"

PROGRAM = """
tool double(n: int) -> int from "tools.py" idempotent
flow twice(n: int) -> int {
  a = double(n)
  b = double(a)
  return b
}
"""
ASKING = """
flow ask(name: str) -> str {
  sure = ask human "Shall {{ name }}?" -> bool
  if sure { return "yes" }
  return "no"
}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "twice.agent").write_text(PROGRAM)
    (tmp_path / "ask.agent").write_text(ASKING)
    (tmp_path / "broken.agent").write_text("flow f() -> str { return anser }")
    (tmp_path / "tools.py").write_text("def double(n):\n    print('doubling')\n    return n * 2\n")
    return tmp_path


@pytest.fixture
async def services(root: Path):
    async with open_services(root, Settings(durability="process")) as services:
        yield services


@pytest.fixture
async def app(services):
    return create_app(services, TOKEN)


@pytest.fixture
async def client(app):
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=headers
    ) as client:
        yield client
