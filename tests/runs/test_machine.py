"""The machine as an oracle: random programs, killed at every event, resumed, forked, replayed."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurectomy.core.clock import SystemClock
from neurectomy.core.ids import new_id
from neurectomy.language.compiler import compile_text
from neurectomy.runs.driver import Driver
from neurectomy.runs.machine import Machine
from neurectomy.runs.plan import Plan
from neurectomy.runs.replay import Replay, Replayer
from neurectomy.storage.open import open_store
from neurectomy.storage.port import RunRow
from neurectomy.timeline.log import Log
from tests.runs.programs import PROFILE, RuleWorkers, programs
from tests.storage.scars import scar

CLOCK = SystemClock()


def plan_of(text: str) -> Plan:
    compiled = compile_text(text, "random.agent")
    errors = [d for d in compiled.diagnostics if d.severity == "error"]
    assert not errors, (errors[0], text)
    return Plan(compiled.program)


async def begin(log: Log, plan: Plan, n: int) -> tuple[Any, Machine]:
    row = RunRow(new_id(CLOCK), "f", "", "", "random.agent", "t", "running", CLOCK.wall())
    writer = await log.create(row, {})
    machine = Machine(plan, writer.values)
    data = {
        "flow": "f",
        "inputs": {"n": n},
        "program": "",
        "models": {"m": msgspec.to_builtins(PROFILE)},
        "limits": {"parallel": 4},
    }
    writer.append(machine.complete({}, 1, "run.created", "", data))
    return writer, machine


async def drive(writer: Any, machine: Machine, workers: RuleWorkers) -> None:
    await Driver(writer, machine, workers, CLOCK, lambda *_: None).drive()


async def carry_on(log: Log, plan: Plan, run: str, seed: int) -> None:
    """Resume as the service does; calls whose end is unknown are declared to be made again."""
    writer = await log.open(run, force=True)
    machine = Machine(plan, writer.values)
    driver = Driver(writer, machine, RuleWorkers(seed), CLOCK, lambda *_: None)
    unknown = [
        path
        for path, pending in writer.state["pending"].items()
        if pending["kind"] == "tool"
        and not plan.program.tools[writer.state["frames"][pending["frame"]]["callee"]].idempotent
    ]
    driver.record("run.resumed", "", {"owner": "", "unknown": unknown})
    for path in unknown:
        driver.record("tool.unknown", path, {"tool": "risky"})
        driver.send("human.answered", path, {"by": "test", "decision": "retry"})
    await driver.drive()
    await log.release(writer)


def replay(log: Log, plan: Plan, run: str) -> Replay:
    replayer = Replayer(run, log.store.blob, lambda _: plan)
    from neurectomy.timeline.event import from_row

    replayer.feed([from_row(row) for row in log.rows(run, 0, 100_000)])
    return replayer.result()


def outcome(log: Log, run: str) -> Any:
    row = log.row(run)
    state = log.state(run, row.head)
    return row.status, log.reader.resolve(state["result"]), state["error"]


async def whole_life(folder: Path, text: str, n: int, seed: int, kills: int) -> None:
    plan = plan_of(text)
    store = open_store(folder, "process")
    log = Log(store, CLOCK, "test")
    writer, machine = await begin(log, plan, n)
    await drive(writer, machine, RuleWorkers(seed))
    await log.release(writer)
    run, head = writer.run, writer.seq
    expected = outcome(log, run)
    assert expected[0] == "finished", (expected, text)
    assert replay(log, plan, run) == Replay(run, True, head)
    assert log.verify(run) == head
    points = (
        range(1, head) if head <= kills else [1 + i * (head - 2) // kills for i in range(kills)]
    )
    for at in points:
        # a fork after an event is what a process killed there leaves behind
        row = RunRow(new_id(CLOCK), "f", "", "", "", "t", "running", CLOCK.wall())
        log.store.fork_run(run, at, row)
        await carry_on(log, plan, row.id, seed + at)
        assert outcome(log, row.id) == expected, (at, text)
        checked = replay(log, plan, row.id)
        assert checked.agrees, (at, checked.difference, text)
        log.verify(row.id)
    await log.close()
    store.close()


@given(programs(), st.integers(0, 50), st.integers(0, 2**16))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_killed_at_every_event_and_resumed_a_run_ends_the_same(
    text: str, n: int, seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(whole_life(Path(folder), text, n, seed, kills=60))


@pytest.mark.anyio
async def test_the_same_holds_on_every_store(store) -> None:
    text = """
    tool work(n: int) -> int from "t.py" idempotent retry 2 after 1ms
    flow f(n: int) -> list[int] {
      parallel { a = work(n)  b = work(n + 1) }
      c = map i in [a, b, n] at most 2 at once { d = work(i) yield d }
      repeat at most 30 times { a = work(a) }
      return c + [a]
    }
    """
    plan = plan_of(text)
    log = Log(store, CLOCK, "test")
    writer, machine = await begin(log, plan, 3)
    await drive(writer, machine, RuleWorkers(1))
    await log.release(writer)
    expected = outcome(log, writer.run)
    assert expected[0] == "finished"
    for at in (1, 5, 40, writer.seq - 1):
        row = RunRow(new_id(CLOCK), "f", "", "", "", "t", "running", CLOCK.wall())
        await asyncio.to_thread(store.fork_run, writer.run, at, row)
        await carry_on(log, plan, row.id, at)
        assert outcome(log, row.id) == expected
        assert replay(log, plan, row.id).agrees
        assert log.verify(row.id) == log.row(row.id).head
    await log.close()


@pytest.mark.anyio
async def test_replay_fails_closed_at_the_first_difference(tmp_path: Path) -> None:
    text = (
        'tool work(n: int) -> int from "t.py"\nflow f(n: int) -> int { a = work(n + 1) return a }'
    )
    store = open_store(tmp_path, "process")
    log = Log(store, CLOCK, "test")
    plan = plan_of(text)
    writer, machine = await begin(log, plan, 3)
    await drive(writer, machine, RuleWorkers(1))
    await log.release(writer)
    changed = plan_of(text.replace("n + 1", "n + 2"))
    found = replay(log, changed, writer.run)
    assert not found.agrees
    assert found.compared == 1
    assert found.difference is not None
    assert found.difference.seq == 2
    assert found.difference.recorded["data"]["arguments"] == {"n": 4}
    assert found.difference.computed["data"]["arguments"] == {"n": 5}
    await asyncio.to_thread(scar, store, writer.run, 2)
    assert (
        replay(log, plan, writer.run).difference.message == "what happened at event 2 was redacted"
    )
    assert log.verify(writer.run) == writer.seq
    await log.close()
    store.close()
