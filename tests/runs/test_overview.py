"""The timeline of a run against the same found by reading every event, on both databases."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from bench.long_run import write

from neurectomy.core.clock import SystemClock
from neurectomy.core.errors import Damaged, NotFound
from neurectomy.core.ids import new_id
from neurectomy.runs import overview
from neurectomy.runs.branches import branches_of
from neurectomy.runs.marks import Note, mark_kind, marked_rows, marks_of
from neurectomy.runs.overview import Overviews
from neurectomy.runs.spans import Span, Spans, turn_of
from neurectomy.runs.step import step_view
from neurectomy.runs.visits import BLOCK, Counted, Visits, count
from neurectomy.storage.port import RunRow
from neurectomy.timeline.event import Draft, Event, encode_payload, from_row
from neurectomy.timeline.log import Log
from tests.storage.scars import scar

pytestmark = pytest.mark.anyio
CLOCK = SystemClock()
USUAL = {
    "step.started", "step.finished", "value.bound", "branch.taken", "loop.entered", "loop.left",
    "model.requested", "model.responded", "tool.requested", "tool.returned", "timer.set",
    "timer.fired",
}  # fmt: skip


class Known:
    """A run, and all of its events."""

    def __init__(self, log: Log, run: str) -> None:
        self.log, self.row = log, log.row(run)
        self.events = [from_row(row) for row in log.rows(run, 0, 10_000_000)]
        self.times = [event.mono for event in self.events]
        self.overviews = Overviews(log)
        spans = Spans()
        for event in self.events:
            if (turn := turn_of(event)) is not None:
                spans.add(turn)
        self.spans = spans.found

    def window(self, began: int, ended: int, buckets: int, notes: list[Note] | None = None) -> Any:
        return self.overviews.overview(self.row, notes or [], began, ended, buckets)

    def marks(self, events: list[Event]) -> Counter[str]:
        unusual = [e for e in events if e.kind not in USUAL - {"tool.returned"}]
        kinds = [mark_kind(event.kind, encode_payload(event)) for event in unusual]
        return Counter(kind for kind in kinds if kind is not None)

    def windows(self, number: int) -> list[tuple[int, int, int]]:
        chance, length = random.Random(number), self.times[-1]
        found = [(0, -1, 1), (0, -1, 777), (length, -1, 3), (0, 0, 2)]
        for _ in range(number):
            began, ended = sorted((chance.randrange(length), chance.randrange(length + 1)))
            scale = chance.choice([1, 1000, 100_000])
            found.append((began, began + (ended - began) // scale, chance.randint(1, 900)))
        return found


@pytest.fixture
async def known(store, tmp_path: Path):
    run = await write(tmp_path / "workspace", 3000, store=store, mishaps=0.03)
    log = Log(store, CLOCK, "test")
    yield Known(log, run)
    await log.close()


async def test_the_buckets_of_any_window_are_the_events_of_their_times(known: Known) -> None:
    for began, ended, buckets in known.windows(40):
        found = known.window(began, ended, buckets)
        until = known.times[-1] if ended < 0 else ended
        edges = [began + (until - began) * place // buckets for place in range(buckets)]
        expected = [bisect_left(known.times, edge) for edge in [*edges, until + 1]]
        assert found.counts == expected
        inside = [t for t in known.times if began <= t <= until]
        sizes = [b - a for a, b in zip(found.counts, found.counts[1:], strict=False)]
        assert sum(sizes) == len(inside)


async def test_no_mark_of_a_window_is_lost_however_few_its_buckets(known: Known) -> None:
    assert sum(known.marks(known.events).values()) > 3
    for began, ended, buckets in known.windows(25):
        found = known.window(began, ended, buckets)
        inside = known.events[found.counts[0] : found.counts[-1]]
        grouped: Counter[str] = Counter()
        for group in found.marks:
            grouped[group.kind] += group.count
            low, high = found.counts[group.bucket], found.counts[group.bucket + 1]
            assert low < group.seq <= group.last <= high
        assert grouped == known.marks(inside)


async def test_spans_of_a_window_are_those_of_its_events(known: Known) -> None:
    for began, ended, buckets in known.windows(15):
        found = known.window(began, ended, buckets)
        first, last = found.counts[0], found.counts[-1]
        assert found.exact
        inside = [s for s in known.spans if s.start <= last and (s.end is None or s.end > first)]
        if len(inside) > overview.MOST_SPANS // 4:
            continue
        assert {s.step for s in found.spans} == {s.step for s in inside}
        for span in found.spans:
            true = next(s for s in inside if s.step == span.step)
            assert (span.kind, span.lane) == (true.kind, true.lane)
            if true.start > first:
                assert (span.start, span.began) == (true.start, true.began)
            if true.end is not None and true.end <= last:
                assert (span.end, span.ended, span.status) == (true.end, true.ended, true.status)


async def test_spans_from_keyframes_are_near_those_from_events(known: Known, monkeypatch) -> None:
    monkeypatch.setattr(overview, "MOST_READ", 0)
    found = known.window(0, -1, 400)
    assert not found.exact
    by_step = {span.step: span for span in known.spans}
    for span in found.spans:
        true = by_step[span.step]
        assert (span.kind, span.lane) == (true.kind, true.lane)
        assert true.start <= span.start < true.start + 2 * 64
        assert true.end is not None
        assert span.end is not None
        assert true.end <= span.end < true.end + 2 * 64
        assert span.status == true.status
    seen = {span.step for span in found.spans}
    long = [s for s in known.spans if s.end is not None and s.end - s.start > 3 * 64]
    assert {s.step for s in long} <= seen
    lanes = {span.lane for span in found.spans} | {busy.lane for busy in found.busy}
    assert {"findings", "researcher", "model"} <= lanes <= {span.lane for span in known.spans}
    for busy in found.busy:
        assert all(0 <= low < high <= 400 for low, high in busy.ranges)


async def test_a_fork_has_the_marks_and_spans_of_both_its_parts(known: Known, store) -> None:
    kinds = ("tool.failed", "answer.rejected")  # which of them come depends on who is first
    at = next(event.seq for event in known.events if event.kind in kinds) + 40
    writer = await _forked(known, at)
    fork = Known(known.log, writer)
    assert fork.events[: at - 1] == known.events[: at - 1]
    found = fork.window(0, -1, 50)
    assert found.head == at + 1
    assert found.counts[-1] == at + 1
    grouped: Counter[str] = Counter()
    for group in found.marks:
        grouped[group.kind] += group.count
    assert grouped == fork.marks(fork.events)
    assert grouped["fork"] == 1
    assert {s.step for s in found.spans} <= {s.step for s in fork.spans}
    tree = branches_of(store, fork.overviews.axis, fork.row)
    assert [(branch.run, branch.leaves) for branch in tree] == [
        (fork.row.id, 0),
        (known.row.id, at),
    ]
    other = branches_of(store, known.overviews.axis, known.row)
    assert [(b.run, b.parent, b.at) for b in other[1:]] == [(fork.row.id, known.row.id, at)]
    assert other[1].began == known.times[at - 1]


async def _forked(known: Known, at: int) -> str:
    row = known.row
    made = RunRow(new_id(CLOCK), row.flow, row.program, "", row.source, "fork", "running", 1)
    known.log.store.fork_run(row.id, at, made)
    writer = await known.log.open(made.id, force=True)
    writer.append(Draft("run.forked", "", {"run": row.id, "at": at, "changes": {}}, []))
    await known.log.release(writer)
    return made.id


async def test_a_step_is_found_from_any_moment_of_it_and_from_elsewhere(known: Known) -> None:
    chance = random.Random(3)
    for true in chance.sample(known.spans, 60):
        assert true.end is not None
        moments = [true.start, true.end, chance.randint(true.start, true.end)]
        for at in [*moments, known.row.head, max(1, true.start - 200)]:
            view = step_view(known.log, known.overviews, known.row, true.step, at)
            assert view.span == true
            assert (view.first.seq, view.last and view.last.seq) == (true.start, true.end)
            assert [cause.seq for cause in view.causes] == list(view.first.causes)
    with pytest.raises(NotFound, match="no step watch/nothing"):
        step_view(known.log, known.overviews, known.row, "watch/nothing", 5)


async def test_visits_are_counted_alike_in_blocks_and_at_once(known: Known, monkeypatch) -> None:
    monkeypatch.setattr("neurectomy.runs.visits.BLOCK", 256)
    assert BLOCK > 256
    counted = Counted(known.log.store)
    for at in [1, 255, 256, 257, 1000, known.row.head, 700]:
        told = [(e.seq, e.kind, e.step) for e in known.events[:at] if "/turn[" not in e.step]
        assert counted.until(known.row, at) == count(told)
    visits = counted.until(known.row, known.row.head)
    rounds = sum(event.kind == "loop.entered" for event in known.events)
    assert visits["repeat"].count == rounds
    assert visits["repeat/findings/found"].count == 6 * rounds
    assert visits["repeat/findings/yield"].count == 6 * rounds


def test_what_was_reached_and_how_it_went() -> None:
    events = [
        (1, "step.started", "f/draft"), (2, "step.finished", "f/draft"),
        (3, "tool.requested", "f/all[0]/one"), (4, "tool.failed", "f/all[0]/one"),
        (5, "tool.requested", "f/all[0]/one~1"), (6, "step.finished", "f/all[0]"),
        (7, "step.failed", "f/sum"), (8, "step.failed", "f"),
    ]  # fmt: skip
    assert count(events) == {
        "draft": Visits(1, "done", 1, 1, "f/draft"),
        "all/one": Visits(2, "running", 3, 5, "f/all[0]/one~1"),
        "all/yield": Visits(1, "done", 6, 6, "f/all[0]"),
        "sum": Visits(0, "failed"),
    }


async def test_what_stands_out_is_all_but_the_usual_and_calls_that_wrote(store) -> None:
    log = Log(store, CLOCK, "test")
    writer = await log.create(RunRow(new_id(CLOCK), "f", "", "", "f", "t", "running", 1), {})
    state = {"status": "running", "accounts": {}}
    writer.append(Draft("run.created", "", {}, [["set", [], state]]))
    kinds = [*sorted(USUAL), "step.failed", "files.conflict", "something.new"]
    for kind in kinds:
        writer.append(Draft(kind, "f/a", {"error": {"code": "budget"}}, []))
    writer.append(Draft("tool.returned", "f/b", {"value": 1, "files": "d" * 64}, []))
    writer.append(Draft("tool.returned", "f/c", {"value": {"files": 1}}, []))
    writer.append(Draft("tool.returned", "f/d", {"value": '"files":'}, []))
    await writer.barrier()
    row = log.row(writer.run)
    found = [mark.kind for mark in marks_of(marked_rows(store, row, 0, row.head))]
    assert found == ["budget", "file", "run", "file"]
    last = marked_rows(store, row, 0, row.head, limit=2, newest=True)
    assert [one.step for one in last] == ["f/c", "f/b"]
    only = marked_rows(store, row, 0, row.head, kinds=("something.new",))
    assert [one.kind for one in only] == ["something.new"]
    scar(store, row.id, row.head - 2)
    assert "file" not in [m.kind for m in marks_of(marked_rows(store, row, row.head - 3, row.head))]
    await log.close()


async def test_an_empty_run_and_a_missing_event(known: Known, store) -> None:
    row = RunRow(new_id(CLOCK), "f", "", "", "f", "t", "running", 1)
    store.create_run(row, {})
    assert Overviews(known.log).overview(row, [], 0, -1, 4).counts == [0] * 5
    beyond = RunRow(**{n: getattr(known.row, n) for n in row.__struct_fields__} | {"head": 10**6})
    with pytest.raises(Damaged, match="is missing"):
        Overviews(known.log).overview(beyond, [], 0, -1, 4)


def test_a_person_who_is_asked_again_is_still_asked() -> None:
    spans = Spans()
    for seq, kind, data in [
        (1, "tool.requested", {"tool": "send"}),
        (2, "human.answered", {"decision": "retry"}),
        (3, "human.answered", {"decision": "fail"}),
    ]:
        event = Event(seq, kind, 1, "f/a", (), 0, seq, data, [])
        if (turn := turn_of(event)) is not None:
            spans.add(turn)
    assert spans.found == [Span("f/a", "tool", "send", 1, 1, 3, 3, "failed")]


def test_a_breakpoint_that_is_set_is_no_pause() -> None:
    assert mark_kind("breakpoints.set", None) is None
    assert mark_kind("run.paused", None) == "pause"
