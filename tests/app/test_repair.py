"""A workspace whose log is damaged: told by doctor, mended on demand, never changed by looking."""

from __future__ import annotations

import json
import random
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path

import pytest

from neurectomy.core.errors import StorageError
from neurectomy.storage import salvage
from neurectomy.storage.open import open_store
from neurectomy.timeline.examining import examine
from tests.cli.test_commands import call, start, write

FLOW = """
flow f(n: int) -> int {
  a = n
  repeat at most 200 times while a < n + 150 { a = a + 1 }
  return a
}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A workspace with three runs, made once."""
    folder = tmp_path_factory.mktemp("made")
    write(folder, a__agent=FLOW)
    for n in range(3):
        assert call("run", "a.agent", "--n", str(n), "--quiet", cwd=folder).returncode == 0
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "work"))


def change(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / ".neurectomy/log.db")) as connection:
        connection.execute(sql)
        connection.commit()


def rows(path: Path, table: str) -> list:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()


def ids(folder: Path) -> list[str]:
    listed = json.loads(call("runs", "list", "--json", cwd=folder).stdout)["runs"]
    return [run["id"] for run in listed]


def log_findings(done: subprocess.CompletedProcess[str]) -> list[dict]:
    return [one for one in json.loads(done.stdout)["findings"] if one["what"] == "log"]


def test_a_sound_log_is_said_to_be_and_left_as_it_is(folder: Path) -> None:
    before = (folder / ".neurectomy/log.db").read_bytes()
    assert log_findings(call("doctor", "--json", cwd=folder)) == [
        {"what": "log", "text": "sound: every event, keyframe and blob", "state": "ok"}
    ]
    assert call("doctor", "--repair", cwd=folder).stdout == "the log is sound\n"
    assert (folder / ".neurectomy/log.db").read_bytes() == before
    assert not (folder / ".neurectomy/backups").exists()


def test_a_damaged_run_is_shown_refused_beyond_and_mended(folder: Path) -> None:
    run = ids(folder)[1]
    change(folder, "UPDATE events SET payload = x'5B' WHERE run = 2 AND seq = 200")
    before = rows(folder / ".neurectomy/log.db", "events")
    shown = call("runs", "show", run, "--events", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    assert "error: event 200 cannot be read" in shown.stdout
    assert "   199  " in shown.stdout
    assert "   200  " not in shown.stdout
    assert call("fork", run, "--at", "150", "--json", cwd=folder).returncode == 0
    beyond = call("fork", run, "--at", "250", "--json", cwd=folder)
    assert (beyond.returncode, json.loads(beyond.stdout)["error"]["code"]) == (10, "damaged")
    told = call("doctor", cwd=folder)
    assert f"run {run[-12:]}: event 200 does not match its hash" in told.stdout
    assert "neurectomy doctor --repair" in told.stderr
    assert log_findings(call("doctor", "--json", cwd=folder))[0]["state"] == "broken"
    done = json.loads(call("doctor", "--repair", "--json", cwd=folder).stdout)
    assert [one["run"] for one in done["done"]] == [run]
    assert done["done"][0]["text"] == "cut after event 199: event 200 does not match its hash"
    backup = Path(done["backup"]) / "log.db"
    assert [row for row in rows(backup, "events") if row[0] <= 3] == before
    kept = Path(done["done"][0]["file"]).read_text().splitlines()
    assert json.loads(kept[0])["seq"] == 200
    assert log_findings(call("doctor", "--json", cwd=folder))[0]["state"] == "ok"
    assert json.loads(call("replay", run, "--json", cwd=folder).stdout)["compared"] == 199


def test_what_was_mended_goes_on_by_a_word_only(folder: Path) -> None:
    run = ids(folder)[0]
    change(folder, "DELETE FROM events WHERE run = 3 AND seq = 100")
    said = call("doctor", "--repair", cwd=folder).stdout
    assert "cut after event 99" in said
    assert "the database as it was: " in said
    server = start("serve", ".", "--port", "0", "--json", cwd=folder, stdout=subprocess.PIPE)
    assert server.stdout is not None
    server.stdout.readline()
    owned = call("doctor", "--repair", cwd=folder)
    assert (owned.returncode, "owns the workspace" in owned.stderr) == (5, True)
    shown = json.loads(call("runs", "show", run, "--json", cwd=folder).stdout)
    assert (shown["status"], shown["head"], shown["live"]) == ("running", 99, False)
    assert shown["labels"]["repaired"] == "cut after event 99"
    resumed = json.loads(call("runs", "resume", run, "--json", cwd=folder).stdout)
    assert (resumed["status"], resumed["result"]) == ("finished", 152)
    server.send_signal(signal.SIGINT)
    server.wait(20)
    server.stdout.close()


def test_a_missing_file_of_a_blob_is_told_and_the_rest_stays(folder: Path) -> None:
    write(folder, big__agent="flow g(t: str) -> str {\n  return t\n}\n")
    text = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=110_000))
    assert call("run", "big.agent", "--t", text, "--quiet", cwd=folder).returncode == 0
    (blob,) = [p for p in (folder / ".neurectomy/blobs").rglob("*") if p.is_file()]
    content = blob.read_bytes()
    blob.unlink()
    shown = call("runs", "show", "last", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    (found,) = log_findings(call("doctor", "--json", cwd=folder))
    assert "which event 1 names, is missing" in found["text"]
    done = json.loads(call("doctor", "--repair", "--json", cwd=folder).stdout)
    assert "1 of its blobs are lost" in done["done"][0]["text"]
    blob.write_bytes(content)
    assert log_findings(call("doctor", "--json", cwd=folder))[0]["state"] == "ok"


def test_a_later_log_is_refused_and_untouched(folder: Path) -> None:
    change(folder, "PRAGMA user_version = 99")
    before = (folder / ".neurectomy/log.db").read_bytes()
    for words in (["doctor", "--repair"], ["doctor"], ["runs", "list"]):
        done = call(*words, cwd=folder)
        assert done.returncode != 0
        assert "version 99" in done.stdout + done.stderr
    assert (folder / ".neurectomy/log.db").read_bytes() == before


def test_a_torn_database_is_written_anew_from_what_can_be_read(folder: Path) -> None:
    path = folder / ".neurectomy/log.db"
    before = ids(folder)
    with closing(sqlite3.connect(path)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    content = bytearray(path.read_bytes())
    events = [n for n in range(pages // 2, pages) if content[n * size] == 10][:2]
    for page in events or [pages // 2]:
        content[page * size : (page + 1) * size] = b"\xa5" * size
    path.write_bytes(content)
    assert salvage.problems(path)
    told = call("doctor", cwd=folder)
    assert "log.db: " in told.stdout
    assert path.read_bytes() == bytes(content)
    done = json.loads(call("doctor", "--repair", "--json", cwd=folder).stdout)
    assert "written anew" in done["done"][0]["text"]
    assert (Path(done["backup"]) / "log.db").read_bytes() == bytes(content)
    assert salvage.problems(path) == []
    assert ids(folder) == before
    assert log_findings(call("doctor", "--json", cwd=folder))[0]["state"] == "ok"
    for run in before:
        assert json.loads(call("replay", run, "--json", cwd=folder).stdout)["agrees"]


def test_what_is_no_database_is_left_and_told(folder: Path) -> None:
    path = folder / ".neurectomy/log.db"
    path.write_bytes(b"nothing of a database" * 1000)
    done = call("doctor", "--repair", cwd=folder)
    assert done.returncode == 10
    assert "cannot be salvaged" in done.stderr
    assert "backup" in done.stderr
    assert path.read_bytes() == b"nothing of a database" * 1000


def test_any_byte_of_the_file_may_be_wrong(folder: Path) -> None:
    """Whatever a disk does to the file, only errors of ours come, and salvage keeps what it can."""
    path = folder / ".neurectomy/log.db"
    content = path.read_bytes()
    chance = random.Random(5)
    kept = 0
    for _ in range(25):
        torn = bytearray(content)
        for _ in range(chance.choice([1, 3, 300])):
            torn[chance.randrange(100, len(torn))] = chance.randrange(256)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.write_bytes(torn)
        try:
            if salvage.problems(path):
                kept += salvage.salvage(path)["events"]
            store = open_store(path.parent, "process")
        except StorageError:
            continue
        with suppress(StorageError):
            examine(store)
        store.close()
    assert kept > 1000


@pytest.mark.parametrize("left", ["missing", "empty", "of nothing"])
def test_a_log_that_is_gone_is_no_new_workspace(folder: Path, left: str) -> None:
    """Else every file of a blob would be one that nothing names, and be removed."""
    home = folder / ".neurectomy"
    blob = home / "blobs" / "ab" / ("c" * 62)
    blob.parent.mkdir(exist_ok=True)
    blob.write_bytes(b"x")
    log = home / "log.db"
    for part in home.glob("log.db*"):
        part.unlink()
    if left == "empty":
        log.touch()
    if left == "of nothing":
        with closing(sqlite3.connect(log)) as connection:
            connection.execute("CREATE TABLE t (n)")
            connection.execute("DROP TABLE t")
    before = log.exists()
    for words in (("runs", "gc"), ("runs", "list"), ("doctor",), ("doctor", "--repair")):
        told = call(*words, cwd=folder)
        assert told.returncode in (6, 10), (words, told)
        assert "Restore log.db from a backup" in told.stderr
        assert "start anew" in told.stderr
    assert blob.exists()
    assert log.exists() == before


def test_a_part_of_the_log_that_was_taken_out_is_to_be_restored(folder: Path) -> None:
    change(folder, "DROP TABLE keyframes")
    told = call("doctor", "--repair", cwd=folder)
    assert told.returncode == 10
    assert "Restore log.db from a backup" in told.stderr


def test_a_log_without_its_version_is_to_be_restored(folder: Path) -> None:
    change(folder, "PRAGMA user_version = 0")
    told = call("doctor", "--repair", cwd=folder)
    assert told.returncode == 10
    assert "Restore log.db from a backup" in told.stderr


def test_a_folder_is_no_log(folder: Path) -> None:
    log = folder / ".neurectomy/log.db"
    for part in log.parent.glob("log.db*"):
        part.unlink()
    log.mkdir()
    for words in (("runs", "list"), ("doctor",), ("doctor", "--repair")):
        told = call(*words, cwd=folder)
        assert told.returncode in (6, 10)
        assert "log.db is a folder" in told.stderr + told.stdout
        assert "restore log.db from a backup" in told.stderr
