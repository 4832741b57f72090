"""A process that is killed while a tool writes: nothing half is kept, and the run goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from neurectomy.app.services import open_services
from neurectomy.snapshots.tree import walk
from neurectomy.workspace.settings import Settings

pytestmark = pytest.mark.anyio
SETTINGS = Settings(durability="process")

TOOL = """
import os, time
from pathlib import Path

def put(path: str, seconds: float) -> str:
    Path("notes.txt").write_text("half")
    Path(path).write_text("half")
    time.sleep(seconds)
    Path(path).write_text("whole")
    return path
"""
PROGRAM = """
tool first(path: str, seconds: float) -> str from "t.py:put" writes
tool put(path: str, seconds: float) -> str from "t.py" writes OPTION
flow f() -> str {
  a = first("first.txt", 0)
  b = put("second.txt", 2)
  return b
}
"""
SCRIPT = """
import asyncio, sys
from pathlib import Path
from neurectomy.app.services import open_services
from neurectomy.workspace.settings import Settings

async def main():
    async with open_services(Path(sys.argv[1]), Settings(durability="process")) as services:
        row = await services.runs.start(services.programs.bundle("a.agent"), "f", {})
        print(row.id, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("option", ["idempotent", ""])
async def test_a_kill_in_the_middle_of_a_writing_call(tmp_path: Path, option: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.agent").write_text(PROGRAM.replace("OPTION", option))
    (root / "t.py").write_text(TOOL)
    (root / "notes.txt").write_text("notes")
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", SCRIPT, str(root)], stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    run = (await process.stdout.readline()).decode().strip()
    copies = root / ".neurectomy" / "copies"
    async with asyncio.timeout(30):
        while not list(copies.glob("*/second.txt")):
            await asyncio.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    async with open_services(root, SETTINGS) as services:
        await services.runs.resume(run)
        await asyncio.wait_for(services.runs.motions.wait(run), 30)
        row = await services.runs.row(run)
        if not option:
            assert row.status == "waiting"
            state = await asyncio.to_thread(services.log.state, run, row.head)
            paths = [path for path, _ in walk(state["files"]["root"], services.runs.folders.read)]
            assert "first.txt" in paths
            assert "second.txt" not in paths
            await services.runs.answer(run, "f/b", None, decision="retry")
            await asyncio.wait_for(services.runs.motions.wait(run), 30)
            row = await services.runs.row(run)
        assert row.status == "finished"
        assert (await services.runs.replay(run)).agrees
        state = await asyncio.to_thread(services.log.state, run, row.head)
        read = services.runs.folders.read
        files = {p: read(e.digest) for p, e in walk(state["files"]["root"], read)}
        assert files["second.txt"] == files["first.txt"] == b"whole"
    assert (root / "notes.txt").read_text() == "notes"
