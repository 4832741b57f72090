"""What the worker and the calls in it say, believed in nothing but its form."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from neurectomy.sandboxes.inside.answers import plain, text
from neurectomy.sandboxes.port import Outcome

BROKEN = "the tool broke the protocol"

Limit = Literal["wall", "cpu", "memory", "result", "processes", "file", "cancelled"]
Count = Annotated[int, Meta(ge=0, lt=2**62)]

_MESSAGES = {
    "wall": "it took longer than {wall_ms} ms",
    "cpu": "it used more than {cpu_s} s of processor time",
    "memory": "it needed more than {memory_mb} MB of memory",
    "result": "its result is larger than {result_bytes} bytes",
    "processes": "it started more than {processes} processes",
    "file": "it wrote a file larger than {file_mb} MB",
    "cancelled": "it was cancelled",
}


class Ready(Struct, frozen=True):
    """The first frame: whether the file was loaded.

    Attributes:
        error: Why not, likewise ``traceback``.
        files: The files of the program that were loaded; the tool has its say in what they are.
    """

    ready: bool
    error: str = ""
    traceback: str = ""
    files: list[str] = []


class Ended(Struct, frozen=True):
    """How a call ended.

    Attributes:
        limit: The limit that was passed, or empty.
        error: What became of its process where there is no ``result``.
        result: What the process of the call wrote, JSON of an answer if it is honest.
    """

    id: Count
    limit: Limit | Literal[""] = ""
    error: str = ""
    result: str = ""
    stdout: str = ""
    stderr: str = ""
    dropped_bytes: Count = 0
    wall_us: Count = 0
    cpu_us: Count = 0


class _Answer(Struct, frozen=True):
    status: Literal["ok", "raised", "limit"]
    value: Any = None
    error: str = ""
    traceback: str = ""
    limit: Literal["", "memory", "processes"] = ""


def outcome(ended: Ended, sizes: dict[str, int]) -> Outcome:
    """The outcome of a call; never raises for what the call wrote.

    Args:
        ended: The frame of the worker.
        sizes: The limits by name, for the message of one that was passed.
    """
    answer = _answer(ended, sizes)
    return msgspec.structs.replace(
        answer,
        stdout=ended.stdout,
        stderr=ended.stderr,
        dropped_bytes=ended.dropped_bytes,
        wall_us=ended.wall_us,
        cpu_us=ended.cpu_us,
    )


def _answer(ended: Ended, sizes: dict[str, int]) -> Outcome:
    if ended.limit:
        return _limit(ended.limit, ended.error, sizes)
    if ended.error:
        return Outcome("crashed", error=ended.error)
    try:
        said, _ = json.JSONDecoder().raw_decode(ended.result)  # forks may have added theirs
        answer = msgspec.convert(said, _Answer)
    except (ValueError, RecursionError, msgspec.ValidationError):
        return Outcome("crashed", error=BROKEN)
    try:
        value = plain(answer.value)
    except ValueError as error:
        return Outcome("crashed", error=f"{BROKEN}: {error}")
    if answer.status == "limit":
        if not answer.limit:
            return Outcome("crashed", error=BROKEN)
        return _limit(answer.limit, text(answer.error), sizes)
    if answer.status == "ok":
        return Outcome("ok", value)
    return Outcome("raised", error=text(answer.error), traceback=text(answer.traceback))


def _limit(limit: Limit, error: str, sizes: dict[str, int]) -> Outcome:
    return Outcome("limit", error=error or _MESSAGES[limit].format(**sizes), limit=limit)
