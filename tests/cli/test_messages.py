"""What a command says to somebody who has slipped: what is wrong, and what was meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import FLOW, TOOL, call, write


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    write(tmp_path, main__agent="flow main(question: str) -> str {\n  return question\n}\n")
    write(tmp_path, none__agent="flow none() -> int {\n  return 1\n}\n")
    assert call("run", "main.agent", "--question", "why", cwd=tmp_path).returncode == 0
    return tmp_path


RUN = ["run", "main.agent"]


@pytest.mark.parametrize(
    ("words", "code", "message", "hint"),
    [
        (["fork", "last", "--at", "1", "--set", "nope=1"], 2, "main has no input nope",
         "There are: question."),
        (["fork", "last", "--at", "1", "--set", "qestion=1"], 2, "main has no input qestion",
         "Did you mean question?"),
        ([*RUN, "--qestion", "why"], 2, "main has no input qestion", "Did you mean question?"),
        ([*RUN, "--qestion"], 2, "main has no input qestion", "Did you mean question?"),
        ([*RUN, "-i", "nope=1"], 2, "main has no input nope", "There are: question."),
        (["run", "none.agent", "--n", "1"], 2, "none has no input n", "Leave it out."),
        ([*RUN, "--inputs", "{bad"], 2, "--inputs is no JSON: object keys must be strings (byte 1)",
         """Give an object: --inputs '{"question": "..."}'"""),
        ([*RUN, "--inputs", "[]"], 2, "--inputs is no JSON object",
         """Give an object: --inputs '{"question": "..."}'"""),
        (["run", "man.agent"], 4, "there is no program man.agent", "Did you mean main.agent?"),
        (["run", "other"], 4, "there is no program other", "There are: main.agent, none.agent."),
        (["check", "man.agent"], 4, "there is no program man.agent", "Did you mean main.agent?"),
        (["replay", "--recent", "3", "--flow", "man"], 4, "there is no run of a flow man",
         "List them with: neurectomy runs list"),
        (["whatif", "last", "--at", "1", "--vary", "prompt.answerer=Briefly, please,Look"], 2,
         "commas in prompt.answerer are part of the text or part it",
         "Name files, prompt.answerer=@a.txt,@b.txt, or give a list: "
         """'prompt.answerer=["...", "..."]'"""),
        (["whatif", "last", "--at", "1", "--vary", "question=a", "--score", "result.("], 2,
         "'result.(' is no condition: expected a field's name, found `(`",
         'Such as: cost > 0.10 or tool == "send"'),
        (["runs", "redact", "last"], 2, "nothing is said of what to redact",
         "Name events with --at, a text, a pattern with --matching, or --value-of-step."),
        (["runs", "label", "last", "keep"], 2, "keep is no label",
         "Write NAME=VALUE, or NAME= to remove it."),
        (["fork", "last", "--at", "1", "--set", "question=@/dev/zero"], 2,
         "/dev/zero is longer than 2 MB", "Name a shorter text."),
        (["replay", "last", "--with", "/dev/zero"], 2,
         "/dev/zero is longer than 2 MB", "Name a shorter text."),
        (["runs", "delete", "last"], 2, "nobody is there who could be asked",
         "To delete 1 run: --yes"),
    ],
)  # fmt: skip
def test_what_was_meant_is_named(
    ran: Path, words: list[str], code: int, message: str, hint: str
) -> None:
    done = call(*words, cwd=ran)
    assert done.stderr == f"error: {message}\nhint: {hint}\n"
    assert (done.returncode, done.stdout) == (code, "")
    machines = call(*words, "--json", cwd=ran)
    assert machines.returncode == code
    assert json.loads(machines.stdout)["error"]["hint"] == hint


def test_a_fork_says_which_events_are_its_own(ran: Path) -> None:
    parent = json.loads(call("runs", "show", "last", "--json", cwd=ran).stdout)["id"]
    done = call("fork", "last", "--at", "1", "--set", "question=how", cwd=ran)
    assert done.returncode == 0
    assert f"shares event 1 with {parent}; 2 and later are its own\n\nhow\n" in done.stdout
    done = call("runs", "show", "last", cwd=ran)
    assert f"fork of  {parent} at 1" in done.stdout
    assert "inputs   question: how" in done.stdout


def test_a_run_in_quiet_prints_its_answer_only(ran: Path) -> None:
    done = call("run", "main.agent", "--question", "why", "--quiet", cwd=ran)
    assert (done.stdout, done.stderr) == ("why\n", "")


def test_a_run_that_failed_is_one_piece_of_json(tmp_path: Path) -> None:
    write(tmp_path, a__agent=TOOL + FLOW, t__py="def t(n):\n    raise ValueError('why')")
    for words in (["run", "a.agent", "--n", "3"], ["fork", "last", "--at", "1"]):
        done = call(*words, "--json", cwd=tmp_path)
        assert done.returncode == 8
        assert "ValueError: why" in json.loads(done.stdout)["error"]["message"]
        assert call(*words, cwd=tmp_path).returncode == 8


AGENT = """
model m = offline
tool look(n: int) -> int from "t.py" idempotent
agent one(n: int) -> str { model m system "Briefly." prompt "{{ n }}" }
flow f(n: int) -> list[str] {
  a = look(n)
  b = look(a)
  c = one(b)
  return []
}
agent number(n: int) -> int { model m prompt "{{ n }}" turns 1 }
flow bad(n: int) -> int {
  a = number(n)
  return a
}
"""


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    write(tmp_path, a__agent=AGENT, t__py="def look(n):\n    return n")
    done = call("run", "a.agent", "--flow", "f", "--n", "3", cwd=tmp_path)
    assert done.stdout == "none\n"  # the empty list
    assert "1 model request, 2 tool calls" in done.stderr
    return tmp_path


def test_a_fork_says_that_what_it_changes_is_never_asked(asked: Path) -> None:
    events = json.loads(call("runs", "show", "last", "--events", "--json", cwd=asked).stdout)
    began = next(e["seq"] for e in events["events"] if e["kind"] == "step.started")
    last, run = events["head"] - 1, events["id"]
    for key in ("prompt.one", "system.one", "model.m", "model.m.temperature"):
        value = {"prompt.one": "x", "system.one": "y", "model.m": "auto"}.get(key, "0.5")
        late = call("fork", run, "--at", str(last), "--set", f"{key}={value}", cwd=asked)
        name = key.split(".")[1]
        assert late.stderr == (
            f"note: nothing after event {last} asked {name}; "
            f"fork before it began: --at {began - 1}\n"
        )
        early = call("fork", run, "--at", str(began - 1), "--set", f"{key}={value}", cwd=asked)
        assert (early.returncode, early.stderr) == (0, "")
    listed = call("runs", "list", "--limit", "1", cwd=asked).stdout
    assert f"  {run[-12:]} at {began - 1}  " in listed
    assert "fork of" not in call("runs", "list", "--search", "nothing", cwd=asked).stdout


def test_a_value_that_ends_nothing_is_told_with_the_events_that_do(asked: Path) -> None:
    done = call("fork", "last", "--at", "1", "--value", "5", cwd=asked)
    assert done.stderr.splitlines()[1].endswith("to a person ended: 3 a, 5 b.")


def test_a_run_that_failed_says_how_it_is_tried_again(asked: Path) -> None:
    done = call("run", "a.agent", "--flow", "bad", "--n", "3", cwd=asked)
    run = json.loads(call("runs", "show", "last", "--json", cwd=asked).stdout)
    line = f"Try it again with: neurectomy resume {run['id']} --set prompt.number=@FILE\n"
    assert done.stderr.endswith(line)
    assert line in call("runs", "show", "last", cwd=asked).stdout
    write(asked, t__py="def look(n):\n    raise ValueError('why')")
    done = call("run", "a.agent", "--flow", "f", "--n", "3", cwd=asked)
    run = json.loads(call("runs", "show", "last", "--json", cwd=asked).stdout)
    assert done.stderr.endswith(f"Try it again with: neurectomy resume {run['id']}\n")


def test_an_experiment_tells_what_its_cells_came_to(asked: Path) -> None:
    words = ["whatif", "last", "--at", "1", "--vary", "n=3,4"]
    done = call(*words, "--score", "result", cwd=asked)
    assert done.returncode == 2
    assert "most often" in done.stdout
    assert "compare two: neurectomy diff " in done.stdout
    assert "no scores: the score of " in done.stderr
    machines = call(*words, "--score", "result", "--json", cwd=asked)
    told = json.loads(machines.stdout)
    assert told["misfit"]["code"] == "invalid_input"
    assert len(told["cells"]) == 2
    assert call(*words, "--score", "seconds", cwd=asked).returncode == 0
    nothing = call(*words, "--budget", "0.0000000001", cwd=asked)
    assert nothing.returncode == 0
    assert nothing.stdout == "\nthe budget does not allow for more: 0 of 2\n"
    assert call("run", "a.agent", "--flow", "bad", "--n", "3", cwd=asked).returncode == 8
    failed = call("whatif", "last", "--at", "1", "--vary", "n=3,4", cwd=asked).stdout
    assert failed.count("  failed 1x number gave no answer within 1 turns") == 2


def test_labels_are_given_listed_and_taken_away(ran: Path) -> None:
    assert call("runs", "label", "last", cwd=ran).stderr == "no labels\n"
    done = call("runs", "label", "last", "keep=yes", "by=me", cwd=ran)
    assert done.stdout == "keep=yes\nby=me\n"
    assert call("runs", "label", "last", "by=", cwd=ran).stdout == "keep=yes\n"
    assert "  labels   keep=yes\n" in call("runs", "show", "last", cwd=ran).stdout
