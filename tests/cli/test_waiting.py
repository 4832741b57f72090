"""Runs that wait for a person, on a terminal and without one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from neurectomy.cli.waiting import allowed, parse_answer
from neurectomy.core.errors import InvalidInput
from tests.cli.terminal import Terminal
from tests.cli.test_commands import call, start, write

PROGRAM = """
flow f(n: int) -> str {
  ok = ask human "Ship {{ n }}?" -> bool
  if not ok { return "kept" }
  how = ask human "How?" -> "fast" | "slow"
  return how
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, a__agent=PROGRAM)


def test_a_terminal_is_asked_until_the_answer_fits(folder: Path) -> None:
    terminal = Terminal("run", "a.agent", "--n", "3", cwd=folder, piped=True)
    terminal.until("Ship 3?")
    terminal.until("yes or no: ")
    terminal.type("")
    terminal.type("perhaps")
    terminal.until("perhaps is no answer. Answer with yes or no.")
    terminal.type("YES")
    terminal.until("fast or slow: ")
    terminal.type("slow")
    assert terminal.process.stdout is not None
    assert terminal.process.stdout.read() == "slow\n"
    code, _ = terminal.end()
    assert code == 0


def test_the_client_of_a_server_is_asked_as_well(folder: Path) -> None:
    server = start("serve", str(folder), "--port", "0", "--json", stdout=subprocess.PIPE)
    assert server.stdout is not None
    server.stdout.readline()
    terminal = Terminal("run", "a.agent", "--n", "3", cwd=folder)
    terminal.until("yes or no: ")
    terminal.type("yes")
    terminal.until("fast or slow: ")
    terminal.type("fast")
    code, shown = terminal.end()
    assert (code, "Traceback" in shown) == (0, False)
    done = call("fork", "last", "--at", "1", cwd=folder)
    assert (done.returncode, "f/ok yes" in done.stderr) == (11, True)
    answered = call("runs", "answer", "last", "f/ok", "maybe", cwd=folder)
    assert "hint: Answer with yes or no." in answered.stderr
    server.terminate()
    server.wait(20)
    server.stdout.close()


@pytest.mark.parametrize("how", ["interrupt", "end"])
def test_who_does_not_answer_leaves_the_run_waiting(folder: Path, how: str) -> None:
    terminal = Terminal("run", "a.agent", "--n", "3", cwd=folder)
    terminal.until("yes or no: ")
    terminal.interrupt() if how == "interrupt" else terminal.type("\x04")
    code, shown = terminal.end()
    assert code == 11
    assert "neurectomy runs answer" in shown
    assert "Traceback" not in shown
    resumed = Terminal("runs", "resume", "last", cwd=folder)
    resumed.until("yes or no: ")
    resumed.type("no")
    code, shown = resumed.end()
    assert (code, "finished" in shown) == (0, True)


def test_without_a_terminal_it_is_said_how_to_answer(folder: Path) -> None:
    done = call("run", "a.agent", "--n", "3", "--quiet", cwd=folder)
    assert (done.returncode, done.stdout) == (11, "")
    run = json.loads(call("runs", "show", "last", "--json", cwd=folder).stdout)["id"]
    assert done.stderr.replace(run, "RUN") == snapshot("""\

? Ship 3?
  step       f/ok
  type       bool
  answer     neurectomy runs answer RUN f/ok yes
             neurectomy runs answer RUN f/ok no
""")
    shown = call("runs", "show", "last", cwd=folder)
    assert done.stderr in shown.stdout
    assert shown.returncode == 0
    outside = call("runs", "-w", str(folder), "show", "last", cwd=folder.parent)
    assert f"answer {run} f/ok yes -w {folder.name}" in outside.stdout
    (question,) = json.loads(call("runs", "show", "last", "--json", cwd=folder).stdout)["waiting"]
    assert (question["step"], question["type"]) == ("f/ok", "bool")


def test_every_command_that_goes_on_with_a_run_tells_that_it_waits(folder: Path) -> None:
    done = call("run", "a.agent", "--n", "3", "--json", cwd=folder)
    assert done.returncode == 11
    run = json.loads(done.stdout)
    assert [question["step"] for question in run["waiting"]] == ["f/ok"]
    for words in (
        ["runs", "resume", "last"],
        ["fork", "last", "--at", "1"],
        ["fork", "last", "--at", str(run["head"])],
    ):
        done = call(*words, cwd=folder)
        assert done.returncode == 11, done.stderr
        assert "answer     neurectomy runs answer" in done.stderr
    answered = call("runs", "answer", "last", "f/ok", "yes", cwd=folder)
    assert answered.returncode == 11
    assert "How?" in answered.stderr
    assert "f/how fast" in answered.stderr
    assert call("runs", "answer", "last", "f/how", "slow", cwd=folder).returncode == 0
    shown = json.loads(call("runs", "show", "last", "--json", cwd=folder).stdout)
    assert (shown["result"], "waiting" in shown) == ("slow", False)


@pytest.mark.parametrize("value", ["yes", "no", "true", "false"])
def test_yes_and_no_answer_a_bool(folder: Path, value: str) -> None:
    call("run", "a.agent", "--n", "3", cwd=folder)
    call("runs", "answer", "last", "f/ok", value, cwd=folder)
    shown = json.loads(call("runs", "show", "last", "--json", cwd=folder).stdout)
    assert shown["status"] == ("waiting" if value in ("yes", "true") else "finished")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["f/ok", "perhaps"], "perhaps is no answer", "Answer with yes or no."),
        (["f/ok"], "the answer is missing", "Answer with yes or no."),
        (["f/no", "yes"], "the run does not wait at f/no", "It waits at: f/ok."),
    ],
)
def test_wrong_answers_are_told_which_ones_there_are(
    folder: Path, words: list[str], message: str, hint: str
) -> None:
    call("run", "a.agent", "--n", "3", cwd=folder)
    done = call("runs", "answer", "last", *words, cwd=folder)
    assert done.stderr == f"error: {message}\nhint: {hint}\n"


def test_what_the_server_refuses_has_the_hint_too(tmp_path: Path) -> None:
    program = """
    type Plan { steps: list[str] }
    flow f() -> json {
      plan = ask human "Which steps?" -> Plan
      return plan
    }
    """
    write(tmp_path, a__agent=program)
    call("run", "a.agent", cwd=tmp_path)
    done = call("runs", "answer", "last", "f/plan", '{"steps": 3}', cwd=tmp_path)
    assert "steps: expected list[str], got 3" in done.stderr
    assert "hint: Answer with JSON of the type Plan." in done.stderr


def test_a_call_whose_end_nobody_saw_is_decided(tmp_path: Path) -> None:
    program = """
    tool pay(n: int) -> str from "t.py"
    flow f(n: int) -> str {
      paid = pay(n)
      return paid
    }
    """
    write(tmp_path, a__agent=program, t__py="def pay(n):\n    import time\n    time.sleep(60)")
    process = start("run", "a.agent", "--n", "7", cwd=tmp_path, stderr=subprocess.PIPE)
    assert process.stderr is not None
    while "f/paid" not in (line := process.stderr.readline()):
        assert line
    process.kill()
    process.wait()
    process.stderr.close()
    done = call("runs", "resume", "last", cwd=tmp_path)
    assert done.returncode == 11
    run = json.loads(call("runs", "show", "last", "--json", cwd=tmp_path).stdout)["id"]
    assert done.stderr.replace(run, "RUN") == snapshot("""\

? pay was called when the process ended, and nobody knows how that ended
  arguments  {"n": 7}
  step       f/paid
  type       str
  answer     neurectomy runs answer RUN f/paid --decision retry
             neurectomy runs answer RUN f/paid --decision fail
             neurectomy runs answer RUN f/paid VALUE --decision value   # VALUE: a text
""")
    asked = Terminal("runs", "resume", "last", cwd=tmp_path)
    asked.until("retry, fail, value")
    asked.type("value")
    asked.until("a text: ")
    asked.type("12")
    assert asked.end()[0] == 0
    shown = json.loads(call("runs", "show", "last", "--json", cwd=tmp_path).stdout)
    assert (shown["status"], shown["result"]) == ("finished", "12")


STR = {"type": "string"}
OPTIONAL = {"anyOf": [STR, {"type": "null"}]}


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("5", STR, "5"),
        (' "a" ', STR, ' "a" '),
        ("null", OPTIONAL, None),
        ("null", STR, "null"),
        (" slow ", {**STR, "enum": ["slow"]}, "slow"),
        ("4", {"type": "integer"}, 4),
        ("0.5", {"type": "number"}, 0.5),
        ('["a"]', {"type": "array"}, ["a"]),
        ("Y", {"type": "boolean"}, True),
    ],
)
def test_answers_are_read_by_the_type_that_is_asked_for(text: str, schema: dict, value) -> None:
    assert parse_answer(text, {"schema": schema, "type": "..."}) == value


@pytest.mark.parametrize(
    ("text", "schema", "wanted"),
    [
        ("maybe", {"type": "boolean"}, "yes or no"),
        ("quick", {**STR, "enum": ["fast", "slow"]}, "fast or slow"),
        ("many", {"type": "integer"}, "a whole number"),
        ("true", {"type": "integer"}, "a whole number"),
        ("", {"type": "number"}, "a number"),
        ("{", {"anyOf": [{"$ref": "x"}, {"type": "null"}]}, "JSON of the type T, or null"),
    ],
)
def test_other_answers_are_refused(text: str, schema: dict, wanted: str) -> None:
    question = {"schema": schema, "type": "T"}
    assert allowed(question) == wanted
    with pytest.raises(InvalidInput) as refused:
        parse_answer(text, question)
    assert refused.value.hint == f"Answer with {wanted}."
