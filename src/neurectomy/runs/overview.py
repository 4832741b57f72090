"""The whole of a run, or any window of it, at any resolution, whatever the run's length.

Times are found by halving, steps in keyframes, and what stands out by its index: nothing is folded
from the beginning, and only windows of few events are read event by event.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from neurectomy.runs.malformed import telling
from neurectomy.runs.marks import Mark, marked_rows, marks_of
from neurectomy.runs.spans import (
    CLOSES,
    TELLING,
    TURNS,
    Opened,
    Span,
    Spans,
    Turn,
    opened_by,
    opened_in,
    turn,
)
from neurectomy.storage.ancestry import segments
from neurectomy.storage.port import ENDED
from neurectomy.timeline.axis import Axis, time_of, wall_of
from neurectomy.timeline.event import decode_payload
from neurectomy.timeline.writer import KEYFRAME_EVERY

if TYPE_CHECKING:
    from neurectomy.runs.marks import Note
    from neurectomy.storage.port import RunRow
    from neurectomy.storage.scans import EventPart
    from neurectomy.timeline.log import Log

MOST_READ = 40_000
"""Events of a window up to which each of them is read, so that its spans are exact."""

BLOCK = 1024
"""Events that are read together, and kept as turns."""

MOST_BLOCKS = 256
"""Blocks of turns that are kept in memory."""

MOST_SAMPLES = 500
"""Keyframes that are looked into for a window of more events."""

MOST_SPANS = 3_000
"""Spans that are given; those that are at least a bucket long, and of them the longest."""

MOST_TICKS = 200
"""Keyframes that are given; none, where there are more."""

MOST_ROOTS = 20_000
"""Keyframes whose open steps are kept in memory."""


class Busy(Struct, frozen=True):
    """When a lane had steps too short to be given as spans: ranges of buckets, ends excluded."""

    lane: str
    kind: str
    ranges: list[tuple[int, int]]


class Group(Struct, frozen=True):
    """Marks of one kind in one bucket.

    Attributes:
        seq: The first event; ``last`` the last.
        mono: Of the first, microseconds on the run's clock.
        text: The first event's kind, or what the first note says.
    """

    bucket: int
    kind: str
    count: int
    seq: int
    last: int
    mono: int
    text: str


class Overview(Struct, frozen=True):
    """A window of a run.

    Attributes:
        length: Of the run, microseconds to its last event.
        at: Wall time of the last event, microseconds since the epoch.
        began: Where the window begins, microseconds on the run's clock; ``ended`` where it ends.
        counts: The events before each bucket's beginning, and those up to the window's end: one
            more than there are buckets. So a bucket's events are a range of ``seq``.
        exact: Whether each event of the window was read; else spans begin and end where keyframes
            say so, which is within about one bucket.
        left_out: Spans that would be too many.
        keyframes: ``seq`` and time of each, where there is room for them.
    """

    head: int
    status: str
    length: int
    at: int
    began: int
    ended: int
    counts: list[int]
    exact: bool
    spans: list[Span]
    left_out: int
    busy: list[Busy]
    marks: list[Group]
    keyframes: list[tuple[int, int]]


class Overviews:
    """Makes overviews, and remembers what never changes. Blocking and thread-safe."""

    def __init__(self, log: Log) -> None:
        self.axis = Axis(log.store)
        self._log = log
        self._opened: dict[tuple[str, int], Opened] = {}
        self._turns: dict[tuple[str, int], list[Turn]] = {}

    @telling()
    def overview(
        self, row: RunRow, notes: list[Note], began: int, ended: int, buckets: int
    ) -> Overview:
        """A window of a run.

        Args:
            row: The run's.
            notes: All of the run's.
            began: Microseconds on the run's clock.
            ended: Likewise, after ``began``; negative for the last event.
            buckets: In how many parts, of equal time, the window is counted.
        """
        head = row.head
        if head == 0:
            edges = [0] * (buckets + 1)
            return Overview(0, row.status, 0, 0, 0, 0, edges, True, [], 0, [], [], [])
        (length,) = self.axis.times(row, [head])
        ended = length if ended < 0 else ended
        edges = [began + (ended - began) * place // buckets for place in range(buckets)]
        counts = self.axis.counts(row, [*edges, ended + 1])
        first, last = counts[0], counts[-1]
        keyframes: list[tuple[int, int]] = []
        ticks = range(first // KEYFRAME_EVERY + 1, last // KEYFRAME_EVERY + 1)
        if len(ticks) <= MOST_TICKS:
            seqs = [tick * KEYFRAME_EVERY for tick in ticks]
            keyframes = list(zip(seqs, self.axis.times(row, seqs), strict=True))
        marks = marks_of(marked_rows(self._log.store, row, first, last))
        exact = last - first <= MOST_READ
        if exact:
            spans, busy = self._read(row, counts, began, ended)
        else:
            spans, busy = self._sampled(row, counts, marks)
        left_out = max(0, len(spans) - MOST_SPANS)
        if left_out:
            spans.sort(key=lambda span: (span.ended or ended) - span.began, reverse=True)
            spans = sorted(spans[:MOST_SPANS], key=lambda span: span.start)
        marks += [
            Mark(note.seq, "note", "note.added", note.step, note.mono, note.text)
            for note in notes
            if first < note.seq <= last
        ]
        marks.sort(key=lambda mark: mark.seq)
        groups = _grouped(marks, counts)
        wall = self._wall(row)
        return Overview(
            head, row.status, length, wall, began, ended, counts, exact, spans, left_out, busy,
            groups, keyframes,
        )  # fmt: skip

    def opened(self, row: RunRow, seqs: list[int]) -> list[Opened]:
        """What goes on at keyframes; their ``seq`` are multiples of `KEYFRAME_EVERY`."""
        found: dict[int, Opened] = {0: Opened()}
        for part, first, until in segments(row):
            missing = []
            for seq in seqs:
                if not first < seq <= until:
                    continue
                known = self._opened.get((part, seq))
                if known is None:
                    missing.append(seq)
                else:
                    found[seq] = known
            if missing:
                if len(self._opened) > MOST_ROOTS:
                    self._opened.clear()
                for seq, root in self._log.store.scans.roots(part, missing).items():
                    found[seq] = self._opened[part, seq] = opened_in(root)
        return [found[seq] if seq in found else self._folded(row, seq) for seq in seqs]

    def _folded(self, row: RunRow, seq: int) -> Opened:
        """What goes on at a place that has no keyframe, such as one of a run that was cut off."""
        return opened_by(self._log.state(row.id, seq))

    def _wall(self, row: RunRow) -> int:
        part = row.id if not row.ancestry or row.head > row.ancestry[-1].until else ""
        part = part or row.ancestry[-1].run
        return wall_of(self._log.store.scans.headers(part, [row.head])[row.head])

    def _read(
        self, row: RunRow, counts: list[int], began: int, ended: int
    ) -> tuple[list[Span], list[Busy]]:
        """The spans of a window of few events; where there are many, short ones only as busy."""
        first, last = counts[0], counts[-1]
        spans = Spans(self._folded(row, first) if first else None, first, began)
        for part, low, until in segments(row):
            start, stop = max(low, first), min(until, last)
            for number in range(start // BLOCK, -(-stop // BLOCK)):
                edge = max(low, number * BLOCK)
                for one in self._block(part, edge, min(until, (number + 1) * BLOCK)):
                    if start < one.seq <= stop:
                        spans.add(one)
        found = spans.found
        if len(found) <= MOST_SPANS // 4:
            return found, []
        buckets = len(counts) - 1
        bucket = max(1, (ended - began) / buckets)
        long, short = list[Span](), dict[tuple[str, str], list[tuple[int, int]]]()
        for span in found:
            if span.ended is None or span.ended - span.began >= bucket:
                long.append(span)
                continue
            low = max(0, min(buckets - 1, int((span.began - began) / bucket)))
            high = max(low + 1, min(buckets, int((span.ended - began) / bucket) + 1))
            ranges = short.setdefault((span.lane, span.kind), [])
            if ranges and low <= ranges[-1][1]:
                ranges[-1] = (ranges[-1][0], max(high, ranges[-1][1]))
            else:
                ranges.append((low, high))
        return long, [Busy(lane, kind, ranges) for (lane, kind), ranges in short.items()]

    def _block(self, part: str, after: int, until: int) -> list[Turn]:
        """What the events of a block do to spans."""
        key = (part, after)
        known = self._turns.get(key)
        if known is None:
            rows = self._log.store.scans.parts(part, after, until, TURNS, TELLING)
            known = [turn for row in rows if (turn := _turn(row)) is not None]
            if until - after == BLOCK:
                if len(self._turns) >= MOST_BLOCKS:
                    self._turns.clear()
                self._turns[key] = known
        return known

    def _sampled(
        self, row: RunRow, counts: list[int], marks: list[Mark]
    ) -> tuple[list[Span], list[Busy]]:
        """Spans from keyframes near the buckets' edges, and where shorter steps were seen."""
        places = {count - count % KEYFRAME_EVERY for count in counts}
        ordered = sorted(places)
        stride = max(1, -(-len(ordered) // MOST_SAMPLES))
        sampled = sorted({*ordered[::stride], ordered[-1]})
        opened = self.opened(row, sampled)
        begins = [place for place in sampled if place > 0]
        times = dict(zip(begins, self.axis.times(row, begins), strict=True))
        times[0] = 0
        ended = row.status in ENDED and counts[-1] == row.head
        failed = {mark.step for mark in marks if mark.event in CLOSES and mark.kind != "person"}
        spans: list[Span] = []
        short: dict[tuple[str, str], set[int]] = {}
        going: dict[str, tuple[Span, int]] = {}
        for place, found in zip(sampled, opened, strict=True):
            steps = found.steps()
            for step in [step for step in going if step not in steps]:
                span, seen = going.pop(step)
                if seen > 1:
                    span.end, span.ended = place, times[place]
                    span.status = "failed" if step in failed else "done"
                    spans.append(span)
                else:
                    short.setdefault((span.lane, span.kind), set()).add(span.start)
            for step, (kind, lane) in steps.items():
                if step in going:
                    going[step] = (going[step][0], going[step][1] + 1)
                else:
                    going[step] = (Span(step, kind, lane, place, times[place]), 1)
        for span, seen in going.values():
            if ended:
                span.end, span.ended = row.head, self.axis.times(row, [row.head])[0]
                span.status = "failed" if span.step in failed else "done"
            if seen > 1 or (counts[-1] == row.head and not ended):
                spans.append(span)
            else:
                short.setdefault((span.lane, span.kind), set()).add(span.start)
        spans.sort(key=lambda span: span.start)
        return spans, [
            Busy(lane, kind, _ranges(seen, sampled, counts))
            for (lane, kind), seen in sorted(short.items())
        ]


def _turn(row: EventPart) -> Turn | None:
    try:
        data = {} if row.payload is None else decode_payload(row.payload)[0]
    except msgspec.MsgspecError:
        data = {}  # whoever folds or verifies the log says so
    return turn(row.seq, time_of(row.header), row.kind, row.step, data)


def _ranges(seen: set[int], sampled: list[int], counts: list[int]) -> list[tuple[int, int]]:
    """Ranges of buckets around the keyframes that saw something."""
    found: list[tuple[int, int]] = []
    most = len(counts) - 1
    for place, following in pairwise([*sampled, counts[-1] + 1]):
        if place not in seen:
            continue
        low = max(0, min(most - 1, bisect_right(counts, place) - 1))
        high = max(low + 1, min(most, bisect_right(counts, following) - 1))
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def _grouped(marks: list[Mark], counts: list[int]) -> list[Group]:
    """Marks by bucket and kind; no mark is lost."""
    groups: dict[tuple[int, str], Group] = {}
    for mark in marks:
        bucket = max(0, min(len(counts) - 2, bisect_right(counts, mark.seq - 1) - 1))
        key = (bucket, mark.kind)
        known = groups.get(key)
        if known is None:
            text = mark.text if mark.kind == "note" else mark.event
            groups[key] = Group(bucket, mark.kind, 1, mark.seq, mark.seq, mark.mono, text)
        else:
            groups[key] = Group(
                bucket, mark.kind, known.count + 1, known.seq, mark.seq, known.mono, known.text
            )
    return sorted(groups.values(), key=lambda group: (group.bucket, group.seq))
