"""Runs in files: the same bytes there and back, and nothing of a file that is wrong."""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import struct
import zipfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurectomy.core import codecs
from neurectomy.core.errors import Conflict, Damaged, InvalidInput, NeurectomyError, NotFound
from neurectomy.storage.open import open_store
from neurectomy.timeline.archive import ArchiveWriter
from neurectomy.timeline.chain import link, payload_hash
from neurectomy.timeline.importing import import_runs
from neurectomy.timeline.log import Log
from tests.storage.scars import scar
from tests.timeline.worlds import (
    CLOCK,
    LARGE,
    World,
    changed,
    end,
    exported,
    fill,
    first,
    row,
    taken_in,
    with_manifest,
    with_run,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path):
    store = open_store(tmp_path / "world", "process")
    world = await World(store).make()
    yield world
    await world.log.close()
    store.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    """Files of a world, made once: of a fork, and of a run of its own."""

    async def make() -> dict[str, bytes]:
        store = open_store(tmp_path_factory.mktemp("files"), "process")
        world = await World(store).make()
        made = {"fork": exported(store, world.last), "parent": exported(store, world.parent)}
        await world.log.close()
        store.close()
        return made

    return asyncio.run(make())


async def test_a_run_comes_back_as_it_was_and_its_file_is_the_same(
    world: World, store, tmp_path: Path
) -> None:
    content = exported(world.store, world.last, world.parent)
    assert exported(world.store, world.last, world.parent) == content
    done = taken_in(store, content, tmp_path)
    assert set(done.runs) == {world.last, world.parent}
    assert exported(store, world.last, world.parent) == content
    log = Log(store, CLOCK, "there")
    for run in (world.parent, world.last):
        assert log.verify(run) == world.log.verify(run)
        row, there = world.log.row(run), log.row(run)
        assert (there.status, there.labels, there.title) == (row.status, row.labels, row.title)
        assert (there.lease_epoch, there.lease_owner) == (0, "elsewhere")
        for at in (1, 64, 200, 250, row.head):
            assert log.whole_state(run, at) == world.log.whole_state(run, at)
    hidden = store.run(world.fork)
    assert (hidden.hidden, hidden.head, hidden.title) == (True, 280, "")
    back = open_store(tmp_path / "back", "process")
    taken_in(back, exported(store, world.last), tmp_path)
    assert exported(back, world.last) == exported(world.store, world.last)
    back.close()
    await log.close()


async def test_a_folder_comes_with_all_that_is_in_it_and_stays(
    world: World, store, tmp_path: Path
) -> None:
    taken_in(store, exported(world.store, world.last), tmp_path)
    assert store.blob(codecs.digest(LARGE)) == LARGE
    assert store.upkeep.collect().blobs == 0
    assert store.blob(codecs.digest(LARGE)) == LARGE
    store.delete_run(world.last, CLOCK.wall(), force=True)
    assert (store.usage().blobs, store.usage().events) == (0, 0)


async def test_what_the_parent_did_after_the_fork_stays_at_home(
    world: World, tmp_path: Path
) -> None:
    content = exported(world.store, world.last)
    value = codecs.encode(["item 290"] * 500)
    named = codecs.digest(value)
    assert world.store.blob(named) == value
    assert named not in str(zipfile.ZipFile(io.BytesIO(content)).namelist()).replace("/", "")
    assert len(content) < len(exported(world.store, world.parent, world.last))


async def test_an_imported_run_goes_on_here(world: World, store, tmp_path: Path) -> None:
    taken_in(store, exported(world.store, world.last), tmp_path)
    log = Log(store, CLOCK, "there")
    writer = await log.open(world.last)
    fill(writer, 100, 281)
    end(writer)
    await writer.barrier()
    await log.release(writer)
    assert log.verify(world.last) == 281 + 101
    await log.close()


async def test_what_is_here_already_is_not_brought_again(
    world: World, store, tmp_path: Path
) -> None:
    fork, parent = exported(world.store, world.last), exported(world.store, world.parent)
    taken_in(store, fork, tmp_path)
    again = taken_in(store, fork, tmp_path)
    assert (again.runs, again.present, again.events) == ((), (world.last,), 0)
    assert taken_in(store, parent, tmp_path).events == 50  # the prefix was here, out of sight
    assert exported(store, world.parent) == parent
    assert exported(store, world.last) == fork
    assert not store.run(world.parent).hidden


async def test_a_run_that_was_deleted_can_be_brought_back(world: World, tmp_path: Path) -> None:
    content = exported(world.store, world.parent)
    world.store.delete_run(world.parent, CLOCK.wall(), force=True)
    assert world.store.run(world.parent).hidden
    assert taken_in(world.store, content, tmp_path).runs == (world.parent,)
    assert exported(world.store, world.parent) == content


async def test_a_file_gives_blobs_back_that_were_lost(world: World, tmp_path: Path) -> None:
    content, connection = exported(world.store, world.parent), world.store._writer
    connection.execute("UPDATE blobs SET content = x'00' WHERE content IS NOT NULL")
    world.store._files.remove(codecs.digest(LARGE))
    with pytest.raises(Damaged):
        exported(world.store, world.parent)
    done = taken_in(world.store, content, tmp_path)
    assert (done.runs, done.present) == ((), (world.parent,))
    assert done.mended > 20
    assert exported(world.store, world.parent) == content
    assert world.store.blob(codecs.digest(LARGE)) == LARGE


async def test_another_run_of_the_same_id_is_refused(store, tmp_path: Path) -> None:
    elsewhere = open_store(tmp_path / "elsewhere", "process")
    logs = [Log(store, CLOCK, "here"), Log(elsewhere, CLOCK, "there")]
    same = row(program="")
    for log in logs:
        writer = await log.create(same, {})
        writer.append(first())
        await writer.barrier()
        await log.release(writer)
    with pytest.raises(Conflict, match="there is another run"):
        taken_in(store, exported(elsewhere, same.id), tmp_path)
    for log in logs:
        await log.close()
    elsewhere.close()


async def test_a_run_that_has_gone_on_elsewhere_is_told_apart(
    world: World, store, tmp_path: Path
) -> None:
    taken_in(store, exported(world.store, world.last), tmp_path)
    writer = await world.log.open(world.last)
    fill(writer, 5, 281)
    await writer.barrier()
    await world.log.release(writer)
    with pytest.raises(Conflict, match="up to event 281, and the file has 286"):
        taken_in(store, exported(world.store, world.last), tmp_path)


async def test_what_was_redacted_stays_so_and_leaves_its_scar(
    world: World, store, tmp_path: Path
) -> None:
    scar(world.store, world.parent, 100)
    content = exported(world.store, world.parent)
    taken_in(store, content, tmp_path)
    assert exported(store, world.parent) == content
    log = Log(store, CLOCK, "there")
    (event,) = await log.events(world.parent, 99, 1)
    assert (event.data, event.patch, event.kind) == (None, None, "value.bound")
    assert log.verify(world.parent) == 300
    assert log.whole_state(world.parent, 300) == world.log.whole_state(world.parent, 300)
    await log.close()


async def test_what_is_not_there_or_not_whole_is_not_exported(world: World) -> None:
    with pytest.raises(NotFound):
        exported(world.store, "0" * 8)
    empty = row()
    world.store.create_run(empty, {})
    with pytest.raises(InvalidInput, match="no event yet"):
        exported(world.store, empty.id)
    connection = world.store._writer
    connection.execute("UPDATE events SET payload = x'5B7B7D2C5B5D5D' WHERE seq = 7")
    with pytest.raises(Damaged, match="event 7 does not match"):
        exported(world.store, world.parent)
    connection.execute("DELETE FROM events WHERE seq = 7")
    with pytest.raises(Damaged, match=r"event 7 of the run .* is missing"):
        exported(world.store, world.parent)


def refused(content: bytes, folder: Path) -> NeurectomyError:
    """The refusal of a file; the store is as it was."""
    store = open_store(folder / "empty", "process")
    try:
        with pytest.raises(NeurectomyError) as caught:
            taken_in(store, content, folder)
        assert store.upkeep.runs() == []
        assert store.usage().blobs == 0
        assert not [path for path in (folder / "empty/blobs").rglob("*") if path.is_file()]
    finally:
        store.close()
    assert caught.value.hint
    return caught.value


LOOSE = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@LOOSE
@given(data=st.data())
def test_a_changed_byte_or_a_missing_end_is_always_refused(files, tmp_path: Path, data) -> None:
    content = bytearray(files["fork"])
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    refused(bytes(content), tmp_path)


@LOOSE
@given(data=st.data())
def test_a_changed_byte_under_a_new_seal_breaks_nothing(files, tmp_path: Path, data) -> None:
    """Whoever means it seals again: refused, or what comes in can be read to its end."""
    content = bytearray(files["fork"])[:-64]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    sealed = bytes(content) + codecs.digest(bytes(content)).encode()
    store = open_store(tmp_path / "store", "process")
    try:
        done = taken_in(store, sealed, tmp_path)
    except NeurectomyError:
        assert store.upkeep.runs() == []
    else:
        for run in done.runs:
            log = Log.__new__(Log)
            log.store = store
            log.verify(run)
    finally:
        store.close()
        shutil.rmtree(tmp_path / "store")


def edited(members: dict[str, bytes], *numbers: int, **changes) -> dict[str, bytes]:
    """Change events of the first run, and carry the chain on as if it had always been so."""
    manifest = msgspec.json.decode(members["manifest.json"])
    run = manifest["runs"][0]
    name = f"runs/{run['id']}/events.jsonl"
    lines, previous = [], bytes(32)
    for line in members[name].splitlines():
        event = msgspec.json.decode(line)
        if event["header"][0] in numbers:
            event |= changes
        header, payload = codecs.encode(event["header"]), codecs.encode(event["payload"])
        hashed = payload_hash(bytes.fromhex(event["salt"]), payload)
        previous = link(previous, header, hashed)
        event |= {"hash": hashed.hex(), "link": previous.hex()}
        lines.append(codecs.encode(event))
    members[name] = b"\n".join([*lines, b""])
    run["link"] = previous.hex()
    members["manifest.json"] = codecs.encode(manifest)
    return members


def payload(patch: list, **data) -> dict:
    return {"payload": [data, patch]}


def without(end: str):
    def change(members: dict[str, bytes]) -> None:
        name = next(name for name in members if name.endswith(end))
        del members[name]

    return change


def stray(members: dict[str, bytes]) -> None:
    digest = codecs.digest(b"stray")
    members[f"blobs/{digest[:2]}/{digest[2:]}"] = b"stray"
    manifest = msgspec.json.decode(members["manifest.json"])
    manifest["blobs"] += 1
    manifest["blob_bytes"] += 5
    members["manifest.json"] = codecs.encode(manifest)


def other_keyframe(members: dict[str, bytes]) -> None:
    name = next(name for name in members if name.endswith("keyframes.jsonl"))
    members[name] = members[name].replace(b'"tokens":1', b'"tokens":9', 1)


DEEP = b"[" * 200_000 + b"]" * 200_000
HOSTILE = {
    "a path out of the workspace": (with_run(source="../../a.agent"), "no path inside"),
    "an absolute path": (with_run(source="/etc/a.agent"), "no path inside"),
    "a member out of the file": (lambda m: m.update({"../../x": b""}), "does not belong there"),
    "a digest that is a path": (lambda m: m.update({"blobs/../" + "a" * 61: b""}), "not belong"),
    "no events": (without("events.jsonl"), "events.jsonl is missing"),
    "no blob": (lambda m: m.popitem() and None, "blobs are not those"),
    "a blob that nothing names": (stray, "nothing in it names"),
    "another keyframe": (other_keyframe, "not what its events give"),
    "another end": (with_run(head=299), "does not end as it says"),
    "no such ancestor": (with_run(ancestry=[["0" * 8, 3]]), "is not in it"),
    "a later version": (with_manifest(version=2, more=[]), "version 2, and this program knows"),
    "something unknown": (with_manifest(more=1), "unknown field"),
    "another format": (with_manifest(format="x"), "Invalid enum value"),
    "a deep manifest": (
        lambda m: m.update({"manifest.json": b'{"version":1,"x":' + DEEP + b"}"}), "recursion",
    ),
    "no whole number": (with_run(created_us=2**70), "range|<= 9007199254740992"),
    "a status that there is not": (with_run(status="paused?"), "Invalid enum value"),
    "an id that is a path": (with_run(id="../x"), "regex"),
    "a deep event": (lambda m: edited(m, 5, **payload([], a=msgspec.Raw(DEEP))), "recursion"),
    "a patch that fits nothing": (
        lambda m: edited(m, 5, **payload([["set", ["a", "b"], 1]])), "does not fit",
    ),
    "a reference to nothing": (
        lambda m: edited(m, 5, **payload([], v={"$blob": "0" * 64, "bytes": None})),
        "names a blob that is missing",
    ),
    "a list in chunks": (
        lambda m: edited(m, 5, **payload([], v={"$list": ["0" * 64], "count": 64, "tail": []})),
        "as only keyframes have it",
    ),
    "a value at two places": (
        lambda m: edited(m, 5, **payload([["put", ["a"], "v"], ["put", ["b"], "v"]], v=[])),
        "stands at two places",
    ),
    "a step with a zero": (
        lambda m: edited(m, 5, header=[5, "k", 1, "a\0", [], 1, 1]), "name that none can have",
    ),
    "a number too large": (lambda m: edited(m, 5, header=[2**80, "k", 1, "a", [], 1, 1]), "."),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_the_reason(files, tmp_path: Path, name: str) -> None:
    change, reason = HOSTILE[name]
    error = refused(changed(files["parent"], change), tmp_path)
    assert isinstance(error, InvalidInput)
    assert re.search(reason, error.message), error.message


def test_a_folder_without_its_parts_is_refused(files, tmp_path: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        name = next(name for name, content in members.items() if content == b"small")
        del members[name]
        manifest = msgspec.json.decode(members["manifest.json"])
        manifest["blobs"] -= 1
        manifest["blob_bytes"] -= 5
        members["manifest.json"] = codecs.encode(manifest)

    assert "of a folder is missing" in refused(changed(files["parent"], change), tmp_path).message


def test_a_file_that_would_become_enormous_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = io.BytesIO()
    writer = ArchiveWriter(file)
    writer.add("manifest.json", [b"{}"])
    writer.add("blobs/00/" + "0" * 62, (bytes(1 << 20) for _ in range(1100)))
    writer.seal()
    assert len(file.getvalue()) < 5_000_000
    assert "becomes 1153 MB" in refused(file.getvalue(), tmp_path).message


def test_a_file_of_countless_members_is_refused_before_they_are_listed(
    files, tmp_path: Path
) -> None:
    content = bytearray(files["fork"][:-64])
    end = len(content) - 7 - 22
    struct.pack_into("<L", content, end + 12, 0xF0000000)
    sealed = bytes(content) + codecs.digest(bytes(content)).encode()
    assert "more than 2000000 members" in refused(sealed, tmp_path).message


@pytest.mark.parametrize("content", [b"", b"PK", b"no such thing" * 100, bytes(1000)])
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refused(content, tmp_path).code == "invalid_input"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s", "process")
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        import_runs(store, tmp_path / "nothing.nrun", lambda *_: None)
    store.close()


async def test_an_import_that_the_store_refuses_leaves_nothing(
    world: World, tmp_path: Path
) -> None:
    content = exported(world.store, world.parent)
    store = open_store(tmp_path / "full", "process")
    full = "BEFORE INSERT ON keyframes BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    store._writer.execute(f"CREATE TRIGGER full {full}")  # once all the blobs are written
    with pytest.raises(NeurectomyError, match="full") as caught:
        taken_in(store, content, tmp_path)
    assert "Free some space" in caught.value.hint
    assert store.upkeep.runs() == []
    assert not [path for path in (tmp_path / "full/blobs").rglob("*") if path.is_file()]
    store._writer.execute("DROP TRIGGER full")
    assert taken_in(store, content, tmp_path).runs == (world.parent,)
    store.close()


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_was_written_comes_back_byte_by_byte(tmp_path: Path, data) -> None:
    """Runs of any length, forks anywhere, redactions anywhere: there and back again."""
    here = open_store(tmp_path / "here", "process")
    there = open_store(tmp_path / "there", "process")

    async def write() -> list[str]:
        log, runs = Log(here, CLOCK, "here"), []
        for _ in range(data.draw(st.integers(1, 4))):
            parent = data.draw(st.sampled_from([None, *runs]))
            made = row(program="")
            if parent is None:
                writer = await log.create(made, {})
                writer.append(first())
            else:
                at = data.draw(st.integers(1, here.run(parent).head))
                here.fork_run(parent, at, made)
                writer = await log.open(made.id)
            fill(writer, data.draw(st.integers(0, 200)), writer.seq)
            if data.draw(st.booleans()):
                end(writer)
            await writer.barrier()
            await log.release(writer)
            runs.append(made.id)
        for run in runs:
            lengths = st.integers(1, here.run(run).head)
            for seq in data.draw(st.lists(lengths, max_size=2)):
                scar(here, run, seq)
        await log.close()
        return runs

    try:
        runs = asyncio.run(write())
        chosen = data.draw(st.lists(st.sampled_from(runs), min_size=1, unique=True))
        content = exported(here, *chosen)
        assert set(taken_in(there, content, tmp_path).runs) == set(chosen)
        assert exported(there, *chosen) == content
        back = exported(here, *runs)
        taken_in(there, back, tmp_path)
        assert exported(there, *runs) == back
    finally:
        for store in (here, there):
            store.close()
        shutil.rmtree(tmp_path / "here")
        shutil.rmtree(tmp_path / "there")
