"""``runs redact`` as people type it: asked for, tried, done, and seen afterwards."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess
import termios
from pathlib import Path

import pytest

from tests.cli.test_commands import COMMAND, call, environment, write

FLOW = """
flow f(word: str) -> str {
  again = "{{ word }}!"
  return again
}
"""
SECRET = "Kiwi-Marmalade-77"


def test_a_text_from_standard_input_is_tried_erased_and_shown_as_erased(tmp_path: Path) -> None:
    write(tmp_path, a__agent=FLOW)
    assert call("run", "a.agent", "--word", SECRET, cwd=tmp_path).returncode == 0
    files = [path for path in (tmp_path / ".neurectomy").rglob("*") if path.is_file()]
    assert any(SECRET.encode() in path.read_bytes() for path in files)

    refused = call("runs", "redact", "last", "--text", SECRET, cwd=tmp_path)
    assert refused.returncode == 2
    assert "--dry-run" in refused.stderr
    tried = call("runs", "redact", "last", "--text", SECRET, "--dry-run", cwd=tmp_path)
    assert "events 1 to 3, 3 kept states, title or labels" in tried.stdout
    assert "3 events of this run would be erased" in tried.stdout

    done = subprocess.run(
        [*COMMAND, "runs", "redact", "last", "--text=-", "--yes", "--json", "--reason=a slip"],
        cwd=tmp_path, env=environment(), input=f"{SECRET}\n", capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert (told["events"], told["remains"], told["dry_run"]) == ([1, 2, 3], [], False)
    shown = call("runs", "show", "last", "--events", cwd=tmp_path).stdout
    assert shown.count("  redacted\n") == 3
    assert "run.redacted           3 events by user: a slip" in shown
    assert "word: [redacted]" in shown
    files = [path for path in (tmp_path / ".neurectomy").rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in files)

    replayed = call("replay", "last", cwd=tmp_path)
    assert replayed.returncode == 9
    assert replayed.stdout == ""
    assert replayed.stderr.startswith("error: what happened at event 1 was redacted\n")
    assert call("runs", "redact", "last", "--text", SECRET, "--yes", cwd=tmp_path).returncode == 4
    assert call("runs", "redact", "last", "--yes", cwd=tmp_path).returncode == 2


SECRET_FLOW = """
tool use(token: secret str) -> int from "t.py"
flow f(token: secret str) -> int {
  sure = ask human "Sure?" -> bool
  n = use(token)
  return n
}
"""


def given(tmp_path: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words], cwd=tmp_path, env=environment(), input=text, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_secret_comes_from_standard_input_and_is_asked_for_again(tmp_path: Path) -> None:
    write(tmp_path, a__agent=SECRET_FLOW, t__py="def use(token):\n    return len(token)")
    inputs = json.dumps({"token": SECRET})
    begun = given(tmp_path, inputs, "run", "a.agent", "--inputs", "-")
    assert begun.returncode == 11, begun.stderr
    asked = call("runs", "answer", "last", "f/sure", "yes", cwd=tmp_path)
    assert asked.returncode == 11
    assert "use needs the secret token again" in asked.stderr
    shown = call("runs", "show", "last", "--events", cwd=tmp_path).stdout
    assert "tool.withheld        f/n  it needs [secret: token." in shown
    assert "f/n -   # reads the secret from standard input" in shown
    done = given(tmp_path, f"{SECRET}\n", "runs", "answer", "last", "f/n", "-")
    assert done.returncode == 0, done.stderr
    result = json.loads(call("runs", "show", "last", "--json", cwd=tmp_path).stdout)["result"]
    assert result == len(SECRET)
    files = [path for path in (tmp_path / ".neurectomy").rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in files)


@pytest.mark.parametrize(("typed", "code"), [("y", 0), ("n", 130)])
def test_a_text_through_a_pipe_is_confirmed_on_the_terminal(
    tmp_path: Path, typed: str, code: int
) -> None:
    write(tmp_path, a__agent=FLOW)
    assert call("run", "a.agent", "--word", SECRET, cwd=tmp_path).returncode == 0
    ours, theirs = pty.openpty()

    def controlled() -> None:
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [*COMMAND, "runs", "redact", "last", "--text", "-"], cwd=tmp_path, env=environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=controlled, pass_fds=[theirs],
    )  # fmt: skip
    os.write(ours, f"{typed}\n".encode())
    said, asked = process.communicate(SECRET, timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code, asked
    assert "3 events of this run would be erased" in said
    assert "Erase this for good?" in asked
    done = "3 events erased\n" if typed == "y" else "nothing was erased\n"
    assert said.endswith(done)
    shown = call("runs", "show", "last", "--events", cwd=tmp_path).stdout
    assert (SECRET in shown) == (typed == "n")


def test_what_remains_of_a_redaction_is_told_where_it_leaves_the_machine(tmp_path: Path) -> None:
    write(tmp_path, a__agent=FLOW, notes__md=SECRET)
    assert call("run", "a.agent", "--word", SECRET, cwd=tmp_path).returncode == 0
    before = call("runs", "export", "last", "-o", "../before.nrun", cwd=tmp_path)
    assert (before.returncode, before.stderr) == (0, "")
    done = call("runs", "redact", "last", "--text", SECRET, "--yes", cwd=tmp_path)
    assert "remains: notes.md (files of the run); gone only with the run:" in done.stdout
    after = call("runs", "export", "last", "-o", "../after.nrun", cwd=tmp_path)
    assert after.returncode == 0
    assert after.stderr.startswith("warning: what was redacted of ")
    assert after.stderr.endswith("is in the file: a program or file holds it\n")
