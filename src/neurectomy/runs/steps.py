"""The steps of a run, found while its events go by: where each stands, and what it was and gave."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from neurectomy.core import codecs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from neurectomy.timeline.event import Event

StepKind = Literal["agent", "tool", "flow", "map", "item", "model", "ask", "bind", "branch", "loop"]
Outcome = Literal["open", "done", "failed"]

BRIEF = 60
"""Characters of a value that a step shows of itself."""

_ATTEMPT = re.compile(r"~\d+$")


class Step(Struct):
    """One step of one run.

    Attributes:
        path: Its identity in the run; attempts are one step, so it names none.
        kind: ``bind``, ``branch`` and ``loop`` are statements that call nothing.
        callee: What it calls; for a model request, the model.
        start: The event that began it; null where it began in what two runs share.
        end: The event that ended it; null while it is open.
        attempts: How often it was asked for.
        tokens: Input and output together.
        took_us: What the work itself took: null where nobody measured it.
        brief: Its value where that is short.
    """

    path: str
    kind: StepKind
    callee: str = ""
    start: int | None = None
    end: int | None = None
    outcome: Outcome = "open"
    attempts: int = 1
    tokens: int = 0
    cost_nanos: int = 0
    took_us: int | None = None
    brief: str = ""


class Gathered(Struct):
    """A step with what it is compared by.

    Attributes:
        parts: Names of parts with bytes that are equal where the parts are.
        parent: The path of the step that it stands in; empty for the run itself.
        began: When, on the run's clock; null where that is not known.
    """

    step: Step
    parts: dict[str, bytes]
    parent: str = ""
    began: int | None = None


class StepReader:
    """Gathers steps from the events of one run, fed in order. Keeps no value.

    Args:
        state: The state before the first event; what is active in it are steps that began earlier.
        begun: The events that asked for what is pending in that state.
    """

    def __init__(self, state: dict[str, Any] | None = None, begun: Iterable[Event] = ()) -> None:
        self._steps: dict[str, Gathered] = {}
        if state:
            self._take_over(state, begun)

    def feed(self, events: Iterable[Event]) -> None:
        """Take more events."""
        for event in events:
            rule = _RULES.get(event.kind)
            if rule is None or "/" not in event.step:  # the flow itself is the run, and no step
                continue
            if event.data is None:
                self._redacted(event)
            else:
                rule(self, event, event.data)

    def steps(self) -> dict[str, Gathered]:
        """Every step by its path, in the order in which they began."""
        for gathered in self._steps.values():
            gathered.parent = self._parent(gathered.step.path)
        return self._steps

    def _take_over(self, state: dict[str, Any], begun: Iterable[Event]) -> None:
        asked = {_ATTEMPT.sub("", effect) for effect in state["pending"]}
        for path, frame in state["frames"].items():
            if "/" not in path or path in asked:
                continue
            step = Step(path, frame["kind"], _callee(frame["kind"], frame["callee"]))
            parts = {"arguments": _mark(frame["args"])} if "args" in frame else {}
            self._steps[path] = Gathered(step, parts)
        self.feed(begun)

    def _parent(self, path: str) -> str:
        place = path
        while place:
            place = place[: place.rindex("[")] if place[-1] == "]" else place.rpartition("/")[0]
            if place in self._steps:
                return place
        return ""

    def _began(self, event: Event, kind: StepKind, callee: str, **parts: Any) -> Gathered:
        path = _ATTEMPT.sub("", event.step)
        gathered = self._steps.get(path)
        if gathered is None:
            step = Step(path, kind, callee, event.seq)
            gathered = self._steps[path] = Gathered(step, {}, began=event.mono)
        else:
            gathered.step.attempts += kind in ("model", "tool")
            gathered.step.outcome, gathered.step.end = "open", None
        self._has(gathered, parts)
        return gathered

    def _known(self, event: Event) -> Gathered | None:
        return self._steps.get(_ATTEMPT.sub("", event.step))

    def _ended(self, event: Event, gathered: Gathered, outcome: Outcome, **parts: Any) -> None:
        step = gathered.step
        step.end, step.outcome = event.seq, outcome
        for gone in ("value", "answer", "error"):
            gathered.parts.pop(gone, None)
        self._has(gathered, parts)
        if "value" in parts:
            step.brief = _brief(parts["value"])

    def _has(self, gathered: Gathered, parts: dict[str, Any]) -> None:
        for name, value in parts.items():
            gathered.parts[name] = _mark(value)

    def _redacted(self, event: Event) -> None:
        """What a redacted event was can be told from its kind and place alone."""
        gathered = self._known(event)
        if gathered is None:
            kind, _, _ = event.kind.partition(".")
            gathered = self._began(event, _REDACTED.get(kind, "bind"), "")
        gathered.parts["redacted"] = b""
        if event.kind not in _OPENING:
            gathered.step.end = event.seq
            gathered.step.outcome = "failed" if event.kind.endswith("failed") else "done"

    def _spent(self, gathered: Gathered, data: dict[str, Any]) -> None:
        step = gathered.step
        step.took_us = (step.took_us or 0) + data.get("took_us", 0)
        usage = data.get("usage", {})
        step.tokens += usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
        step.cost_nanos += usage.get("cost_nanos") or 0

    def step_started(self, event: Event, data: dict[str, Any]) -> None:
        """An agent, a flow, a map or one item of it."""
        prompt = {"prompt": data["messages"]} if "messages" in data else {}
        callee = _callee(data["kind"], data["callee"])
        self._began(event, data["kind"], callee, arguments=data["arguments"], **prompt)

    def step_finished(self, event: Event, data: dict[str, Any]) -> None:
        """It gave a value."""
        gathered = self._known(event)
        if gathered is not None:
            self._ended(event, gathered, "done", value=data["value"])
            self._measure(event, gathered)

    def step_failed(self, event: Event, data: dict[str, Any]) -> None:
        """It failed; a statement that calls nothing is known only from that."""
        gathered = self._known(event) or self._began(event, "bind", "")
        self._ended(event, gathered, "failed", error=_reason(data["error"]))
        self._measure(event, gathered)

    def _measure(self, event: Event, gathered: Gathered) -> None:
        measured = gathered.step.kind not in ("model", "tool")
        if measured and gathered.began is not None:
            gathered.step.took_us = event.mono - gathered.began

    def bound(self, event: Event, data: dict[str, Any]) -> None:
        """A binding has its value."""
        gathered = self._began(event, "bind", "")
        self._ended(event, gathered, "done", value=data["value"])

    def branched(self, event: Event, data: dict[str, Any]) -> None:
        """A condition was true or false."""
        gathered = self._began(event, "branch", "")
        self._ended(event, gathered, "done", value=data["taken"])

    def looped(self, event: Event, data: dict[str, Any]) -> None:
        """A loop goes round once more, or ends."""
        gathered = self._known(event) or self._began(event, "loop", "")
        if event.kind == "loop.left":
            value = {"iterations": data["iterations"], "reason": data["reason"]}
            self._ended(event, gathered, "done", value=value)
            gathered.step.brief = f"{data['iterations']} times, until its {data['reason']}"
            self._measure(event, gathered)

    def model_requested(self, event: Event, data: dict[str, Any]) -> None:
        """A model is asked."""
        self._began(event, "model", data["model"], request=data["request"], model=data["model"])

    def model_responded(self, event: Event, data: dict[str, Any]) -> None:
        """A model has answered."""
        gathered = self._known(event)
        if gathered is not None:
            gathered.step.callee = data["model"] or gathered.step.callee
            self._ended(event, gathered, "done", answer=data["message"])
            self._has(gathered, {"model": gathered.step.callee})
            self._spent(gathered, data)

    def failed(self, event: Event, data: dict[str, Any]) -> None:
        """A model or a tool failed."""
        gathered = self._known(event)
        if gathered is not None:
            self._ended(event, gathered, "failed", error=_reason(data["error"]))
            self._spent(gathered, data)

    def tool_requested(self, event: Event, data: dict[str, Any]) -> None:
        """A tool is called."""
        self._began(event, "tool", data["tool"], arguments=data["arguments"])

    def tool_returned(self, event: Event, data: dict[str, Any]) -> None:
        """A tool has returned."""
        gathered = self._known(event)
        if gathered is not None:
            self._ended(event, gathered, "done", value=data["value"])
            printed = [data.get(name) or "" for name in ("stdout", "stderr")]
            said = {"output": printed} if any(printed) else {}
            wrote = {"files": data["files"]} if data.get("files") else {}
            self._has(gathered, {**said, **wrote})
            self._spent(gathered, data)

    def rejected(self, event: Event, data: dict[str, Any]) -> None:
        """A call that did not fit, or an answer; the model is told."""
        if event.kind == "call.rejected":
            gathered = self._began(event, "tool", data["tool"])
            self._ended(event, gathered, "failed", error=data["problem"])
        elif (known := self._known(event)) is not None:
            self._has(known, {"refusal": data["problem"]})

    def asked(self, event: Event, data: dict[str, Any]) -> None:
        """A person is asked."""
        self._began(event, "ask", "", question=data["question"])

    def answered(self, event: Event, data: dict[str, Any]) -> None:
        """A person has answered, or decided about a call whose end nobody knows."""
        gathered, decision = self._known(event), data.get("decision", "")
        if gathered is None or decision == "retry":
            return
        if decision == "fail":
            self._ended(event, gathered, "failed", error=decision)
        else:
            self._ended(event, gathered, "done", value=data["value"])
        self._measure(event, gathered)


_RULES: dict[str, Callable[[StepReader, Event, dict[str, Any]], None]] = {
    "step.started": StepReader.step_started,
    "step.finished": StepReader.step_finished,
    "step.failed": StepReader.step_failed,
    "value.bound": StepReader.bound,
    "branch.taken": StepReader.branched,
    "loop.entered": StepReader.looped,
    "loop.left": StepReader.looped,
    "model.requested": StepReader.model_requested,
    "model.responded": StepReader.model_responded,
    "model.failed": StepReader.failed,
    "tool.requested": StepReader.tool_requested,
    "tool.returned": StepReader.tool_returned,
    "tool.failed": StepReader.failed,
    "call.rejected": StepReader.rejected,
    "answer.rejected": StepReader.rejected,
    "human.asked": StepReader.asked,
    "human.answered": StepReader.answered,
}

_OPENING = frozenset(
    {"step.started", "model.requested", "tool.requested", "human.asked", "loop.entered"}
)
_REDACTED: dict[str, StepKind] = {
    "step": "flow", "model": "model", "tool": "tool", "human": "ask",
    "branch": "branch", "loop": "loop", "call": "tool",
}  # fmt: skip


def _callee(kind: str, callee: str) -> str:
    return "" if kind == "ask" else callee


def _reason(error: dict[str, Any]) -> list[Any]:
    """What of an error counts: where it happened is the step's place already."""
    return [error.get("code"), error.get("message")]


def _mark(value: Any) -> bytes:
    """Bytes that are equal for equal values; those of large values are a hash."""
    encoded = codecs.canonical(value)
    return encoded if len(encoded) <= 32 else blake2b(encoded, digest_size=16).digest()


def _brief(value: Any) -> str:
    if isinstance(value, dict) and "$blob" in value:
        return ""
    text = value if isinstance(value, str) else codecs.encode(value).decode()
    return text if len(text) <= BRIEF and "\n" not in text else ""
