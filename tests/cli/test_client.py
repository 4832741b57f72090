"""A command is told the same by the server that owns the workspace as without one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_commands import FLOW, TOOL, call, start, write

ODD = "a#b?c%20 d.agent"


@pytest.fixture
def pair(tmp_path: Path):
    """The same folder twice, one of them served."""
    alone, served = tmp_path / "alone", tmp_path / "served"
    alone.mkdir()
    write(
        alone,
        a__agent=TOOL.replace("2s", "60s") + FLOW,
        t__py="def t(n):\n    import time\n    time.sleep(60)",
        b__agent="flow f(n: int) -> int {\n  return n\n}\n",
        broken__agent="flow f() -> int { return x }",
    )
    (alone / ODD).write_text("flow f() -> int {\n  return 7\n}\n")
    assert call("run", "b.agent", "--n", "1", cwd=alone).returncode == 0
    shutil.copytree(alone, served)
    process = start("serve", str(served), "--port", "0", "--json", stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield alone, served, process
    process.kill()
    process.wait(20)
    process.stdout.close()


@pytest.mark.parametrize(
    "words",
    [
        ["runs", "show", "nothing"],
        ["runs", "show", "last#"],
        ["runs", "show", "last?x=1"],
        ["runs", "cancel", "last"],
        ["fork", "last", "--at", "99"],
        ["run", "b.agent", "--n", "many"],
        ["run", "broken.agent"],
    ],
)
def test_errors_are_the_same_with_a_server_and_without(pair, words: list[str]) -> None:
    alone, served, _ = pair
    without = call(*words, "--json", cwd=alone)
    through = call(*words, "--json", cwd=served)
    assert json.loads(through.stdout) == json.loads(without.stdout)
    assert through.returncode == without.returncode


def test_names_with_signs_of_an_address_reach_the_server_whole(pair) -> None:
    _, served, _ = pair
    done = call("run", ODD, "--json", cwd=served)
    assert json.loads(done.stdout)["result"] == 7


def test_a_server_that_ends_is_told(pair) -> None:
    _, served, server = pair
    process = start("run", "a.agent", "--n", "1", cwd=served, stderr=subprocess.PIPE)
    assert process.stderr is not None
    while "f/a" not in (line := process.stderr.readline()):
        assert line
    server.kill()
    rest = process.stderr.read()
    assert process.wait(20) == 5
    assert "error: the server is gone" in rest
    assert "Traceback" not in rest
    process.stderr.close()
