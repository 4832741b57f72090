"""One run as ``runs show`` tells of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from inline_snapshot import snapshot

from tests.cli.test_commands import FLOW, TOOL, call, write


def plain(text: str, run: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE TIME", text.replace(run, "RUN"))
    return re.sub(r" *\d[\d.]* (µs|ms|s)\b", " TIME", text)


def test_a_run_is_shown_with_what_it_was_given_and_what_it_used(tmp_path: Path) -> None:
    write(tmp_path, a__agent=TOOL + FLOW, t__py="def t(n):\n    return n * 2")
    call("run", "a.agent", "--n", "3", cwd=tmp_path, TZ="UTC")
    run = json.loads(call("runs", "show", "last", "--json", cwd=tmp_path).stdout)
    assert run["inputs"] == {"n": 3}
    shown = call("runs", "show", "last", "--events", cwd=tmp_path, TZ="Asia/Kolkata")
    assert plain(shown.stdout, run["id"]) == snapshot("""\
f

  run      RUN
  status   finished
  flow     f of a.agent
  inputs   n: 3
  started  DATE TIME+05:30
  ended    DATE TIME+05:30
  events   4
  tokens   0
  cost     $0.0000

6

     1 TIME  · run.created            {"n": 3}
     2 TIME  ▸ tool.requested       f/a  {"n": 3}
     3 TIME  ✓ tool.returned        f/a TIME
     4 TIME  ✓ run.finished         f  6
""")


def test_events_tell_what_went_wrong(tmp_path: Path) -> None:
    write(tmp_path, a__agent=TOOL + FLOW, t__py="def t(n):\n    raise ValueError('why')")
    call("run", "a.agent", "--n", "3", cwd=tmp_path)
    shown = call("runs", "show", "last", "--events", cwd=tmp_path).stdout
    assert re.search(r"tool\.requested +f/a +\{\"n\": 3\}", shown)
    assert re.search(r"tool\.failed +f/a +t failed: ValueError: why, [\d.]+ .?s", shown)
