"""Questions about a run's time over HTTP: what is given, and what is refused."""

from __future__ import annotations

import pytest

from tests.server.test_operations import finished, start

pytestmark = pytest.mark.anyio


async def get(client, run: str, path: str, status: int = 200):
    response = await client.get(f"/api/runs/{run}/{path}")
    assert response.status_code == status, response.text
    return response.json()


async def test_the_time_of_a_run(client) -> None:
    run = (await start(client))["id"]
    head = (await finished(client, run))["head"]
    found = await get(client, run, "overview?buckets=5")
    assert (found["counts"][0], found["counts"][-1], found["status"]) == (0, head, "finished")
    assert [span["lane"] for span in found["spans"]] == ["double", "double"]
    assert found["marks"] == []
    step = await get(client, run, f"span?step=twice/a&at={head}")
    assert step["span"]["status"] == "done"
    assert step["first"]["kind"] == "tool.requested"
    assert (await get(client, run, "visits"))["parts"]["b"]["count"] == 1
    (own,) = await get(client, run, "branches")
    assert (own["run"], own["parent"], own["leaves"]) == (run, "", 0)
    assert (await get(client, run, "search?query=tool:double"))["next"] is None
    state = await get(client, run, "state?at=1&whole=0")
    assert state["state"]["status"] == "running"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("overview?buckets=0", 422),
        ("overview?buckets=5000", 422),
        ("overview?began=9&ended=3", 422),
        ("overview?began=-1", 422),
        ("span?step=nowhere", 404),
        ("search?query=", 422),
        ("search?query=took>x", 422),
        ("search?query=error&after=x", 422),
    ],
)
async def test_bad_questions_are_refused_with_a_hint(client, path: str, status: int) -> None:
    run = (await start(client))["id"]
    await finished(client, run)
    told = await get(client, run, path, status)
    assert told["hint"]


async def test_marks_are_found_forward_and_back_with_the_notes(client) -> None:
    run = (await start(client, "ask.agent", name="x"))["id"]
    asked = (await finished(client, run))["head"]
    await client.post(f"/api/runs/{run}/answer", json={"step": "ask/sure", "value": True})
    head = (await finished(client, run))["head"]
    response = await client.post(f"/api/runs/{run}/notes", json={"at": 3, "text": "look"})
    assert response.status_code == 201
    (note,) = response.json()
    assert (note["seq"], note["text"], note["note"]) == (3, "look", head + 1)
    marks = await get(client, run, "marks")
    assert [mark["kind"] for mark in marks] == ["person", "note", "person"]
    seqs = [mark["seq"] for mark in marks]
    assert seqs == [2, 3, asked + 1]
    assert [m["seq"] for m in await get(client, run, "marks?after=2&limit=1")] == [3]
    back = await get(client, run, f"marks?after={seqs[2]}&back=1&limit=2")
    assert [mark["seq"] for mark in back] == [3, 2]
    overview = await get(client, run, "overview?buckets=1")
    assert sorted(group["kind"] for group in overview["marks"]) == ["note", "person"]
    gone = await client.delete(f"/api/runs/{run}/notes/{note['note']}")
    assert (gone.status_code, gone.json()) == (200, [])
    for wrong in (note["note"], "x", "9" * 40):
        assert (await client.delete(f"/api/runs/{run}/notes/{wrong}")).status_code == 404
    too_long = await client.post(f"/api/runs/{run}/notes", json={"at": 3, "text": "x" * 2001})
    assert too_long.status_code == 422
