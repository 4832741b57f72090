"""Damaged logs: readable up to the damage, found by an examination, mended without a loss."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurectomy.core import codecs
from neurectomy.core.errors import Damaged
from neurectomy.storage.open import open_store
from neurectomy.storage.port import EventRow
from neurectomy.timeline.examining import examine
from neurectomy.timeline.log import Log
from neurectomy.timeline.mending import mend
from tests.storage.scars import scar
from tests.timeline.worlds import CLOCK, LARGE, World, end, exported, fill

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(store):
    world = await World(store).make()
    yield world
    await world.log.close()


def change(store, sql: str, *values) -> None:
    with store.upkeep._changing() as db:
        db.execute(sql, values)


def key(store, run: str) -> int:
    with store.upkeep._reading() as db:
        return db.execute("SELECT key FROM runs WHERE id = ?", (run,)).fetchone()[0]


DAMAGES = {
    "a changed payload": ("UPDATE events SET payload = ? WHERE seq = 270 AND run = ?", b"[{},[]]"),
    "a torn payload": ("UPDATE events SET payload = ? WHERE seq = 270 AND run = ?", b'[{"a'),
    "a changed header": ("UPDATE events SET header = ? WHERE seq = 270 AND run = ?", b"[1]"),
    "a gap": ("DELETE FROM events WHERE seq = 270 AND payload <> ? AND run = ?", b""),
    "no end": ("DELETE FROM events WHERE seq >= 270 AND payload <> ? AND run = ?", b""),
    "another step": ("UPDATE events SET step = ? WHERE seq = 270 AND run = ?", "x"),
}


@pytest.mark.parametrize("name", DAMAGES)
async def test_a_run_is_readable_to_the_damage_and_is_cut_there(
    world: World, tmp_path: Path, name: str
) -> None:
    store, log = world.store, world.log
    before = await log.events(world.parent, 0, 269)
    state = log.whole_state(world.parent, 269)
    sql, value = DAMAGES[name]
    change(store, sql, value, key(store, world.parent))
    assert await log.events(world.parent, 0, 269) == before
    assert log.whole_state(world.parent, 269) == state
    if name not in ("a changed payload", "another step"):
        assert await log.events(world.parent, 0) == before or name == "a torn payload"
        with pytest.raises(Damaged) as caught:
            await log.events(world.parent, 269)
        assert caught.value.details["seq"] == 270
        assert "neurectomy doctor" in caught.value.hint
    report = examine(store)
    (found,) = [one for one in report.runs if one.problems]
    assert (found.row.id, found.sound, found.state["status"]) == (world.parent, 269, "running")
    left = store.events(world.parent, 269, 999, 999)
    (done,) = mend(store, report, tmp_path / "aside")
    assert done.text.startswith("cut after event 269: ")
    assert examine(store).problems() == []
    assert log.verify(world.parent) == 269
    assert await log.events(world.parent) == before
    row = store.run(world.parent)
    assert (row.status, row.ended_us, row.lease_owner) == ("running", None, "doctor")
    assert row.labels == {"a": "b", "repaired": "cut after event 269"}
    if left:
        kept = (tmp_path / "aside" / f"{world.parent}-events.jsonl").read_bytes().splitlines()
        assert [msgspec.json.decode(line, type=EventRow) for line in kept] == left
    assert log.verify(world.last) == 281
    writer = await log.open(world.parent)
    fill(writer, 5, 269)
    end(writer)
    await writer.barrier()
    await log.release(writer)
    assert log.verify(world.parent) == 275


async def test_a_fork_is_cut_where_its_parent_is(world: World, tmp_path: Path) -> None:
    store, log = world.store, world.log
    whole = {run: await log.events(run) for run in (world.fork, world.last)}
    change(store, "DELETE FROM events WHERE seq = 200 AND run = ?", key(store, world.parent))
    assert await log.events(world.last) == whole[world.last][:199]
    report = examine(store)
    assert {one.row.id: one.sound for one in report.runs} == dict.fromkeys(
        (world.parent, world.fork, world.last), 199
    )
    done = mend(store, report, tmp_path / "aside")
    assert len([one for one in done if one.file]) == 3
    assert examine(store).problems() == []
    for run, events in whole.items():
        assert await log.events(run) == events[:199]
        assert log.verify(run) == 199
        assert [a.until for a in store.run(run).ancestry] == [199]
    store.delete_run(world.parent, CLOCK.wall(), force=True)
    assert log.verify(world.last) == 199


async def test_a_run_of_which_nothing_is_sound_is_left_empty(world: World, tmp_path: Path) -> None:
    store = world.store
    change(store, "UPDATE events SET salt = ? WHERE seq = 1", b"x" * 16)
    mend(store, examine(store), tmp_path / "aside")
    assert examine(store).problems() == []
    assert {row.head for row in store.upkeep.runs()} == {0}
    assert await world.log.events(world.last) == []
    assert len(list((tmp_path / "aside").iterdir())) == 3


async def test_a_keyframe_that_does_not_fold_is_passed_over_and_computed_again(
    world: World, tmp_path: Path
) -> None:
    store, log = world.store, world.log
    content = exported(store, world.parent)
    states = [log.whole_state(world.parent, at) for at in (130, 200)]
    change(store, "UPDATE keyframes SET root = ? WHERE seq = 128", b'{"torn')
    change(store, "UPDATE keyframes SET root = ? WHERE seq = 192", b'{"status":"other"}')
    assert log.whole_state(world.parent, 130) == states[0]
    report = examine(store)
    assert [text for _, text in report.problems()] == [
        "the keyframe of event 128 is not what its events give",
        "the keyframe of event 192 is not what its events give",
    ]
    (done,) = mend(store, report, tmp_path / "aside")
    assert done.text == "computed 2 keyframes again"
    assert [log.whole_state(world.parent, at) for at in (130, 200)] == states
    assert exported(store, world.parent) == content
    assert not (tmp_path / "aside").exists()


async def test_a_row_that_says_something_else_is_corrected(world: World, tmp_path: Path) -> None:
    store = world.store
    change(store, "UPDATE runs SET status = 'waiting', link = ? WHERE id = ?", b"x", world.parent)
    change(store, "UPDATE runs SET head = 290 WHERE id = ?", world.fork)
    events = store.events(world.fork, 290, 999, 99)
    report = examine(store)
    assert len(report.problems()) == 4
    mend(store, report, tmp_path / "aside")
    assert examine(store).problems() == []
    assert store.run(world.parent).status == "finished"
    assert store.run(world.fork).head == 290
    kept = (tmp_path / "aside" / f"{world.fork}-events.jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(line, type=EventRow) for line in kept] == events


async def test_a_lost_blob_is_told_with_the_event_and_comes_back(
    world: World, tmp_path: Path
) -> None:
    store = world.store
    value = codecs.encode(["item 10"] * 500)
    change(store, "UPDATE blobs SET content = ?, encoding = 0 WHERE digest = ?", b"torn",
           codecs.digest(value))  # fmt: skip
    report = examine(store)
    told = dict(report.problems())
    assert told[world.parent] == (
        f"the blob {codecs.digest(value)[:12]}, which event 13 names, does not match its hash"
    )
    done = mend(store, report, tmp_path / "aside")
    aside = tmp_path / "aside" / f"blob-{codecs.digest(value)}"
    assert (done[-1].file, aside.read_bytes()) == (str(aside), b"torn")
    assert world.log.verify(world.parent) == 300
    assert "1 of its blobs are lost; event 13" in store.run(world.parent).labels["repaired"]
    assert [one.text for one in mend(store, examine(store), tmp_path / "aside")] == []
    fresh = await World(store).make()
    assert examine(store).problems() == []
    await fresh.log.close()


async def test_a_blob_whose_row_is_gone_is_found_again_by_its_file(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", "process")
    world = await World(store).make()
    program = LARGE[::-1]
    world.store.add_blobs(world.parent, {codecs.digest(program): program}, {})
    change(store, "UPDATE runs SET program = ? WHERE id = ?", codecs.digest(program), world.parent)
    change(store, "DELETE FROM blobs WHERE digest = ?", codecs.digest(program))
    done = mend(store, examine(store), tmp_path / "aside")
    assert "was found again" in done[0].text
    assert store.blob(codecs.digest(program)) == program
    assert examine(store).problems() == []
    assert store.blob(codecs.digest(LARGE)) == LARGE
    await world.log.close()
    store.close()


async def test_what_was_redacted_is_no_damage(world: World) -> None:
    scar(world.store, world.parent, 100)
    assert examine(world.store).problems() == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A store that is copied, and what its parent run is."""
    folder = tmp_path_factory.mktemp("sound")

    async def make():
        store = open_store(folder / "store", "process")
        world = await World(store).make()
        events = await world.log.events(world.parent)
        await world.log.close()
        store.close()
        return folder / "store", world.parent, events

    return asyncio.run(make())


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seq=st.integers(1, 300),
    column=st.sampled_from(["header", "payload", "salt", "payload_hash", "link"]),
    place=st.integers(0, 10_000),
    bit=st.integers(0, 7),
)
def test_whichever_bit_flips_everything_before_it_is_readable(
    sound, tmp_path: Path, seq: int, column: str, place: int, bit: int
) -> None:
    folder, run, events = sound
    shutil.rmtree(tmp_path / "store", ignore_errors=True)
    store = open_store(Path(shutil.copytree(folder, tmp_path / "store")), "process")
    number = key(store, run)
    sql = f"SELECT {column} FROM events WHERE run = ? AND seq = ?"
    content = bytearray(store._writer.execute(sql, (number, seq)).fetchone()[0])
    content[place % len(content)] ^= 1 << bit
    change(store, f"UPDATE events SET {column} = ? WHERE run = ? AND seq = ?", bytes(content),
           number, seq)  # fmt: skip
    log = Log.__new__(Log)
    log.store = store

    async def read() -> None:
        found = []
        while len(found) < seq - 1:
            found += await log.events(run, len(found), seq - 1 - len(found))
        assert found == events[: seq - 1]
        with suppress(Damaged):  # or what is there can still be read, and is found by its hash
            await log.events(run, seq - 1)

    asyncio.run(read())
    if seq > 1:
        assert log.state(run, seq - 1)["status"] == "running"
    with suppress(Damaged):
        log.state(run, 300)
    (found,) = [one for one in examine(store).runs if one.row.id == run]
    assert (found.sound, found.cut) == (seq - 1, True)
    store.close()
