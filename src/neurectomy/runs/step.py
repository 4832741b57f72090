"""One step of a run: where it began and where it ended, found without reading what is between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from neurectomy.core.errors import NotFound
from neurectomy.runs.spans import OPENS, Span, Spans, opened_by, turn_of
from neurectomy.storage.ancestry import segments
from neurectomy.timeline.event import Event, from_row
from neurectomy.timeline.writer import KEYFRAME_EVERY

if TYPE_CHECKING:
    from neurectomy.runs.overview import Overviews
    from neurectomy.storage.port import RunRow
    from neurectomy.timeline.log import Log


class Cause(Struct, frozen=True):
    """An event that led to another one."""

    seq: int
    kind: str


class StepView(Struct, frozen=True):
    """A step with the events at its ends; ``last`` is null while it goes on."""

    span: Span
    first: Event
    last: Event | None
    causes: list[Cause]


def step_view(log: Log, overviews: Overviews, row: RunRow, step: str, at: int) -> StepView:
    """The step at or around a moment, else the last one of that path before it. Blocking.

    Raises:
        NotFound: The run has no such step.
    """
    finder = _Finder(log, overviews, row, step)
    inside = next((seq for seq in (at, at - 1) if 0 < seq <= row.head and finder.goes_on(seq)), 0)
    if not inside:
        inside = finder.anywhere(at)
    span, first = finder.opening(inside)
    last = finder.closing(inside, span)
    closing = None if last is None else turn_of(last)
    if closing is not None:
        spans = Spans()
        spans.open[span.step] = span
        spans.add(closing)
    rows = [log.rows(row.id, cause - 1, 1) for cause in first.causes[:20] if cause > 0]
    return StepView(
        span, first, last, [Cause(found[0].seq, found[0].kind) for found in rows if found]
    )


class _Finder:
    def __init__(self, log: Log, overviews: Overviews, row: RunRow, step: str) -> None:
        self._log, self._overviews, self._row, self._step = log, overviews, row, step

    def goes_on(self, seq: int) -> bool:
        """Whether the step is open after an event."""
        return self._step in opened_by(self._log.state(self._row.id, seq)).steps()

    def anywhere(self, at: int) -> int:
        """Where the last step of that path up to a moment began, else the first one after it."""
        for newest, low, high in ((True, 0, at), (False, at, self._row.head)):
            parts = [(part, max(first, low), min(until, high)) for part, first, until in
                     segments(self._row)]  # fmt: skip
            for part, first, until in reversed(parts) if newest else parts:
                if first < until:
                    found = self._log.store.scans.of_step(
                        part, self._step, ["step.started", *OPENS], first, until, newest=newest
                    )
                    if found is not None:
                        return found
        raise self._none()

    def opening(self, inside: int) -> tuple[Span, Event]:
        """The event that opened the step that goes on at a moment."""
        low, high = 0, inside // KEYFRAME_EVERY
        while low < high:  # the first keyframe in which it goes on, up to the moment
            middle = (low + high) // 2
            if self._in_keyframe(middle):
                high = middle
            else:
                low = middle + 1
        last = inside
        if self._in_keyframe(low):
            last = low * KEYFRAME_EVERY
        for event in reversed(
            self._events(max(0, (last - 1) // KEYFRAME_EVERY * KEYFRAME_EVERY), last)
        ):
            turn = turn_of(event) if event.step == self._step else None
            if turn is not None and turn.opens is not None:
                return Span(turn.step, *turn.opens, turn.seq, turn.mono), event
        raise self._none()

    def closing(self, inside: int, span: Span) -> Event | None:
        """The event that closed it; null while it goes on."""
        head = self._row.head
        if self.goes_on(head):
            return None
        low, high = inside // KEYFRAME_EVERY, head // KEYFRAME_EVERY + 1
        while high - low > 1:  # the last keyframe in which it goes on, from the moment
            middle = (low + high) // 2
            if self._in_keyframe(middle):
                low = middle
            else:
                high = middle
        after = max(inside, low * KEYFRAME_EVERY)
        for event in self._events(after, min(head, after + 2 * KEYFRAME_EVERY)):
            turn = turn_of(event)
            if turn is not None and (turn.ends or (turn.closes and turn.step == self._step)):
                return event
        return None

    def _in_keyframe(self, number: int) -> bool:
        (opened,) = self._overviews.opened(self._row, [number * KEYFRAME_EVERY])
        return self._step in opened.steps()

    def _events(self, after: int, until: int) -> list[Event]:
        return [from_row(row) for row in self._log.rows(self._row.id, after, until - after)]

    def _none(self) -> NotFound:
        return NotFound(f"the run has no step {self._step}", hint="Look at its timeline.")
