"""Steps of a run as spans of its time: what is open in a state, and what events open and close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from neurectomy.timeline.event import Event


class Span(Struct):
    """A step from its beginning to its end.

    Attributes:
        kind: ``agent``, ``flow``, ``map``, ``tool``, ``model`` or ``person``.
        lane: Where it is drawn: the name of the agent, tool or flow.
        start: The event that began it; of a span that was not read from its beginning, one in it.
        end: The event that ended it; null while it goes on.
        began: Microseconds on the run's clock; ``ended`` likewise, null while it goes on.
        status: ``running``, ``done`` or ``failed``.
    """

    step: str
    kind: str
    lane: str
    start: int
    began: int
    end: int | None = None
    ended: int | None = None
    status: str = "running"


class _Frame(Struct):
    kind: str
    callee: str = ""
    parent: str = ""


class _Effect(Struct):
    kind: str
    frame: str = ""


class Opened(Struct):
    """What a state says of the steps that go on; everything else in it is passed over."""

    status: str = ""
    frames: dict[str, _Frame] = {}
    pending: dict[str, _Effect] = {}

    def steps(self) -> dict[str, tuple[str, str]]:
        """Kind and lane of each open step."""
        found: dict[str, tuple[str, str]] = {}
        for path, frame in self.frames.items():
            if frame.parent and frame.kind in ("agent", "flow", "map"):
                found[path] = (frame.kind, frame.callee or path.rpartition("/")[2])
        for path, effect in self.pending.items():
            if effect.kind == "model":
                found[path] = ("model", "model")
            elif effect.kind in ("tool", "unknown", "secret"):
                frame_of = self.frames.get(effect.frame)
                found[path] = ("tool", frame_of.callee if frame_of else "tool")
            elif effect.kind == "human":
                found[path] = ("person", "you")
        return found


_decode = msgspec.json.Decoder(Opened).decode


def opened_in(root: bytes) -> Opened:
    """What goes on in a state as a keyframe has it; nothing where that is no run's state."""
    try:
        return _decode(root)
    except msgspec.MsgspecError:
        return Opened()


def opened_by(state: Any) -> Opened:
    """As `opened_in`, of a state in memory."""
    try:
        return msgspec.convert(state, Opened)
    except msgspec.MsgspecError:
        return Opened()


OPENS = {"model.requested": "model", "tool.requested": "tool", "human.asked": "person"}
CLOSES = {
    "step.finished": "done",
    "step.failed": "failed",
    "model.responded": "done",
    "model.failed": "failed",
    "tool.returned": "done",
    "tool.failed": "failed",
    "human.answered": "done",
}
ENDS = frozenset({"run.finished", "run.failed", "run.cancelled"})


TURNS = ["step.started", "run.forked", *OPENS, *CLOSES, *ENDS]
"""Kinds of events that open or close spans."""

TELLING = ["step.started", "run.forked", "tool.requested", "human.answered"]
"""Those of them whose data says more than their kind."""


class Turn(NamedTuple):
    """What an event does to spans.

    Attributes:
        opens: Kind and lane of the span that it begins; null for none.
        closes: The status in which it ends the span of its step; empty for none.
        ends: Whether it ends everything.
    """

    seq: int
    mono: int
    step: str
    opens: tuple[str, str] | None = None
    closes: str = ""
    ends: bool = False


def turn(seq: int, mono: int, kind: str, step: str, data: dict[str, Any]) -> Turn | None:
    """What an event does to spans; null for nothing. ``data`` counts for `TELLING` kinds only."""
    if kind in CLOSES:
        decision = data.get("decision") if kind == "human.answered" else None
        if decision == "retry":
            return None
        return Turn(seq, mono, step, closes="failed" if decision == "fail" else CLOSES[kind])
    if kind in OPENS:
        opened = OPENS[kind]
        lane = data.get("tool", "tool") if opened == "tool" else _LANES[opened]
        return Turn(seq, mono, step, (opened, str(lane)))
    if kind == "run.forked":
        again = data.get("changes", {}).get("revive", {}).get("again", {})
        return next((Turn(seq, mono, path, ("agent", name)) for path, name in again.items()), None)
    if kind == "step.started" and data.get("kind") != "item":
        opened = data.get("kind", "flow")
        opened = opened if opened in ("agent", "map") else "flow"
        return Turn(seq, mono, step, (opened, str(data.get("callee") or step.rpartition("/")[2])))
    return Turn(seq, mono, step, ends=True) if kind in ENDS else None


_LANES = {"model": "model", "person": "you"}


def turn_of(event: Event) -> Turn | None:
    """What an event does to spans; null for nothing."""
    return turn(event.seq, event.mono, event.kind, event.step, event.data or {})


class Spans:
    """Spans found while events are given in order.

    Args:
        opened: What goes on before the first of them.
        seq: The event before the first.
        mono: The time to take for the beginning of what goes on then.
    """

    def __init__(self, opened: Opened | None = None, seq: int = 0, mono: int = 0) -> None:
        self.found = [
            Span(step, kind, lane, seq, mono)
            for step, (kind, lane) in (opened.steps() if opened else {}).items()
        ]
        self.open = {span.step: span for span in self.found}

    def add(self, turn: Turn) -> Span | None:
        """Take the next turn; the span that it begins or ends, if there is one."""
        if turn.ends:
            for span in self.open.values():
                _close(span, turn, "failed")
            self.open.clear()
            return None
        if turn.closes:
            closed = self.open.pop(turn.step, None)
            if closed is not None:
                _close(closed, turn, turn.closes)
            return closed
        assert turn.opens is not None
        span = Span(turn.step, *turn.opens, turn.seq, turn.mono)
        self.found.append(span)
        self.open[span.step] = span
        return span


def _close(span: Span, turn: Turn, status: str) -> None:
    span.end, span.ended, span.status = turn.seq, turn.mono, status
