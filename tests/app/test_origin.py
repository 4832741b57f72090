"""A run that was in motion when its folder travelled waits for its new owner's word."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "neurectomy"]
PROGRAM = """
tool slow(n: int) -> int from "t.py" idempotent
flow f(n: int) -> int { a = slow(n) return a }
"""


@pytest.mark.parametrize("travels", [False, True], ids=["stayed", "travelled"])
def test_only_a_log_of_our_own_goes_on_by_itself(tmp_path: Path, travels: bool) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "a.agent").write_text(PROGRAM)
    (folder / "t.py").write_text("def slow(n):\n    import time\n    time.sleep(1)\n    return n")
    run = subprocess.Popen(
        [*COMMAND, "run", "a.agent", "--n", "7"], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    assert run.stderr is not None
    while "f/a" not in run.stderr.readline():
        assert run.poll() is None
    run.kill()
    run.wait()
    run.stderr.close()
    environment = dict(os.environ)
    if travels:
        folder = Path(shutil.copytree(folder, tmp_path / "elsewhere"))
        environment["NEURECTOMY_HOME"] = str(tmp_path / "somebody")
    server = subprocess.Popen(
        [*COMMAND, "serve", str(folder), "--port", "0", "--json"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    assert server.stderr is not None
    server.stdout.readline()
    time.sleep(2.5)
    shown = [*COMMAND, "runs", "show", "last", "--json"]
    found = json.loads(subprocess.run(shown, cwd=folder, capture_output=True, check=True).stdout)
    assert found["status"] == ("running" if travels else "finished")
    server.send_signal(signal.SIGINT)
    said = server.communicate(timeout=20)[1]
    assert ("in motion when this folder came here" in said) == travels
