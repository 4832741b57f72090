"""Writes a run of any length through the real machine, driver and log, in hours that pass at once.

``python -m bench.long_run FOLDER --events 1000000`` makes a workspace that can be opened.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from neurectomy.core import codecs
from neurectomy.core.ids import new_id
from neurectomy.models.port import (
    OUTPUT_TOOL,
    AssistantMessage,
    ModelProfile,
    ModelRequest,
    ModelResponse,
    ToolCall,
    ToolMessage,
    Usage,
)
from neurectomy.runs.driver import Driver
from neurectomy.runs.machine import Machine
from neurectomy.runs.plan import Plan
from neurectomy.storage.open import open_store
from neurectomy.storage.port import RunRow
from neurectomy.timeline.log import Log
from neurectomy.tools.port import ToolOutcome
from neurectomy.workspace.lock import FOLDER
from neurectomy.workspace.programs import Programs

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurectomy.storage.port import Store

PROGRAM = '''
model reader = offline

tool lookup(question: str) -> list[str] from "tools/library.py" idempotent
tool publish(round: int) -> int from "tools/library.py" idempotent retry 2 after 1s

type Finding {
  text: str
  found: bool
}

agent researcher(question: str) -> Finding {
  model reader
  tools lookup
  retry 1 after 2s
  prompt """Find what is new about {{ question }}."""
}

agent editor(findings: list[Finding]) -> Finding {
  model reader
  prompt """Write it up: {{ findings }}"""
}

## Watches topics for as long as it is told to.
flow watch(rounds: int, topics: list[str]) -> int {
  done = 0
  repeat at most 1000000 times while done < rounds {
    findings = map topic in topics {
      found = researcher(topic)
      yield found
    }
    summary = editor(findings)
    done = publish(done)
  }
  return done
}
'''
TOOLS = (
    "def lookup(question):\n    return [question]\n\n\ndef publish(round):\n    return round + 1\n"
)
TOPICS = ["compilers", "databases", "networks", "graphics", "proofs", "kernels"]
EVENTS_PER_ROUND = 75


class Hours:
    """A clock that stands still except where work takes its time, or the machine decides."""

    def __init__(self) -> None:
        self._now = time.time_ns()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def wall(self) -> int:
        return self._now // 1000

    def monotonic(self) -> int:
        self._now += 12_000
        return self._now

    async def take(self, seconds: float) -> None:
        """Let so much time pass for whoever waits here."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._waiting, (self._now + int(seconds * 1e9), self._count, done))
        await done

    async def run(self) -> None:
        """End what waits, the earliest first, until cancelled."""
        while True:
            for _ in range(6):  # whoever was woken gets to the log before time goes on
                await asyncio.sleep(0)
            if not self._waiting:
                await asyncio.sleep(0.0002)
                continue
            due, _, done = heapq.heappop(self._waiting)
            self._now = max(self._now, due)
            if not done.done():
                done.set_result(None)


class Workers:
    """Answers after a while, now and then wrongly."""

    def __init__(self, clock: Hours, mishaps: float) -> None:
        self._clock = clock
        self._mishaps = mishaps
        self._random = random.Random(1)

    async def ask_model(self, model: str, request: ModelRequest, on_delta: Any) -> ModelResponse:
        chance = self._random
        await self._clock.take(chance.lognormvariate(0.6, 0.7))
        usage = Usage(chance.randint(200, 4000), chance.randint(20, 600),
                      cost_nanos=chance.randint(200_000, 9_000_000))  # fmt: skip
        tools = {tool.name for tool in request.tools}
        asked = any(isinstance(message, ToolMessage) for message in request.messages)
        if "lookup" in tools and not asked:
            call = ToolCall("x", "lookup", {"question": chance.choice(TOPICS)})
        else:
            value = {"text": "nothing new today", "found": chance.random() < 0.5}
            if chance.random() < self._mishaps:
                del value["found"]
            call = ToolCall("x", OUTPUT_TOOL, {"value": value})
        return ModelResponse(AssistantMessage("", (call,)), usage)

    async def call_tool(self, tool: Any, arguments: dict[str, Any], *_: Any) -> ToolOutcome:
        chance = self._random
        await self._clock.take(chance.lognormvariate(-2.5, 1.0))
        if chance.random() < self._mishaps:
            error = {"code": "exception", "message": "the index is not there", "retryable": True}
            return ToolOutcome(error=error)
        if tool.name == "publish":
            return ToolOutcome(value=arguments["round"] + 1, stdout="published\n")
        return ToolOutcome(value=[f"{arguments['question']} {chance.randint(1, 999)}"])


async def write(
    root: Path,
    events: int,
    tell: Callable[[int], None] | None = None,
    *,
    store: Store | None = None,
    mishaps: float = 0.003,
) -> str:
    """Write a run of about so many events into a workspace, and give its id.

    Args:
        root: The workspace; made when missing.
        events: About how many.
        tell: Told of the newest event every two seconds.
        store: Where to write instead of the workspace's own; it stays open.
        mishaps: The share of answers and calls that go wrong.
    """
    (root / "tools").mkdir(parents=True, exist_ok=True)
    (root / "watch.agent").write_text(PROGRAM, "utf-8")
    (root / "tools/library.py").write_text(TOOLS, "utf-8")
    bundle = Programs(root).bundle("watch.agent")
    content, plan = bundle.content(), Plan(bundle.compiled())
    clock = Hours()
    own = open_store(root / FOLDER, "process") if store is None else store
    log = Log(own, clock, "bench")
    row = RunRow(new_id(clock), "watch", codecs.digest(content), "", "watch.agent",
                 f"watch {len(TOPICS)} topics", "running", clock.wall())  # fmt: skip
    writer = await log.create(row, {codecs.digest(content): content})
    workers = Workers(clock, mishaps)
    driver = Driver(writer, Machine(plan, writer.values), workers, clock, lambda *_: None)
    profile = msgspec.to_builtins(ModelProfile("offline", "offline", language_model=False))
    inputs = {"rounds": max(1, events // EVENTS_PER_ROUND), "topics": TOPICS}
    data = {"flow": "watch", "inputs": inputs, "program": row.program,
            "models": {"reader": profile}, "limits": {"parallel": 8}}  # fmt: skip
    driver.record("run.created", "", data)
    passing = asyncio.ensure_future(clock.run())
    driving = asyncio.ensure_future(driver.drive())
    while not driving.done():
        await asyncio.wait([driving], timeout=2)
        if tell is not None:
            tell(writer.seq)
    passing.cancel()
    driving.result()
    status = writer.state["status"]
    await log.release(writer)
    await log.close()
    if store is None:
        own.close()
    if status != "finished":
        raise RuntimeError(f"the run {status}: {writer.state['error']}")
    return writer.run


def main() -> None:
    """Write one run and print its id."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--mishaps", type=float, default=0.003)
    given = parser.parse_args()

    def tell(seq: int) -> None:
        sys.stderr.write(f"\r{seq:,} events")

    run = write(given.folder, given.events, tell, mishaps=given.mishaps)
    sys.stdout.write(asyncio.run(run) + "\n")


if __name__ == "__main__":
    main()
