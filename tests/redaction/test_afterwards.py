"""What was recorded is erased everywhere, on both stores; the log holds around the scars."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from neurectomy.app.services import open_services
from neurectomy.core.errors import Conflict, InvalidInput, NotFound
from neurectomy.runs.erasing import Wanted
from neurectomy.server.context import Services
from neurectomy.storage.port import RunRow
from neurectomy.workspace.settings import Settings
from tests.models.provider import provider
from tests.redaction.kept import kept

pytestmark = pytest.mark.anyio

SECRET = "Kiwi-Marmalade-77"
WITNESS = "apricot breakfast"

PROGRAM = """
model m = "ollama:small"
type Note { title: str  text: str }
tool look(question: str) -> list[Note] from "tools.py" idempotent
tool wait(n: int) -> int from "tools.py" idempotent
agent helper(question: str, notes: list[Note]) -> str {
  model m
  tools look
  prompt "{{ question }} {{ notes }}"
}
flow f(question: str) -> str {
  notes = look(question)
  said = helper(question, notes)
  n = 0
  repeat at most 40 times { n = n + 1 }
  all = map note in notes { twice = "{{ note.text }} {{ said }}"  yield twice }
  sure = ask human "Is it {{ said }}?" -> str
  kept = "{{ sure }}: {{ all[0] }}"
  after = wait(n)
  return "{{ kept }} {{ after }}"
}
flow long(word: str) -> int {
  n = 0
  repeat at most 200 times { n = n + 1 }
  again = word
  repeat at most 100 times { n = n + 1 }
  return n
}
flow short() -> int {
  sure = ask human "Sure?" -> bool
  n = 0
  repeat at most 100 times { n = n + 1 }
  return n
}
flow slow() -> int {
  n = wait(0)
  return n
}
"""
TOOLS = f"""
import time

def look(question):
    print("looked for", question)
    word = question.split()[-1]
    return [{{"title": "a", "text": word + " {WITNESS} " + "x" * 3000}} for _ in range(150)]

def wait(n):
    time.sleep(5 if n == 0 else 0)
    return n
"""


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request) -> Settings:
    url = request.getfixturevalue("database_url") if request.param == "postgres" else ""
    return Settings(durability="process", database_url=url)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "a.agent").write_text(PROGRAM)
    (folder / "tools.py").write_text(TOOLS)
    return folder


@pytest.fixture
def model(monkeypatch):
    with provider() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.address)
        call = {"name": "look", "arguments": f'{{"question": "again {SECRET}"}}'}
        calls = [{"index": 0, "id": "c", "type": "function", "function": call}]
        server.answers = [[{"tool_calls": calls}], [{"content": f"It is {SECRET}, {WITNESS}"}]]
        yield server


@asynccontextmanager
async def opened(root: Path, settings: Settings) -> AsyncIterator[Services]:
    async with open_services(root, settings) as services:
        yield services


async def begun(services: Services, flow: str = "f", **inputs: Any) -> RunRow:
    """A run that has come to its question or end."""
    bundle = services.programs.bundle("a.agent")
    row = await services.runs.start(bundle, flow, inputs)
    await asyncio.wait_for(services.runs.motions.wait(row.id), 60)
    return await services.runs.row(row.id)


async def ended(services: Services) -> RunRow:
    row = await begun(services, question=f"Where is {SECRET}")
    assert row.status == "waiting"
    await services.runs.answer(row.id, "f/sure", f"yes, {SECRET}")
    await asyncio.wait_for(services.runs.motions.wait(row.id), 60)
    row = await services.runs.row(row.id)
    assert row.status == "finished"
    return row


async def all_events(services: Services, run: str) -> list[Any]:
    return await services.log.events(run, 0, 10_000)


async def test_a_text_is_gone_from_everywhere_and_the_log_holds_together(
    root: Path, settings: Settings, model: Any
) -> None:
    async with opened(root, settings) as services:
        row = await ended(services)
        fork = await services.runs.fork(row.id, 5, start=False)
        late = await services.runs.fork(row.id, row.head - 3, start=False)
        await services.runs.label(row.id, {"of": SECRET})
        before = [services.log.whole_state(row.id, seq) for seq in range(row.head + 1)]
        events = await all_events(services, row.id)
        stored = await asyncio.to_thread(kept, root, settings.database_url)
        assert stored.count(SECRET.encode()) > 20

        dry = await services.runs.redact(row.id, Wanted(text=SECRET), dry_run=True)
        assert dry.dry_run
        assert await all_events(services, row.id) == events
        told = await services.runs.redact(
            row.id, Wanted(text=SECRET), reason="it was a password", by="me"
        )
        assert told == structs.replace(dry, dry_run=False)
        assert {one.run for one in told.runs} == {row.id, fork.id, late.id}
        assert told.remains == []

        after = await all_events(services, row.id)
        redacted = [event.seq for event in after if event.data is None]
        assert redacted == told.events
        assert [e for e in after if e.data is not None][:-1] == [
            e for e in events if e.seq not in redacted
        ]
        scar = after[-1]
        assert (scar.kind, scar.patch, scar.data["reason"]) == (
            "run.redacted", [], "it was a password",
        )  # fmt: skip
        assert sum(last - first + 1 for first, last in scar.data["events"]) == len(redacted)
        now = await services.runs.row(row.id)
        assert (now.status, now.ended_us, now.head) == (row.status, row.ended_us, row.head + 1)
        for run in (row.id, fork.id, late.id):
            assert services.log.verify(run) == (await services.runs.row(run)).head
            replay = await services.runs.replay(run)
            assert not replay.agrees
            assert replay.difference.message == f"what happened at event {redacted[0]} was redacted"
        for seq in range(row.head + 1):
            state = services.log.whole_state(row.id, seq)
            assert shape(state) == shape(before[seq])
        text, _ = await services.runs.result(now)
        assert text.startswith("yes, [redacted]: [redacted] apricot breakfast")
        with pytest.raises(NotFound, match="nothing in the run"):
            await services.runs.redact(row.id, Wanted(text=SECRET))
        stored = await asyncio.to_thread(kept, root, settings.database_url)
        assert SECRET.encode() not in stored
        assert WITNESS.encode() in stored
    stored = await asyncio.to_thread(kept, root, settings.database_url)
    assert SECRET.encode() not in stored


def shape(value: Any) -> Any:
    """A state without its values: what folding and deciding go by."""
    if isinstance(value, dict):
        if "$blob" in value:
            return "blob"
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return (
        SECRET if isinstance(value, str) and (SECRET in value or "[redacted]" in value) else value
    )


async def test_a_fork_goes_on_from_a_redacted_prefix(
    root: Path, settings: Settings, model: Any
) -> None:
    async with opened(root, settings) as services:
        row = await begun(services, question=f"Where is {SECRET}")
        await services.runs.redact(row.id, Wanted(text=SECRET))
        assert (await services.runs.row(row.id)).status == "waiting"
        await services.runs.answer(row.id, "f/sure", "yes")
        await asyncio.wait_for(services.runs.motions.wait(row.id), 60)
        row = await services.runs.row(row.id)
        assert row.status == "finished"
        value, _ = await services.runs.result(row)
        assert value.startswith("yes: [redacted]")
        stored = await asyncio.to_thread(kept, root, settings.database_url)
        assert SECRET.encode() not in stored


async def test_what_a_step_gave_goes_with_all_that_repeats_it(
    root: Path, settings: Settings, model: Any
) -> None:
    async with opened(root, settings) as services:
        row = await ended(services)
        told = await services.runs.redact(row.id, Wanted(step="f/notes"))
        events = await all_events(services, row.id)
        assert {e.kind for e in events if e.data is None and e.step == "f/notes"} == {
            "tool.requested", "tool.returned",
        }  # fmt: skip
        assert told.events == [e.seq for e in events if e.data is None]
        assert services.log.verify(row.id) == row.head + 1
        with pytest.raises(NotFound, match="no step"):
            await services.runs.redact(row.id, Wanted(step="f/nowhere"))


async def test_matches_of_a_pattern_go(root: Path, settings: Settings) -> None:
    async with opened(root, settings) as services:
        row = await begun(services, "long", word=f"so {SECRET} it is")
        told = await services.runs.redact(row.id, Wanted(pattern="Kiwi-[A-Za-z]+-[0-9]+"))
        assert len(told.events) == 2
        state = services.log.whole_state(row.id, row.head)
        assert state["inputs"] == {"word": "so [redacted] it is"}
        stored = await asyncio.to_thread(kept, root, settings.database_url)
        assert SECRET.encode() not in stored


async def test_an_event_that_is_named_goes_also_where_its_value_is_short(
    root: Path, settings: Settings
) -> None:
    async with opened(root, settings) as services:
        row = await begun(services, "long", word="ab")
        told = await services.runs.redact(row.id, Wanted(at=(3,)))
        assert told.events == [3]
        events = await all_events(services, row.id)
        assert [e.seq for e in events if e.data is None] == [3]
        assert services.log.whole_state(row.id, row.head)["result"] == 300


async def test_a_short_answer_goes_from_the_states_that_have_it_where_it_was_put(
    root: Path, settings: Settings
) -> None:
    async with opened(root, settings) as services:
        row = await begun(services, "short")
        await services.runs.answer(row.id, "short/sure", True)
        await asyncio.wait_for(services.runs.motions.wait(row.id), 60)
        events = await all_events(services, row.id)
        answered = next(e.seq for e in events if e.kind == "human.answered")
        await services.runs.redact(row.id, Wanted(at=(answered,)))
        for seq in (answered, answered + 1, 70, 140):
            state = services.log.whole_state(row.id, seq)
            assert state["frames"]["short"]["env"]["sure"] == "[redacted]"


async def test_what_is_in_motion_or_not_there_is_refused(root: Path, settings: Settings) -> None:
    async with opened(root, settings) as services:
        done = await begun(services, "long", word=SECRET)
        for wanted in (Wanted(), Wanted(at=(0,)), Wanted(at=(done.head + 1,)), Wanted(pattern="(")):
            with pytest.raises(InvalidInput):
                await services.runs.redact(done.id, wanted)
        running = await services.runs.start(services.programs.bundle("a.agent"), "slow", {})
        with pytest.raises(Conflict, match="in motion"):
            await services.runs.redact(running.id, Wanted(at=(1,)))
        assert (await all_events(services, running.id))[0].data is not None
        await services.runs.cancel(running.id)


async def test_another_run_with_the_same_value_keeps_it_and_that_is_said(
    root: Path, settings: Settings
) -> None:
    word = f"{SECRET} " * 400
    async with opened(root, settings) as services:
        one = await begun(services, "long", word=word)
        other = await begun(services, "long", word=word)
        told = await services.runs.redact(one.id, Wanted(text=SECRET))
        assert [one.run for one in told.runs] == [one.id]
        assert len(told.remains) == 1
        assert "which other runs name too" in told.remains[0]
        assert (await services.runs.replay(other.id)).agrees
        told = await services.runs.redact(other.id, Wanted(text=SECRET))
        assert told.remains == []
        stored = await asyncio.to_thread(kept, root, settings.database_url)
        assert SECRET.encode() not in stored


async def test_the_program_is_kept_and_that_is_said(root: Path, settings: Settings) -> None:
    async with opened(root, settings) as services:
        row = await begun(services, "long", word="repeat at most")
        told = await services.runs.redact(row.id, Wanted(text="repeat at most"))
        gone = f"gone only with the run: neurectomy runs delete {row.id}"
        assert sorted(told.remains) == [
            f"a.agent (files of the run); {gone}",  # it was captured with its folder
            f"the program a.agent; {gone}",
        ]
        last = (await all_events(services, row.id))[-1]
        assert (last.kind, last.data["remains"]) == ("run.redacted", 2)


async def test_files_that_an_earlier_run_left_are_named_too(root: Path, settings: Settings) -> None:
    """A run names the tree of such files, and none of them by itself."""
    (root / "notes").mkdir()
    (root / "notes" / "a.md").write_text(f"about\n{SECRET}")
    async with opened(root, settings) as services:
        await begun(services, "long", word="other")
        row = await begun(services, "long", word=SECRET)
        told = await services.runs.redact(row.id, Wanted(text=SECRET), dry_run=True)
        gone = f"gone only with the run: neurectomy runs delete {row.id}"
        assert told.remains == [f"notes/a.md (files of the run); {gone}"]
