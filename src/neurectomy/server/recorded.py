"""What is recorded of a run at the edge: its events, states, program, requests and values."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from neurectomy.core import codecs
from neurectomy.core.errors import InvalidInput, NotFound
from neurectomy.language.compiler import compile_text
from neurectomy.server.changing import plan_of
from neurectomy.server.operation import Operation, Parameter
from neurectomy.server.types import (
    EventPage,
    ProgramDetail,
    Replay,
    ReplayInput,
    RunUsage,
    StateView,
)
from neurectomy.server.views import program_detail

if TYPE_CHECKING:
    from neurectomy.server.context import Services


async def replay_run(services: Services, run: str, body: ReplayInput) -> Replay:
    """Compute every decision again and compare it with the log."""
    plan = None if body.text is None else await plan_of(services, run, body.text)
    return await services.runs.replay(run, plan=plan, until=body.until)


async def list_events(services: Services, run: str, after: int, limit: int) -> EventPage:
    """Events of a run in order."""
    row = await services.runs.row(run)
    events = await services.log.events(run, max(0, after), max(1, min(limit, 5000)))
    return EventPage(events, row.head, row.status)


async def show_state(services: Services, run: str, at: int, whole: int) -> StateView:
    """The state after an event."""
    row = await services.runs.row(run)
    seq = row.head if at < 0 else at
    read = services.log.whole_state if whole else services.log.state
    return StateView(seq, await asyncio.to_thread(read, run, seq))


async def run_program(services: Services, run: str, at: int) -> ProgramDetail:
    """The program that decided at a moment of a run."""
    bundle = await services.runs.bundle(run, at if at >= 0 else None)
    return program_detail(await asyncio.to_thread(compile_text, bundle.text, bundle.path))


async def show_request(services: Services, run: str, seq: int) -> Any:
    """The canonical request that a model was asked."""
    return msgspec.to_builtins(await services.runs.request(run, seq))


async def run_usage(services: Services, run: str) -> RunUsage:
    """What a run holds on the disk."""
    await services.runs.row(run)
    return await asyncio.to_thread(services.log.store.run_usage, run)


async def show_blob(services: Services, digest: str) -> Any:
    """A stored value."""
    if len(digest) != 64 or not digest.isalnum():
        raise InvalidInput("a digest has 64 hexadecimal characters")
    content = await asyncio.to_thread(services.log.store.blob, digest)
    if content is None:
        raise NotFound(f"there is no blob {digest[:12]}", hint="Its run was deleted.")
    return codecs.decode(content)


_EVENTS = (
    Parameter("after", int, 0, "the last seq that is known"),
    Parameter("limit", int, 1000, "at most 5,000"),
)
_AT = (Parameter("at", int, -1, "seq of an event; the last one by default"),)

OPERATIONS = (
    Operation(
        "replay_run",
        "POST",
        "/api/runs/{run}/replay",
        "Replay a run",
        replay_run,
        Replay,
        ReplayInput,
    ),
    Operation(
        "list_events",
        "GET",
        "/api/runs/{run}/events",
        "Events",
        list_events,
        EventPage,
        query=_EVENTS,
    ),
    Operation(
        "show_state",
        "GET",
        "/api/runs/{run}/state",
        "The state at a moment",
        show_state,
        StateView,
        query=(
            *_AT,
            Parameter("whole", int, 1, "0 leaves long lists in parts, as run-log.md has them"),
        ),
    ),
    Operation(
        "run_program",
        "GET",
        "/api/runs/{run}/program",
        "Its program",
        run_program,
        ProgramDetail,
        query=_AT,
    ),
    Operation(
        "show_request",
        "GET",
        "/api/runs/{run}/request",
        "A model's request",
        show_request,
        Any,
        query=(Parameter("seq", int, 0, "seq of a model.requested"),),
    ),
    Operation("run_usage", "GET", "/api/runs/{run}/usage", "Its disk usage", run_usage, RunUsage),
    Operation("show_blob", "GET", "/api/blobs/{digest}", "A stored value", show_blob, Any),
)
"""The rows of the table that are about what is recorded of one."""
