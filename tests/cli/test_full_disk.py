"""A disk that is full in mid-run: told with the next step, and nothing that was done is lost."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.test_commands import call

PROGRAM = """
tool grow(n: int) -> str from "t.py" idempotent

flow grow_on(rounds: int) -> int {
  n = 0
  t = ""
  repeat at most 500 times while n < rounds {
    t = grow(n)
    n = n + 1
  }
  return len(t)
}
"""
TOOL = """
import random


def grow(n):
    return "".join(chr(random.randrange(33, 126)) for _ in range(30000))
"""


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 1.5 MB; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.fail("this test mounts a small file system; run the tests as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_loses_nothing(small_disk: Path) -> None:
    (small_disk / "g.agent").write_text(PROGRAM)
    (small_disk / "t.py").write_text(TOOL)
    done = call("run", "g.agent", "--rounds", "150", "--quiet", cwd=small_disk)
    assert done.returncode == 10, (done.stdout, done.stderr)
    assert "disk is full" in done.stderr
    assert "Free some space" in done.stderr
    shown = call("runs", "show", "last", "--json", cwd=small_disk)
    assert json.loads(shown.stdout)["status"] == "running", shown.stderr
    head = json.loads(shown.stdout)["head"]
    assert head > 50
    subprocess.run(["mount", "-o", "remount,size=40m", str(small_disk)], check=True)
    resumed = json.loads(call("runs", "resume", "last", "--json", cwd=small_disk).stdout)
    assert (resumed["status"], resumed["result"]) == ("finished", 30000)
    assert resumed["head"] > head
    assert json.loads(call("replay", "last", "--json", cwd=small_disk).stdout)["agrees"]


def test_on_a_disk_without_any_space_everything_can_be_read(small_disk: Path) -> None:
    (small_disk / "g.agent").write_text("flow f(n: int) -> int { a = n + 1 return a }\n")
    assert call("run", "g.agent", "--n", "1", "--quiet", cwd=small_disk).stdout.strip() == "2"
    with (small_disk / "fill").open("wb", buffering=0) as fill, suppress(OSError):
        while fill.write(bytes(512)):
            pass
    assert os.statvfs(small_disk).f_bavail == 0
    for _ in range(2):
        shown = call("runs", "show", "last", "--json", cwd=small_disk)
        assert json.loads(shown.stdout)["result"] == 2, shown.stderr
        run = json.loads(shown.stdout)["id"]
        replayed = call("replay", "last", "--json", cwd=small_disk)
        assert json.loads(replayed.stdout)["agrees"], replayed.stderr
    refused = call("run", "g.agent", "--n", "1", "--json", cwd=small_disk)
    assert refused.returncode == 10
    assert "space" in json.loads(refused.stdout)["error"]["hint"]
    shown = call("runs", "show", run, "--json", cwd=small_disk)
    assert json.loads(shown.stdout)["result"] == 2, shown.stderr
