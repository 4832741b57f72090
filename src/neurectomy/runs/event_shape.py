"""What readers of events rely on, by kind; see ``docs/reference/run-log.md``."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

VERSION = 1
"""Of every kind that is known, up to now."""

_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Error = dict[str, Any]


class _Any(Struct):
    pass


class _Started(Struct):
    kind: str
    callee: str
    arguments: Any


class _Value(Struct):
    value: Any


class _Failed(Struct):
    error: _Error


class _Taken(Struct):
    taken: Any


class _Left(Struct):
    iterations: Any
    reason: Any


class _Asked(Struct):
    model: str
    request: Any


class _Usage(Struct):
    input_tokens: _Count = 0
    output_tokens: _Count = 0
    cached_tokens: _Count = 0
    cost_nanos: int | None = None


class _Responded(Struct):
    message: Any
    usage: _Usage
    model: str
    took_us: _Count


class _Broken(Struct):
    error: _Error
    took_us: _Count


class _Called(Struct):
    tool: str
    arguments: Any


class _Returned(Struct):
    value: Any
    took_us: _Count
    files: dict[str, Any] | None = None


class _Rejected(Struct):
    tool: str
    problem: Any


class _Problem(Struct):
    problem: Any


class _Question(Struct):
    question: Any


class _Created(Struct):
    flow: str
    inputs: dict[str, Any]
    program: str
    models: dict[str, Any]


class _Forked(Struct):
    changes: dict[str, Any]


class _Noted(Struct):
    seq: _Count


_READ: dict[str, type[Struct]] = {
    "run.created": _Created,
    "run.forked": _Forked,
    "run.changed": _Forked,
    "step.started": _Started,
    "step.finished": _Value,
    "step.failed": _Failed,
    "value.bound": _Value,
    "branch.taken": _Taken,
    "loop.left": _Left,
    "model.requested": _Asked,
    "model.responded": _Responded,
    "model.failed": _Broken,
    "tool.requested": _Called,
    "tool.returned": _Returned,
    "tool.failed": _Broken,
    "call.rejected": _Rejected,
    "answer.rejected": _Problem,
    "human.asked": _Question,
    "note.added": _Noted,
}
_UNREAD = (
    "breakpoints.set", "run.continued", "run.resumed", "run.redacted", "run.cancel_requested",
    "run.expired", "files.conflicted", "tool.unknown", "tool.withheld", "human.answered",
    "timer.fired", "note.removed", "loop.entered", "timer.set", "run.waiting", "run.paused",
    "run.finished", "run.failed", "run.cancelled",
)  # fmt: skip
_SHAPES: dict[str, type[Struct]] = {**dict.fromkeys(_UNREAD, _Any), **_READ}
"""Every kind that is known."""


def misfit(kind: str, version: int, data: dict[str, Any] | None) -> str:
    """Why no reader here could read an event; empty where one can, or none knows its kind.

    Args:
        kind: Of the event.
        version: Of the kind.
        data: Null where it was redacted.
    """
    shape = _SHAPES.get(kind)
    if shape is None:
        return ""
    if not 1 <= version <= VERSION:
        return f"its kind {kind} has version {version}, and this program knows up to {VERSION}"
    if data is None:
        return ""
    try:
        msgspec.convert(data, shape)
    except (msgspec.ValidationError, RecursionError) as error:
        return f"its kind is {kind}: {error}"
    return ""
