"""The files of runs on the command line: shown, restored, applied, taken out again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = """
import os
from pathlib import Path

def put(path: str, text: str) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    handle = os.open("run.sh", os.O_CREAT | os.O_WRONLY, 0o755)
    os.close(handle)
    if not os.path.lexists("link"):
        os.symlink("/etc/passwd", "link")
    Path("large").write_bytes(bytes(9_000_000))
    return path
"""
PROGRAM = """
tool put(path: str, text: str) -> str from "t.py" writes
flow f(path: str, text: str) -> str { a = put(path, text) return a }
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "empty").mkdir(parents=True)
    (root / "a.agent").write_text(PROGRAM)
    (root / "t.py").write_text(TOOL)
    (root / "notes.md").write_text("one\n")
    (root / ".gitignore").write_text("*.log\n")
    (root / "x.log").write_text("log")
    os.mkfifo(root / "pipe")
    done = call(root, "run", "a.agent", "--path", "notes.md", "--text", "two\n")
    assert done.returncode == 0, done.stderr
    return root


def call(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "neurectomy", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)


def test_what_a_run_has_and_could_not_have_is_shown(root: Path) -> None:
    shown = call(root, "runs", "show", "last", "--files").stdout
    assert "4 changed" in shown
    assert "skipped  pipe: it is no file" in shown
    assert "~ changed  notes.md  4 B" in shown
    assert "+ added    run.sh" in shown
    assert "ignored  x.log" in shown
    found = json.loads(call(root, "runs", "show", "last", "--files", "--at", "1", "--json").stdout)
    assert [entry["path"] for entry in found["files"]["files"]] == [
        "a.agent",
        "empty",
        "notes.md",
        "t.py",
    ]
    assert call(root, "runs", "show", "last", "--files", "--at", "99").returncode == 2


def test_files_are_restored_into_an_empty_folder_only(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "made" / "here"
    done = call(root, "restore", "last", "--to", str(target), "--json")
    told = json.loads(done.stdout)
    assert (told["files"], told["beside"]) == (6, ["x.log"])
    assert told["skipped"] == [{"path": "pipe", "reason": "it is no file"}]
    assert (target / "notes.md").read_text() == "two\n"
    assert (target / "run.sh").stat().st_mode & 0o100
    assert not (target / "notes.md").stat().st_mode & 0o100
    assert os.readlink(target / "link") == "/etc/passwd"
    assert (target / "large").stat().st_size == 9_000_000
    assert (target / "empty").is_dir()
    again = call(root, "restore", "last", "--to", str(target))
    assert (again.returncode, "is not empty" in again.stderr) == (2, True)
    early = call(root, "restore", "last", "--at", "1", "--to", str(tmp_path / "early"))
    assert early.returncode == 0
    assert (tmp_path / "early" / "notes.md").read_text() == "one\n"
    wrong = call(root, "restore", "last", "--at", "99", "--to", str(tmp_path / "none"))
    assert (wrong.returncode, (tmp_path / "none").exists()) == (2, False)


def test_files_are_applied_and_taken_out_again(root: Path) -> None:
    dry = call(root, "apply", "last", "--dry-run")
    assert "4 paths would change; nothing was written" in dry.stdout
    assert (root / "notes.md").read_text() == "one\n"
    (root / "notes.md").write_text("mine\n")
    done = call(root, "apply", "last")
    assert done.returncode == 5
    assert "! conflict notes.md  both versions stand in it" in done.stdout
    assert (root / "notes.md").read_text().startswith("<<<<<<< your folder\nmine\n=======\ntwo\n")
    undone = call(root, "apply", "last", "--undo")
    assert (undone.returncode, "4 paths as before" in undone.stdout) == (0, True)
    assert (root / "notes.md").read_text() == "mine\n"
    assert not os.path.lexists(root / "link")
    nothing = call(root, "apply", "last", "--undo")
    assert (nothing.returncode, "nothing to undo" in nothing.stderr) == (4, True)
    both = call(root, "apply", "last", "--undo", "--dry-run", "--json")
    assert json.loads(both.stdout)["error"]["code"] == "invalid_input"


def test_a_file_that_the_folder_never_had_is_not_said_to_be_removed(
    root: Path, tmp_path: Path
) -> None:
    """As after an import into another workspace."""
    other = tmp_path / "other"
    other.mkdir()
    assert call(root, "runs", "export", "last", "-o", str(tmp_path / "x.nrun")).returncode == 0
    assert call(other, "runs", "import", str(tmp_path / "x.nrun")).returncode == 0
    done = call(other, "apply", "last", "--dry-run")
    told = "! conflict notes.md  it is not in your folder, the run changed it"
    assert told in done.stdout
