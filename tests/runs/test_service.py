"""The service of runs over a real workspace: failing starts, waiting runs, damaged logs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from neurectomy.app.services import open_services
from neurectomy.core.errors import Damaged, StorageError
from neurectomy.storage.port import RunQuery
from neurectomy.workspace.settings import Settings

pytestmark = pytest.mark.anyio
SETTINGS = Settings(durability="process")

PROGRAM = """
flow ask(name: str) -> str {
  sure = ask human "Shall {{ name }}?" -> bool
  if sure { return "yes" }
  return "no"
}
flow count(n: int) -> int {
  a = 0
  repeat at most 300 times { a = a + 1 }
  return a + n
}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.agent").write_text(PROGRAM)
    return tmp_path


async def test_a_start_that_fails_leaves_nothing(root: Path, monkeypatch) -> None:
    async with open_services(root, SETTINGS) as services:
        bundle = services.programs.bundle("a.agent")

        def full(*_):
            raise StorageError("the disk is full")

        monkeypatch.setattr(services.log.store, "commit", full)
        with pytest.raises(StorageError):
            await services.runs.start(bundle, "count", {"n": 1})
        monkeypatch.undo()
        assert services.log.store.runs(RunQuery()) == []


async def test_a_replay_of_a_damaged_log_does_not_agree(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        row = await services.runs.start(services.programs.bundle("a.agent"), "count", {"n": 1})
        await services.runs.motions.wait(row.id)
        assert (await services.runs.replay(row.id)).agrees
        services.log.store._writer.execute("DELETE FROM events WHERE seq > 10")
        with pytest.raises(Damaged, match="event 11 is missing"):
            await services.runs.replay(row.id)


async def test_a_run_that_waits_is_left_alone_and_followed_until_it_is_answered(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        row = await services.runs.start(services.programs.bundle("a.agent"), "ask", {"name": "x"})
        await asyncio.wait_for(services.runs.motions.wait(row.id), 10)
    async with open_services(root, SETTINGS) as services:
        head = (await services.runs.row(row.id)).head
        assert await services.runs.motions.recover() == []
        kinds: list[str] = []

        async def follow() -> None:
            async for events in services.runs.motions.follow(row.id, head):
                kinds.extend(event.kind for event in events)

        following = asyncio.create_task(follow())
        await asyncio.sleep(0.2)
        assert not following.done()
        await services.runs.answer(row.id, "ask/sure", True)
        await asyncio.wait_for(following, 10)
        assert kinds[0] == "run.resumed"
        assert kinds[-1] == "run.finished"
