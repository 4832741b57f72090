"""Whether a run that came from elsewhere can be one of this program: its program and its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from neurectomy.core import codecs
from neurectomy.core.errors import Damaged, InvalidInput
from neurectomy.runs.bundle import read_bundle
from neurectomy.runs.completions import ACCOUNTS
from neurectomy.runs.event_shape import misfit
from neurectomy.runs.plan import Plan
from neurectomy.runs.state_shape import AgentFrame, FlowFrame, MapFrame, State, ToolFrame
from neurectomy.snapshots import tree
from neurectomy.storage.port import ENDED
from neurectomy.timeline.values import Values, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neurectomy.runs.state_shape import Files, Frame
    from neurectomy.storage.port import RunRow
    from neurectomy.timeline.event import Event


def check_run(row: RunRow, state: Any, read: Callable[[str], bytes]) -> None:
    """Refuse a run that nothing here could show or go on with.

    Args:
        row: As it came.
        state: At its head; null where it is not known.
        read: The content of a blob that came with it.

    Raises:
        InvalidInput: Its program cannot be read, or its state is none.
    """
    plan = _plan(row, row.program, read)
    if row.flow not in plan.program.flows:
        raise _refused(row, f"its program has no flow {row.flow}")
    if state is None:
        return
    try:
        found = msgspec.convert(state, State)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _refused(row, f"its state is none: {error}") from error
    if found.status != row.status:
        raise _refused(row, f"it says that it is {row.status}, and its events {found.status}")
    if found.flow != row.flow:
        raise _refused(row, f"it says that it is of {row.flow}, and its events {found.flow}")
    if found.accounts != row.accounts:
        raise _refused(row, "its accounts are not those that its events give")
    if found.files is not UNSET:
        _check_files(row, found.files, read)
    if found.status in ENDED:
        return
    if found.program != row.program:
        plan = _plan(row, found.program, read)
    if unfit := next(_unfit(found, plan, row.head), ""):
        raise _refused(row, f"its state is none: {unfit}")


def check_event(event: Event) -> None:
    """Refuse an event that a later program wrote, or that nothing here could read.

    Raises:
        InvalidInput: Its version is not known, or its data are not those of its kind.
    """
    if problem := misfit(event.kind, event.version, event.data):
        message = f"the file is not imported: event {event.seq} cannot be read: {problem}"
        raise InvalidInput(message, hint=_HINT)


def _plan(row: RunRow, program: str, read: Callable[[str], bytes]) -> Plan:
    try:
        plan = Plan(read_bundle(read(program)).compiled())
        for name in plan.program.flows:
            plan.flow(name)
    except Exception as error:  # a program from elsewhere may be wrong in any way
        raise _refused(row, "its program cannot be read") from error
    return plan


def _check_files(row: RunRow, files: Files, read: Callable[[str], bytes]) -> None:
    """Insist that there is a tree, and that what is said of it are lists."""
    values = Values(read)

    def resolved(value: Any) -> Any:
        return unpack(values.resolve(value), values)

    try:
        if files.root != _EMPTY:
            tree.decode(read(files.root))
        msgspec.convert(resolved(files.beside), list[str])
        msgspec.convert(resolved(files.skipped), list[tuple[str, str]])
    except (ValueError, LookupError, TypeError, Damaged) as error:
        raise _refused(row, f"its state is none: its files are wrong: {error}") from error


def _unfit(state: State, plan: Plan, head: int) -> Iterator[str]:
    """What of a state that goes on leads nowhere, or into what its program does not have."""
    program = plan.program
    if missing := [name for name in ACCOUNTS if name not in state.accounts]:
        yield f"its accounts lack {missing[0]}"
    for agent in program.agents.values():
        if agent.model not in state.models:
            yield f"the model {agent.model} is missing"
    for path in state.ready:
        if path not in state.frames:
            yield f"{path} is ready and not active"
    for path, pending in state.pending.items():
        if pending.frame not in state.frames or pending.seq > head:
            yield f"{path} is pending for nothing"
        if pending.kind == "model" and pending.reserved is UNSET:
            yield f"{path} has nothing reserved"
    for path, frame in state.frames.items():
        parent = state.frames.get(frame.parent)
        if frame.parent and parent is None:
            yield f"what {path} belongs to is not active"
        yield from _unfit_frame(path, frame, parent, plan)


def _unfit_frame(path: str, frame: Frame, parent: Frame | None, plan: Plan) -> Iterator[str]:
    """What of a frame its program does not have."""
    program = plan.program
    if isinstance(frame, AgentFrame) and frame.callee not in program.agents:
        yield f"the program has no agent {frame.callee}, which is active at {path}"
    if isinstance(frame, ToolFrame) and frame.callee not in program.tools:
        yield f"the program has no tool {frame.callee}, which is active at {path}"
    if isinstance(frame, FlowFrame | MapFrame) and frame.flow not in program.flows:
        yield f"the program has no flow {frame.flow}, which is active at {path}"
        return
    node = frame.at if isinstance(frame, FlowFrame) else None
    if isinstance(frame, FlowFrame) and node and node not in plan.flow(frame.flow).nodes:
        yield f"{path} is at a step that the program does not have"
    around = program.flows.get(parent.flow) if isinstance(parent, FlowFrame | MapFrame) else None
    if around and frame.node and frame.node not in plan.flow(around.name).nodes:
        yield f"{path} is a step that the program does not have"


def _refused(row: RunRow, reason: str) -> InvalidInput:
    return InvalidInput(f"the run {row.id} is not imported: {reason}", hint=_HINT)


_EMPTY = codecs.digest(tree.EMPTY)
_HINT = "Nothing was changed. Export the run again, from this version of the program."
