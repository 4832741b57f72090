"""Our side: prints JSON of CPU microseconds per unit of work."""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from neurectomy.core import codecs
from neurectomy.core.clock import SystemClock
from neurectomy.core.ids import new_id
from neurectomy.language.compiler import compile_text
from neurectomy.runs.driver import Driver
from neurectomy.runs.machine import Machine
from neurectomy.runs.plan import Plan
from neurectomy.storage.port import Batch, RunRow
from neurectomy.storage.sqlite import SqliteStore
from neurectomy.timeline.event import Event, from_row, to_row
from neurectomy.timeline.fold import fold
from neurectomy.timeline.log import Log
from neurectomy.timeline.writer import KEYFRAME_EVERY
from neurectomy.tools.port import ToolOutcome

CLOCK = SystemClock()
STEPS = 1000

PURE = """
flow f(text: str) -> int {
  n = 0
  repeat at most 1000 times { n = n + 1 }
  return n
}
"""
EFFECT = """
tool step(n: int) -> int from "t.py" idempotent
flow f(text: str) -> int {
  n = 0
  repeat at most 1000 times { n = step(n) }
  return n
}
"""


class Workers:
    """A tool that costs nothing, so that the engine is what is measured."""

    async def ask_model(self, *_: Any) -> Any:
        raise NotImplementedError

    async def call_tool(
        self, tool: Any, arguments: dict[str, Any], timeout_ms: int, files: Any = None
    ) -> ToolOutcome:
        return ToolOutcome(value=arguments["n"] + 1)


def row(head: int = 0) -> RunRow:
    """A run's row."""
    return RunRow(new_id(CLOCK), "f", "", "", "f.agent", "t", "running", CLOCK.wall(), head=head)


async def run(log: Log, text: str, words: int) -> str:
    """Run a program whose input has so many characters; gives the run's id."""
    plan = Plan(compile_text(text, "f.agent").program)
    writer = await log.create(row(), {})
    driver = Driver(writer, Machine(plan, writer.values), Workers(), CLOCK, lambda *_: None)
    inputs = {"text": "x" * words}
    data = {"flow": "f", "inputs": inputs, "program": "", "models": {}, "limits": {"parallel": 8}}
    driver.record("run.created", "", data)
    await driver.drive()
    await log.release(writer)
    return writer.run


async def steps(folder: Path) -> dict[str, float]:
    """CPU and wall per step, with a barrier only at the end and at each step; bytes per step."""
    found: dict[str, float] = {}
    kinds: list[tuple[str, str, Any]] = [
        ("step", PURE, "power"),
        ("step_barrier", EFFECT, "power"),
        ("step_barrier_process", EFFECT, "process"),
    ]
    for name, text, durability in kinds:
        store = SqliteStore(folder / f"{name}.db", folder / name, durability)
        log = Log(store, CLOCK, "bench")
        await run(log, text, 2000)
        cpus, walls = [], []
        for _ in range(5):
            cpu, wall = time.process_time(), time.perf_counter()
            made = await run(log, text, 2000)
            cpus.append((time.process_time() - cpu) / STEPS * 1e6)
            walls.append((time.perf_counter() - wall) / STEPS * 1e6)
        found[f"{name}_cpu_us"] = statistics.median(cpus)
        found[f"{name}_wall_us"] = statistics.median(walls)
        used = store.run_usage(made)
        found[f"{name}_bytes"] = (used.event_bytes + used.blob_bytes) / STEPS
        await log.close()
        store.close()
    return found


async def fork(folder: Path) -> dict[str, float]:
    """CPU of a fork of a run of 2,000 events, the row only, durable."""
    store = SqliteStore(folder / "fork.db", folder / "fork")
    log = Log(store, CLOCK, "bench")
    parent = await run(log, PURE, 2000)
    times = []
    for _ in range(200):
        made = row()
        cpu = time.process_time()
        store.fork_run(parent, 1000, made)
        times.append((time.process_time() - cpu) * 1e6)
    await log.close()
    store.close()
    return {"fork_cpu_us": statistics.median(times)}


async def history(folder: Path) -> dict[str, float]:
    """CPU of the states after all events of a run of 1,000 steps, each an object of its own."""
    store = SqliteStore(folder / "history.db", folder / "history")
    log = Log(store, CLOCK, "bench")
    made = await run(log, PURE, 2000)
    times = []
    for _ in range(5):
        cpu, states, state = time.process_time(), [], {}
        for found in log.rows(made, 0, 10_000):
            event = from_row(found)
            state = fold(state, event.patch or [], event.data or {})
            states.append(codecs.decode(codecs.encode(state)))
        times.append((time.process_time() - cpu) * 1e6)
        assert len(states) > 2 * STEPS
    await log.close()
    store.close()
    return {"history_cpu_us": statistics.median(times)}


async def large_state(folder: Path) -> dict[str, float]:
    """Bytes per step where the state holds 20 KB and little of it changes."""
    store = SqliteStore(folder / "large.db", folder / "large")
    log = Log(store, CLOCK, "bench")
    used = store.run_usage(await run(log, PURE, 20_000))
    await log.close()
    store.close()
    return {"step_bytes_20k": (used.event_bytes + used.blob_bytes) / STEPS}


def seek(folder: Path, events: int) -> dict[str, float]:
    """CPU of the state at a random moment of a run of so many events, 2.3 KB of state."""
    store = SqliteStore(folder / f"seek{events}.db", folder / "seek", "process")
    made = row()
    store.create_run(made, {})
    link, after, state = bytes(32), 0, {"n": 0, "text": "x" * 2200, "status": "running"}
    while after < events:
        rows, keyframes = [], []
        for seq in range(after + 1, min(after + 5000, events) + 1):
            state["n"] = seq
            patch = [["set", ["n"], seq]] if seq > 1 else [["set", [], dict(state)]]
            event = Event(seq, "value.bound", 1, "f/n", (seq - 1,), seq, seq, {}, patch)
            rows.append(to_row(event, link))
            link = rows[-1].link
            if seq % KEYFRAME_EVERY == 0:
                keyframes.append((seq, codecs.encode(state)))
        store.commit([Batch(made.id, 0, after, tuple(rows), tuple(keyframes))])
        after = rows[-1].seq
    log = Log(store, CLOCK, "bench")
    times = []
    for i in range(400):
        at = (i * 7919 * 104729) % events + 1
        cpu = time.process_time()
        found = log.state(made.id, at)
        times.append((time.process_time() - cpu) * 1e6)
        assert found["n"] == at
    store.close()
    times.sort()
    label = f"{events // 1_000_000}M" if events >= 1_000_000 else f"{events // 1000}k"
    return {f"seek_{label}_p50_us": times[200], f"seek_{label}_p95_us": times[380]}


async def main() -> None:
    """Measure everything; the large seeks with ``--large``."""
    folder = Path(tempfile.mkdtemp())
    try:
        found = await steps(folder) | await fork(folder) | seek(folder, 1000)
        found |= await history(folder) | await large_state(folder)
        if "--large" in sys.argv:
            found |= seek(folder, 1_000_000)
            found |= seek(folder, 10_000_000)
        print(json.dumps(found))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
