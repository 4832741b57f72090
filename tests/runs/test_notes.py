"""Notes are events: of a run that moves, that waits, that has ended; they change nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from neurectomy.app.services import open_services
from neurectomy.core.errors import InvalidInput, NotFound
from neurectomy.timeline.event import Draft
from neurectomy.workspace.settings import Settings

pytestmark = pytest.mark.anyio
SETTINGS = Settings(durability="process")

PROGRAM = """
flow ask(name: str) -> str {
  sure = ask human "Shall {{ name }}?" -> bool
  if sure { return "yes" }
  return "no"
}
"""


@pytest.fixture
async def services(tmp_path: Path):
    (tmp_path / "a.agent").write_text(PROGRAM)
    async with open_services(tmp_path, SETTINGS) as services:
        yield services


async def started(services) -> str:
    row = await services.runs.start(services.programs.bundle("a.agent"), "ask", {"name": "x"})
    await asyncio.wait_for(services.runs.motions.wait(row.id), 10)
    return row.id


async def test_a_note_is_taken_at_any_time_and_nothing_else_changes(services) -> None:
    run = await started(services)
    await services.runs.notebook.add(run, 2, "  while it waits ")
    assert (await services.runs.row(run)).status == "waiting"
    await services.runs.answer(run, "ask/sure", True)
    await asyncio.wait_for(services.runs.motions.wait(run), 10)
    ended = await services.runs.row(run)
    await asyncio.sleep(0.01)
    await services.runs.notebook.add(run, ended.head, "", by="Ada")
    row = await services.runs.row(run)
    assert (row.status, row.ended_us, row.accounts) == ("finished", ended.ended_us, ended.accounts)
    assert (row.head, row.lease_owner) == (ended.head + 1, "")
    notes = await services.runs.notes(row)
    assert [(n.seq, n.text, n.by, n.step) for n in notes] == [
        (2, "while it waits", "user", "ask/sure"),
        (ended.head, "", "Ada", "ask"),
    ]
    before, after = (services.log.state(run, at) for at in (ended.head, row.head))
    assert before == after
    assert (await services.runs.replay(run)).agrees
    assert (await services.runs.result(row))[0] == "yes"
    assert services.log.verify(run) == row.head


async def test_a_note_is_taken_back_once(services) -> None:
    run = await started(services)
    row = await services.runs.notebook.add(run, 1, "first")
    (note,) = await services.runs.notes(row)
    row = await services.runs.notebook.remove(run, note.note)
    assert await services.runs.notes(row) == []
    with pytest.raises(NotFound, match="no note"):
        await services.runs.notebook.remove(run, note.note)
    with pytest.raises(InvalidInput, match="no event 99"):
        await services.runs.notebook.add(run, 99, "x")
    with pytest.raises(InvalidInput, match="at most"):
        await services.runs.notebook.add(run, 1, "x" * 2001)
    assert (await services.runs.replay(run)).agrees


async def test_notes_of_a_run_that_nobody_drives_leave_it_alone(tmp_path: Path) -> None:
    (tmp_path / "a.agent").write_text(PROGRAM)
    async with open_services(tmp_path, SETTINGS) as services:
        run = await started(services)
    async with open_services(tmp_path, SETTINGS) as services:
        await services.runs.notebook.add(run, 1, "at rest")
        assert not services.runs.motions.drives(run)
        assert (await services.runs.row(run)).status == "waiting"
        await services.runs.answer(run, "ask/sure", False)
        await asyncio.wait_for(services.runs.motions.wait(run), 10)
        assert (await services.runs.replay(run)).agrees


async def test_a_fork_has_the_notes_before_its_fork_point(services) -> None:
    run = await started(services)
    row = await services.runs.notebook.add(run, 1, "shared")
    await services.runs.notebook.add(run, 1, "later")
    fork = await services.runs.fork(run, row.head, start=False)
    assert [note.text for note in await services.runs.notes(fork)] == ["shared"]


async def test_many_at_once_are_all_written(services) -> None:
    run = await started(services)
    notes = [services.runs.notebook.add(run, 1, f"note {n}") for n in range(10)]
    await asyncio.gather(*notes, services.runs.answer(run, "ask/sure", True))
    await asyncio.wait_for(services.runs.motions.wait(run), 10)
    await asyncio.gather(*(services.runs.notebook.add(run, 1, f"late {n}") for n in range(10)))
    assert len(await services.runs.notes(await services.runs.row(run))) == 20
    assert (await services.runs.replay(run)).agrees


async def test_who_follows_a_run_comes_to_its_end_though_a_note_follows_at_once(services) -> None:
    run = await started(services)
    log = services.log
    row = await services.runs.row(run)
    kinds: list[str] = []

    async def follow() -> None:
        async for events in log.follow(run, row.head):
            kinds.extend(event.kind for event in events)

    await services.runs.motions.close()
    writer = await log.open(run, force=True)
    following = asyncio.create_task(follow())
    await asyncio.sleep(0.1)
    writer.append(Draft("run.cancelled", "", {}, [["set", ["status"], "cancelled"]]))
    writer.append(Draft("note.added", "", {"seq": 1, "text": "x"}, []))
    await writer.barrier()
    await asyncio.wait_for(following, 5)
    assert kinds == ["run.cancelled", "note.added"]
    await log.release(writer)


async def test_a_writer_that_was_replaced_does_not_give_the_new_lease_back(services) -> None:
    run = await started(services)
    await services.runs.motions.close()
    first = await services.log.open(run, force=True)
    second = await services.log.open(run, force=True)
    await services.log.release(first)
    assert services.log.row(run).lease_owner != ""
    second.append(Draft("note.added", "", {"seq": 1, "text": "x"}, []))
    await second.barrier()
    await services.log.release(second)
    assert services.log.row(run).lease_owner == ""
