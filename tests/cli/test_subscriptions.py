"""Subscriptions of a real server over graphql-transport-ws."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.cli.test_commands import start


@pytest.fixture
def server(tmp_path: Path):
    (tmp_path / "a.agent").write_text("flow f(n: int) -> int {\n  a = n + 1\n  return a\n}\n")
    process = start("serve", str(tmp_path), "--port", "0", "--json", stdout=subprocess.PIPE)
    assert process.stdout is not None
    address, _, token = json.loads(process.stdout.readline())["address"].partition("/?token=")
    yield address.replace("http", "ws"), {"Authorization": f"Bearer {token}"}
    process.terminate()
    process.wait(20)
    process.stdout.close()


def test_a_run_is_started_and_followed_over_one_socket(server) -> None:
    address, headers = server
    with connect(
        f"{address}/graphql", additional_headers=headers, subprotocols=["graphql-transport-ws"]
    ) as socket:

        def send(**message) -> None:
            socket.send(json.dumps(message))

        def receive() -> dict:
            return json.loads(socket.recv(timeout=20))

        send(type="connection_init")
        assert receive()["type"] == "connection_ack"
        start = 'mutation { startRun(program: "a.agent", inputs: {n: 1}) { id } }'
        send(type="subscribe", id="1", payload={"query": start})
        run = receive()["payload"]["data"]["startRun"]["id"]
        assert receive() == {"id": "1", "type": "complete"}
        follow = "subscription($r: ID!) { runEvents(run: $r) { seq kind } }"
        send(type="subscribe", id="2", payload={"query": follow, "variables": {"r": run}})
        kinds: list[str] = []
        while (message := receive())["type"] == "next":
            kinds += [event["kind"] for event in message["payload"]["data"]["runEvents"]]
        assert message == {"id": "2", "type": "complete"}
        assert kinds == ["run.created", "value.bound", "run.finished"]
