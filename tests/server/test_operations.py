"""Operations over REST, GraphQL, WebSocket and server-sent events, against a real workspace."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from neurectomy.server.export import files
from neurectomy.server.operations import OPERATIONS
from tests.server.conftest import TOKEN

pytestmark = pytest.mark.anyio


async def start(client, program: str = "twice.agent", **inputs) -> dict:
    body = {"program": program, "inputs": inputs or {"n": 3}}
    response = await client.post("/api/runs", json=body)
    assert response.status_code == 201, response.text
    return response.json()


async def finished(client, run: str) -> dict:
    for _ in range(500):
        found = (await client.get(f"/api/runs/{run}")).json()
        if found["status"] in ("finished", "failed", "cancelled", "waiting"):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(found)


async def test_a_run_from_start_to_replay_and_fork(client) -> None:
    run = await start(client)
    done = await finished(client, run["id"])
    assert (done["status"], done["result"], done["title"]) == ("finished", 12, "twice")
    assert done["accounts"]["tool_calls"] == 2
    page = (await client.get(f"/api/runs/{run['id']}/events?after=2&limit=3")).json()
    assert [event["seq"] for event in page["events"]] == [3, 4, 5]
    assert page["head"] == done["head"]
    state = (await client.get(f"/api/runs/{run['id']}/state?at=3")).json()["state"]
    assert state["frames"]["twice"]["env"] == {"n": 3, "a": 6}
    replay = (await client.post(f"/api/runs/{run['id']}/replay")).json()
    assert replay == {
        "run": run["id"], "agrees": True, "compared": done["head"], "difference": None,
        "program_changes": [],
    }  # fmt: skip
    forked = await client.post(f"/api/runs/{run['id']}/fork", json={"at": 1, "inputs": {"n": 5}})
    fork = await finished(client, forked.json()["id"])
    assert (fork["result"], fork["parent"]) == (20, {"run": run["id"], "at": 1})
    assert (await client.post(f"/api/runs/{fork['id']}/replay")).json()["agrees"]
    listed = (await client.get("/api/runs?limit=1")).json()
    assert [r["id"] for r in listed["runs"]] == [fork["id"]]
    assert listed["next"] == fork["id"]
    usage = (await client.get(f"/api/runs/{run['id']}/usage")).json()
    assert usage["events"] == done["head"]
    assert (await client.delete(f"/api/runs/{run['id']}")).status_code == 204
    assert (await client.get(f"/api/runs/{run['id']}")).status_code == 404
    assert (await client.post(f"/api/runs/{fork['id']}/replay")).json()["agrees"]


async def test_a_person_is_asked_and_answers(client) -> None:
    run = await start(client, "ask.agent", name="Ada")
    assert (await finished(client, run["id"]))["status"] == "waiting"
    wrong = await client.post(
        f"/api/runs/{run['id']}/answer", json={"step": "ask/sure", "value": "perhaps"}
    )
    assert wrong.status_code == 422
    lost = await client.post(f"/api/runs/{run['id']}/answer", json={"step": "x", "value": 1})
    assert lost.status_code == 409
    assert "ask/sure" in lost.json()["hint"]
    await client.post(f"/api/runs/{run['id']}/answer", json={"step": "ask/sure", "value": True})
    for _ in range(200):
        if (done := await finished(client, run["id"]))["status"] == "finished":
            break
        await asyncio.sleep(0.01)
    assert done["result"] == "yes"
    late = await client.post(f"/api/runs/{run['id']}/cancel")
    assert late.status_code == 409


async def test_a_waiting_run_is_cancelled(client) -> None:
    run = await start(client, "ask.agent", name="Ada")
    await finished(client, run["id"])
    await client.post(f"/api/runs/{run['id']}/cancel")
    for _ in range(200):
        done = (await client.get(f"/api/runs/{run['id']}")).json()
        if done["status"] == "cancelled":
            break
        await asyncio.sleep(0.01)
    assert done["status"] == "cancelled"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("GET", "/api/runs/nothing", None, 404, "there is no run nothing"),
        ("GET", "/api/nothing", None, 404, "there is no /api/nothing"),
        ("GET", "/api/programs/none.agent", None, 404, "there is no program"),
        ("GET", "/api/programs/..%2F..%2Fetc%2Fpasswd", None, 422, "outside"),
        ("GET", "/api/blobs/zz", None, 422, "digest"),
        ("GET", "/api/runs?limit=many", None, 422, "not a number"),
        ("POST", "/api/runs", {"program": "broken.agent"}, 422, "there is no anser here"),
        ("POST", "/api/runs", {"program": "twice.agent"}, 422, "n: missing"),
        (
            "POST",
            "/api/runs",
            {"program": "twice.agent", "inputs": {"n": "x"}},
            422,
            "expected int",
        ),
        ("POST", "/api/runs", {"program": "twice.agent", "flow": "no"}, 404, "no flow no"),
        ("POST", "/api/runs", {"nonsense": 1}, 422, "the body is wrong"),
        ("POST", "/api/runs", None, 422, "the body is wrong"),
        ("POST", "/api/runs", {"program": "a\0b"}, 422, "outside"),
        ("POST", "/api/check", {"path": "a\0b"}, 422, "outside"),
        ("POST", "/api/runs", {"program": "x", "title": "y" * 201}, 422, "length <= 200"),
        ("GET", "/api/programs/a%00b", None, 422, "outside"),
        ("GET", "/api/runs?status=finishd", None, 422, "no status finishd"),
        ("GET", f"/api/runs?search={'x' * 201}", None, 422, "at most 200"),
    ],
)
async def test_bad_requests_are_told_with_a_hint(client, method, path, body, status, text) -> None:
    response = await client.request(method, path, json=body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert text in response.json()["detail"]


async def test_programs_are_listed_shown_and_checked(client) -> None:
    listed = (await client.get("/api/programs")).json()
    assert [(p["path"], p["errors"]) for p in listed] == [
        ("ask.agent", 0), ("broken.agent", 1), ("twice.agent", 0),
    ]  # fmt: skip
    detail = (await client.get("/api/programs/twice.agent")).json()
    flow = detail["flows"][0]
    assert flow["parameters"]["required"] == ["n"]
    assert [(n["id"], n["uses"]) for n in flow["graph"]] == [
        ("a", []), ("b", ["a"]), ("return", ["b"]),
    ]  # fmt: skip
    checked = await client.post("/api/check", json={"path": "twice.agent", "text": "flow f("})
    assert checked.json()["diagnostics"]


async def test_the_workspace_says_what_it_has(client) -> None:
    found = (await client.get("/api/workspace")).json()
    assert (found["auto_model"], found["sandbox"]["name"]) == (
        "offline (not a language model)",
        "bubblewrap",
    )
    models = (await client.get("/api/models")).json()
    assert {"offline", "ollama", "lmstudio", "llamacpp"} <= {m["source"] for m in models}
    metrics = await client.get("/metrics")
    assert "neurectomy_runs 0" in metrics.text
    assert "/api/runs/{run}/fork" in (await client.get("/docs")).text


async def test_graphql_reads_and_changes(client) -> None:
    async def ask(query: str, **variables):
        body = {"query": query, "variables": variables}
        return (await client.post("/graphql", json=body)).json()

    made = await ask(
        'mutation($i: JSON!) { startRun(program: "twice.agent", inputs: $i) { id } }', i={"n": 1}
    )
    run = made["data"]["startRun"]["id"]
    await finished(client, run)
    found = await ask("query($r: ID!) { run(id: $r) { status result events { kind } } }", r=run)
    assert found["data"]["run"]["status"] == "finished"
    assert found["data"]["run"]["result"] == 4
    assert found["data"]["run"]["events"][0] == {"kind": "run.created"}
    missing = await ask('{ run(id: "nothing") { id } }')
    assert missing["errors"][0]["extensions"]["code"] == "not_found"


async def test_a_stream_of_status_tells_of_each_change(services, client) -> None:
    run = await start(client)
    told = []

    async def listen():
        from neurectomy.server.streams import _status

        class Listener:
            async def is_disconnected(self):
                return False

        async for part in _status(services, Listener()):
            told.append(part)
            if b'"finished"' in part:
                return

    task = asyncio.create_task(listen())
    await asyncio.sleep(0.05)
    second = await start(client)
    await asyncio.wait_for(task, 20)
    assert told[0].startswith(b"event: hello")
    assert any(second["id"].encode() in part for part in told)
    await finished(client, run["id"])


async def test_a_stream_of_events_goes_on_where_the_client_was(services, app, client) -> None:
    run = await start(client)
    done = await finished(client, run["id"])
    sent: asyncio.Queue = asyncio.Queue()
    closed = asyncio.Event()
    first = True

    async def receive():
        nonlocal first
        if first:
            first = False
            return {"type": "websocket.connect"}
        await closed.wait()
        return {"type": "websocket.disconnect", "code": 1000}

    scope = {
        "type": "websocket", "path": f"/api/runs/{run['id']}/stream", "scheme": "ws",
        "headers": [(b"host", b"localhost"), (b"authorization", f"Bearer {TOKEN}".encode())],
        "query_string": b"after=4", "subprotocols": [],
    }  # fmt: skip
    task = asyncio.create_task(app(scope, receive, sent.put))
    seen, kinds = [], []
    while "end" not in kinds:
        message = await asyncio.wait_for(sent.get(), 10)
        if message["type"] == "websocket.send":
            frame = json.loads(message["text"])
            kinds.append(frame["type"])
            seen += [event["seq"] for event in frame.get("events", ())]
    closed.set()
    await task
    assert seen == list(range(5, done["head"] + 1))


def test_the_committed_schemas_are_those_of_the_code() -> None:
    from pathlib import Path

    for name, text in files().items():
        assert Path(name).read_text("utf-8") == text, f"{name} is stale; run: make schemas"
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)


async def test_what_is_nested_too_deep_or_too_long_is_refused(client) -> None:
    deep = b'{"program": "twice.agent", "inputs": {"n": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    response = await client.post("/api/runs", content=deep)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")
    response = await client.post("/graphql", content=b" " * 9_000_000)
    assert "larger than 8 MB" in response.json()["detail"]

    async def endless():
        for _ in range(10):
            yield b" " * 1_000_000

    response = await client.post("/api/runs", content=endless())
    assert "at most 8 MB" in response.json()["hint"]


@pytest.mark.parametrize("body", [b"null", b"5", b"[" * 100_000, b"{}", b'{"query": 5}', b"\xff"])
async def test_what_is_no_graphql_is_refused(client, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = await client.post("/graphql", content=body, headers=headers)
    assert 400 <= response.status_code < 500


async def test_graphql_is_bounded(client) -> None:
    many = "{" + " ".join(f"a{n}: workspace" for n in range(100)) + "}"
    response = await client.post("/graphql", json={"query": many})
    assert "aliases" in response.json()["errors"][0]["message"].lower()


async def test_a_tool_file_is_a_file_of_the_workspace(client, root) -> None:

    (root / "outside.agent").write_text(
        'tool t() -> int from "link.py"\nflow f() -> int { a = t() return a }'
    )
    (root / "link.py").symlink_to("/etc/passwd")
    os.mkfifo(root / "pipe.py")
    (root / "pipe.agent").write_text(
        'tool t() -> int from "pipe.py"\nflow f() -> int { a = t() return a }'
    )
    for name, text in (("outside", "outside of the workspace"), ("pipe", "is not a file")):
        found = (await client.get(f"/api/programs/{name}.agent")).json()
        assert any(text in one["message"] for one in found["diagnostics"])
        refused = await client.post("/api/runs", json={"program": f"{name}.agent"})
        assert refused.status_code == 422


async def test_two_runs_are_compared_and_a_step_is_shown_in_full(client) -> None:
    run = await finished(client, (await start(client))["id"])
    forked = await client.post(f"/api/runs/{run['id']}/fork", json={"at": 1, "inputs": {"n": 5}})
    fork = await finished(client, forked.json()["id"])
    address = f"/api/compare?a={run['id']}&b={fork['id']}"
    found = (await client.get(address)).json()
    assert (found["same"], found["shared"]) == (False, 1)
    assert [(p["status"], p["a"]["path"], p["differs"]) for p in found["pairs"]] == [
        ("changed", "twice/a", ["arguments", "value"]),
        ("changed", "twice/b", ["arguments", "value"]),
    ]
    page = (await client.get(f"{address}&limit=1")).json()
    assert (len(page["pairs"]), page["next"]) == (1, 1)
    step = found["pairs"][0]["b"]
    where = f"path={step['path']}&start={step['start']}&end={step['end']}"
    detail = (await client.get(f"/api/runs/{fork['id']}/step?{where}")).json()
    assert detail["given"] == {"arguments": {"n": 5}}
    assert detail["gave"] == {"value": 10, "stdout": "doubling\n"}
    assert detail["writes"] == [{"path": ["frames", "twice", "env", "a"], "value": 10}]
    for query, status in (
        (f"a={run['id']}", 422),
        (f"a={run['id']}&b={fork['id']}&steps=some", 422),
        (f"a={run['id']}&b=01a212d8-0000-7702-a1e1-c4d8df5a8a65", 404),
    ):
        assert (await client.get(f"/api/compare?{query}")).status_code == status
    other = f"/api/runs/{fork['id']}/step?path=twice/b&start={step['start']}"
    assert (await client.get(other)).status_code == 422
    missing = f"/api/runs/{fork['id']}/step?path=twice/b&start=900"
    assert (await client.get(missing)).status_code == 404


async def test_wrong_changes_of_a_fork_are_told_in_graphql(client) -> None:
    run = await finished(client, (await start(client))["id"])
    query = "mutation ($r: ID!, $c: JSON) { forkRun(run: $r, at: 3, changes: $c) { id } }"
    for wrong in ({"inputs": 5}, {"nothing": 1}, [1], "x"):
        body = {"query": query, "variables": {"r": run["id"], "c": wrong}}
        error = (await client.post("/graphql", json=body)).json()["errors"][0]
        assert error["message"].startswith("the changes are wrong: ")
        assert error["extensions"] == {"code": "invalid_input", "hint": "See /docs."}
