"""Forks in which something is different: real runs, a real store, a provider over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from neurectomy.app.services import open_services
from neurectomy.core.errors import Conflict, Damaged, InvalidInput, ProgramInvalid
from neurectomy.server import moments, recorded, runs
from neurectomy.server.redaction import RedactInput, redact_run
from neurectomy.server.types import ChangesInput, ForkInput, Parent
from neurectomy.workspace.settings import Settings
from tests.models.provider import provider

pytestmark = pytest.mark.anyio

PROGRAM = '''
model m = "openai:small"

tool size(text: str) -> int from "tools.py" idempotent

## Says it again.
agent say(text: str) -> str { model m prompt """Say: {{ text }}""" }

flow f(text: str, times: int = 1) -> str {
  first = say(text)
  length = size(first)
  sure = ask human "Is {{ length }} enough?" -> bool
  second = say("{{ first }} {{ length }} {{ times }} {{ sure }}")
  return second
}
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.agent").write_text(PROGRAM)
    (tmp_path / "tools.py").write_text("def size(text: str) -> int:\n    return len(text)\n")
    return tmp_path


@pytest.fixture
async def services(root: Path, monkeypatch):
    def echo(request: dict[str, Any]) -> Any:
        if request["model"] == "refused":
            return 400
        words = request["messages"][-1]["content"].partition(": ")[2]
        heat = request.get("temperature")
        return [{"content": f"<{words}>" if request["model"] == "small" else f"{words}!{heat}"}]

    with provider() as server:
        server.rule = echo
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.address}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        async with open_services(root, Settings(durability="process")) as services:
            yield services


async def parent(services) -> str:
    """A finished run: ``<<hi> 4 1 True>``."""
    row = await services.runs.start(services.programs.bundle("a.agent"), "f", {"text": "hi"})
    await rest(services, row.id)
    await services.runs.answer(row.id, "f/sure", True)
    assert await rest(services, row.id) == "<<hi> 4 1 true>"
    return row.id


async def rest(services, run: str) -> Any:
    """Wait until a run rests; its value, null while it waits."""
    await asyncio.wait_for(services.runs.motions.wait(run), 20)
    return (await services.runs.result(await services.runs.row(run)))[0]


async def fork(services, run: str, kind: str, step: str, **changes: Any) -> Any:
    """Fork at the event of a kind and step, answer what it asks, and see that a replay agrees."""
    at = await seq(services, run, kind, step)
    made = await runs.fork_run(services, run, ForkInput(at=at, **changes))
    value = await rest(services, made.id)
    row = await services.runs.row(made.id)
    if row.status == "waiting":
        await services.runs.answer(made.id, "f/sure", True)
        value = await rest(services, made.id)
    replay = await services.runs.replay(made.id)
    assert replay.agrees, replay.difference
    assert (await services.runs.replay(run)).agrees
    return value


async def seq(services, run: str, kind: str, step: str) -> int:
    events = await services.log.events(run)
    return next(e.seq for e in events if (e.kind, e.step) == (kind, step))


async def test_a_fork_with_another_prompt_goes_on_with_it(services) -> None:
    run = await parent(services)
    prompts = {"say": "Shout: {{ text }} and {{ text }}"}
    late = await fork(services, run, "tool.requested", "f/length", prompts=prompts)
    assert late == "<<hi> 4 1 true and <hi> 4 1 true>"
    early = await fork(services, run, "step.started", "f/first", prompts=prompts)
    assert early == "<<hi and hi> 11 1 true and <hi and hi> 11 1 true>"
    detail = await recorded.run_program(services, run, -1)
    assert detail.text == PROGRAM


async def test_a_request_in_flight_is_asked_again_with_the_new_prompt(services) -> None:
    run = await parent(services)
    at = await seq(services, run, "model.requested", "f/first/turn[0]")
    body = ForkInput(at=at, prompts={"say": "Other: {{ text }}"})
    made = await runs.fork_run(services, run, body)
    await rest(services, made.id)
    asked = await seq(services, made.id, "model.requested", "f/first/turn[0]~1")
    request = await services.runs.request(made.id, asked)
    assert request.messages[-1].content[0].text == "Other: "
    before = await services.runs.request(made.id, at)
    assert before.messages[-1].content[0].text == "Say: "
    assert (await services.runs.replay(made.id)).agrees
    assert "Other" in (await recorded.run_program(services, made.id, -1)).text
    assert "Other" not in (await recorded.run_program(services, made.id, at)).text


async def test_a_fork_with_another_model_and_settings(services) -> None:
    run = await parent(services)
    value = await fork(services, run, "step.started", "f/first", models={"m": "openai:large"},
                       settings={"m": {"temperature": 0.5}})  # fmt: skip
    assert value == "hi!0.5 6 1 true!0.5"


async def test_a_call_and_a_person_end_in_another_way(services) -> None:
    run = await parent(services)
    for kind in ("tool.requested", "tool.returned"):
        assert await fork(services, run, kind, "f/length", value=70) == "<<hi> 70 1 true>"
    assert await fork(services, run, "human.answered", "f/sure", value=False) == "<<hi> 4 1 false>"
    with pytest.raises(InvalidInput, match="does not fit"):
        await fork(services, run, "tool.returned", "f/length", value="x")
    with pytest.raises(InvalidInput, match="ends no call"):
        await fork(services, run, "step.started", "f/first", value=1)


async def test_a_fork_with_other_inputs_and_other_values_of_names(services) -> None:
    run = await parent(services)
    assert await fork(services, run, "tool.requested", "f/length", inputs={"times": 9}) == (
        "<<hi> 4 9 true>"
    )
    bindings = {"f": {"first": "ho"}}
    assert await fork(services, run, "tool.returned", "f/length", bindings=bindings) == (
        "<ho 4 1 true>"
    )
    for wrong, told in (
        ({"f": {"first": 3}}, "first does not fit"),
        ({"f": {"nope": 3}}, "has no nope"),
        ({"g": {"first": "x"}}, "no flow is under way at g"),
    ):
        with pytest.raises(InvalidInput, match=told):
            await fork(services, run, "tool.returned", "f/length", bindings=wrong)
    with pytest.raises(InvalidInput, match="times"):
        await fork(services, run, "tool.returned", "f/length", inputs={"times": "x"})


async def test_a_fork_with_another_program_must_fit_where_the_run_is(services, root: Path) -> None:
    run = await parent(services)
    fits = PROGRAM.replace('"{{ first }}', '"{{ length }} {{ first }}')
    value = await fork(services, run, "tool.requested", "f/length", text=fits)
    assert value == "<4 <hi> 4 1 true>"
    (root / "b.agent").write_text(fits.replace("length = size(first)", "length = size(text)"))
    assert await fork(services, run, "model.responded", "f/first/turn[0]", program="b.agent") == (
        "<2 <hi> 2 1 true>"
    )
    for text, told in (
        (PROGRAM.replace("first", "begin"), "no step first any more"),
        (PROGRAM.replace("agent say(text: str)", "agent say(text: str, mood: str)").replace(
            "say(text)", 'say(text, mood: "x")').replace("say(\"", 'say(mood: "x", text: "'),
         "takes something else now"),
        (PROGRAM.replace("flow f", "flow g"), "no flow f any more"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput, match=told) as raised:
            await fork(services, run, "step.started", "f/first", text=text)
        assert "earlier event" in raised.value.hint
    with pytest.raises(ProgramInvalid):
        await fork(services, run, "step.started", "f/first", text="flow f( {")
    with pytest.raises(InvalidInput, match="no agent nobody"):
        await fork(services, run, "step.started", "f/first", prompts={"nobody": "x"})


async def test_a_fork_may_cost_no_more_than_it_is_told(services) -> None:
    run = await parent(services)
    made = await runs.fork_run(services, run, ForkInput(at=1, cost_usd=0.0))
    await rest(services, made.id)
    _, error = await services.runs.result(await services.runs.row(made.id))
    assert error["code"] == "budget"
    assert (await services.runs.replay(made.id)).agrees


async def test_a_waiting_run_is_changed_in_place(services) -> None:
    row = await services.runs.start(services.programs.bundle("a.agent"), "f", {"text": "hi"})
    assert await rest(services, row.id) is None
    body = ChangesInput(prompts={"say": "Now: <{{ text }}"}, bindings={"f": {"length": 8}})
    changed = await runs.change_run(services, row.id, body)
    assert changed.status == "waiting"
    await services.runs.answer(row.id, "f/sure", True)
    assert await rest(services, row.id) == "<<<hi> 8 1 true>"
    assert (await services.runs.replay(row.id)).agrees
    with pytest.raises(Conflict, match="finished"):
        await runs.change_run(services, row.id, body)


async def test_a_fork_that_was_not_acknowledged_is_gone_after_a_crash(services) -> None:
    run = await parent(services)
    row = await services.runs.row(run)
    half = msgspec.structs.replace(
        row, id=run[:-4] + "ffff", ancestry=(), head=0, link=b"", status="running"
    )
    services.log.store.fork_run(run, 3, half)
    await services.runs.motions.recover()
    assert services.log.store.run(half.id) is None
    assert (await services.runs.replay(run)).agrees


STOPPED = '''
model m = "openai:small"
tool size(text: str) -> int from "tools.py"
agent say(text: str) -> str { model m retry 0 prompt """Say: {{ text }}""" }

flow f(text: str) -> str {
  first = say(text)
  parallel {
    sure = ask human "Go on?" -> bool
    second = say("{{ first }} again")
  }
  return "{{ second }} {{ sure }}"
}
'''


async def test_a_failed_run_is_resumed_with_its_questions_and_without_repeating(
    services, root: Path
) -> None:
    (root / "s.agent").write_text(STOPPED)
    bundle = services.programs.bundle("s.agent")
    broken = await services.runs.start(bundle, "f", {"text": "nothing refuses this"})
    await rest(services, broken.id)
    await services.runs.cancel(broken.id)
    await rest(services, broken.id)
    assert (await services.runs.row(broken.id)).status == "cancelled"
    body = ChangesInput(prompts={"say": "Now: {{ text }}"})
    made = await runs.resume_run(services, broken.id, body)
    assert made.parent == Parent(broken.id, made.parent.at)
    await rest(services, made.id)
    state = services.log.state(made.id, (await services.runs.row(made.id)).head)
    asked = state["pending"]["f/sure"]["seq"]
    events = await services.log.events(made.id)
    assert (events[asked - 1].kind, events[asked - 1].step) == ("human.asked", "f/sure")
    answered = [e.step for e in events if e.kind == "model.responded"]
    assert len(answered) == len(set(answered)) == 2
    await services.runs.answer(made.id, "f/sure", True)
    assert await rest(services, made.id) == "<<nothing refuses this> again> true"
    assert (await services.runs.replay(made.id)).agrees
    with pytest.raises(Conflict, match="has finished"):
        await runs.resume_run(services, made.id, ChangesInput())


BRANCHES = """
tool size(text: str) -> int from "tools.py" idempotent

flow f(text: str) -> int {
  parallel {
    a = size(text)
    b = size(text)
    c = size(text)
  }
  return a + b
}
"""


async def test_a_parallel_block_that_has_begun_keeps_what_it_waits_for(
    services, root: Path
) -> None:
    (root / "p.agent").write_text(BRANCHES)
    run = (await services.runs.start(services.programs.bundle("p.agent"), "f", {"text": "hi"})).id
    assert await rest(services, run) == 4
    fewer = BRANCHES.replace("    c = size(text)\n", "")
    more = BRANCHES.replace("    c = size(text)\n", "    c = size(text)\n    d = size(text)\n")
    for text, step, fits in (
        (fewer, "f/a", True),  # c has not begun, and b is still to come
        (fewer, "f/b", False),  # nothing is left to begin
        (fewer, "f/c", False),
        (more, "f/b", True),
        (more, "f/c", False),  # nobody would begin d
    ):
        if fits:
            assert await fork(services, run, "tool.requested", step, text=text) == 4
        else:
            with pytest.raises(InvalidInput, match="other branches"):
                await fork(services, run, "tool.requested", step, text=text)


UNBEGUN = """
tool size(text: str, by: int = 1) -> int from "tools.py" idempotent

flow f(n: int) -> int {
  less = n - 1
  parallel {
    a = size("a", 1)
    b = size("bb", 6 % less)
    c = size("ccc", 1)
  }
  return a + b + c
}
"""


async def test_a_branch_that_could_not_begin_does_when_the_run_is_resumed(
    services, root: Path
) -> None:
    (root / "u.agent").write_text(UNBEGUN)
    (root / "tools.py").write_text(
        "def size(text: str, by: int = 1) -> int:\n    return len(text)\n"
    )
    run = (await services.runs.start(services.programs.bundle("u.agent"), "f", {"n": 1})).id
    await rest(services, run)
    _, error = await services.runs.result(await services.runs.row(run))
    assert error["step"] == "f/b"
    made = await runs.resume_run(services, run, ChangesInput(bindings={"f": {"less": 4}}))
    assert await rest(services, made.id) == 6
    assert (await services.runs.replay(made.id)).agrees


async def test_a_run_whose_conversation_was_erased_fails_and_does_not_stand_still(
    services,
) -> None:
    run = await parent(services)
    at = await seq(services, run, "step.started", "f/first")
    await redact_run(services, run, RedactInput(at=[at]))
    made = await runs.fork_run(services, run, ForkInput(at=at))
    await rest(services, made.id)
    row = await services.runs.row(made.id)
    assert row.status == "failed"
    _, error = await services.runs.result(row)
    assert (error["code"], error["step"]) == ("unfit", "f/first")
    assert "earlier event" in error["hint"]


async def test_what_had_failed_goes_on_as_a_step_of_the_resumed_run(services) -> None:
    fails = PROGRAM.replace('model m = "openai:small"', 'model m = "openai:refused"')
    (services.programs.root / "r.agent").write_text(fails)
    refused = await services.runs.start(services.programs.bundle("r.agent"), "f", {"text": "x"})
    await rest(services, refused.id)
    assert (await services.runs.row(refused.id)).status == "failed"
    body = ChangesInput(models={"m": "openai:small"})
    made = await runs.resume_run(services, refused.id, body)
    await rest(services, made.id)
    overview = await moments.show_overview(services, made.id, 0, -1, 100)
    spans = [one for one in overview.spans if one.step == "f/first"]
    assert [one.status for one in spans] == ["failed", "done"]


async def test_a_state_that_lacks_what_it_must_have_is_told_as_damage(
    services, monkeypatch
) -> None:
    run = await parent(services)
    whole = services.log.state(run, 3)
    broken = {**whole, "frames": {"f": {"kind": "flow"}}}
    monkeypatch.setattr(services.log, "state", lambda *_: broken)
    with pytest.raises(Damaged, match="malformed"):
        await runs.fork_run(services, run, ForkInput(at=3, text=PROGRAM.replace("Say:", "Say it:")))
