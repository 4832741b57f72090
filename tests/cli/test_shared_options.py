"""What holds for every command: where options stand, colours, and errors for machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import call, write


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    write(folder, a__agent="flow f(n: int) -> int {\n  a = n + 1\n  return a\n}\n")
    assert call("run", "a.agent", "--n", "1", cwd=folder).returncode == 0
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["runs", "-w", "mine", "--json"],
        ["runs", "-w", "mine", "--json", "list"],
        ["runs", "-w", "mine", "list", "--json"],
        ["runs", "--json", "-w", "nowhere", "list", "-w", "mine"],
    ],
)
def test_options_of_runs_hold_for_its_commands(ran: Path, words: list[str]) -> None:
    done = call(*words, cwd=ran)
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    shown = call("runs", "--workspace", "mine", "show", run["id"], cwd=ran)
    assert run["id"] in shown.stdout
