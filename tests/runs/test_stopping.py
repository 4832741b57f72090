"""Runs that stop while things are in flight: nothing hangs, nothing starts before it is written."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from neurectomy.core.errors import Conflict, StorageError
from neurectomy.models.port import AssistantMessage, ModelResponse, ToolCall
from neurectomy.tools.port import ToolOutcome
from tests.runs.lives import AGENT, Life, Script, answer, said

pytestmark = pytest.mark.anyio

WORK = 'tool work(n: int) -> int from "t.py" idempotent\n'
RISKY = 'tool work(n: int) -> int from "t.py"\n'
ONE = "flow f(n: int) -> int { a = work(n) return a }"
THINK = AGENT + "flow f(n: int) -> int { s = think(n) return s.total }"


def hang(_: Any) -> str:
    return "hang"


async def until(life: Life, kind: str) -> None:
    while kind not in await life.kinds():
        await asyncio.sleep(0.005)


async def killed(life: Life) -> None:
    """Drive a run until its call is in flight, then leave it as it is."""
    driving = asyncio.create_task(life.driver.drive())
    await until(life, "tool.requested")
    driving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await driving
    await life.kill()


async def test_an_effect_that_never_came_to_run_still_ends(begin) -> None:
    life = await begin(
        WORK + "flow f(n: int) -> int { parallel { a = work(n)  b = n % 0 }\nreturn a + b }",
        Script(tools=hang),
    )
    state = await life.end()
    assert (state["status"], state["error"]["message"]) == ("failed", "division by zero")
    failed = [e for e in await life.log.events(life.writer.run) if e.kind == "tool.failed"]
    assert [e.data["error"]["code"] for e in failed] == ["cancelled"]  # not lost: it never began


@pytest.mark.parametrize("tool", [WORK, RISKY], ids=["idempotent", "risky"])
async def test_a_run_that_was_killed_while_it_was_cancelled_ends_cancelled(begin, tool) -> None:
    life = await begin(tool + ONE, Script(tools=hang))
    await killed(life)
    again = await life.again(Script())
    again.driver.record("run.cancel_requested", "", {"by": "test"})
    await again.writer.barrier()
    await again.kill()
    script = Script()
    last = await life.again(script)
    last.driver.record("run.resumed", "", {"owner": "", "unknown": []})
    state = await last.end()
    assert state["status"] == "cancelled"
    assert script.calls == []
    failed = [e for e in await last.log.events(last.writer.run) if e.kind == "tool.failed"]
    assert failed[0].data["error"]["code"] == "lost"


@pytest.mark.anyio
async def test_who_waits_for_a_run_that_cannot_begin_is_told(begin) -> None:
    life = await begin(WORK + ONE, Script())
    life.driver.state["flow"] = "other"  # as a log from elsewhere may have it
    told = asyncio.create_task(life.driver.tell("run.cancel_requested", "", {"by": "test"}))
    await asyncio.sleep(0)
    with pytest.raises(KeyError):
        await life.driver.drive()
    with pytest.raises(Conflict):
        await asyncio.wait_for(told, 5)


async def unknown(begin, script: Script) -> Life:
    """A run whose call was in flight when its process ended."""
    life = await begin(RISKY + ONE, Script(tools=hang))
    await killed(life)
    again = await life.again(script)
    again.driver.record("run.resumed", "", {"owner": "", "unknown": ["f/a"]})
    again.driver.record("tool.unknown", "f/a", {"tool": "work"})
    return again


async def test_a_retry_starts_only_once_the_decision_is_durable(begin) -> None:
    durable: list[int] = []
    script = Script()
    life = await unknown(begin, script)
    script.tools = lambda _: durable.append(life.log.row(life.writer.run).head) or 7
    driving = asyncio.create_task(life.end())
    await until(life, "run.waiting")
    await life.driver.tell("human.answered", "f/a", {"by": "test", "decision": "retry"})
    assert (await driving)["result"] == 7
    events = await life.log.events(life.writer.run)
    decided = next(e.seq for e in events if e.kind == "human.answered")
    assert durable == [decided]


async def test_a_second_answer_is_refused_and_hurts_nothing(begin) -> None:
    life = await unknown(begin, Script(tools=lambda _: 7))
    driving = asyncio.create_task(life.end())
    await until(life, "run.waiting")
    first = life.driver.tell("human.answered", "f/a", {"by": "test", "decision": "retry"})
    second = life.driver.tell("human.answered", "f/a", {"by": "test", "decision": "retry"})
    found = await asyncio.gather(first, second, return_exceptions=True)
    assert found[0] is None
    assert isinstance(found[1], Conflict)
    assert (await driving)["status"] == "finished"


async def test_an_answer_counts_once_it_is_durable(begin, monkeypatch) -> None:
    text = 'flow f(n: int) -> int { a = ask human "?" -> int return a }'
    life = await begin(text, Script())
    driving = asyncio.create_task(life.driver.drive())
    await until(life, "run.waiting")

    def full(*_: Any) -> Any:
        raise StorageError("the disk is full")

    monkeypatch.setattr(life.log.store, "commit", full)
    with pytest.raises(Conflict, match="before that was recorded"):
        await life.driver.tell("human.answered", "f/a", {"by": "test", "value": 1})
    with pytest.raises(StorageError):
        await driving
    with pytest.raises(Conflict):
        await life.driver.tell("human.answered", "f/a", {"by": "test", "value": 1})
    monkeypatch.undo()
    assert life.log.row(life.writer.run).status == "waiting"


async def test_whatever_breaks_in_a_worker_is_an_event(begin, caplog) -> None:
    def broken(_: Any) -> Any:
        raise ZeroDivisionError("oh")

    life = await begin(WORK + ONE, Script(tools=broken))
    state = await life.end()
    assert (state["status"], state["error"]["code"]) == ("failed", "internal")
    assert "ZeroDivisionError: oh" in state["error"]["message"]
    assert "broke" in caplog.text


async def test_an_answer_that_is_nested_too_deep_is_refused(begin) -> None:
    deep = ModelResponse(AssistantMessage("[" * 5000))
    program = THINK.replace("model m tools add", "model m output prompted tools add")
    life = await begin(program, Script(deep, ModelResponse(AssistantMessage('{"total": 4}'))))
    assert (await life.end())["result"] == 4


async def test_a_name_that_a_model_invents_is_no_part_of_a_step(begin) -> None:

    life = await begin(THINK, Script(said(ToolCall("x", "a\0b/c", {})), answer(2)))
    assert (await life.end())["result"] == 2
    steps = {event.step for event in await life.log.events(life.writer.run)}
    assert "f/s/turn[0]/unknown[0]" in steps


async def test_more_calls_than_anybody_needs_are_cut(begin) -> None:

    many = said(*[ToolCall("x", "add", {"a": n}) for n in range(300)])
    script = Script(many, answer(1))
    life = await begin(THINK, script)
    assert (await life.end())["result"] == 1
    assert len(script.calls) == 64


async def test_requests_whose_end_nobody_saw_count_against_the_budget(begin) -> None:
    text = AGENT.replace("retry 1 after 1ms", "retry 9 after 1ms timeout 20ms") + (
        "flow f(n: int) -> int { budget 900 tokens s = think(n) return s.total }"
    )
    script = Script(*["hang"] * 10)
    state = await (await begin(text, script)).end()
    assert state["error"]["code"] == "budget"
    assert 0 < len(script.requests) < 9
    assert state["accounts"]["uncertain_tokens"] > 0


async def test_the_budget_of_a_called_flow_holds(begin) -> None:
    text = AGENT + (
        "flow g(n: int) -> int { budget 10 tokens s = think(n) return s.total }\n"
        "flow f(n: int) -> int { a = g(n) return a }"
    )
    script = Script(answer(1))
    state = await (await begin(text, script)).end()
    assert state["error"]["code"] == "budget"
    assert "the budget of g is 10 tokens" in state["error"]["message"]
    assert script.requests == []


async def test_a_time_budget_goes_on_where_an_earlier_process_left_it(begin) -> None:
    text = WORK + "flow f(n: int) -> int { budget 1 s a = work(n) return a }"
    life = await begin(text, Script(tools=hang))
    await killed(life)
    again = await life.again(Script(tools=hang))
    again.writer._mono = 990_000
    again.driver.record("run.resumed", "", {"owner": "", "unknown": []})
    began = asyncio.get_running_loop().time()
    state = await again.end()
    assert state["error"]["code"] == "budget"
    assert asyncio.get_running_loop().time() - began < 0.9


async def test_a_long_loop_lets_others_in(begin) -> None:
    text = (
        "flow f(n: int) -> int { a = 0 repeat at most 3000 times { a = a + 1 } "
        'b = ask human "?" -> int return a + b }'
    )
    life = await begin(text, Script())
    driving = asyncio.create_task(life.end())
    while life.log.row(life.writer.run).head < 256:
        await asyncio.sleep(0)
    assert life.writer.seq < 5000
    await life.driver.tell("run.cancel_requested", "", {"by": "test"})
    assert (await driving)["status"] == "cancelled"


GROWING = {
    "number": ("n: int", "x = 1.5", "x = x * 1000000.0"),
    "template": ("n: int", 'x = "abc"', 'x = "{{ x }}{{ x }}"'),
    "list": ("n: int", "x = [1, 2]", "x = x + x"),
    "join": ("n: int", 'x = "abcd"', 'x = join([x, x], "")'),
    "literal": ("n: json", "x = n", "y = [x, x] x = y"),
}


@pytest.mark.parametrize("growing", GROWING.values(), ids=GROWING.keys())
async def test_what_an_expression_builds_is_bounded(begin, growing) -> None:
    declared, first, step = growing
    loop = f"{first} repeat at most 400 times {{ {step} }}"
    life = await begin(f"flow f({declared}) -> int {{ {loop} return 1 }}", Script())
    state = await life.end()
    assert state["status"] == "failed"
    assert "larg" in state["error"]["message"] or "longer" in state["error"]["message"]


async def test_a_tool_that_broke_is_told_with_its_code(begin) -> None:
    error = {"code": "crashed", "message": "gone", "retryable": False}
    life = await begin(WORK + ONE, Script(tools=lambda _: ToolOutcome(error=error)))
    assert (await life.end())["error"]["code"] == "crashed"


async def test_a_note_is_taken_while_the_run_is_being_stopped(begin) -> None:
    life = await begin(WORK + ONE, Script(tools=hang))
    ending = asyncio.create_task(life.end())
    await until(life, "tool.requested")
    life.driver.send("run.cancel_requested", "", {"by": "test"})
    await life.driver.tell("note.added", "", {"seq": 1, "text": "stopped by hand"})
    assert (await ending)["status"] == "cancelled"
    assert "note.added" in await life.kinds()


class Thorough(Script):
    """Tools that take their time to end, as a jail does; the first one less than the second."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[int] = []

    async def call_tool(self, tool: Any, arguments: dict[str, Any], *_: Any) -> ToolOutcome:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02 * arguments["n"])
            self.ended.append(arguments["n"])
        raise AssertionError("it was not stopped")


async def test_what_is_stopped_is_stopped_once_and_ends_in_its_own_time(begin) -> None:
    script = Thorough()
    flow = "flow f(n: int) -> int { parallel { a = work(1)  b = work(4) }\nreturn a + b }"
    life = await begin(WORK + flow, script)
    driving = asyncio.create_task(life.end())
    await until(life, "tool.requested")
    await life.driver.tell("run.cancel_requested", "", {"by": "test"})
    assert (await driving)["status"] == "cancelled"
    assert script.ended == [1, 4]
