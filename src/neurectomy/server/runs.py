"""Runs at the edge: listed, started, shown, and led another way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, get_args

from neurectomy.core.errors import Damaged, InvalidInput
from neurectomy.language.hints import closest
from neurectomy.server.changing import breakpoints_of, changes_of
from neurectomy.server.operation import Operation, Parameter
from neurectomy.server.types import (
    AnswerInput,
    BreakpointsInput,
    ChangesInput,
    ContinueInput,
    ForkInput,
    LabelInput,
    Run,
    RunPage,
    StartInput,
)
from neurectomy.server.views import run_view
from neurectomy.storage.port import RunQuery, RunStatus

if TYPE_CHECKING:
    from neurectomy.server.context import Services
    from neurectomy.storage.port import RunRow

MOST_SEARCH = 200
"""Characters of a text that runs are searched for."""


async def list_runs(
    services: Services, limit: int, before: str, status: str, search: str, parent: str
) -> RunPage:
    """Runs, newest first."""
    wanted: Any = tuple(part for part in status.split(",") if part)
    known = get_args(RunStatus)
    if unknown := [part for part in wanted if part not in known]:
        message = f"there is no status {unknown[0]}"
        raise InvalidInput(message, hint=closest(unknown[0], known))
    if len(search) > MOST_SEARCH:
        raise InvalidInput(f"search takes at most {MOST_SEARCH} characters", hint="Search less.")
    query = RunQuery(max(1, min(limit, 1000)), before or None, wanted, search, parent or None)
    rows = await asyncio.to_thread(services.log.store.runs, query)
    more = rows[-1].id if len(rows) == query.limit else None
    return RunPage([run_view(row, live=services.runs.motions.drives(row.id)) for row in rows], more)


async def _whole(services: Services, row: RunRow) -> Run:
    try:
        result, error = await services.runs.result(row)
    except Damaged as damage:  # what its row says can be shown all the same
        result, error = None, {"step": "", **damage.as_dict()}
    return run_view(row, live=services.runs.motions.drives(row.id), result=result, error=error)


async def start_run(services: Services, body: StartInput) -> Run:
    """Start a run; it is durable when this answers."""
    bundle = await asyncio.to_thread(services.programs.bundle, body.program)
    program = bundle.compiled()
    flows = list(program.flows)
    flow = body.flow or (flows[0] if len(flows) == 1 else "")
    if not flow:
        listed = ", ".join(flows) or "none"
        raise InvalidInput("say which flow to run", hint=f"{body.program} has: {listed}.")
    row = await services.runs.start(
        bundle,
        flow,
        body.inputs,
        title=body.title,
        labels=body.labels,
        breakpoints=breakpoints_of(program, body.breakpoints),
    )
    return await _whole(services, row)


async def show_run(services: Services, run: str) -> Run:
    """A run with its result."""
    return await _whole(services, await services.runs.row(await services.runs.find(run)))


async def label_run(services: Services, run: str, body: LabelInput) -> Run:
    """Replace a run's labels."""
    return await _whole(services, await services.runs.label(run, body.labels))


async def delete_run(services: Services, run: str) -> None:
    """Delete a run; what forks need of it is kept."""
    await services.runs.motions.delete(run)


async def cancel_run(services: Services, run: str) -> Run:
    """Ask a run to stop."""
    return await _whole(services, await services.runs.cancel(run))


async def resume_run(services: Services, run: str, body: ChangesInput) -> Run:
    """Go on with a run that nobody drives; one that failed or was cancelled goes on as a fork."""
    row = await services.runs.row(run)
    changes = await changes_of(services, run, row.head, body)
    return await _whole(services, await services.runs.resume(run, changes))


async def answer_run(services: Services, run: str, body: AnswerInput) -> Run:
    """Give what a run waits for."""
    row = await services.runs.answer(run, body.step, body.value, decision=body.decision)
    return await _whole(services, row)


async def fork_run(services: Services, run: str, body: ForkInput) -> Run:
    """A new run that shares the first events of another."""
    changes = await changes_of(services, run, body.at, body)
    row = await services.runs.fork(run, body.at, changes, start=body.start, labels=body.labels)
    return await _whole(services, row)


async def change_run(services: Services, run: str, body: ChangesInput) -> Run:
    """Change a run that waits, in place."""
    row = await services.runs.row(run)
    changes = await changes_of(services, run, row.head, body)
    return await _whole(services, await services.runs.change(run, changes))


async def set_breakpoints(services: Services, run: str, body: BreakpointsInput) -> Run:
    """Replace the breakpoints of a run."""
    bundle = await services.runs.bundle(run)
    points = breakpoints_of(bundle.compiled(), body.breakpoints)
    return await _whole(services, await services.runs.set_breakpoints(run, points))


async def continue_run(services: Services, run: str, body: ContinueInput) -> Run:
    """Let a paused run go on."""
    return await _whole(services, await services.runs.proceed(run, step=body.step))


_RUNS = (
    Parameter("limit", int, 100, "at most 1,000"),
    Parameter("before", str, "", "id of the last run of the page before"),
    Parameter("status", str, "", "only these, separated by commas"),
    Parameter("search", str, "", "text in title, flow, source or id"),
    Parameter("parent", str, "", "only forks of this run"),
)

OPERATIONS = (
    Operation("list_runs", "GET", "/api/runs", "Runs", list_runs, RunPage, query=_RUNS),
    Operation(
        "start_run", "POST", "/api/runs", "Start a run", start_run, Run, StartInput, status=201
    ),
    Operation("show_run", "GET", "/api/runs/{run}", "A run", show_run, Run),
    Operation("label_run", "PATCH", "/api/runs/{run}", "Label a run", label_run, Run, LabelInput),
    Operation(
        "delete_run", "DELETE", "/api/runs/{run}", "Delete a run", delete_run, None, status=204
    ),
    Operation("cancel_run", "POST", "/api/runs/{run}/cancel", "Cancel a run", cancel_run, Run),
    Operation(
        "resume_run",
        "POST",
        "/api/runs/{run}/resume",
        "Resume a run",
        resume_run,
        Run,
        ChangesInput,
    ),
    Operation(
        "answer_run", "POST", "/api/runs/{run}/answer", "Answer a run", answer_run, Run, AnswerInput
    ),
    Operation(
        "fork_run",
        "POST",
        "/api/runs/{run}/fork",
        "Fork a run",
        fork_run,
        Run,
        ForkInput,
        status=201,
    ),
    Operation(
        "change_run",
        "POST",
        "/api/runs/{run}/change",
        "Change a waiting run",
        change_run,
        Run,
        ChangesInput,
    ),
    Operation(
        "set_breakpoints",
        "PUT",
        "/api/runs/{run}/breakpoints",
        "Set breakpoints",
        set_breakpoints,
        Run,
        BreakpointsInput,
    ),
    Operation(
        "continue_run",
        "POST",
        "/api/runs/{run}/continue",
        "Continue a paused run",
        continue_run,
        Run,
        ContinueInput,
    ),
)
"""The rows of the table that are about runs as a whole."""
