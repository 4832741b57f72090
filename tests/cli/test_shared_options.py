"""What holds for every command: where options stand, colours, and errors for machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
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


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
@pytest.mark.parametrize("words", [["runs", "list"], ["check"], ["runs", "show", "nothing"]])
def test_no_colour_where_none_is_wanted(
    ran: Path, words: list[str], environment: dict[str, str]
) -> None:
    write(ran / "mine", broken__agent="flow f() -> str { return anser }")
    _, coloured = Terminal(*words, cwd=ran / "mine").end()
    assert "\x1b[" in coloured
    _, plain = Terminal(*words, cwd=ran / "mine", **environment).end()
    assert "\x1b" not in plain


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["fork", "last"], "missing option '--at'", "See: neurectomy fork --help"),
        (["runs", "list", "--limt", "3"], "no such option '--limt'", "Did you mean --limit?"),
        (["fork", "last", "--at", "x"], "'x' is not a valid integer", "fork --help"),
        (["runz"], "there is no command runz", "Did you mean run?"),
        (["runs", "shwo"], "no such command 'shwo'", "See: neurectomy runs --help"),
    ],
)
def test_misuse_is_told_as_any_error(
    tmp_path: Path, words: list[str], message: str, hint: str
) -> None:
    done = call(*words, "--json", cwd=tmp_path)
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "invalid_input"
    assert message in error["message"]
    assert not error["message"].endswith(".")
    assert hint in error["hint"]
    assert done.stderr == ""
    told = call(*words, cwd=tmp_path)
    assert told.stderr == f"error: {error['message']}\nhint: {error['hint']}\n"


def test_no_command_prints_the_help(tmp_path: Path) -> None:
    done = call(cwd=tmp_path)
    assert done.returncode == 2
    assert "Commands:" in done.stderr


def test_the_examples_of_fork_stand_in_lines_of_their_own(tmp_path: Path) -> None:
    told = call("fork", "--help", cwd=tmp_path).stdout
    assert "\\b" not in told
    assert sum(line.startswith("  neurectomy fork last --at") for line in told.splitlines()) == 3
