"""Two runs beside each other: nothing is lost or invented, and each side mirrors the other."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurectomy.core.errors import Damaged, InvalidInput, NotFound
from neurectomy.core.ids import new_id
from neurectomy.models.port import ToolCall
from neurectomy.runs.alignment import StepPair
from neurectomy.runs.compare import Comparison
from neurectomy.runs.detail import step_detail
from neurectomy.runs.readings import Readings
from neurectomy.snapshots import tree
from neurectomy.snapshots.tree import Entry
from neurectomy.storage.open import open_store
from neurectomy.storage.port import RunRow
from neurectomy.timeline.event import Draft
from neurectomy.timeline.log import Log
from tests.runs.lives import AGENT, CLOCK, Script, answer, said
from tests.runs.programs import RuleWorkers, programs
from tests.runs.test_machine import begin as begin_run
from tests.runs.test_machine import carry_on, drive, plan_of
from tests.storage.scars import scar

HYPOTHESIS = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
TURNED = {"added": "removed", "removed": "added"}


@asynccontextmanager
async def workspace() -> AsyncIterator[Log]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder), "process")
        log = Log(store, CLOCK, "test")
        yield log
        await log.close()
        store.close()


async def lived(log: Log, text: str, n: int, seed: int) -> str:
    """A run of a program, to its end."""
    writer, machine = await begin_run(log, plan_of(text), n)
    await drive(writer, machine, RuleWorkers(seed))
    await log.release(writer)
    return writer.run


def forked(log: Log, run: str, at: int) -> str:
    row = RunRow(new_id(CLOCK), "f", "", "", "", "t", "running", CLOCK.wall())
    return log.store.fork_run(run, at, row).id


async def compared(log: Log, a: str, b: str, listed: Any = "all") -> Comparison:
    return await Readings(log).comparer.compare(a, b, listed, 0, 100_000)


def steps_of(events: list[Any]) -> set[str]:
    """The steps that a log tells of, counted without the code under test."""
    kinds = ("step.started", "value.bound", "branch.taken", "loop.", "model.requested",
             "tool.requested", "call.rejected", "human.asked")  # fmt: skip
    return {event.step.partition("~")[0] for event in events if event.kind.startswith(kinds)}


def told(pair: StepPair) -> tuple[Any, ...]:
    return pair.status, pair.a and pair.a.path, pair.b and pair.b.path, pair.differs


async def check_pair(log: Log, a: str, b: str) -> Comparison:
    """What holds for any two runs."""
    found, back = await compared(log, a, b), await compared(log, b, a)
    for run, paths in (
        (a, [pair.a.path for pair in found.pairs if pair.a]),
        (b, [pair.b.path for pair in found.pairs if pair.b]),
    ):
        assert Counter(paths) == Counter(steps_of(await log.events(run, 0, 100_000)))
    mirror = {
        (TURNED.get(pair.status, pair.status), pair.b and pair.b.path, pair.a and pair.a.path,
         pair.differs)
        for pair in back.pairs
    }  # fmt: skip
    assert {told(pair) for pair in found.pairs} == mirror
    assert found.same == back.same
    assert (found.parting is None) == (back.parting is None)
    for pair in found.pairs:
        if pair.status == "same":
            assert pair.differs == ()
            assert pair.a is not None
            assert pair.b is not None
        elif pair.status == "changed":
            assert pair.differs
    return found


@given(programs(), st.integers(0, 50), st.integers(0, 2**16))
@HYPOTHESIS
def test_a_run_is_the_same_as_itself_and_as_one_that_was_lived_again(
    text: str, n: int, seed: int
) -> None:
    async def work() -> None:
        async with workspace() as log:
            a, b = await lived(log, text, n, seed), await lived(log, text, n, seed + 1)
            own = await compared(log, a, a, "own")
            assert own.same
            assert own.pairs == []
            assert own.shared == log.row(a).head
            found = await check_pair(log, a, b)
            assert found.same, [told(p) for p in found.pairs if p.status != "same"]
            assert found.shared == 0
            assert found.parting is None

    asyncio.run(work())


@given(programs(), st.integers(0, 50), st.integers(0, 2**16), st.data())
@HYPOTHESIS
def test_a_fork_differs_only_after_its_point(text: str, n: int, seed: int, data: Any) -> None:
    async def work() -> None:
        async with workspace() as log:
            a = await lived(log, text, n, seed)
            at = data.draw(st.integers(1, log.row(a).head - 1))
            plan = plan_of(text)
            again = forked(log, a, at)
            await carry_on(log, plan, again, seed + 1)
            found = await check_pair(log, a, again)
            assert found.shared == at
            assert found.same, [told(p) for p in found.pairs if p.status != "same"]

            other = forked(log, a, at)
            writer = await log.open(other, force=True)
            writer.append(Draft("run.forked", "", {"run": a, "at": at, "changes": {}},
                                [["set", ["inputs", "n"], n + 1]]))  # fmt: skip
            if "f" in writer.state["frames"]:
                writer.append(Draft("run.changed", "", {}, [["set", ["frames", "f", "env", "n"],
                                                             n + 1]]))  # fmt: skip
            await log.release(writer)
            await carry_on(log, plan, other, seed + 1)
            found = await check_pair(log, a, other)
            assert found.shared == at
            assert not found.same
            for pair in found.pairs:
                step = pair.a or pair.b
                if pair.status != "same":
                    assert step.end is None or step.end > at
            own = await compared(log, a, other, "own")
            assert all(
                step.end is None or step.end > at
                for pair in own.pairs
                for step in (pair.a, pair.b)
                if step
            )
            assert own.counts == found.counts
            siblings = await check_pair(log, again, other)
            assert siblings.shared == at

    asyncio.run(work())


@given(programs(), programs(), st.integers(0, 50))
@HYPOTHESIS
def test_each_step_of_two_unlike_runs_is_in_one_pair(one: str, other: str, n: int) -> None:
    async def work() -> None:
        async with workspace() as log:
            a, b = await lived(log, one, n, 1), await lived(log, other, n + 1, 2)
            await check_pair(log, a, b)

    asyncio.run(work())


ADD = 'tool add(a: int, b: int = 1) -> int from "t.py"\n'


async def pairs_of(begin: Any, one: str, other: str, **inputs: Any) -> list[tuple[Any, ...]]:
    """What differs between a run of each of two programs."""
    first, second = await begin(one, Script(), **inputs), await begin(other, Script(), **inputs)
    await first.end()
    await second.end()
    found = await check_pair(first.log, first.writer.run, second.writer.run)
    return [told(pair) for pair in found.pairs if pair.status != "same"]


@pytest.mark.anyio
async def test_a_step_that_was_renamed_has_moved_with_all_that_is_below_it(begin) -> None:
    one = f"""{ADD}
    flow inner(n: int) -> int {{ x = add(n)  y = add(x, b: 5)  return y }}
    flow f(n: int) -> int {{ first = inner(n)  last = add(first)  return last }}
    """
    other = one.replace("first", "start").replace("b: 5", "b: 6")
    assert await pairs_of(begin, one, other) == [
        ("moved", "f/first", "f/start", ("value",)),
        ("changed", "f/first/y", "f/start/y", ("arguments", "value")),
        ("changed", "f/last", "f/last", ("arguments", "value")),
    ]


@pytest.mark.anyio
async def test_a_renamed_step_with_other_arguments_is_the_next_that_calls_the_same(begin) -> None:
    one = f"{ADD}flow f(n: int) -> int {{ a = add(n)  b = add(a, b: 7)  return b }}"
    other = f"{ADD}flow f(n: int) -> int {{ a = add(n)  c = add(a, b: 8)  return c }}"
    assert await pairs_of(begin, one, other) == [
        ("moved", "f/b", "f/c", ("arguments", "value")),
    ]


@pytest.mark.anyio
async def test_steps_that_came_and_went_stand_where_they_were(begin) -> None:
    one = f"{ADD}flow f(n: int) -> int {{ a = add(n)  b = a + 1  c = add(b)  return c }}"
    other = f"{ADD}flow f(n: int) -> int {{ a = add(n)  d = a + 2  c = add(d)  e = 1  return c }}"
    assert await pairs_of(begin, one, other) == [
        ("removed", "f/b", None, ()),
        ("added", None, "f/d", ()),
        ("changed", "f/c", "f/c", ("arguments", "value")),
        ("added", None, "f/e", ()),
    ]


@pytest.mark.anyio
async def test_a_call_that_moved_into_a_loop_is_found_there(begin) -> None:
    one = f"{ADD}flow f(n: int) -> int {{ a = add(n)  return a }}"
    other = (
        f"{ADD}flow f(n: int) -> int {{ a = 0  repeat at most 1 times {{ a = add(n) }}  return a }}"
    )
    moved = [told for told in await pairs_of(begin, one, other) if told[0] == "moved"]
    assert moved == []  # the path f/a is another step now, and paths come first
    other = (
        other.replace("a = 0", "z = 0").replace("a = add(n)", "z = add(n)").replace(" a }", " z }")
    )
    assert ("moved", "f/a", "f/repeat[0]/z", ()) in await pairs_of(begin, one, other)


@pytest.mark.anyio
async def test_a_changed_prompt_shows_as_sent_and_in_what_came_of_it(begin) -> None:
    text = f"{AGENT}flow f(n: int) -> int {{ a = think(n)  return a.total }}"
    call = said(ToolCall("x", "add", {"a": 1, "b": 2}))
    one = await begin(text, Script(call, answer(3)))
    other = await begin(text.replace('"{{ n }}"', '"Say {{ n }}"'), Script(call, answer(4)))
    await one.end()
    await other.end()
    found = await check_pair(one.log, one.writer.run, other.writer.run)
    assert [told(pair) for pair in found.pairs] == [
        ("changed", "f/a", "f/a", ("prompt", "value")),
        ("changed", "f/a/turn[0]", "f/a/turn[0]", ("request",)),
        ("same", "f/a/turn[0]/add[0]", "f/a/turn[0]/add[0]", ()),
        ("changed", "f/a/turn[1]", "f/a/turn[1]", ("request", "answer")),
    ]
    assert [pair.depth for pair in found.pairs] == [0, 1, 2, 1]
    turn = found.pairs[1].a
    assert turn is not None
    assert (turn.callee, turn.tokens, turn.cost_nanos, turn.attempts) == ("scripted", 60, 70_000, 1)
    assert found.parting is not None
    assert (found.parting.step, found.parting.a, found.parting.b) == ("f/a", 2, 2)
    assert [(c.path, c.a, c.b) for c in found.state] == [(("result",), 3, 4)]
    assert found.counts == {"changed": 3, "same": 1}


@pytest.mark.anyio
async def test_attempts_are_one_step_and_an_error_that_was_overcome_is_none(begin) -> None:
    text = f"""{ADD.strip()} idempotent retry 1 after 1ms
    flow f(n: int) -> int {{ a = add(n) return a }}"""
    failed = [True]

    def flaky(arguments: dict[str, Any]) -> Any:
        if failed.pop() if failed else False:
            from neurectomy.tools.port import ToolOutcome

            return ToolOutcome(error={"code": "raised", "message": "no", "retryable": True})
        return arguments["a"] + arguments["b"]

    one, other = await begin(text, Script(tools=flaky)), await begin(text, Script())
    await one.end()
    await other.end()
    found = await check_pair(one.log, one.writer.run, other.writer.run)
    assert found.same
    assert [(pair.a.attempts, pair.b.attempts) for pair in found.pairs] == [(2, 1)]


@pytest.mark.anyio
async def test_pages_are_the_whole_and_what_is_the_same_is_left_out_unless_asked_for(begin) -> None:
    text = (
        f"{ADD}flow f(n: int) -> int {{ r = map i in range(20) {{ a = add(i) yield a }} return 1 }}"
    )
    one, other = (
        await begin(text, Script()),
        await begin(text.replace("add(i)", "add(i, b: i)"), Script()),
    )
    await one.end()
    await other.end()
    comparer = Readings(one.log).comparer
    runs = one.writer.run, other.writer.run
    whole = await comparer.compare(*runs, "own", 0, 1000)
    assert whole.next is None
    paged: list[StepPair] = []
    after: int | None = 0
    while after is not None:
        page = await comparer.compare(*runs, "own", after, 7)
        assert len(page.pairs) <= 7
        paged += page.pairs
        after = page.next
    assert paged == whole.pairs
    different = await comparer.compare(*runs, "different", 0, 1000)
    assert different.pairs == [pair for pair in whole.pairs if pair.status != "same"]
    assert 0 < len(different.pairs) < len(whole.pairs)


@pytest.mark.anyio
async def test_a_redacted_step_differs_and_the_rest_is_compared(begin) -> None:
    text = f"{ADD}flow f(n: int) -> int {{ a = add(n)  b = add(a)  return b }}"
    one, other = await begin(text, Script()), await begin(text, Script())
    await one.end()
    await other.end()
    scar(one.log.store, one.writer.run, 3)
    found = await check_pair(one.log, one.writer.run, other.writer.run)
    assert [told(p) for p in found.pairs if p.status != "same"] == [
        ("changed", "f/a", "f/a", ("redacted",))
    ]
    assert not found.same
    assert "folded" in found.problems[0]  # without the keyframe that a redaction leaves behind


@pytest.mark.anyio
async def test_a_step_is_told_in_full_as_far_as_it_can_be_read(begin) -> None:
    text = f"{AGENT}flow f(n: int) -> int {{ a = think(n)  return a.total }}"
    life = await begin(text, Script(said(ToolCall("x", "add", {"a": 1, "b": 2})), answer(3)))
    await life.end()
    run, readings = life.writer.run, Readings(life.log)
    readings.keep("", life.plan)
    found = await compared(life.log, run, forked(life.log, run, 5))
    agent, turn, call = (pair.a for pair in found.pairs[:3])
    whole = await step_detail(readings, run, turn.path, turn.start, turn.end)
    assert whole.given["request"]["messages"][0]["content"][0]["text"] == "3"
    assert whole.gave["message"]["calls"][0]["tool"] == "add"
    detail = await step_detail(readings, run, call.path, call.start, call.end)
    assert detail.given == {"arguments": {"a": 1, "b": 2}}
    assert detail.gave == {"value": 3}
    assert (agent.start, turn.start) == (2, 3)
    own = (await compared(life.log, run, forked(life.log, run, 3), "own")).pairs
    places = [(pair.a.path, pair.a.start, pair.differs) for pair in own[:2]]
    # the fork has not gone on, and is in the middle of the same steps
    assert places == [("f/a", None, ("value",)), ("f/a/turn[0]", 3, ("answer",))]
    began_before = await step_detail(readings, run, agent.path, 0, agent.end)
    assert began_before.given == {"arguments": {"n": 3}}
    assert [write.path[-1] for write in began_before.writes] == ["a"]
    scar(life.log.store, run, 2)
    torn = await step_detail(readings, run, turn.path, turn.start, turn.end)
    assert torn.given == {}
    assert "folded" in torn.problem
    assert torn.gave == whole.gave
    with pytest.raises(InvalidInput, match="does not belong"):
        await step_detail(readings, run, "f/b", turn.start, 0)


@pytest.mark.anyio
async def test_files_are_compared_by_their_trees(begin) -> None:
    def entry(content: str) -> Entry:
        return Entry("", "file", content * 64, 3)

    text = "flow f(n: int) -> int { return n }"
    trees = (
        tree.build({"a.py": entry("a"), "lib/b.py": entry("b"), "c.py": entry("c")}),
        tree.build({"a.py": entry("d"), "lib/moved.py": entry("b"), "e.py": entry("e")}),
    )
    lives = [await begin(text, Script()) for _ in trees]
    for life, (root, contents) in zip(lives, trees, strict=True):
        life.writer.append(Draft("run.changed", "", {}, [["set", ["files"], {"root": root}]]))
        life.log.store.add_blobs(life.writer.run, contents, {})
        await life.driver.drive()
        await life.log.release(life.writer)
    found = await compared(lives[0].log, *(life.writer.run for life in lives))
    assert [(file.path, file.status, file.was) for file in found.files] == [
        ("a.py", "changed", ""), ("c.py", "removed", ""), ("e.py", "added", ""),
        ("lib/moved.py", "moved", "lib/b.py"),
    ]  # fmt: skip
    assert not found.same
    assert found.state == []


@pytest.mark.anyio
async def test_what_cannot_be_compared_is_refused(begin) -> None:
    life = await begin(f"{ADD}flow f(n: int) -> int {{ a = add(n) return a }}", Script())
    await life.end()
    comparer, run = Readings(life.log).comparer, life.writer.run
    with pytest.raises(NotFound):
        await comparer.compare(run, new_id(CLOCK))
    with pytest.raises(InvalidInput):
        await comparer.compare(run, run, "all", -1)
    other = await begin(f"{ADD}flow f(n: int) -> int {{ a = add(n) return a }}", Script())
    await other.end()
    life.log.store._writer.execute("DELETE FROM events WHERE seq = 2")
    with pytest.raises(Damaged, match=r"event 2 of .* is missing"):
        await comparer.compare(run, other.writer.run)
