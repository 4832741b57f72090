"""``neurectomy diff`` as people type it, and the texts that it puts beside each other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from neurectomy.cli.wording import MOST_WORDS, beside, words
from tests.cli.test_commands import call, write

PROGRAM = """
flow f(n: int, name: str) -> str {
  size = n * 2
  if size > 10 { told = "{{ name }} is large" } else { told = "{{ name }} is small" }
  return told
}
"""


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    write(tmp_path, f__agent=PROGRAM)
    for n in ("3", "3"):
        assert call("run", "f.agent", "--n", n, "--name", "Ada", cwd=tmp_path).returncode == 0
    return tmp_path


def ids(folder: Path) -> list[str]:
    """Of the runs, the newest first."""
    listed = json.loads(call("runs", "list", "--json", cwd=folder).stdout)
    return [run["id"] for run in (listed["runs"] if isinstance(listed, dict) else listed)]


def steady(text: str) -> str:
    """The output without what is different each time."""
    text = re.sub(r"\b[0-9a-f]{12}\b", "ID", text)
    text = re.sub(r"[+-]?\d[\d.]* (µs|ms|s)\b *", "TIME  ", text)
    return re.sub(r" *\n\n?", "\n", text)


def test_two_runs_alike_differ_in_nothing(ran: Path) -> None:
    new, old = ids(ran)
    done = call("diff", old, new, cwd=ran)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("nothing differs but time and cost\n")
    assert "steps" not in done.stdout
    everything = call("diff", old, new, "--all", cwd=ran)
    assert everything.returncode == 0
    assert "f/size  6" in everything.stdout
    found = json.loads(call("diff", old, new, "--json", cwd=ran).stdout)
    assert (found["same"], found["pairs"], found["counts"]) == (True, [], {"same": 3})


def test_a_fork_is_compared_with_what_it_continues(ran: Path) -> None:
    call("fork", "last", "--at", "1", "--set", "n=9", cwd=ran)
    done = call("diff", "last", cwd=ran, COLUMNS="80")
    assert done.returncode == 1, done.stderr
    assert steady(done.stdout) == snapshot("""\
Ada
run     ID  ID
status  finished      finished
time    TIME  TIME  TIME
cost    $0.0000       $0.0000
tokens  0             0
events  5             6
event 1 is shared
the first difference is at f/size: event 2 of A, event 3 of B
state
  ~ inputs.n: 3 -> 9
result
  ~ result: Ada is small -> Ada is large
steps  2 changed, 1 added, 1 removed
  ~ f/size  6 -> 18
  ~ f/if  false -> true
  - f/told@2  Ada is small
  + f/told  Ada is large
""")
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    found = json.loads(call("diff", "last", "--json", cwd=ran).stdout)
    assert [pair["status"] for pair in found["pairs"]] == ["changed", "changed", "removed", "added"]
    assert found["shared"] == 1
    assert found["pairs"][0]["detail"] == {"a": {"value": 6}, "b": {"value": 18}}


def test_an_edited_program_is_told_before_what_came_of_it(ran: Path) -> None:
    write(ran, f__agent=PROGRAM.replace("n * 2", "n * 3").replace("is small", "is quite small"))
    call("run", "f.agent", "--n", "3", "--name", "Ada", cwd=ran)
    new, old, _ = ids(ran)
    done = call("diff", old, new, cwd=ran, COLUMNS="80")
    assert done.returncode == 1
    assert steady(done.stdout) == snapshot("""\
Ada
run     ID  ID
status  finished      finished
time    TIME  TIME  TIME
cost    $0.0000       $0.0000
tokens  0             0
events  5             5
the first difference is at f/size: event 2 of A, event 2 of B
program
  ~ step size of f: size = n * 2 -> size = n * 3
  ~ step told@2 of f: told = "{{ name }} is small" -> told = "{{ name }} is quite small"
result
  ~ result: Ada is small -> Ada is quite small
steps  2 changed, 1 the same
  ~ f/size  6 -> 9
  ~ f/told@2  Ada is small -> Ada is quite small
""")


def test_what_cannot_be_compared_is_told_with_the_next_step(ran: Path) -> None:
    alone = call("diff", "last", cwd=ran)
    assert alone.returncode == 2
    assert "is no fork" in alone.stderr
    assert "Name one: neurectomy diff last RUN" in alone.stderr
    assert call("diff", "last", "0000ffff", cwd=ran).returncode == 4


@given(st.text(), st.text())
def test_no_word_of_two_lines_is_lost(before: str, after: str) -> None:
    pieces = words(before, after)
    assert "".join(text for look, text in pieces if look != "new") == before
    assert "".join(text for look, text in pieces if look != "gone") == after


def test_equal_texts_have_no_difference_and_huge_lines_are_told_whole() -> None:
    assert words("a b", "a b") == [("same", "a b")]
    assert words("do merge sorted now", "do wrap long now") == [
        ("same", "do "), ("gone", "merge sorted"), ("new", "wrap long"), ("same", " now"),
    ]  # fmt: skip
    huge = "x " * MOST_WORDS
    assert words(huge, "y") == [("gone", huge), ("new", "y")]


def test_lines_are_told_by_words_where_they_are_alike_and_whole_where_not() -> None:
    before = "\n".join(["Say what you know.", "one", "two", "three", "four", "The end of it"])
    after = before.replace("what you know", "all you know").replace("The end of it", "Fin")
    lines = [click.unstyle(line) for line in beside(before, after, 80)]
    assert lines == [
        "~ Say [-what-]{+all+} you know.",
        "  one",
        "  ⋮",
        "  four",
        "- The end of it",
        "+ Fin",
    ]
