"""One contract for every jail of this machine, held against tools that try to get out."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from neurectomy.core.errors import InvalidInput, Unavailable
from neurectomy.sandboxes.bubblewrap import Bubblewrap
from neurectomy.sandboxes.port import Limits, SessionSpec
from neurectomy.sandboxes.select import Sandboxes

pytestmark = pytest.mark.anyio

HOSTILE = Path(__file__).with_name("hostile.py")
LIMITS = Limits(wall_ms=3000, cpu_s=1)


async def test_a_call_returns_what_the_function_returns(session) -> None:
    outcome = await session.call("point", {"x": 1, "y": 2}, LIMITS)
    assert (outcome.status, outcome.value) == ("ok", {"x": 1, "y": 2})


async def test_output_is_kept_up_to_its_limit_and_the_rest_is_counted(session) -> None:
    outcome = await session.call("speak", {}, LIMITS)
    assert (outcome.stdout, outcome.stderr, outcome.value) == ("said\n", "wrong\n", "done")
    outcome = await session.call("loud", {}, Limits(wall_ms=30_000))
    assert outcome.status == "ok"
    assert len(outcome.stdout) == 65_536
    assert outcome.dropped_bytes == 100 * 1_000_001 - 65_536


@pytest.mark.parametrize(
    ("function", "limit"),
    [
        ("hang", "wall"),
        ("spin", "cpu"),
        ("memory", "memory"),
        ("large", "result"),
        ("large_file", "file"),
    ],
)
async def test_limits_end_a_call_and_are_named(session, function: str, limit: str) -> None:
    outcome = await session.call(function, {}, LIMITS)
    assert (outcome.status, outcome.limit) == ("limit", limit)
    assert outcome.error
    assert (await session.call("point", {"x": 1, "y": 1}, LIMITS)).status == "ok"


async def test_a_fork_bomb_ends_and_leaves_nothing_behind(session) -> None:
    outcome = await session.call("bomb", {}, LIMITS)
    assert outcome.status == "limit"
    assert (await session.call("point", {"x": 1, "y": 1}, LIMITS)).status == "ok"


async def test_a_daemon_does_not_outlive_its_call(sandbox, session) -> None:
    await session.call("daemon", {}, LIMITS)
    await session.call("point", {"x": 1, "y": 1}, LIMITS)
    if sandbox.name == "bubblewrap":
        listed = await session.call("processes", {}, LIMITS)
        assert len(listed.value) <= 4


@pytest.mark.parametrize(
    ("function", "status", "text"),
    [
        ("raises", "raised", "ValueError: no such luck"),
        ("leaves", "crashed", "ended with code 3"),
        ("kill_itself", "crashed", "SIGKILL"),
        ("nonsense", "raised", "not object"),
        ("not_a_number", "raised", "JSON"),
        ("missing", "raised", "no function missing"),
    ],
)
async def test_failures_are_told_and_the_next_call_works(
    session, function: str, status: str, text: str
) -> None:
    outcome = await session.call(function, {}, LIMITS)
    assert outcome.status == status
    assert text in outcome.error
    assert (await session.call("point", {"x": 1, "y": 1}, LIMITS)).status == "ok"


async def test_there_is_no_network_no_namespace_and_no_secret(session, monkeypatch) -> None:
    assert (await session.call("connect", {}, LIMITS)).value != "reached"
    assert (await session.call("namespace", {}, LIMITS)).value == -1
    environment = (await session.call("environment", {}, LIMITS)).value
    assert set(environment) <= {
        "PATH", "HOME", "TMPDIR", "LANG", "PYTHONDONTWRITEBYTECODE", "PWD", "LC_CTYPE",
    }  # fmt: skip


async def test_only_the_own_folder_can_be_written(session, program: Path) -> None:
    for path in ("/usr/x", "/etc/x", str(program / "x")):
        assert (await session.call("write", {"path": path}, LIMITS)).value != "written"
    assert (await session.call("write", {"path": "x"}, LIMITS)).value == "written"


async def test_the_program_can_be_read_and_the_machine_cannot(
    sandbox, session, program: Path
) -> None:
    assert (
        await session.call("read", {"path": str(program / "data.txt")}, LIMITS)
    ).value == "beside"
    for path in ("/etc/passwd", "/etc/shadow", f"/proc/{os.getpid()}/environ"):
        value = (await session.call("read", {"path": path}, LIMITS)).value
        assert value in ("FileNotFoundError", "PermissionError")
    token = str(program / ".neurectomy" / "token")
    value = (await session.call("read", {"path": token}, LIMITS)).value
    assert value in ("FileNotFoundError", "PermissionError")


async def test_calls_run_at_the_same_time_and_can_be_cancelled(session) -> None:
    hanging = asyncio.create_task(session.call("hang", {}, Limits(wall_ms=60_000)))
    outcomes = await asyncio.gather(
        *[session.call("point", {"x": i, "y": 0}, LIMITS) for i in range(100)]
    )
    assert [outcome.value["x"] for outcome in outcomes] == list(range(100))
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert (await session.call("point", {"x": 1, "y": 1}, LIMITS)).status == "ok"


async def test_a_file_that_does_not_load_says_why(sandbox, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import nothing_like_this\n")
    with pytest.raises(InvalidInput, match="nothing_like_this"):
        await sandbox.open(SessionSpec(tmp_path / "broken.py", tmp_path))


async def test_declared_hosts_are_refused_rather_than_opened_too_wide(
    sandbox, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match="network"):
        await sandbox.open(SessionSpec(HOSTILE, HOSTILE.parent, ("example.org",)))


async def test_the_strongest_jail_is_chosen_and_without_one_tools_are_refused() -> None:
    assert (await Sandboxes().choose("jail")).name == "bubblewrap"
    with pytest.raises(Unavailable, match="not installed"):
        await Sandboxes([Bubblewrap("no-such-command")]).choose("jail")
    with pytest.raises(Unavailable, match="microvm"):
        await Sandboxes().choose("microvm")
