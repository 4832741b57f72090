"""Runs in files through the edge: down, up, and what is refused there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2 as httpx
import msgspec
import pytest

from neurectomy.app.services import open_services
from neurectomy.app.upkeep import keep_order
from neurectomy.runs.retention import Retention
from neurectomy.server.application import create_app
from neurectomy.server.gate import LARGER
from neurectomy.workspace.settings import Settings
from tests.server.conftest import ASKING, TOKEN
from tests.server.test_operations import finished, start
from tests.timeline.test_archive import edited
from tests.timeline.worlds import changed

pytestmark = pytest.mark.anyio


@pytest.fixture
async def elsewhere(tmp_path_factory):
    """Another workspace, and a client of it."""
    root = tmp_path_factory.mktemp("elsewhere")
    async with open_services(root, Settings(durability="process")) as services:
        transport = httpx.ASGITransport(create_app(services, TOKEN))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            yield client, services, root


def left(root: Path) -> list[Path]:
    return list((root / ".neurectomy/transfers").glob("*"))


async def test_a_run_travels_and_can_be_read_replayed_and_forked(client, elsewhere, root) -> None:
    other, _, there = elsewhere
    run = await start(client)
    done = await finished(client, run["id"])
    fork = await client.post(f"/api/runs/{run['id']}/fork", json={"at": 3})
    fork = await finished(client, fork.json()["id"])
    file = await client.get(f"/api/export?runs={run['id']},{fork['id']}")
    assert file.headers["content-disposition"].endswith('filename="2-runs.nrun"')
    assert file.content[:2] == b"PK"
    told = (await other.post("/api/import", content=file.content)).json()
    assert set(told["runs"]) == {run["id"], fork["id"]}
    assert told["events"] == done["head"] + fork["head"] - 3
    for one in (done, fork):
        found = (await other.get(f"/api/runs/{one['id']}")).json()
        assert {**found, "live": False} == {**one, "live": False}
        assert (await other.post(f"/api/runs/{one['id']}/replay")).json()["agrees"]
    text = (await other.get(f"/api/runs/{run['id']}/program")).json()["text"]
    assert "double(n)" in text
    again = await other.get(f"/api/export?runs={run['id']},{fork['id']}")
    assert again.content == file.content
    assert left(root) == left(there) == []


async def test_a_run_that_waits_goes_on_by_a_word_only(client, elsewhere) -> None:
    other, services, there = elsewhere
    (there / "ask.agent").write_text(ASKING)
    run = await start(client, "ask.agent", name="Ada")
    assert (await finished(client, run["id"]))["status"] == "waiting"
    file = await client.get(f"/api/export?runs={run['id']}")
    await other.post("/api/import", content=file.content)
    store = services.log.store
    with store._transaction() as writer:
        writer.execute("UPDATE runs SET status = 'running'")
    assert [row.id for row in await services.runs.motions.left()] == [run["id"]]
    assert await services.runs.motions.recover() == []
    assert not services.runs.motions.drives(run["id"])
    answered = await other.post(
        f"/api/runs/{run['id']}/answer", json={"step": "ask/sure", "value": True}
    )
    assert answered.status_code == 200, answered.text
    for _ in range(200):
        if (done := await finished(other, run["id"]))["status"] == "finished":
            break
        await asyncio.sleep(0.01)
    assert done["result"] == "yes"
    assert store.run(run["id"]).lease_owner == ""


async def test_what_is_wrong_is_refused_and_nothing_is_left(client, services, root) -> None:
    wrong = await client.post("/api/import", content=b"x" * 9_000_000)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_input")
    assert "does not end as one" in wrong.json()["detail"]
    assert (await client.get("/api/export?runs=nothing")).status_code == 404
    assert (await client.get("/api/export")).status_code == 422
    large = {"content-length": str(LARGER["/api/import"] + 1)}
    refused = await client.post("/api/import", content=b"", headers=large)
    assert "larger than 4 GB" in refused.json()["detail"]
    other = await client.post("/api/check", content=b"x" * 9_000_000)
    assert "8 MB" in other.json()["detail"]
    assert left(root) == []
    assert services.log.store.upkeep.runs() == []


async def test_a_run_of_a_damaged_log_is_not_exported_by_half(client, services, root) -> None:
    run = await start(client)
    await finished(client, run["id"])
    services.log.store._writer.execute("DELETE FROM events WHERE seq = 4")
    file = await client.get(f"/api/export?runs={run['id']}")
    assert (file.status_code, file.json()["code"]) == (507, "damaged")
    assert "neurectomy doctor" in file.json()["hint"]
    assert left(root) == []


async def test_once_a_day_what_no_rule_keeps_goes(root) -> None:
    rules = Retention(keep_runs=1)
    async with open_services(root, Settings(durability="process", retention=rules)) as services:
        transport = httpx.ASGITransport(create_app(services, TOKEN))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            runs = [await finished(client, (await start(client))["id"]) for _ in range(3)]
            dry = (await client.post("/api/collect", json={"dry_run": True})).json()
            assert dry["expired"] == [runs[1]["id"], runs[0]["id"]]
            assert len(services.log.store.upkeep.runs()) == 3
            keeping = asyncio.create_task(keep_order(services, 0, 3600))
            for _ in range(200):
                if len(services.log.store.upkeep.runs()) == 1:
                    break
                await asyncio.sleep(0.02)
            keeping.cancel()
            assert [row.id for row in services.log.store.upkeep.runs()] == [runs[2]["id"]]


def last_state(**changes):
    """A change of the state after the last event."""

    def change(members: dict[str, bytes]) -> dict[str, bytes]:
        last = msgspec.json.decode(members["manifest.json"])["runs"][0]["head"]
        data, patch = _event(members, last)["payload"]
        patch += [["set", [name], value] for name, value in changes.items()]
        return edited(members, last, payload=[data, patch])

    return change


def data_of(kind: str, **changes):
    """A change of the data of the first event of a kind; those that are null are taken out."""

    def change(members: dict[str, bytes]) -> dict[str, bytes]:
        seq = next(n for n in range(1, 50) if _event(members, n)["header"][1] == kind)
        data, patch = _event(members, seq)["payload"]
        kept = {name: value for name, value in data.items() if name not in changes}
        kept |= {name: value for name, value in changes.items() if value != "gone"}
        return edited(members, seq, payload=[kept, patch])

    return change


def _event(members: dict[str, bytes], seq: int) -> dict:
    name = next(name for name in members if name.endswith("events.jsonl"))
    return msgspec.json.decode(members[name].splitlines()[seq - 1])


def later(members: dict[str, bytes]) -> dict[str, bytes]:
    header = _event(members, 1)["header"]
    header[2] = 99
    return edited(members, 1, header=header)


FRAME = {"kind": "flow", "callee": "twice", "parent": ""}
MALFORMED = {
    "files that are a number": (last_state(files=5), "files"),
    "files that are a list": (last_state(files=[]), "files"),
    "files of nothing": (last_state(files={}), "files"),
    "pending of nothing": (last_state(pending={"x": {}}), "pending"),
    "pending for nothing": (
        last_state(pending={"x": {"kind": "tool", "frame": "y", "seq": 1}}), "x is pending",
    ),
    "a model of nothing": (last_state(models={"writer": {}}), "models"),
    "ready for nothing": (last_state(ready={"nowhere": [1]}), "nowhere is ready"),
    "ready of nothing": (last_state(ready=5), "ready"),
    "a frame without its parts": (last_state(frames={"twice": FRAME}), "frames"),
    "a time that is none": (data_of("tool.returned", took_us=None), "took_us"),
    "a call of no tool": (data_of("tool.requested", tool="gone"), "tool"),
    "a later version": (later, "version 99, and this program knows up to 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_run_that_nothing_here_could_read_is_refused(client, elsewhere, name) -> None:
    change, reason = MALFORMED[name]
    program = "ask.agent" if "state" in change.__qualname__ else "twice.agent"
    inputs = {"name": "Ada"} if program == "ask.agent" else {"n": 3}
    run = await start(client, program, **inputs)
    await finished(client, run["id"])
    file = await client.get(f"/api/export?runs={run['id']}")
    told = await elsewhere[0].post("/api/import", content=changed(file.content, change))
    assert told.status_code == 422, told.text
    assert reason in told.json()["detail"]
    assert told.json()["hint"]


async def test_a_malformed_log_is_told_as_damage(client, services) -> None:
    """One that came in before it was looked at so closely."""
    run = (await finished(client, (await start(client))["id"]))["id"]
    other = (await finished(client, (await start(client))["id"]))["id"]
    store = services.log.store._writer
    store.execute(
        "UPDATE events SET payload = CAST(replace(payload, '\"tool\":', '\"t\":') AS BLOB)"
    )
    found = await client.get(f"/api/compare?a={run}&b={other}&steps=all")
    assert (found.status_code, found.json()["code"]) == (507, "damaged")
    assert found.json()["hint"]
