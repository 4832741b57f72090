"""A busy server, killed: nothing that was acknowledged is lost, and every run goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.app.kills import torment


def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    found = asyncio.run(torment(tmp_path, kills=6, seed=7))
    assert found["resumed"] > 0
    assert found["events"] > 200
