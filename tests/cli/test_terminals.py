"""A terminal obeys nothing that a model, a tool or a program wrote."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from neurectomy.cli.options import harmless_data, print_json
from neurectomy.cli.show import print_run
from neurectomy.cli.steps import cost, event_line, readable, step_line, tokens
from neurectomy.cli.waiting import told
from tests.cli.terminal import Terminal
from tests.cli.test_commands import write

EVIL = "a\x1b]0;b\x07c\x9bd\x1b[2Je"
OURS = re.compile(r"\x1b\[[0-9;]*m")
"""Colours, which is all that we send ourselves."""

ERROR = {"message": EVIL, "code": EVIL}
DATA = {
    "run.created": {"flow": EVIL, "inputs": {EVIL: EVIL}},
    "run.changed": {"changes": {"inputs": {EVIL: EVIL}}, "by": EVIL},
    "breakpoints.set": {"breakpoints": [{"text": EVIL}], "by": EVIL},
    "run.paused": {"kind": EVIL, "breakpoint": EVIL, "about": {}},
    "run.continued": {"mode": EVIL, "by": EVIL},
    "run.forked": {"run": EVIL, "at": 1, "changes": {"inputs": {EVIL: EVIL}}},
    "run.redacted": {"events": [[1, 2]], "by": EVIL, "reason": EVIL, "how": [EVIL], "run": EVIL},
    "run.resumed": {"owner": EVIL, "unknown": [EVIL]},
    "run.cancel_requested": {"by": EVIL},
    "run.expired": {"limit_ms": 1},
    "run.waiting": {},
    "run.finished": {"value": EVIL},
    "run.failed": {"error": ERROR},
    "run.cancelled": {},
    "model.requested": {"model": EVIL},
    "model.responded": {"message": {"calls": [{"tool": EVIL}]}, "model": EVIL, "took_us": 1},
    "model.failed": {"error": ERROR, "took_us": 1},
    "tool.requested": {"tool": EVIL, "arguments": {EVIL: [EVIL]}},
    "tool.returned": {"value": EVIL, "stdout": EVIL, "took_us": 1},
    "files.conflicted": {"conflicts": [{"path": EVIL, "kept": EVIL, "beside": EVIL}]},
    "tool.failed": {"error": ERROR, "took_us": 1},
    "tool.unknown": {"tool": EVIL},
    "tool.withheld": {"tool": EVIL, "secret": EVIL},
    "human.asked": {"question": EVIL, "type": EVIL},
    "human.answered": {"value": EVIL, "by": EVIL, "decision": EVIL},
    "timer.set": {"ms": 1, "reason": EVIL},
    "timer.fired": {},
    "step.started": {"kind": EVIL, "callee": EVIL},
    "step.finished": {"value": EVIL},
    "step.failed": {"error": ERROR},
    "value.bound": {"name": EVIL, "value": {EVIL: EVIL}},
    "branch.taken": {"taken": True},
    "loop.entered": {"iteration": 0},
    "loop.left": {"iterations": 1, "reason": EVIL},
    "call.rejected": {"tool": EVIL, "problem": EVIL},
    "answer.rejected": {"problem": EVIL},
    "note.added": {"at": 1, "text": EVIL, "by": EVIL},
    "note.removed": {"note": 1, "by": EVIL},
    f"of a plugin {EVIL}": {"anything": EVIL},
}


def assert_harmless(text: str) -> None:
    rest = OURS.sub("", text)
    assert not [c for c in rest if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160)], repr(text)


def test_every_kind_of_the_reference_is_tried() -> None:
    reference = Path("docs/reference/run-log.md").read_text("utf-8")
    kinds = set(re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", reference, re.MULTILINE))
    assert kinds == {kind for kind in DATA if EVIL not in kind}


@pytest.mark.parametrize("kind", DATA)
def test_each_kind_of_event_is_harmless(kind: str) -> None:
    event = {"seq": 1, "kind": kind, "step": f"f/{EVIL}", "mono": 5, "data": DATA[kind]}
    for text in (step_line(event), event_line(event)):
        assert_harmless(text)
        assert "\n" not in text
    assert "redacted" in event_line({**event, "data": None})


@pytest.mark.parametrize("kind", ["human", "unknown"])
def test_questions_are_harmless(kind: str) -> None:
    question = {
        "step": EVIL,
        "kind": kind,
        "question": EVIL,
        "type": EVIL,
        "schema": {"type": "string", "enum": [EVIL]},
        "arguments": {EVIL: EVIL},
    }
    assert_harmless(told("run", question, Path()))


def test_values_are_harmless() -> None:
    assert_harmless(readable({EVIL: [EVIL, {EVIL: EVIL}]}))
    assert harmless_data({EVIL: (EVIL,), "n": 1}) == {
        "a�]0;b�c�d�[2Je": ["a�]0;b�c�d�[2Je"],
        "n": 1,
    }
    assert harmless_data("a\r\nb\tc") == "a\nb\tc"


RUN = {
    "id": "0" * 32,
    "title": EVIL,
    "status": "failed",
    "flow": "f",
    "source": EVIL,
    "inputs": {EVIL: EVIL},
    "created": 1_700_000_000_000_000,
    "ended": None,
    "head": 3,
    "labels": {EVIL: EVIL},
    "accounts": {"input_tokens": 1000, "output_tokens": 500, "cost_nanos": 1_000_000_000},
    "parent": {"run": EVIL, "at": 1},
    "error": {"message": EVIL, "hint": EVIL},
    "result": {EVIL: EVIL},
}


def test_a_run_is_shown_harmless(capsys) -> None:
    with click.Context(click.Command("show"), color=True):
        print_run(RUN, [], Path())
    assert_harmless(capsys.readouterr().out)


def test_json_for_a_terminal_is_harmless_and_says_the_same(capsys) -> None:
    print_json({"a": EVIL})
    out = capsys.readouterr().out
    assert_harmless(out)
    assert json.loads(out) == {"a": EVIL}


def test_what_a_run_may_have_used_is_told_beside_what_it_has() -> None:
    accounts = RUN["accounts"]
    assert (tokens(accounts), cost(accounts)) == ("1,500 tokens", "$1.0000")
    accounts = {**accounts, "uncertain_tokens": 250, "uncertain_nanos": 500_000_000}
    assert tokens(accounts) == "1,500, up to 1,750 tokens"
    assert cost(accounts) == "$1.0000, up to $1.5000"
    assert tokens({**accounts, "uncertain_tokens": 0}) == "1,500 tokens"


def test_commands_send_a_terminal_nothing_of_a_program(tmp_path: Path) -> None:
    program = """
    tool t(n: int) -> json from "t.py"
    flow f(q: str) -> json {
      a = t(1)
      b = ask human "{{ a }}" -> str
      return a
    }
    """
    write(tmp_path, a__agent=program, t__py=f"def t(n):\n    return {[EVIL]!r}")
    write(tmp_path, bad__agent=f"# {EVIL}\nflow f() -> str {{ return x{EVIL} }}\r\n")
    terminal = Terminal("run", "a.agent", "--q", EVIL, cwd=tmp_path)
    terminal.until("a text: ")
    terminal.type(EVIL.replace("\x07", "").replace("\x1b", ""))
    terminal.end()
    for words in (
        ["runs"],
        ["runs", "show", "last", "--events"],
        ["runs", "show", "last", "--json"],
        ["fork", "last", "--at", "1", "--json"],
        ["check"],
        ["run", "bad.agent"],
        ["run", f"{EVIL}.agent"],
    ):
        _, shown = Terminal(*words, cwd=tmp_path).end()
        assert_harmless(shown)
