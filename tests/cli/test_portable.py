"""Runs in files and room on the disk, as people type it; with a server and without."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from neurectomy.storage import reserve
from tests.cli.test_commands import COMMAND, call, environment, start, write
from tests.cli.test_full_disk import small_disk  # noqa: F401 - a fixture

FLOW = """
flow f(n: int) -> int {
  a = n + 1
  return a
}
"""


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    write(folder, a__agent=FLOW)
    for n in range(2):
        assert call("run", "a.agent", "--n", str(n), cwd=folder).returncode == 0
    return folder


@pytest.fixture(params=["alone", "served"])
def there(request, tmp_path: Path):
    """A second workspace, served or not."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    if request.param == "alone":
        yield folder
        return
    process = start("serve", str(folder), "--port", "0", "--json", stdout=subprocess.PIPE)
    process.stdout.readline()
    yield folder
    process.send_signal(signal.SIGINT)
    process.wait(20)
    process.stdout.close()


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_what_is_no_file_is_not_replaced_by_one(ran: Path, kind: str) -> None:
    place = ran / "place"
    os.mkfifo(place) if kind == "fifo" else place.mkdir()
    before = place.lstat()
    refused = call("runs", "export", "last", "-o", "place", "--json", cwd=ran)
    assert refused.returncode == 2
    assert json.loads(refused.stdout)["error"]["message"] == "place is no file"
    assert (place.lstat().st_mode, place.lstat().st_ino) == (before.st_mode, before.st_ino)


def test_a_run_goes_to_another_workspace(ran: Path, there: Path) -> None:
    made = json.loads(call("runs", "export", "last", "-o", "r.nrun", "--json", cwd=ran).stdout)
    assert made["bytes"] == (ran / "r.nrun").stat().st_size
    assert zipfile.ZipFile(ran / "r.nrun").testzip() is None
    file = str(ran / "r.nrun")
    done = call("runs", "import", file, cwd=there)
    assert done.stdout.startswith(f"imported {made['runs'][0]}\n"), done.stderr
    assert "is here already" in call("runs", "import", file, cwd=there).stdout
    shown = json.loads(call("runs", "show", "last", "--json", cwd=there).stdout)
    assert (shown["status"], shown["result"]) == ("finished", 2)
    back = there / "back.nrun"
    assert call("runs", "export", "last", "-o", str(back), cwd=there).returncode == 0
    assert back.read_bytes() == (ran / "r.nrun").read_bytes()


def test_a_wrong_file_is_told_the_same_either_way(ran: Path, there: Path) -> None:
    call("runs", "export", "last", "-o", "r.nrun", cwd=ran)
    content = bytearray((ran / "r.nrun").read_bytes())
    content[len(content) // 2] ^= 1
    (ran / "r.nrun").write_bytes(content)
    done = call("runs", "import", str(ran / "r.nrun"), "--json", cwd=there)
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 2
    assert error["message"].endswith("it was changed or damaged since it was written")
    assert call("runs", "import", "nowhere.nrun", cwd=there).returncode == 2


def test_a_file_can_be_piped_and_is_called_after_its_run(ran: Path) -> None:
    made = json.loads(call("runs", "export", "last", "--json", cwd=ran).stdout)
    piped = subprocess.run([*COMMAND, "runs", "export", "last", "-o", "-"], cwd=ran,
                           env=environment(), capture_output=True, check=True)  # fmt: skip
    assert made["file"] == f"{made['runs'][0]}.nrun"
    assert piped.stdout == (ran / made["file"]).read_bytes()
    assert not list(ran.glob(".*.part"))


def test_room_is_made_by_rules_and_told_before(ran: Path) -> None:
    (ran / "neurectomy.toml").write_text("[retention]\nkeep_runs = 1\n")
    stray = ran / ".neurectomy/blobs/ab"
    stray.mkdir(parents=True)
    (stray / ("c" * 62)).write_bytes(b"stray")
    dry = call("runs", "gc", "--dry-run", cwd=ran).stdout
    assert dry.startswith("would remove\n  1 run that no rule keeps, ")
    assert "1 file of a blob without a row, 5 B" in dry
    told = json.loads(call("runs", "gc", "--dry-run", "--json", cwd=ran).stdout)
    done = json.loads(call("runs", "gc", "--json", cwd=ran).stdout)
    assert (done["expired"], done["files"]) == (told["expired"], 1)
    listed = json.loads(call("runs", "list", "--json", cwd=ran).stdout)["runs"]
    assert done["expired"][0] not in [run["id"] for run in listed]
    assert len(listed) == 1
    assert call("runs", "gc", cwd=ran).stdout == "nothing to remove\n"


def test_a_run_in_motion_that_was_imported_waits_for_a_word(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    theirs.mkdir()
    tool = 'tool slow(n: int) -> int from "t.py" idempotent\n'
    for folder in (mine, theirs):
        write(folder, a__agent=f"{tool}flow f(n: int) -> int {{ a = slow(n) return a }}",
              t__py="def slow(n):\n    import time\n    time.sleep(1)\n    return n")  # fmt: skip
    run = start("run", "a.agent", "--n", "7", cwd=mine, stderr=subprocess.PIPE)
    assert run.stderr is not None
    while "f/a" not in run.stderr.readline():
        assert run.poll() is None
    run.kill()
    run.wait()
    run.stderr.close()
    assert call("runs", "export", "last", "-o", "r.nrun", cwd=mine).returncode == 0
    told = call("runs", "import", str(mine / "r.nrun"), cwd=theirs).stdout
    assert "To go on with it here: neurectomy runs resume" in told
    server = start("serve", ".", "--port", "0", "--json", cwd=theirs, stdout=subprocess.PIPE)
    assert server.stdout is not None
    server.stdout.readline()
    time.sleep(2.5)
    shown = json.loads(call("runs", "show", "last", "--json", cwd=theirs).stdout)
    assert (shown["status"], shown["live"]) == ("running", False)
    resumed = json.loads(call("runs", "resume", "last", "--json", cwd=theirs).stdout)
    assert (resumed["status"], resumed["result"]) == ("finished", 7)
    server.send_signal(signal.SIGINT)
    server.wait(20)
    server.stdout.close()


def fill(folder: Path) -> None:
    """Leave no room on a small disk, not even what is kept for reading."""
    reserve.give(folder / ".neurectomy")
    with (folder / "fill").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_full_disk_takes_no_file_and_no_run_by_half(ran: Path, small_disk: Path) -> None:  # noqa: F811
    assert call("runs", "export", "last", "-o", "r.nrun", cwd=ran).returncode == 0
    write(small_disk, a__agent=FLOW)
    assert call("run", "a.agent", "--n", "1", cwd=small_disk).returncode == 0
    fill(small_disk)
    done = call("runs", "export", "last", "-o", str(small_disk / "r.nrun"), cwd=ran)
    assert done.returncode == 10, (done.stdout, done.stderr)
    assert "No space left" in done.stderr
    for words in (["import", str(ran / "r.nrun")], ["export", "last"], ["gc"]):
        done = call("runs", *words, cwd=small_disk)
        assert done.returncode == 10, (words, done.stdout, done.stderr)
        assert "hint: Free some space" in done.stderr
        assert "Traceback" not in done.stderr
    assert not list(small_disk.rglob("*nrun*"))
    (small_disk / "fill").unlink()
    assert call("runs", "import", str(ran / "r.nrun"), cwd=small_disk).returncode == 0
    assert len(json.loads(call("runs", "list", "--json", cwd=small_disk).stdout)["runs"]) == 2


def test_what_was_redacted_travels_as_a_scar_and_is_no_damage(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    theirs.mkdir()
    write(mine, a__agent="""
flow f(t: str, n: int) -> str {
  a = 0
  repeat at most 90 times while a < n { a = a + 1 }
  b = t
  return b
}
""")  # fmt: skip
    words = ("run", "a.agent", "--t", "the word hidden-thing stays here", "--n", "80", "--quiet")
    assert call(*words, cwd=mine).returncode == 0
    redacted = call("runs", "redact", "last", "--text", "hidden-thing", "--yes", cwd=mine)
    assert redacted.returncode == 0, redacted.stderr
    assert call("doctor", "--repair", cwd=mine).stdout == "the log is sound\n"
    assert call("runs", "export", "last", "-o", "r.nrun", cwd=mine).returncode == 0
    with zipfile.ZipFile(mine / "r.nrun") as archive:
        contents = [archive.read(name) for name in archive.namelist()]
    assert not any(b"hidden-thing" in content for content in contents)
    assert any(b'"payload":null,"salt":null' in content for content in contents)
    done = call("runs", "import", str(mine / "r.nrun"), cwd=theirs)
    assert done.returncode == 0, done.stderr
    assert call("doctor", "--repair", cwd=theirs).stdout == "the log is sound\n"
    for folder in (mine, theirs):
        assert call("runs", "show", "last", "--events", cwd=folder).returncode == 0
    call("runs", "export", "last", "-o", "back.nrun", cwd=theirs)
    assert (theirs / "back.nrun").read_bytes() == (mine / "r.nrun").read_bytes()


def test_a_closed_output_is_told(ran: Path) -> None:
    script = 'exec "$0" -m neurectomy "$@" >&-'
    words = ["sh", "-c", script, sys.executable]
    told = subprocess.run(
        [*words, "runs", "export", "last", "-o", "-"], cwd=ran, capture_output=True, text=True
    )
    assert told.returncode == 2
    assert "standard output is closed" in told.stderr
    told = subprocess.run([*words, "doctor", "--json"], cwd=ran, capture_output=True, text=True)
    assert "Traceback" not in told.stderr


def test_a_run_without_an_id_is_told(ran: Path) -> None:
    told = call("fork", "", "--at", "1", cwd=ran)
    assert told.returncode == 2
    assert "the run's id is missing" in told.stderr
