"""Kills a busy server again and again at random moments, and looks for anything that was lost.

``python -m tests.app.kills 200`` does it two hundred times.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

TOKEN = "a-token-for-tests-only"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
COMMAND = (sys.executable, "-m", "neurectomy")
AT_ONCE = 4
"""Runs in motion at any time."""

PROGRAM = """
tool step(n: int) -> int from "tools.py" idempotent
tool note(n: int) -> int from "tools.py"

flow work(rounds: int) -> int {
  total = 0
  repeat at most 60 times while total < rounds {
    parallel {
      a = step(total)
      b = step(total + 1)
    }
    c = note(a)
    total = total + 1
  }
  return total
}
"""
TOOLS = """
def step(n):
    return n + 1


def note(n):
    return n * 2
"""


class Server:
    """The server's process over one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "neurectomy",
                "serve",
                str(self.folder),
                "--port",
                "0",
                "--json",
            ],
            env={**os.environ, "NEURECTOMY_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server did not start"
        self.address = json.loads(line)["address"].partition("/?")[0]

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Witness:
    """Remembers every event that the server showed to anybody."""

    def __init__(self) -> None:
        self.runs: set[str] = set()
        self.seen: dict[str, dict[int, str]] = {}

    def note(self, run: str, event: dict[str, Any]) -> None:
        text = json.dumps([event["kind"], event["step"], event["at"], event["data"]])
        known = self.seen.setdefault(run, {}).setdefault(event["seq"], text)
        assert known == text, f"event {event['seq']} of {run} has changed"


async def watch(server: Server, run: str, witness: Witness) -> None:
    """Follow a run for as long as the server lives."""
    address = server.address.replace("http", "ws")
    after = max(witness.seen.get(run, {0: ""}), default=0)
    try:
        url = f"{address}/api/runs/{run}/stream?after={after}"
        async with connect(url, additional_headers=HEADERS, max_size=None) as socket:
            async for text in socket:
                for event in json.loads(text).get("events", ()):
                    witness.note(run, event)
    except (OSError, WebSocketException):
        return


async def keep_busy(server: Server, witness: Witness, dice: random.Random) -> None:
    """Start runs until the server is killed; each that was acknowledged counts."""
    async with httpx.AsyncClient(base_url=server.address, headers=HEADERS, timeout=20) as http:
        watched: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                page = (
                    await http.get("/api/runs?limit=200&status=running,waiting,cancelling")
                ).json()
                for run in page["runs"]:
                    if run["id"] not in watched:
                        task = asyncio.create_task(watch(server, run["id"], witness))
                        watched[run["id"]] = task
                for run in page["runs"]:
                    if run["status"] == "waiting":
                        await declare(http, run["id"])
                if len(page["runs"]) < AT_ONCE:
                    body = {"program": "work.agent", "inputs": {"rounds": dice.randint(3, 40)}}
                    response = await http.post("/api/runs", json=body)
                    assert response.status_code == 201, response.text
                    witness.runs.add(response.json()["id"])
                elif dice.random() < 0.1:
                    await fork(http, dice.choice(page["runs"]), witness, dice)
                await asyncio.sleep(0.02)
        except httpx.TransportError:
            return
        finally:
            for task in watched.values():
                task.cancel()
            await asyncio.gather(*watched.values(), return_exceptions=True)


async def fork(
    http: httpx.AsyncClient, run: dict[str, Any], witness: Witness, dice: random.Random
) -> None:
    """Fork a run that goes on at a random event, with another input."""
    if run["head"] < 2:
        return
    at = dice.randint(1, run["head"] - 1)
    body = {"at": at, "inputs": {"rounds": dice.randint(3, 40)}}
    response = await http.post(f"/api/runs/{run['id']}/fork", json=body)
    if response.status_code == 201:
        witness.runs.add(response.json()["id"])
    else:  # it has ended by that event
        assert response.status_code == 422, response.text


async def declare(http: httpx.AsyncClient, run: str) -> None:
    """Calls whose end nobody saw are declared to be made again."""
    state = (await http.get(f"/api/runs/{run}/state")).json()["state"]
    for step, pending in state["pending"].items():
        if pending["kind"] == "unknown":
            body = {"step": step, "decision": "retry"}
            await http.post(f"/api/runs/{run}/answer", json=body)


async def settle(server: Server, witness: Witness) -> dict[str, int]:
    """Let every run end, then compare everything that was seen with what is there."""
    async with httpx.AsyncClient(base_url=server.address, headers=HEADERS, timeout=60) as http:
        began = time.monotonic()
        while True:
            page = (await http.get("/api/runs?limit=1000")).json()["runs"]
            open_ = [run for run in page if run["ended"] is None]
            for run in open_:
                if run["status"] == "waiting":
                    await declare(http, run["id"])
            if not open_:
                break
            assert time.monotonic() - began < 120, open_[:3]
            await asyncio.sleep(0.1)
        assert witness.runs <= {run["id"] for run in page}, "an acknowledged run is gone"
        assert {run["status"] for run in page} == {"finished"}
        for run in page:
            after, events = 0, []
            while after < run["head"]:
                query = f"/api/runs/{run['id']}/events?limit=5000&after={after}"
                events += (await http.get(query)).json()["events"]
                after = events[-1]["seq"]
            for event in events:
                witness.note(run["id"], event)
            assert set(witness.seen[run["id"]]) == set(range(1, run["head"] + 1))
            replay = (await http.post(f"/api/runs/{run['id']}/replay")).json()
            assert replay["agrees"], replay
        told = [text for seen in witness.seen.values() for text in seen.values()]
        return {
            "runs": len(page),
            "forks": sum(run["parent"] is not None for run in page),
            "events": sum(len(seen) for seen in witness.seen.values()),
            "resumed": sum("run.resumed" in text for text in told),
        }


async def torment(folder: Path, kills: int, seed: int) -> dict[str, int]:
    """Kill the server ``kills`` times; raises AssertionError for anything that was lost."""
    (folder / "work.agent").write_text(PROGRAM)
    (folder / "tools.py").write_text(TOOLS)
    dice, witness, server = random.Random(seed), Witness(), Server(folder)
    for done in range(kills):
        server.start()
        busy = asyncio.create_task(keep_busy(server, witness, dice))
        await asyncio.sleep(dice.uniform(0.05, 1.0))
        server.kill()
        await busy
        if sys.stdout.isatty() or done % 20 == 19:
            print(f"{done + 1} kills, {len(witness.runs)} runs", flush=True)
    server.start()
    found = await settle(server, witness)
    server.kill()
    return {"kills": kills, **found}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(asyncio.run(torment(Path(name), int(sys.argv[1]), 1)))
