"""Properties of time travel over random programs with faults, on every store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurectomy.core.ids import new_id
from neurectomy.language.conditions import read_condition
from neurectomy.models.port import ModelError
from neurectomy.runs.breakpoints import NAMES, PLACES, Breakpoint, as_data
from neurectomy.runs.driver import Driver
from neurectomy.runs.machine import Machine
from neurectomy.runs.plan import Plan
from neurectomy.runs.replay import Replayer
from neurectomy.storage.port import ENDED, RunRow
from neurectomy.timeline.event import from_row
from neurectomy.timeline.log import Log
from neurectomy.tools.port import ToolOutcome
from tests.runs.programs import RuleWorkers, programs
from tests.runs.test_machine import CLOCK, begin, carry_on, drive, outcome, plan_of, replay

PROPERTY = settings(
    max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
CONDITIONS = (
    'tool == "work"',
    'tool == "risky"',
    'agent == "think"',
    'model == "m"',
    "tokens > 20",
    "event > 7",
    'flow == "inner"',
    "cost > 0.00000001",
)


def breakpoints(texts: list[str]) -> list[dict[str, Any]]:
    return as_data(
        tuple(Breakpoint(text, read_condition(text, NAMES), once=not any(
            name in text for name in PLACES)) for text in texts)
    )  # fmt: skip


async def lived(log: Log, plan: Plan, n: int, seed: int) -> str:
    """The id of a run that went from its start to its end."""
    writer, machine = await begin(log, plan, n)
    await drive(writer, machine, RuleWorkers(seed))
    await log.release(writer)
    return writer.run


async def forked(log: Log, run: str, at: int) -> str:
    row = RunRow(new_id(CLOCK), "f", "", "", "", "t", "running", CLOCK.wall())
    await asyncio.to_thread(log.store.fork_run, run, at, row)
    return row.id


@given(text=programs(), n=st.integers(0, 50), other=st.integers(0, 50), seed=st.integers(0, 2**16))
@PROPERTY
def test_a_fork_from_the_start_equals_a_fresh_run_with_the_same_choices(
    store, text: str, n: int, other: int, seed: int
) -> None:
    async def check() -> None:
        log = Log(store, CLOCK, "test")
        changed = text.replace("* 3 + 1", "* 5 + 2").replace("Think about", "Think again about")
        plans = {"": plan_of(text), "changed": plan_of(changed)}
        fresh = await lived(log, plans["changed"], other, seed)
        parent = await lived(log, plans[""], n, seed)
        before = log.rows(parent, 0, 10_000)
        fork = await forked(log, parent, 1)
        writer = await log.open(fork, force=True)
        machine = Machine(plans["changed"], writer.values)
        driver = Driver(writer, machine, RuleWorkers(seed + 1), CLOCK, lambda *_: None)
        changes = {"inputs": {"n": other}, "program": "changed"}
        driver.record("run.forked", "", {"run": parent, "at": 1, "changes": changes})
        await driver.drive()
        await log.release(writer)
        assert outcome(log, fork) == outcome(log, fresh)
        replayer = Replayer(fork, log.store.blob, plans.__getitem__)
        replayer.feed([from_row(row) for row in log.rows(fork, 0, 10_000)])
        assert replayer.result().agrees, replayer.result().difference
        assert log.rows(parent, 0, 10_000) == before
        assert log.verify(fork) == log.row(fork).head
        await log.close()

    asyncio.run(check())


@given(
    text=programs(),
    n=st.integers(0, 50),
    seed=st.integers(0, 2**16),
    conditions=st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=3),
    steps=st.lists(st.sampled_from(["continue", "step", "kill"]), max_size=40),
)
@PROPERTY
def test_a_run_that_was_paused_again_and_again_ends_as_one_that_was_not(
    store, text: str, n: int, seed: int, conditions: list[str], steps: list[str]
) -> None:
    async def check() -> None:
        log, plan = Log(store, CLOCK, "test"), plan_of(text)
        expected = outcome(log, await lived(log, plan, n, seed))
        writer, machine = await begin(log, plan, n)
        points = {"breakpoints": breakpoints(conditions), "by": "test"}
        writer.append(machine.complete(writer.state, 2, "breakpoints.set", "", points))
        driver = Driver(writer, machine, RuleWorkers(seed), CLOCK, lambda *_: None)
        run, waiting = writer.run, list(steps)
        task = asyncio.create_task(driver.drive())
        for _ in range(1000):
            while driver.state["status"] not in (*ENDED, "waiting") and not task.done():
                await asyncio.sleep(0.001)
            if driver.state["status"] in ENDED:
                break
            flying = any(p["kind"] in ("model", "tool") for p in driver.state["pending"].values())
            mode = waiting.pop(0) if waiting else "continue"
            if mode == "kill" and not flying:
                task.cancel()
                await asyncio.wait([task])
                await log.release(writer)
                writer = await log.open(run, force=True)
                machine = Machine(plan, writer.values)
                driver = Driver(writer, machine, RuleWorkers(seed), CLOCK, lambda *_: None)
                driver.record("run.resumed", "", {"owner": "", "unknown": []})
                task = asyncio.create_task(driver.drive())
                continue
            mode = "continue" if mode == "kill" else mode
            await driver.tell("run.continued", "", {"mode": mode, "by": "test"})
        await asyncio.wait_for(task, 20)
        await log.release(writer)
        assert outcome(log, run) == expected
        checked = replay(log, plan, run)
        assert checked.agrees, checked.difference
        await log.close()

    asyncio.run(check())


@given(text=programs(), n=st.integers(0, 50), seed=st.integers(0, 2**16))
@PROPERTY
def test_forks_of_one_run_at_the_same_time_disturb_neither_it_nor_each_other(
    store, text: str, n: int, seed: int
) -> None:
    async def check() -> None:
        log, plan = Log(store, CLOCK, "test"), plan_of(text)
        parent = await lived(log, plan, n, seed)
        before, expected = log.rows(parent, 0, 10_000), outcome(log, parent)
        head = log.row(parent).head
        points = [1 + (seed * index) % (head - 1) for index in range(6)]
        forks = await asyncio.gather(*(forked(log, parent, at) for at in points))
        await asyncio.gather(*(carry_on(log, plan, fork, seed + i) for i, fork in enumerate(forks)))
        for fork in forks:
            assert outcome(log, fork) == expected
            assert replay(log, plan, fork).agrees
            assert log.verify(fork) == log.row(fork).head
        assert log.rows(parent, 0, 10_000) == before
        await log.close()

    asyncio.run(check())


class Breaking(RuleWorkers):
    """Workers one of whose calls fails for good, and that remember what returned."""

    def __init__(self, seed: int, call: int) -> None:
        super().__init__(seed)
        self.left = call
        self.returned: list[Any] = []

    async def call_tool(self, tool: Any, *rest: Any) -> ToolOutcome:
        self.left -= 1
        if self.left == 0:
            message = "it broke"
            return ToolOutcome(error={"code": "raised", "message": message, "retryable": False})
        return await super().call_tool(tool, *rest)

    async def ask_model(self, *rest: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise ModelError("invalid_request", "it broke", retryable=False)
        return await super().ask_model(*rest)


@given(
    text=programs(),
    n=st.integers(0, 50),
    seed=st.integers(0, 2**16),
    call=st.integers(1, 12),
    cancelled=st.booleans(),
)
@PROPERTY
def test_a_run_that_failed_or_was_stopped_goes_on_and_repeats_nothing_that_has_ended(
    store, text: str, n: int, seed: int, call: int, cancelled: bool
) -> None:
    async def check() -> None:
        log, plan = Log(store, CLOCK, "test"), plan_of(text)
        expected = outcome(log, await lived(log, plan, n, seed))
        writer, machine = await begin(log, plan, n)
        workers = RuleWorkers(seed) if cancelled else Breaking(seed, call)
        driver = Driver(writer, machine, workers, CLOCK, lambda *_: None)
        if cancelled:
            driver.send("run.cancel_requested", "", {"by": "test"})
        await driver.drive()
        await log.release(writer)
        run, row = writer.run, log.row(writer.run)
        assert replay(log, plan, run).agrees
        if row.status == "finished":
            assert outcome(log, run) == expected  # a model that was told of the failure goes on
            await log.close()
            return
        fork = await forked(log, run, row.head - 1)
        writer = await log.open(fork, force=True)
        driver = Driver(
            writer, Machine(plan, writer.values), RuleWorkers(seed), CLOCK, lambda *_: None
        )
        changes = {"revive": {"asked": {}}}
        driver.record("run.forked", "", {"run": run, "at": row.head - 1, "changes": changes})
        for path, pending in writer.state["pending"].items():
            assert pending["kind"] == "unknown"
            driver.send("human.answered", path, {"by": "test", "decision": "retry"})
        await driver.drive()
        await log.release(writer)
        assert outcome(log, fork) == expected, outcome(log, run)
        checked = replay(log, plan, fork)
        assert checked.agrees, checked.difference
        ended = [row.step for row in log.rows(fork, 0, 10_000) if row.kind == "tool.returned"]
        assert len(ended) == len(set(ended))
        answered = [row.step for row in log.rows(fork, 0, 10_000) if row.kind == "model.responded"]
        assert len(answered) == len(set(answered))
        await log.close()

    asyncio.run(check())


@pytest.mark.parametrize("text", CONDITIONS)
def test_conditions_of_these_tests_are_conditions(text: str) -> None:
    assert read_condition(text, NAMES)
