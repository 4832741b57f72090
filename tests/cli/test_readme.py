"""The README's commands, typed as they stand there in a fresh clone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from neurectomy.cli.new import PROGRAM
from tests.cli.test_commands import call, environment

LANGUAGE = "docs/reference/language.md"


def test_the_commands_of_the_readme_work_as_they_stand(tmp_path: Path) -> None:
    blocks = re.findall(r"```\n(.*?)```", Path("README.md").read_text("utf-8"), re.DOTALL)
    (lines,) = [block.strip().split("\n") for block in blocks if "neurectomy new" in block]
    assert lines[0].startswith("export PATH=")
    assert lines[-1].split("#")[0].strip() == "neurectomy serve"
    clone = tmp_path / ".venv" / "bin"
    clone.mkdir(parents=True)
    (clone / "neurectomy").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m neurectomy "$@"\n')
    (clone / "neurectomy").chmod(0o755)
    script = "\n".join(["set -e", *lines[:-1], "neurectomy serve --print-address || echo code $?"])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "costs nothing" in done.stdout
    assert "events agree" in done.stdout
    assert "code 4" in done.stdout


def test_new_says_what_to_type_and_where_the_language_is(tmp_path: Path) -> None:
    said = call("new", "my agents", cwd=tmp_path).stdout
    tries = re.findall(r"^  (cd .*|neurectomy run .*)$", said, re.MULTILINE)
    assert len(tries) == 2
    (folder,) = [line.removeprefix("cd ").strip("'") for line in tries if line.startswith("cd ")]
    done = call("run", "main.agent", "--question", "What does a replay cost?",
                cwd=tmp_path / folder)  # fmt: skip
    assert done.returncode == 0
    (pointer,) = re.findall(r"^What a program may say: neurectomy (.*)$", said, re.MULTILINE)
    taught = call(*pointer.split(), cwd=tmp_path).stdout
    reference = Path(LANGUAGE).read_text("utf-8")
    for word in ("model", "type", "tool", "agent", "flow", "ask human", "repeat at most", "map"):
        assert word in taught
        assert word in reference
    assert "cd " not in call("new", ".", cwd=tmp_path).stdout


def test_the_language_is_taught_with_the_program_that_new_makes() -> None:
    assert f"```\n{PROGRAM}```" in Path(LANGUAGE).read_text("utf-8")


def test_the_tool_of_the_reference_fits_the_program(tmp_path: Path) -> None:
    blocks = re.findall(r"```\n(.*?)```", Path(LANGUAGE).read_text("utf-8"), re.DOTALL)
    (tool,) = [block for block in blocks if "def search" in block]
    assert call("new", "mine", cwd=tmp_path).returncode == 0
    folder = tmp_path / "mine"
    (folder / "tools" / "notes.py").write_text(tool)
    assert "no errors" in call("check", cwd=folder).stdout
    question = "What does a replay cost?"
    done = call("run", "main.agent", "--question", question, "--quiet", cwd=folder)
    assert "costs nothing" in done.stdout
    shown = json.loads(call("runs", "show", "last", "--events", "--json", cwd=folder).stdout)
    (returned,) = [one for one in shown["events"] if one["kind"] == "tool.returned"]
    assert returned["data"]["stdout"] == "looked at replay.md\n"
