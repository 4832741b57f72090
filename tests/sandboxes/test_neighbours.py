"""What a tool can do to files, processes and sockets outside, and calls to one another."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from neurectomy.sandboxes import jail
from neurectomy.sandboxes.inside import confine
from neurectomy.sandboxes.landlock import Landlock
from neurectomy.sandboxes.port import Limits

pytestmark = pytest.mark.anyio

LIMITS = Limits(wall_ms=5000)
NEEDS_SCOPES = pytest.mark.skipif(confine.version() < 6, reason="landlock of this kernel is older")


async def value(session, function: str, **arguments):
    outcome = await session.call(function, arguments, LIMITS)
    assert outcome.status == "ok", outcome.error
    return outcome.value


async def test_a_socket_outside_is_not_reached(session) -> None:
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        socket.socket(socket.AF_UNIX) as stream,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram,
    ):
        stream.bind(f"{folder}/stream")
        stream.listen()
        datagram.bind(f"{folder}/datagram")
        assert await value(session, "reach", path=f"{folder}/stream") != "reached"
        assert await value(session, "reach", path="\0neurectomy") != "reached"
        assert await value(session, "send_from_pair", path=f"{folder}/datagram") != "reached"


async def test_files_outside_and_of_the_program_keep_their_metadata(
    session, program: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("whole")
    for path in (outside, program / "data.txt"):
        path.chmod(0o644)
        before = path.stat()
        tried = await value(session, "touch_metadata", path=str(path))
        if path != outside:
            tried |= await value(session, "touch_descriptor", path=str(path))
        assert not any(tried.values()), tried
        after = path.stat()
        assert after.st_ctime_ns == before.st_ctime_ns
        assert after.st_size == before.st_size
        assert stat.S_IMODE(after.st_mode) == 0o644


@NEEDS_SCOPES
async def test_processes_outside_are_left_alone(session) -> None:
    process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
    for pid in (process.pid, os.getpid()):
        tried = await value(session, "touch_process", pid=pid)
        assert not any(tried.values()), tried
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0


async def test_memory_is_not_shared_with_processes_outside(sandbox, session) -> None:
    found = await value(session, "shared_memory")
    assert sandbox.name != "landlock" or found == -1


@NEEDS_SCOPES
async def test_a_call_reaches_neither_the_worker_nor_so_the_calls_of_others(session) -> None:
    hanging = asyncio.create_task(session.call("wait_with", {"name": "x"}, LIMITS))
    await asyncio.sleep(0.3)
    outcome = await session.call("kill_worker", {}, LIMITS)
    assert (outcome.status, "PermissionError" in outcome.error) == ("raised", True)
    ways = await value(session, "worker")
    assert ways == {"opened": [], "memory": False, "environ": False}
    assert (await hanging).value == ["x"]


async def test_a_call_neither_reads_nor_writes_the_folder_of_another(session) -> None:
    assert confine.version(), "this test needs a kernel with landlock"
    waiting = [
        asyncio.create_task(session.call("wait_with", {"name": "mine.txt"}, LIMITS))
        for _ in range(3)
    ]
    await asyncio.sleep(0.5)
    assert await value(session, "pry", name="mine.txt") == []
    for task in waiting:
        assert (await task).value == ["mine.txt"]


async def test_a_call_leaves_nothing_for_the_next(session) -> None:
    assert confine.version(), "this test needs a kernel with landlock"
    left = await value(session, "leave", name="left.txt")
    assert [path for path in left if not path.startswith("/dev/shm/")] == []
    for path in left:
        assert await value(session, "read", path=path) != "left"
    assert await value(session, "warm_file") == "warm"


async def test_ordinary_tools_work(sandbox, session) -> None:
    assert await value(session, "use_asyncio") == "hi\n4"
    assert await value(session, "use_subprocess") == "hi\n"
    assert await value(session, "use_files") == {
        "inside": True,
        "found": ["b", "d", "e", "f", "folder"],
        "text": "onone!",
        "left": ["d", "e", "f"],
    }
    copied = await value(session, "copy_with_mode")
    assert copied == ("PermissionError" if sandbox.name == "landlock" else "b")


async def test_a_jail_with_a_way_out_is_refused(sandbox, monkeypatch, tmp_path: Path) -> None:
    assert (await sandbox.probe()).ok
    probe = tmp_path / "probe.py"
    probe.write_text("def probe(address, file, pid):\n    return ['socket', 'chmod']")
    monkeypatch.setattr(jail, "PROBE", probe)
    found = await sandbox.probe()
    assert not found.ok
    assert "ways out: chmod, socket" in found.reason


@pytest.mark.parametrize("version", [1, 5])
async def test_landlock_without_scopes_says_what_it_lets_through(
    monkeypatch, tmp_path: Path, version: int
) -> None:
    monkeypatch.setattr(confine, "version", lambda: version)
    probe = tmp_path / "probe.py"
    probe.write_text("import os\ndef probe(address, file, pid):\n    return ['signal']")
    monkeypatch.setattr(jail, "PROBE", probe)

    async def ended(process) -> bool:
        return True

    monkeypatch.setattr(jail, "_ended", ended)
    found = await Landlock().probe()
    assert found.ok
    assert "signals to your other processes" in found.detail
