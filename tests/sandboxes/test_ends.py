"""No process of a call outlives its session, or the server."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from neurectomy.sandboxes import jail
from neurectomy.sandboxes.port import Limits

pytestmark = pytest.mark.anyio

SERVER = """
import asyncio, sys
from pathlib import Path
from neurectomy.sandboxes.bubblewrap import Bubblewrap
from neurectomy.sandboxes.landlock import Landlock
from neurectomy.sandboxes.port import Limits, SessionSpec

async def main(name, program):
    kind = {"bubblewrap": Bubblewrap, "landlock": Landlock}[name]
    session = await kind().open(SessionSpec(program / "hostile.py", program))
    await session.call("spread", {}, Limits(wall_ms=60_000))

asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
"""


def processes(program: Path) -> set[int]:
    """Those of the jail of a program, which names it on the command line."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if os.fsencode(program) in words and b"__main__.py" in words:
            found.add(int(path.parent.name))
    return found


async def until(count: range, program: Path) -> None:
    async with asyncio.timeout(10):
        while len(processes(program)) not in count:
            await asyncio.sleep(0.05)


async def test_closing_a_session_ends_all_that_its_calls_started(session, program: Path) -> None:
    call = asyncio.create_task(session.call("spread", {}, Limits(wall_ms=60_000)))
    await until(range(8, 20), program)
    await session.close()
    assert (await call).status == "crashed"
    assert processes(program) == set()


async def test_the_end_of_the_server_ends_all_that_calls_started(sandbox, program: Path) -> None:
    server = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", SERVER, sandbox.name, program],
        env={**os.environ, "PYTHONPATH": str(Path(jail.__file__).parents[2])},
    )
    await until(range(8, 20), program)
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    await until(range(1), program)
