"""Queries, and what they find: whole, in pages, and from any place on."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.long_run import write
from inline_snapshot import snapshot

from neurectomy.core.clock import SystemClock
from neurectomy.core.errors import InvalidInput
from neurectomy.core.ids import new_id
from neurectomy.runs.overview import Overviews
from neurectomy.runs.query import Term, parse_query
from neurectomy.runs.search import Search, is_error
from neurectomy.runs.spans import Spans, turn_of
from neurectomy.storage.port import RunRow
from neurectomy.timeline.event import Draft, from_row
from neurectomy.timeline.log import Log
from tests.storage.scars import scar

pytestmark = pytest.mark.anyio
CLOCK = SystemClock()


def test_a_query_is_words_fields_and_amounts() -> None:
    assert parse_query('tool:Lookup error -kind:model "two words" cost>=0.01 took<1.5m plain') == (
        Term("tool", "lookup"),
        Term("error"),
        Term("kind", "model", wanted=False),
        Term("text", "two words"),
        Term("cost", sign=">=", amount=10_000_000),
        Term("took", sign="<", amount=90_000_000),
        Term("text", "plain"),
    )
    assert parse_query("tokens>1.5k took=2ms cost<$3 tool:x") == (
        Term("tokens", sign=">", amount=1500),
        Term("took", sign="=", amount=2000),
        Term("cost", sign="<", amount=3_000_000_000),
        Term("tool", "x"),
    )
    assert parse_query("http://host a>b -") == (
        Term("text", "http://host"),
        Term("text", "a>b"),
        Term("text", "-"),
    )


@pytest.mark.parametrize(
    "query",
    ["", "tool:", "cost>much", "took>3y", "tokens", "model>3", '"open', "x" * 401],
)
def test_what_cannot_be_understood_is_told_with_what_to_write(query: str) -> None:
    with pytest.raises(InvalidInput) as told:
        parse_query(query)
    assert told.value.hint
    assert (query or "empty")[:4].strip('"<>') in told.value.message or "400" in told.value.message


def test_a_unit_that_there_is_not() -> None:
    with pytest.raises(InvalidInput) as told:
        parse_query("took>3y")
    assert (told.value.message, told.value.hint) == snapshot(
        ("there is no unit y of took", "It has: us, µs, ms, s, m, h.")
    )


def found(log: Log, run: str, query: str, after: int = 0, limit: int = 500) -> list[int]:
    row, overviews, seqs = log.row(run), Overviews(log), []
    place: int | None = after
    while place is not None:
        page = Search(log, overviews, row, parse_query(query), place).page(limit)
        assert len(page.matches) <= limit
        seqs += [match.seq for match in page.matches]
        place = page.next
    return seqs


@pytest.fixture
async def long(store, tmp_path: Path):
    run = await write(tmp_path / "workspace", 2500, store=store, mishaps=0.03)
    log = Log(store, CLOCK, "test")
    yield log, run
    await log.close()


async def test_each_term_finds_what_reading_every_event_finds(long) -> None:
    log, run = long
    events = [from_row(row) for row in log.rows(run, 0, 100_000)]
    usage = {e.seq: e.data["usage"] for e in events if e.kind == "model.responded"}
    assert found(log, run, "error") == [e.seq for e in events if is_error(e.kind)] != []
    assert found(log, run, "cost>0.008") == [
        seq for seq, used in usage.items() if used["cost_nanos"] > 8_000_000
    ]
    assert found(log, run, "tokens<600") == [
        seq for seq, used in usage.items() if used["input_tokens"] + used["output_tokens"] < 600
    ]
    assert found(log, run, "kind:loop step:repeat") == [
        e.seq for e in events if e.kind.startswith("loop.")
    ]
    words = found(log, run, '"nothing new" -kind:model -kind:value')
    assert words == [
        e.seq
        for e in events
        if "nothing new" in str(e.data) and not e.kind.startswith(("model.", "value."))
    ]
    spans, ended = Spans(), {}
    for event in events:
        if (turn := turn_of(event)) is not None and (span := spans.add(turn)) is not None:
            ended[event.seq] = span
    published = [seq for seq, span in ended.items() if span.lane == "publish"]
    assert found(log, run, "tool:publish") == published
    slow = [
        seq
        for seq, span in ended.items()
        if span.lane == "researcher" and span.end == seq and span.ended - span.began > 12_000_000
    ]
    assert found(log, run, "agent:researcher kind:step took>12s") == slow != []


@pytest.mark.parametrize("query", ["tool:lookup error", "agent:editor", "took>8s", "compilers"])
async def test_a_page_goes_on_where_the_one_before_it_ended(long, query: str) -> None:
    log, run = long
    whole = found(log, run, query)
    assert found(log, run, query, limit=3) == whole
    for after in (1, 500, 777, log.row(run).head):
        assert found(log, run, query, after=after) == [seq for seq in whole if seq > after]


async def test_large_values_and_redacted_events(store) -> None:
    log = Log(store, CLOCK, "test")
    writer = await log.create(RunRow(new_id(CLOCK), "f", "", "", "f", "t", "running", 1), {})
    writer.append(
        Draft("run.created", "", {}, [["set", [], {"status": "running", "accounts": {}}]])
    )
    large = writer.values.intern({"text": "haystack " * 600 + 'the "needle" Ünder it'})
    writer.append(Draft("value.bound", "f/a", {"value": large}, []))
    writer.append(Draft("value.bound", "f/b", {"value": "a needle too"}, []))
    await writer.barrier()
    assert found(log, writer.run, "needle") == [2, 3]
    assert found(log, writer.run, '"ünder it"') == [2]
    scar(store, writer.run, 3)
    assert found(log, writer.run, "needle") == [2]
    assert found(log, writer.run, "step:f/b") == [3]
    await log.close()
