"""The one table of operations. REST, GraphQL and the OpenAPI document are adapters over it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, get_args

import msgspec

import neurectomy
from neurectomy.core import codecs
from neurectomy.core.errors import Damaged, InvalidInput, NotFound
from neurectomy.language.compiler import compile_text
from neurectomy.language.hints import closest
from neurectomy.runs.compare import Comparison
from neurectomy.runs.detail import StepDetail
from neurectomy.runs.erasing import Redaction
from neurectomy.runs.experiments import Experiment
from neurectomy.runs.retention import Tidied
from neurectomy.server import comparing, files, moments, transfers
from neurectomy.server.changing import breakpoints_of, changes_of, plan_of
from neurectomy.server.experimenting import cancel_whatif, show_whatif, start_whatif
from neurectomy.server.operation import Operation, Parameter
from neurectomy.server.redaction import RedactInput, redact_run
from neurectomy.server.transfers import CollectInput, Download, Upload
from neurectomy.server.types import (
    AnswerInput,
    BreakpointsInput,
    ChangesInput,
    CheckInput,
    ContinueInput,
    Diagnostics,
    EventPage,
    ForkInput,
    LabelInput,
    ProgramDetail,
    ProgramSummary,
    Replay,
    ReplayInput,
    Run,
    RunPage,
    RunUsage,
    SandboxState,
    Source,
    Started,
    StartInput,
    StateView,
    Usage,
    WhatIfInput,
    Workspace,
)
from neurectomy.server.views import program_detail, program_summary, run_view
from neurectomy.storage.port import RunQuery, RunStatus
from neurectomy.timeline.importing import Imported

if TYPE_CHECKING:
    from neurectomy.server.context import Services
    from neurectomy.storage.port import RunRow


MOST_SEARCH = 200
"""Characters of a text that runs are searched for."""


async def workspace(services: Services) -> Workspace:
    """The opened folder, its model and its sandbox."""
    model = await services.models.resolve("auto")
    tried = await services.sandboxes.probe()
    sandbox, found = tried[-1]
    reason = "" if found.ok else "; ".join(state.reason for _, state in tried)
    return Workspace(
        services.programs.root.name,
        neurectomy.__version__,
        services.settings.durability,
        services.log.store.name,
        model.profile.label,
        SandboxState(sandbox.name, sandbox.tier, found.ok, reason),
    )


async def list_programs(services: Services) -> list[ProgramSummary]:
    """The programs of the workspace."""

    def read() -> list[ProgramSummary]:
        found = []
        for path in services.programs.paths():
            try:
                found.append(program_summary(services.programs.compile(path)))
            except InvalidInput:
                found.append(ProgramSummary(path, [], 1, 0))
        return found

    return await asyncio.to_thread(read)


async def show_program(services: Services, path: str) -> ProgramDetail:
    """A program's text, its problems and its graphs."""
    return program_detail(await asyncio.to_thread(services.programs.compile, path))


async def check(services: Services, body: CheckInput) -> Diagnostics:
    """What is wrong with a program."""
    compiled = await asyncio.to_thread(services.programs.compile, body.path, body.text)
    return Diagnostics(list(compiled.diagnostics))


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


async def list_models(services: Services) -> list[Source]:
    """Models that programs can name, and whether they can be used."""
    return await services.models.listing()


async def usage(services: Services) -> Usage:
    """What the workspace holds on the disk."""
    return await asyncio.to_thread(services.log.store.usage)


_RUNS = (
    Parameter("limit", int, 100, "at most 1,000"),
    Parameter("before", str, "", "id of the last run of the page before"),
    Parameter("status", str, "", "only these, separated by commas"),
    Parameter("search", str, "", "text in title, flow, source or id"),
    Parameter("parent", str, "", "only forks of this run"),
)
_EVENTS = (
    Parameter("after", int, 0, "the last seq that is known"),
    Parameter("limit", int, 1000, "at most 5,000"),
)
_AT = (Parameter("at", int, -1, "seq of an event; the last one by default"),)
_COMPARE = (
    Parameter("a", str, "", "a run"),
    Parameter("b", str, "", "another"),
    Parameter("steps", str, "different", "different, own (all but those of shared events) or all"),
    Parameter("after", int, 0, "next of the page before"),
    Parameter("limit", int, 1000, "at most 5,000"),
)
_STEP = (
    Parameter("path", str, "", "of the step"),
    Parameter("start", int, 0, "seq of the event that began it; 0 where that is not known"),
    Parameter("end", int, 0, "seq of the event that ended it; 0 while it is open"),
)

_EXPORT = (Parameter("runs", str, "", "ids, separated by commas"),)

OPERATIONS = (
    Operation("workspace", "GET", "/api/workspace", "The opened folder", workspace, Workspace),
    Operation(
        "list_programs", "GET", "/api/programs", "Programs", list_programs, list[ProgramSummary]
    ),
    Operation(
        "show_program", "GET", "/api/programs/{path:path}", "A program", show_program, ProgramDetail
    ),
    Operation("check", "POST", "/api/check", "Check a program", check, Diagnostics, CheckInput),
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
    Operation(
        "start_whatif",
        "POST",
        "/api/runs/{run}/whatif",
        "Start an experiment",
        start_whatif,
        Started,
        WhatIfInput,
        status=201,
    ),
    Operation(
        "show_whatif",
        "GET",
        "/api/runs/{run}/whatif/{experiment}",
        "An experiment",
        show_whatif,
        Experiment,
        query=(Parameter("score", str, "", "a number over result, cost, tokens, seconds"),),
    ),
    Operation(
        "cancel_whatif",
        "DELETE",
        "/api/runs/{run}/whatif/{experiment}",
        "Stop an experiment",
        cancel_whatif,
        None,
        status=204,
    ),
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
    Operation(
        "redact_run",
        "POST",
        "/api/runs/{run}/redact",
        "Erase what a run holds",
        redact_run,
        Redaction,
        RedactInput,
    ),
    Operation("run_usage", "GET", "/api/runs/{run}/usage", "Its disk usage", run_usage, RunUsage),
    Operation(
        "compare_runs",
        "GET",
        "/api/compare",
        "Compare two runs",
        comparing.compare_runs,
        Comparison,
        query=_COMPARE,
    ),
    Operation(
        "show_step",
        "GET",
        "/api/runs/{run}/step",
        "A step in full",
        comparing.show_step,
        StepDetail,
        query=_STEP,
    ),
    *files.OPERATIONS,
    Operation("show_blob", "GET", "/api/blobs/{digest}", "A stored value", show_blob, Any),
    Operation("list_models", "GET", "/api/models", "Models", list_models, list[Source]),
    Operation(
        "export_runs", "GET", "/api/export", "Export", transfers.export, Download, query=_EXPORT
    ),
    Operation("import_runs", "POST", "/api/import", "Import", transfers.take_in, Imported, Upload),
    Operation(
        "collect_garbage", "POST", "/api/collect", "Tidy", transfers.collect, Tidied, CollectInput
    ),
    Operation("usage", "GET", "/api/usage", "Disk usage", usage, Usage),
    *moments.OPERATIONS,
)
