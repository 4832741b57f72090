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
    assert f"event 1 is that of {parent}, from 2 on its own\n\nhow\n" in done.stdout
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
