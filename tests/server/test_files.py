"""The files of runs over HTTP: listed in pages, compared, read in parts, applied."""

from __future__ import annotations

import base64

import pytest

from neurectomy.runs import files
from tests.server.test_operations import finished, start

pytestmark = pytest.mark.anyio

TOOL = """
from pathlib import Path

def put(n: int) -> int:
    Path("made").mkdir()
    Path("made/text.txt").write_text("made")
    Path("made/bytes").write_bytes(b"\\0\\xff" * n)
    Path("notes.txt").unlink()
    return n
"""
PROGRAM = """
tool put(n: int) -> int from "t.py" writes
flow f(n: int) -> int { a = put(n) return a }
"""


@pytest.fixture
async def run(client, root):
    (root / "f.agent").write_text(PROGRAM)
    (root / "t.py").write_text(TOOL)
    (root / "notes.txt").write_text("notes")
    (root / "folder").mkdir()
    for number in range(5):
        (root / "folder" / f"{number}").write_text(str(number))
    found = await finished(client, (await start(client, "f.agent", n=3))["id"])
    assert found["status"] == "finished"
    return f"/api/runs/{found['id']}"


async def test_files_come_in_pages(client, run, monkeypatch) -> None:
    whole = (await client.get(f"{run}/files")).json()
    paths = [entry["path"] for entry in whole["files"]]
    assert len(set(paths)) == len(paths)
    assert {"folder/0", "made/bytes", "made/text.txt", "t.py"} <= set(paths)
    assert "notes.txt" not in paths
    for most in (1, 2, 3, 4, 7):
        monkeypatch.setattr(files, "MOST_LISTED", most)
        found, after, more = [], "", True
        while more:
            page = (await client.get(f"{run}/files", params={"after": after})).json()
            found += [entry["path"] for entry in page["files"]]
            after, more = found[-1], page["more"]
        assert found == paths


async def test_two_moments_are_compared(client, run) -> None:
    page = (await client.get(f"{run}/files?since=1")).json()
    assert page["files"] == []
    assert {change["path"]: change["status"] for change in page["changes"]} == {
        "made/bytes": "added",
        "made/text.txt": "added",
        "notes.txt": "removed",
    }
    assert (await client.get(f"{run}/files?since=1&at=1")).json()["changes"] == []
    assert (await client.get(f"{run}/files?at=999")).status_code == 422


async def test_a_file_is_read_in_parts(client, run, monkeypatch) -> None:
    part = (await client.get(f"{run}/file", params={"path": "made/text.txt"})).json()
    assert (part["text"], part["more"], part["size"]) == ("made", False, 4)
    old = (await client.get(f"{run}/file?path=notes.txt&at=1")).json()
    assert old["text"] == "notes"
    monkeypatch.setattr(files, "MOST_CONTENT", 4)
    content = b""
    while True:
        query = {"path": "made/bytes", "offset": len(content)}
        part = (await client.get(f"{run}/file", params=query)).json()
        assert part["text"] is None
        content += base64.b64decode(part["base64"])
        if not part["more"]:
            break
    assert content == b"\0\xff" * 3
    for path in ("notes.txt", "made", "made/none", "../f.agent", "/etc/passwd", "a\0b"):
        answer = await client.get(f"{run}/file", params={"path": path})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await client.get(f"{run}/file")).status_code == 422
    past = (await client.get(f"{run}/file?path=t.py&offset=99999")).json()
    assert (past["base64"], past["more"]) == ("", False)


async def test_a_run_is_applied_and_taken_back(client, run, root) -> None:
    dry = (await client.post(f"{run}/apply", json={"dry_run": True})).json()
    assert not (root / "made").exists()
    done = (await client.post(f"{run}/apply", json={})).json()
    assert done["changes"] == dry["changes"]
    assert (root / "made" / "text.txt").read_text() == "made"
    assert not (root / "notes.txt").exists()
    undone = (await client.post(f"{run}/unapply")).json()
    assert (undone["restored"], undone["left"]) == (
        ["made/bytes", "made/text.txt", "notes.txt"],
        [],
    )
    assert (root / "notes.txt").read_text() == "notes"
    assert (await client.post(f"{run}/unapply")).status_code == 404
    assert (await client.post(f"{run}/apply", json={"wrong": 1})).status_code == 422
