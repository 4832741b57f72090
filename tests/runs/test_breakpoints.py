"""Breakpoints: real runs that wait before a step, over a real store and tools in a real jail."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from neurectomy.app.services import open_services
from neurectomy.core.errors import Conflict, InvalidInput
from neurectomy.server import runs
from neurectomy.server.redaction import RedactInput, redact_run
from neurectomy.server.types import (
    BreakpointsInput,
    ChangesInput,
    ContinueInput,
    ForkInput,
    StartInput,
)
from neurectomy.workspace.settings import Settings

pytestmark = pytest.mark.anyio

PROGRAM = """
tool add(a: int, b: int = 1) -> int from "tools.py" idempotent
tool send(text: str) -> str from "tools.py"

flow f(n: int) -> str {
  x = add(n)
  repeat at most 2 times { x = add(x, b: 10) }
  parallel {
    p = add(x)
    q = add(x, b: 2)
  }
  sent = send("{{ p }} {{ q }}")
  return sent
}
"""
TOOLS = """
def add(a: int, b: int = 1) -> int:
    return a + b

def send(text: str) -> str:
    return "sent " + text
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.agent").write_text(PROGRAM)
    (tmp_path / "tools.py").write_text(TOOLS)
    return tmp_path


@pytest.fixture
async def services(root: Path):
    async with open_services(root, Settings(durability="process")) as services:
        yield services


async def begin(services, *breakpoints: str) -> str:
    body = StartInput("a.agent", {"n": 1}, breakpoints=list(breakpoints))
    return (await runs.start_run(services, body)).id


async def paused(services, run: str) -> Any:
    """Where a run is paused, once it is; null where it has ended."""
    await asyncio.wait_for(services.runs.motions.wait(run), 20)
    row = await services.runs.row(run)
    state = services.log.state(run, row.head)
    return state.get("paused") and state["paused"]["step"]


async def proceed(services, run: str, *, step: bool = False) -> Any:
    await runs.continue_run(services, run, ContinueInput(step))
    return await paused(services, run)


async def ended(services, run: str) -> Any:
    row = await services.runs.row(run)
    assert row.status == "finished", row.status
    replay = await services.runs.replay(run)
    assert replay.agrees, replay.difference
    return (await services.runs.result(row))[0]


@pytest.mark.parametrize(
    ("breakpoint_", "steps"),
    [
        ("send", ["f/sent"]),
        ('tool == "send"', ["f/sent"]),
        ("p", ["f/p"]),
        ('node == "repeat/x"', ["f/repeat[0]/x", "f/repeat[1]/x"]),
        ('flow == "f" and tool == "add"', [
            "f/x", "f/repeat[0]/x", "f/repeat[1]/x", "f/p", "f/q"]),
        ("seconds > 0", ["f/repeat"]),
        ("cost > 0.10", []),
    ],
)  # fmt: skip
async def test_a_run_waits_before_what_a_breakpoint_names(services, breakpoint_, steps) -> None:
    run = await begin(services, breakpoint_)
    met = []
    step = await paused(services, run)
    while step:
        met.append(step)
        step = await proceed(services, run)
    assert met == steps
    assert await ended(services, run) == "sent 23 24"


async def test_step_by_step_a_run_waits_before_everything_that_it_asks_for(services) -> None:
    run = await begin(services, "x")
    met = [await paused(services, run)]
    while step := await proceed(services, run, step=True):
        met.append(step)
    assert met == [
        "f/x",
        "f/repeat[0]/x",
        "f/repeat[1]/x",
        "f/p",
        "f/q",
        "f/sent",
    ]
    assert await ended(services, run) == "sent 23 24"


async def test_a_paused_run_survives_its_process_and_is_changed_and_forked(root: Path) -> None:
    settings = Settings(durability="process")
    async with open_services(root, settings) as services:
        run = await begin(services, "send")
        assert await paused(services, run) == "f/sent"
    async with open_services(root, settings) as services:
        assert await services.runs.motions.recover() == []
        head = (await services.runs.row(run)).head
        fork = await runs.fork_run(services, run, ForkInput(at=head))
        assert await paused(services, fork.id) is None
        assert await ended(services, fork.id) == "sent 23 24"
        body = ChangesInput(bindings={"f": {"p": 7}})
        await runs.change_run(services, run, body)
        assert await paused(services, run) == "f/sent"
        assert await proceed(services, run) is None
        assert await ended(services, run) == "sent 7 24"
        with pytest.raises(Conflict, match="has finished"):
            await proceed(services, run)


async def test_breakpoints_are_set_and_removed_while_a_run_is_paused_or_cancelled(services) -> None:
    run = await begin(services, "x", "p")
    assert await paused(services, run) == "f/x"
    await runs.set_breakpoints(services, run, BreakpointsInput(["q"]))
    assert await proceed(services, run) == "f/q"
    await runs.set_breakpoints(services, run, BreakpointsInput([]))
    assert await proceed(services, run) is None
    assert await ended(services, run) == "sent 23 24"
    run = await begin(services, "x")
    assert await paused(services, run) == "f/x"
    await services.runs.cancel(run)
    assert await paused(services, run) is None
    assert (await services.runs.row(run)).status == "cancelled"
    assert (await services.runs.replay(run)).agrees


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("snd", "Did you mean send?"),
        ("cost >", "Such as"),
        ("cost + 1", "Compare"),
        ("budget > 1", "There are: step"),
        ("tool > 1", ""),
        ("", "Such as"),
        ("(" * 900, "Split"),
    ],
)
async def test_what_is_no_breakpoint_is_refused_before_the_run_begins(services, text, told) -> None:
    with pytest.raises(InvalidInput) as raised:
        await begin(services, text)
    assert told in raised.value.hint


async def test_only_a_paused_run_can_be_continued(services) -> None:
    run = await begin(services, "send")
    await paused(services, run)
    motion = await services.runs.motions.moving(run)
    await motion.driver.tell("run.continued", "", {"mode": "continue", "by": "user"})
    with pytest.raises(Conflict):
        await motion.driver.tell("run.continued", "", {"mode": "continue", "by": "user"})
    await paused(services, run)
    assert await ended(services, run) == "sent 23 24"


async def test_a_run_that_went_on_is_not_changed_in_the_middle_of_what_it_does(services) -> None:
    """Whichever comes first, the call that the change was not made for is left alone."""
    for tries in range(12):
        run = await begin(services, "send")
        assert await paused(services, run) == "f/sent"
        head = (await services.runs.row(run)).head

        async def change(run: str = run, turns: int = tries) -> None:
            for _ in range(turns):
                await asyncio.sleep(0.0005)
            body = ChangesInput(bindings={"f": {"p": 7}})
            await runs.change_run(services, run, body)

        going = runs.continue_run(services, run, ContinueInput())
        out = await asyncio.gather(going, change(), return_exceptions=True)
        assert all(isinstance(one, Conflict) for one in out if isinstance(one, Exception)), out
        step = await paused(services, run)
        if step:  # the change came first, and the run still waits
            assert await proceed(services, run) is None
        assert await ended(services, run) in ("sent 7 24", "sent 23 24")
        later = [event.kind for event in (await services.log.events(run))[head:]]
        assert "tool.unknown" not in later


async def test_a_call_in_flight_of_a_paused_run_is_not_lost_to_a_redaction(
    services, root: Path
) -> None:
    (root / "tools.py").write_text(TOOLS.replace("return a", "time.sleep(1)\n    return a", 1)
                                   .replace("def add", "import time\n\ndef add", 1))  # fmt: skip
    (root / "a.agent").write_text(
        PROGRAM.replace(' from "tools.py" idempotent', ' from "tools.py"')
    )
    run = await begin(services, "q")
    for _ in range(400):
        row = await services.runs.row(run)
        state = services.log.state(run, row.head)
        if state.get("paused") and state["pending"]:
            break
        await asyncio.sleep(0.02)
    with pytest.raises(Conflict, match="in motion"):
        await redact_run(services, run, RedactInput(at=[1]))
    await proceed(services, run)
    assert await ended(services, run) == "sent 23 24"


async def test_a_call_that_nobody_ends_any_more_is_told_with_the_way_on(root: Path) -> None:
    """The server ended while a run was paused and a call of it in flight."""
    slow = TOOLS.replace("    return a", "    import time\n    time.sleep(30)\n    return a", 1)
    (root / "tools.py").write_text(slow)
    (root / "a.agent").write_text(
        PROGRAM.replace("  x = add(n)\n  repeat at most 2 times { x = add(x, b: 10) }", "  x = n")
        .replace(' from "tools.py" idempotent', ' from "tools.py"')
    )  # fmt: skip
    settings = Settings(durability="process")
    async with open_services(root, settings) as services:
        run = await begin(services, "q")
        for _ in range(400):
            row = await services.runs.row(run)
            state = services.log.state(run, row.head)
            if state.get("paused") and state["pending"]:
                break
            await asyncio.sleep(0.02)
        body = ChangesInput(bindings={"f": {"x": 7}})
        with pytest.raises(Conflict) as refused:
            await runs.change_run(services, run, body)
        assert refused.value.hint == "Wait until f/p has ended."
    async with open_services(root, settings) as services:
        with pytest.raises(Conflict) as refused:
            await runs.change_run(services, run, body)
        assert refused.value.hint.endswith(f"neurectomy runs resume {run}")
        await services.runs.resume(run)
        await asyncio.sleep(0.1)
        await runs.change_run(services, run, body)
