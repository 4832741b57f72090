"""``runs search``, ``runs note`` and ``runs notes`` as people type them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_commands import FLOW, TOOL, call, write


def test_a_run_is_searched_and_noted(tmp_path: Path) -> None:
    write(tmp_path, a__agent=TOOL + FLOW, t__py="def t(n):\n    return n * 2")
    call("run", "a.agent", "--n", "3", cwd=tmp_path)
    found = call("runs", "search", "last", "tool:t", "-kind:requested", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert [line.split()[-2] for line in found.stdout.splitlines()] == ["tool.returned"]
    searched = json.loads(call("runs", "search", "last", "kind:run", "--json", cwd=tmp_path).stdout)
    assert [match["kind"] for match in searched["matches"]] == ["run.created", "run.finished"]
    assert searched["searched"] == searched["head"]
    first = call("runs", "search", "last", "kind:", "--limit", "1", cwd=tmp_path)
    assert first.returncode == 2
    assert "Write kind:NAME" in first.stderr
    one = call("runs", "search", "last", "kind:run", "--limit", "1", cwd=tmp_path)
    assert (len(one.stdout.splitlines()), "--limit" in one.stderr) == (1, True)
    none = call("runs", "search", "last", "error", cwd=tmp_path)
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "nothing found\n")

    assert "runs note RUN" in call("runs", "notes", "last", cwd=tmp_path).stdout
    call("runs", "note", "last", "--at", "2", "doubled", "here", cwd=tmp_path)
    noted = call("runs", "note", "last", cwd=tmp_path)
    assert "doubled here" in noted.stdout
    assert "(bookmark)" in noted.stdout
    listed = json.loads(call("runs", "notes", "last", "--json", cwd=tmp_path).stdout)
    assert [(note["seq"], note["text"]) for note in listed] == [(2, "doubled here"), (5, "")]
    again = call("runs", "note", "last", "--remove", str(listed[0]["note"]), cwd=tmp_path)
    assert "doubled here" not in again.stdout
    wrong = call("runs", "note", "last", "--at", "99", "x", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "the run has no event 99" in wrong.stderr
    assert call("runs", "note", "last", "--remove", "7", "x", cwd=tmp_path).returncode == 2
    assert json.loads(call("replay", "last", "--json", cwd=tmp_path).stdout)["agrees"]
