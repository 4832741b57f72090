"""One step of a run in full: what it was given, what it gave, and what it changed in the state."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from neurectomy.core.errors import Damaged, InvalidInput, NotFound

if TYPE_CHECKING:
    from neurectomy.runs.readings import Readings
    from neurectomy.timeline.event import Event

_GIVEN = ("arguments", "messages", "question", "type")
_GAVE = (
    "value", "message", "error", "problem", "stdout", "stderr", "taken", "iterations", "reason",
    "decision", "files",
)  # fmt: skip
_TOLD = frozenset({"status", "inputs", "models", "result", "error", "files", "program"})
"""Parts of the state whose changes are told; bindings are, too."""


class StateWrite(Struct, frozen=True):
    """What an event wrote into the state: where, and which value."""

    path: list[str | int]
    value: Any


class StepDetail(Struct, frozen=True):
    """A step in full. Large values are references, as in the log.

    Attributes:
        given: ``arguments``, ``messages``, ``question``, and of a model the ``request`` as sent.
        gave: ``value``, ``message``, ``error``, ``stdout`` and others, as far as there are any.
        writes: What its end wrote into the state.
        problem: Why what it was given cannot be told; empty where it can.
    """

    path: str
    given: dict[str, Any]
    gave: dict[str, Any]
    writes: list[StateWrite]
    problem: str = ""


async def step_detail(readings: Readings, run: str, path: str, start: int, end: int) -> StepDetail:
    """A step as a comparison names it.

    Args:
        readings: Of the workspace.
        run: The run's id.
        path: The step's.
        start: The event that began it; 0 where that is not known.
        end: The event that ended it; 0 while it is open.

    Raises:
        NotFound: There is no such run, or no such event.
        InvalidInput: An event belongs to another step.
    """
    row = await readings.row(run)
    first = await _event(readings, run, path, start) if start else None
    last = await _event(readings, run, path, end) if end else None
    given, problem = _part(first, _GIVEN), ""
    try:
        if first is None:
            at = end - 1 if end else row.head
            given = await asyncio.to_thread(_active, readings, run, path, at)
        elif first.kind == "model.requested":
            asked = last.causes[0] if last is not None and last.causes else start  # the last time
            given["request"] = msgspec.to_builtins(await readings.request(run, asked))
    except Damaged as error:
        problem = error.message
    writes = [] if last is None else _writes(last)
    return StepDetail(path, given, _part(last, _GAVE), writes, problem)


async def _event(readings: Readings, run: str, path: str, seq: int) -> Event:
    events = await readings.log.events(run, seq - 1, 1) if seq > 0 else []
    if not events or events[0].seq != seq:
        raise NotFound(f"the run has no event {seq}", hint="Compare the runs again.")
    if events[0].step.partition("~")[0] != path:
        hint = "Give a step and its events as a comparison names them."
        raise InvalidInput(f"event {seq} does not belong to {path}", hint=hint)
    return events[0]


def _part(event: Event | None, names: tuple[str, ...]) -> dict[str, Any]:
    data = event.data if event is not None and event.data is not None else {}
    return {name: data[name] for name in names if data.get(name) not in (None, "")}


def _active(readings: Readings, run: str, path: str, at: int) -> dict[str, Any]:
    """What an active step was given, from the state."""
    frame = readings.log.whole_state(run, at).get("frames", {}).get(path, {})
    return {"arguments": frame["args"]} if frame.get("args") else {}


def _writes(event: Event) -> list[StateWrite]:
    data, found = event.data or {}, []
    for operation in event.patch or ():
        name, path = operation[0], operation[1]
        told = path and (path[0] in _TOLD or (path[0] == "frames" and "env" in path[2:3]))
        if told and name in ("set", "put"):
            found.append(StateWrite(path, operation[2] if name == "set" else data[operation[2]]))
    return found
