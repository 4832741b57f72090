"""The files that runs' tools see and change, in real jails and over real stores."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from neurectomy.app.services import open_services
from neurectomy.core.errors import Conflict, InvalidInput, StorageError
from neurectomy.runs import folders
from neurectomy.runs.forks import Changes
from neurectomy.sandboxes.landlock import Landlock
from neurectomy.sandboxes.select import Sandboxes
from neurectomy.snapshots import capture, copies
from neurectomy.snapshots.tree import walk
from neurectomy.storage.port import RunQuery
from neurectomy.workspace.settings import Settings

pytestmark = pytest.mark.anyio

TOOLS = """
import os, time
from pathlib import Path

HERE = Path(__file__).parent

def look() -> list[str]:
    found = []
    for folder, folders, files in os.walk(HERE):
        found += [str((Path(folder) / name).relative_to(HERE)) for name in files]
    return sorted(name for name in found if not name.endswith(".pyc"))

def text(path: str) -> str:
    return (HERE / path).read_text()

def version() -> int:
    return 1

def reach(path: str) -> str:
    try:
        return (HERE / path).read_text()
    except OSError as error:
        return type(error).__name__

def put(path: str, text: str, after: float = 0) -> str:
    time.sleep(after)
    assert Path.cwd() == HERE
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    return path

def spoil(how: str) -> str:
    Path("notes.txt").write_text("spoiled")
    if how == "raise":
        raise ValueError("no")
    if how == "type":
        return 7
    if how == "large":
        with open("large", "wb") as file:
            file.write(bytes(33 * 1024 * 1024))
    if how == "hidden":
        Path("notes.txt").write_text("notes")
        Path(".hook").write_text("x")
        os.mkfifo("pipe")
        os.symlink("/etc/passwd", "out")
    return how

def tidy() -> str:
    os.unlink("notes.txt")
    os.rename("data", "moved")
    os.symlink("moved/a.txt", "link")
    handle = os.open("run.sh", os.O_CREAT | os.O_WRONLY, 0o755)
    os.close(handle)
    return "done"

def hang(path: str) -> str:
    Path(path).write_text("half")
    time.sleep(60)
    return path
"""

FLOOD = """
def flood() -> int:
    for number in range(1000):
        Path(f"flood-{number}").write_bytes(bytes(500_000))
        time.sleep(0.02)
    return 1
"""

PROGRAM = """
tool look() -> list[str] from "t.py"
tool text(path: str) -> str from "t.py"
tool version() -> int from "t.py"
tool reach(path: str) -> str from "t.py"
tool put(path: str, text: str, after: float = 0) -> str from "t.py" writes
tool spoil(how: str) -> str from "t.py" writes
tool tidy() -> str from "t.py" writes
tool hang(path: str) -> str from "t.py" writes

flow seen() -> list[str] { a = look() return a }
flow write() -> str {
  a = put("out/new.txt", "new")
  b = text("out/new.txt")
  return b
}
flow spoiled(how: str) -> str { a = spoil(how) return a }
flow tidied() -> list[str] { a = tidy() b = look() return b }
flow both() -> list[str] {
  parallel {
    a = put("notes.txt", "first", 0.0)
    b = put("notes.txt", "second", 0.4)
    c = put("other.txt", "third", 0.2)
  }
  d = look()
  return d
}
flow slow() -> int {
  sure = ask human "go on?" -> bool
  n = version()
  return n
}
flow hung() -> str { a = hang("half.txt") return a }
flow probe(path: str) -> str { a = reach(path) return a }
"""


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request) -> Settings:
    url = request.getfixturevalue("database_url") if request.param == "postgres" else ""
    return Settings(durability="process", database_url=url)


SETTINGS = Settings(durability="process")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.agent").write_text(PROGRAM)
    (tmp_path / "t.py").write_text(TOOLS)
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("a")
    (tmp_path / ".gitignore").write_text("*.log\ncache/\nescape\n")
    (tmp_path / "big.log").write_text("log")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "c.txt").write_text("cached")
    (tmp_path / ".env").write_text("secret")
    return tmp_path


async def ran(services: Any, flow: str, **inputs: Any) -> tuple[Any, Any, Any]:
    """A run to its end: its row, value and error; its replay agrees."""
    row = await services.runs.start(services.programs.bundle("a.agent"), flow, inputs)
    return await ended(services, row.id)


async def ended(services: Any, run: str) -> tuple[Any, Any, Any]:
    await asyncio.wait_for(services.runs.motions.wait(run), 60)
    row = await services.runs.row(run)
    replay = await services.runs.replay(run)
    assert replay.agrees, replay.difference
    return (row, *await services.runs.result(row))


async def files_of(services: Any, run: str, at: int | None = None) -> dict[str, str]:
    row = await services.runs.row(run)
    state = await asyncio.to_thread(services.log.state, run, at or row.head)
    read = services.runs.folders.read
    return {p: read(e.digest).decode() for p, e in walk(state["files"]["root"], read)}


async def test_a_run_sees_what_its_folder_held_when_it_began(root: Path, settings) -> None:
    os.mkfifo(root / "pipe")
    async with open_services(root, settings) as services:
        row, value, error = await ran(services, "seen")
        assert error is None
        assert value == ["a.agent", "big.log", "data/a.txt", "notes.txt", "t.py"]
        state = await asyncio.to_thread(services.log.state, row.id, 1)
        assert state["files"]["beside"] == ["big.log", "cache"]
        assert state["files"]["skipped"] == [["pipe", "it is no file"]]


async def test_a_change_of_a_tool_does_not_reach_a_run_that_is_under_way(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        bundle = services.programs.bundle("a.agent")
        row = await services.runs.start(bundle, "slow", {})
        await asyncio.wait_for(services.runs.motions.wait(row.id), 10)
        (root / "t.py").write_text(TOOLS.replace("return 1", "return 2"))
        fork = await services.runs.fork(row.id, 1)
        await asyncio.wait_for(services.runs.motions.wait(fork.id), 10)
        for run in (row.id, fork.id):
            await services.runs.answer(run, "slow/sure", True)
            assert (await ended(services, run))[1] == 1
        row = await services.runs.start(services.programs.bundle("a.agent"), "slow", {})
        await asyncio.wait_for(services.runs.motions.wait(row.id), 10)
        await services.runs.answer(row.id, "slow/sure", True)
        assert (await ended(services, row.id))[1] == 2


async def test_what_was_compiled_runs_whatever_the_folder_holds_by_then(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        bundle = services.programs.bundle("a.agent")
        (root / "t.py").write_text("broken(")
        row = await services.runs.start(bundle, "seen", {})
        assert (await ended(services, row.id))[2] is None


async def test_an_ignored_tool_is_captured_all_the_same(root: Path) -> None:
    (root / ".gitignore").write_text("t.py\ntools/\n")
    (root / "tools").mkdir()
    (root / "tools" / "u.py").write_text("def u() -> int:\n    return 3\n")
    (root / "tools" / "other.txt").write_text("other")
    with (root / "a.agent").open("a") as file:
        file.write('tool u() -> int from "tools/u.py"\nflow v() -> int { a = u() return a }\n')
    async with open_services(root, SETTINGS) as services:
        row, value, error = await ran(services, "v")
        assert (value, error) == (3, None)
        files = await files_of(services, row.id)
        assert {"t.py", "tools/u.py"} <= files.keys()
        state = await asyncio.to_thread(services.log.state, row.id, 1)
        assert state["files"]["beside"] == ["tools/other.txt"]


async def test_no_link_leads_out_of_what_may_be_seen(root: Path, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("secret")
    (root / "escape").symlink_to(outside)
    (root / "link").symlink_to(outside / "secret")
    (root / "cache" / "link").symlink_to(outside / "secret")
    async with open_services(root, SETTINGS) as services:
        for path in ("escape/secret", "link", "cache/link", ".env", str(outside / "secret"),
                     str(root / ".env"), str(root / ".neurectomy" / "lock")):  # fmt: skip
            _, value, _ = await ran(services, "probe", path=path)
            assert value in ("FileNotFoundError", "PermissionError"), (path, value)
        for path, text in (("cache/c.txt", "cached"), ("big.log", "log")):
            assert (await ran(services, "probe", path=path))[1] == text


async def test_what_a_tool_writes_is_the_runs_and_not_the_folders(root: Path, settings) -> None:
    async with open_services(root, settings) as services:
        row, value, error = await ran(services, "write")
        assert error is None, error
        assert value == "new"
        assert not (root / "out").exists()
        assert (await files_of(services, row.id))["out/new.txt"] == "new"
        assert "out/new.txt" not in await files_of(services, row.id, 1)
        events = await services.log.events(row.id)
        (end,) = [e for e in events if e.kind == "tool.returned" and "files" in e.data]
        assert end.data["files"]["changed"] == [{"path": "out/new.txt", "status": "added"}]
        assert not list((root / ".neurectomy" / "copies").rglob("*.part"))


@pytest.mark.parametrize("how", ["raise", "type", "large"])
async def test_a_call_that_fails_leaves_no_trace(root: Path, how: str) -> None:
    async with open_services(root, SETTINGS) as services:
        row, _, error = await ran(services, "spoiled", how=how)
        assert error is not None
        assert await files_of(services, row.id) == await files_of(services, row.id, 1)
        _, value, error = await ran(services, "tidied")
        assert (error, "large" in value) == (None, False)


async def test_what_cannot_be_kept_is_said_and_is_gone_for_the_next_call(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        row, _, error = await ran(services, "spoiled", how="hidden")
        assert error is None
        events = await services.log.events(row.id)
        (end,) = [e for e in events if e.kind == "tool.returned"]
        assert end.data["files"]["skipped"] == [
            [".hook", "hidden names are not kept"],
            ["pipe", "it is no file"],
        ]
        assert (await files_of(services, row.id))["out"] == "/etc/passwd"
        for path in (root / ".neurectomy" / "copies").iterdir():
            assert not (path / ".hook").exists()
            assert not (path / "pipe").exists()


async def test_deletions_renames_links_and_rights_are_kept(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        row, value, error = await ran(services, "tidied")
        assert error is None
        assert value == ["a.agent", "big.log", "link", "moved/a.txt", "run.sh", "t.py"]
        state = await asyncio.to_thread(services.log.state, row.id, row.head)
        entries = dict(walk(state["files"]["root"], services.runs.folders.read))
        assert entries["link"].kind == "link"
        assert entries["run.sh"].executable
        assert not entries["a.agent"].executable


async def test_calls_at_the_same_time_are_merged_and_nothing_is_lost(root: Path, settings) -> None:
    async with open_services(root, settings) as services:
        row, value, error = await ran(services, "both")
        assert error is None
        files = await files_of(services, row.id)
        assert files["notes.txt"] == "first"
        assert files["notes.conflict-1.txt"] == "second"
        assert files["other.txt"] == "third"
        assert set(value) >= {"notes.txt", "notes.conflict-1.txt", "other.txt"}
        (event,) = [e for e in await services.log.events(row.id) if e.kind == "files.conflicted"]
        assert event.step == "both/b"
        assert event.data["conflicts"] == [
            {"path": "notes.txt", "kept": "ours", "beside": "notes.conflict-1.txt"}
        ]


async def test_a_cancelled_call_leaves_no_trace(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        row = await services.runs.start(services.programs.bundle("a.agent"), "hung", {})
        copies = root / ".neurectomy" / "copies"
        async with asyncio.timeout(20):
            while not list(copies.glob("*/half.txt")):
                await asyncio.sleep(0.02)
        await services.runs.cancel(row.id)
        row, _, _ = await ended(services, row.id)
        assert row.status == "cancelled"
        assert "half.txt" not in await files_of(services, row.id)
        assert not list(copies.glob("*/half.txt"))


async def test_a_fork_has_the_files_of_its_moment(root: Path, settings) -> None:
    async with open_services(root, settings) as services:
        row, _, _ = await ran(services, "write")
        events = await services.log.events(row.id)
        wrote = next(e.seq for e in events if e.kind == "tool.returned")
        before = await files_of(services, row.id)
        fork = await services.runs.fork(row.id, wrote)
        assert (await ended(services, fork.id))[1] == "new"
        early = await services.runs.fork(row.id, 1)
        assert "out/new.txt" not in await files_of(services, early.id, 2)
        await ended(services, early.id)
        await services.runs.motions.delete(row.id)
        assert await files_of(services, fork.id) == before
        assert await files_of(services, early.id) == before


async def test_a_fork_with_another_program_has_its_tools_and_the_files_of_the_moment(root) -> None:
    async with open_services(root, SETTINGS) as services:
        row, _, _ = await ran(services, "write")
        events = await services.log.events(row.id)
        wrote = next(e.seq for e in events if e.kind == "tool.returned")
        (root / "t.py").write_text(
            TOOLS.replace("return (HERE / path)", "return '2' + (HERE / path)")
        )
        (root / "notes.txt").write_text("edited since")
        changes = Changes(bundle=services.programs.bundle("a.agent"))
        fork = await services.runs.fork(row.id, wrote, changes)
        assert (await ended(services, fork.id))[1:] == ("2new", None)
        files = await files_of(services, fork.id)
        assert (files["notes.txt"], files["out/new.txt"]) == ("notes", "new")
        assert files["t.py"] == (root / "t.py").read_text()
        assert (await files_of(services, row.id))["t.py"] == TOOLS


@pytest.mark.parametrize(("name", "most"), [("MOST_FILES", 3), ("MOST_TOTAL", 10)])
async def test_a_folder_that_holds_too_much(root: Path, monkeypatch, name: str, most: int) -> None:
    monkeypatch.setattr(capture, name, most)
    with (root / "plain.agent").open("w") as file:
        file.write("flow f() -> int { return 1 }")
    async with open_services(root, SETTINGS) as services:
        with pytest.raises(InvalidInput, match=r"holds more than .*"):
            await services.runs.start(services.programs.bundle("a.agent"), "seen", {})
        assert services.log.store.runs(RunQuery()) == []
        row = await services.runs.start(services.programs.bundle("plain.agent"), "f", {})
        assert (await ended(services, row.id))[1] == 1  # it has no tools, and needs no files
        files = await services.runs.files.at(row.id)
        assert files.skipped[0][0] == "."


async def test_a_call_that_writes_too_much_is_stopped_while_it_runs(
    root: Path, monkeypatch
) -> None:
    monkeypatch.setattr(copies, "MOST_WRITTEN", 1_000_000)
    (root / "t.py").write_text(TOOLS + FLOOD)
    with (root / "a.agent").open("a") as file:
        file.write(
            'tool flood() -> int from "t.py" writes\nflow o() -> int { a = flood() return a }\n'
        )
    async with open_services(root, SETTINGS) as services:
        async with asyncio.timeout(15):
            row, _, error = await ran(services, "o")
        assert "more than a snapshot may hold" in error["message"]
        assert await files_of(services, row.id) == await files_of(services, row.id, 1)
        assert not list((root / ".neurectomy" / "copies").glob("*/flood*"))


async def test_files_work_without_bubblewrap(root: Path, monkeypatch) -> None:
    monkeypatch.setattr("neurectomy.app.services.Sandboxes", lambda: Sandboxes([Landlock()]))
    async with open_services(root, SETTINGS) as services:
        _, value, error = await ran(services, "both")
        assert error is None
        assert set(value) >= {"notes.txt", "notes.conflict-1.txt", "other.txt"}
        _, value, error = await ran(services, "tidied")
        assert error is None
        assert value == ["a.agent", "big.log", "link", "moved/a.txt", "run.sh", "t.py"]
        for path, text in (("cache/c.txt", "cached"), (".env", None), ("../.env", None)):
            found = (await ran(services, "probe", path=path))[1]
            assert found == text if text else found in ("FileNotFoundError", "PermissionError")


async def test_odd_names_and_links_are_captured_or_said(root: Path) -> None:
    (root / os.fsdecode(b"bad\xff.txt")).write_text("bad")
    for name, target in (("self", "self"), ("one", "two"), ("two", "one"), ("up", "..")):
        (root / name).symlink_to(target)
    (root / "sock").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "sock" / "s"))
    (root / "ü ' \n.txt").write_text("odd")
    async with open_services(root, SETTINGS) as services:
        row, value, error = await ran(services, "seen")
        assert error is None
        assert {"ü ' \n.txt", "self", "one", "two"} <= set(value)
        files = await services.runs.files.at(row.id)
        assert files.skipped == (
            ("'bad\\udcff.txt'", "its name is no text in UTF-8"),
            ("sock/s", "it is no file"),
        )
        done = await services.runs.applying.apply(row.id)
        assert (done.changes, done.conflicts) == ((), ())


async def test_a_folder_that_changes_while_it_is_captured_is_captured_again(
    root: Path, monkeypatch
) -> None:
    tries: list[str] = []
    real = folders.content_of

    def unsteady(file: str, digest: str) -> bytes:
        tries.append(file)
        if len(tries) <= most:
            Path(file).write_text(f"changed {len(tries)}")
        return real(file, digest)

    monkeypatch.setattr(folders, "content_of", unsteady)
    async with open_services(root, SETTINGS) as services:
        bundle, most = services.programs.bundle("a.agent"), 2
        row = await services.runs.start(bundle, "seen", {})
        await ended(services, row.id)
        most = 10**9
        (root / "fresh.txt").write_text("fresh")
        with pytest.raises(Conflict, match="changed while it was captured"):
            await services.runs.start(bundle, "seen", {})
        assert len(services.log.store.runs(RunQuery())) == 1


async def test_no_space_left(root: Path, monkeypatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    def refused(*_: Any) -> Any:
        raise StorageError("the disk is full", hint="Free some space.")

    async with open_services(root, SETTINGS) as services:
        with monkeypatch.context() as patched:
            patched.setattr(services.log.store, "add_blobs", refused)
            with pytest.raises(StorageError):
                await services.runs.start(services.programs.bundle("a.agent"), "seen", {})
            assert services.log.store.runs(RunQuery()) == []
        for module, flow in (("shared", "seen"), ("copies", "write")):
            with monkeypatch.context() as patched:
                patched.setattr(f"neurectomy.snapshots.{module}.lay_out", full)
                _, _, error = await ran(services, flow)
                assert error["code"] == "storage"
                assert "No space left" in error["message"]
        row = await services.runs.start(services.programs.bundle("a.agent"), "write", {})
        with monkeypatch.context() as patched:
            patched.setattr(services.log.store, "add_blobs", refused)
            error = (await ended(services, row.id))[2]
        assert error["code"] == "storage"
        assert (await ran(services, "write"))[1] == "new"


@pytest.mark.parametrize("secret", ["text", "path"])
async def test_a_secret_is_not_written_into_a_file_or_its_name(root: Path, secret: str) -> None:
    parameters = "path: str, text: str".replace(f"{secret}: str", f"{secret}: secret str")
    with (root / "a.agent").open("a") as file:
        file.write(f'tool keep({parameters}) -> str from "t.py:put" writes\n')
        file.write(f"flow k({parameters}) -> str {{ a = keep(path, text) return a }}\n")
    async with open_services(root, SETTINGS) as services:
        inputs = {"path": "notes.txt", "text": "plain", secret: "sesame-open"}
        row, _, error = await ran(services, "k", **inputs)
        assert "would hold a secret" in error["message"]
        assert "sesame-open" not in error["message"]
        assert await files_of(services, row.id) == await files_of(services, row.id, 1)
    stored = (root / ".neurectomy").rglob("*")
    assert not [file for file in stored if file.is_file() and b"sesame-open" in file.read_bytes()]


async def test_a_tree_that_differs_in_little_shares_what_it_can(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        await ran(services, "seen")
        (root / "notes.txt").write_text("other")
        await ran(services, "seen")
        trees = root / ".neurectomy" / "trees"
        one, other = sorted(trees.glob("*-*"), key=lambda path: path.stat().st_mtime)
        assert (one / "t.py").stat().st_ino == (other / "t.py").stat().st_ino
        assert (one / "notes.txt").read_text() == "notes"
        assert (other / "notes.txt").read_text() == "other"


async def test_rooms_in_which_nobody_is_are_closed(root: Path, monkeypatch) -> None:
    monkeypatch.setattr("neurectomy.runs.rooms.MOST_IDLE", 2)
    async with open_services(root, SETTINGS) as services:
        for number in range(4):
            (root / "notes.txt").write_text(str(number))
            assert (await ran(services, "probe", path="notes.txt"))[1] == str(number)
        rooms = services.runs.motions._rooms
        assert len(rooms._rooms) == 2
        async with asyncio.timeout(10):
            while len(services.runs.folders._checkouts._held) > 2:
                await asyncio.sleep(0.02)


async def test_what_an_earlier_boot_has_laid_out_is_laid_out_again(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        await ran(services, "seen")
    trees = root / ".neurectomy" / "trees"
    (only,) = trees.glob("*-*")
    (only / "t.py").chmod(0o644)
    (only / "t.py").write_text("")  # as a loss of power leaves it
    (trees / "boot").write_text("another")
    async with open_services(root, SETTINGS) as services:
        assert (await ran(services, "seen"))[2] is None


async def test_links_in_our_own_folder_are_not_followed(root: Path, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    for number in range(40):
        (outside / f"{number}-").mkdir()
    before = sorted(outside.rglob("*"))
    async with open_services(root, SETTINGS):
        pass
    for name in ("trees", "copies", "seen", "applied"):
        (root / ".neurectomy" / name).symlink_to(outside)
    async with open_services(root, SETTINGS) as services:
        row, value, _ = await ran(services, "write")
        assert value == "new"
        await services.runs.applying.apply(row.id)
    assert sorted(outside.rglob("*")) == before


async def test_a_log_from_elsewhere_shows_nothing_of_this_machine(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        found = services.runs.folders
        bad = ["../x", "/etc", ".neurectomy", "a/../../b", "", "neurectomy.toml", "a/.env", "cache"]
        assert found.places({"beside": bad}, root) == ("cache",)
        assert found.live("../../etc") is None
        assert found.live("a\0b") is None
        assert found.live("") == root
        assert found.live(".git/hooks") is None
        (root / "inner").symlink_to(".neurectomy")
        assert found.live("inner") is None
        assert json.dumps(found.places({"beside": ["cache"]}, None)) == "[]"
