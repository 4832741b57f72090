"""The rules of a run, one by one: retries, limits, budgets, people, lost calls, cancelling."""

from __future__ import annotations

import asyncio

import pytest

from neurectomy.models.port import ModelError, ToolCall, ToolMessage, UserMessage
from neurectomy.runs.driver import Driver
from neurectomy.runs.machine import Machine
from neurectomy.tools.port import ToolOutcome
from tests.runs.lives import AGENT, CLOCK, Life, Script, answer, said

pytestmark = pytest.mark.anyio

THINK = AGENT + "flow f(n: int) -> int { s = think(n) return s.total }"


async def test_an_agent_calls_tools_and_answers(begin) -> None:
    script = Script(
        said(ToolCall("x", "add", {"a": 3}), ToolCall("y", "add", {"a": 1, "b": 5})), answer(10)
    )
    state = await (await begin(THINK, script)).end()
    assert (state["status"], state["result"]) == ("finished", 10)
    assert script.calls == [{"a": 3, "b": 1}, {"a": 1, "b": 5}]
    last = script.requests[1].messages
    assert [m.content for m in last if isinstance(m, ToolMessage)] == ["4", "6"]
    accounts = state["accounts"]
    assert (accounts["model_requests"], accounts["tool_calls"]) == (2, 2)
    assert (accounts["input_tokens"], accounts["cost_nanos"]) == (100, 140_000)


async def test_wrong_calls_and_answers_go_back_to_the_model(begin) -> None:
    script = Script(
        said(
            ToolCall("x", "add", {"c": 3}), ToolCall("y", "subtract", {}), ToolCall("z", "add", "{")
        ),
        answer("many"),
        answer(7),
    )
    life = await begin(THINK, script)
    state = await life.end()
    assert state["result"] == 7
    problems = [m.content for m in script.requests[1].messages if isinstance(m, ToolMessage)]
    assert "unknown field" in problems[0]
    assert "there is no tool subtract; there are: add" in problems[1]
    assert "not a JSON object" in problems[2]
    assert "expected int" in script.requests[2].messages[-1].content
    assert (await life.kinds()).count("call.rejected") == 4
    assert script.calls == []


async def test_an_agent_that_never_answers_ends_with_its_turns(begin) -> None:
    script = Script(*[said(text=f"hm {n}") for n in range(3)])
    state = await (await begin(THINK, script)).end()
    assert state["status"] == "failed"
    assert "no answer within 3 turns" in state["error"]["message"]
    assert state["error"]["step"] == "f/s"
    assert isinstance(script.requests[1].messages[-1], UserMessage)


async def test_an_agent_that_says_the_same_again_is_given_up(begin) -> None:
    text = THINK.replace("turns 3", "turns 9")
    script = Script(*[said(text="I cannot tell.")] * 9)
    state = await (await begin(text, script)).end()
    assert state["error"]["message"].startswith("think gave the same answer twice")
    assert "It said: I cannot tell." in state["error"]["hint"]
    assert len(script.requests) == 2


async def test_failures_that_may_pass_are_tried_again_with_growing_waits(begin) -> None:
    script = Script(
        ModelError("rate_limited", "slow down", retryable=True, retry_after_ms=20), answer(1)
    )
    life = await begin(THINK, script)
    assert (await life.end())["result"] == 1
    timers = [e.data for e in await life.log.events(life.writer.run) if e.kind == "timer.set"]
    assert timers == [{"ms": 20, "reason": "slow down"}]
    again = Script(ModelError("unauthorized", "bad key", retryable=False))
    assert (await (await begin(THINK, again)).end())["error"]["message"] == "bad key"
    busy = [ModelError("server_error", "busy", retryable=True)] * 2
    assert (await (await begin(THINK, Script(*busy))).end())["error"]["code"] == "server_error"


async def test_a_model_that_hangs_is_given_up(begin) -> None:
    text = AGENT.replace("turns 3 retry 1 after 1ms", "timeout 50ms") + (
        "flow f(n: int) -> int { s = think(n) with retry 0 return s.total }"
    )
    state = await (await begin(text, Script("hang"))).end()
    assert state["error"]["code"] == "timeout"


TOOL = 'tool add(a: int, b: int = 1) -> int from "t.py" retry 2 after 1ms\n'


async def test_a_tool_is_tried_again_and_then_the_run_fails(begin) -> None:
    failing = ToolOutcome(error={"code": "raised", "message": "no", "retryable": True})
    outcomes = [failing, failing, 9]
    script = Script(tools=lambda _: outcomes.pop(0))
    text = TOOL + "flow f(n: int) -> int { a = add(n) return a }"
    life = await begin(text, script)
    assert (await life.end())["result"] == 9
    steps = [e.step for e in await life.log.events(life.writer.run) if e.kind == "tool.requested"]
    assert steps == ["f/a", "f/a~1", "f/a~2"]
    state = await (await begin(text, Script(tools=lambda _: failing))).end()
    assert (state["status"], state["accounts"]["tool_calls"]) == ("failed", 3)


async def test_effects_at_the_same_time_are_bounded_and_results_keep_their_order(begin) -> None:
    text = TOOL + "flow f(n: int) -> list[int] { r = map i in range(20) at most 3 at once {\n"
    text += "a = add(i) yield a }\nreturn r }"
    script = Script()
    assert (await (await begin(text, script)).end())["result"] == list(range(1, 21))
    assert script.most_at_once == 3
    wide = (
        TOOL
        + "flow f(n: int) -> list[int] { r = map i in range(20) { a = add(i) yield a }\nreturn r }"
    )
    script = Script()
    await (await begin(wide, script, parallel=5)).end()
    assert script.most_at_once == 5


@pytest.mark.parametrize(
    ("budget", "text"),
    [("100 tokens", "tokens"), ("0.0001 usd", "may cost"), ("60 ms", "longer than its budget")],
)
async def test_budgets_are_reserved_before_a_call_and_fail_closed(begin, budget, text) -> None:
    program = AGENT + f"flow f(n: int) -> int {{ budget {budget} s = think(n) return s.total }}"
    script = Script("hang")
    state = await (await begin(program, script)).end()
    assert (state["status"], state["error"]["code"]) == ("failed", "budget")
    assert text in state["error"]["message"]
    assert len(script.requests) == (1 if "ms" in budget else 0)


async def test_a_person_is_waited_for(begin) -> None:
    text = 'flow f(n: int) -> str { a = ask human "How many?" -> int return str(a + n) }'
    life = await begin(text, Script())
    driving = asyncio.create_task(life.end())
    while life.driver.state["status"] != "waiting":
        await asyncio.sleep(0.005)
    life.driver.send("human.answered", "f/a", {"value": 4, "by": "somebody"})
    assert (await driving)["result"] == "7"


@pytest.mark.parametrize("status", ["running", "waiting"])
async def test_a_cancelled_run_stops_what_is_in_flight(begin, status) -> None:
    asking = 'flow f(n: int) -> int { a = ask human "?" -> int return a }'
    text = asking if status == "waiting" else TOOL + "flow f(n: int) -> int { a = add(n) return a }"
    script = Script(tools=lambda _: "hang")
    life = await begin(text, script)
    driving = asyncio.create_task(life.end())
    while life.driver.state["status"] != status or (status == "running" and not script.calls):
        await asyncio.sleep(0.005)
    life.driver.send("run.cancel_requested", "", {"by": "test"})
    assert (await driving)["status"] == "cancelled"
    assert script.at_once == 0


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        ({"decision": "retry"}, ("finished", 4)),
        ({"decision": "value", "value": 40}, ("finished", 40)),
        ({"decision": "fail", "error": {"code": "unknown", "message": "lost", "retryable": False}},
         ("failed", None)),
    ],
)  # fmt: skip
async def test_a_call_whose_end_nobody_saw_waits_for_a_decision(begin, decision, expected) -> None:
    text = 'tool add(a: int, b: int = 1) -> int from "t.py"\n'
    text += "flow f(n: int) -> int { a = add(n) return a }"
    life = await begin(text, Script(tools=lambda _: "hang"))
    driving = asyncio.create_task(life.driver.drive())
    while "f/a" not in life.driver.state["pending"]:
        await asyncio.sleep(0.005)
    driving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await driving
    await life.log.release(life.writer)
    writer = await life.log.open(life.writer.run, force=True)
    script = Script()
    driver = Driver(writer, Machine(life.plan, writer.values), script, CLOCK, lambda *_: None)
    driver.record("run.resumed", "", {"owner": "", "unknown": ["f/a"]})
    driver.record("tool.unknown", "f/a", {"tool": "add"})
    again = Life(life.log, life.plan, driver, writer)
    driving = asyncio.create_task(again.end())
    while driver.state["status"] != "waiting":
        await asyncio.sleep(0.005)
    assert script.calls == []
    driver.send("human.answered", "f/a", {"by": "test", **decision})
    state = await driving
    assert (state["status"], state["result"]) == expected
    assert len(script.calls) == (1 if decision["decision"] == "retry" else 0)


async def test_a_wrong_operation_fails_the_run_with_a_sentence(begin) -> None:
    text = "flow f(n: int) -> float { a = 1 / (n - 3) return a }"
    state = await (await begin(text, Script())).end()
    assert (state["error"]["code"], state["error"]["message"]) == ("evaluation", "division by zero")
    text = "flow f(x: json) -> int { return x }"
    state = await (await begin(text, Script(), x="no")).end()
    assert state["error"]["code"] == "wrong_type"


async def test_large_values_and_long_conversations_stay_out_of_the_events(begin) -> None:
    text = TOOL.replace("-> int", "-> str") + (
        "flow f(n: int) -> int { t = add(n) r = map i in range(300) { yield i } "
        "return len(t) + len(r) }"
    )
    life = await begin(text, Script(tools=lambda _: "x" * 100_000))
    assert (await life.end())["result"] == 100_300
    used = life.log.store.run_usage(life.writer.run)
    assert used.event_bytes / used.events < 1500
