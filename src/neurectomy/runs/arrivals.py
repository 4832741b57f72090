"""Whether a run that came from elsewhere can be one of this program: its program and its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from neurectomy.core.errors import InvalidInput
from neurectomy.runs.bundle import read_bundle
from neurectomy.runs.plan import Plan
from neurectomy.storage.port import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurectomy.storage.port import RunRow


class _State(Struct):
    """What every reader of a state relies on; see ``docs/reference/run-log.md``."""

    status: RunStatus
    flow: str
    program: str
    inputs: dict[str, Any]
    models: dict[str, dict[str, Any]]
    limits: dict[str, Any]
    frames: dict[str, dict[str, Any]]
    pending: dict[str, dict[str, Any]]
    accounts: dict[str, int | float]
    result: Any
    error: dict[str, Any] | None


def check_run(row: RunRow, state: Any, read: Callable[[str], bytes]) -> None:
    """Refuse a run that nothing here could show or go on with.

    Args:
        row: As it came.
        state: At its head; null where it is not known.
        read: The content of a blob that came with it.

    Raises:
        InvalidInput: Its program cannot be read, or its state is none.
    """
    try:
        plan = Plan(read_bundle(read(row.program)).compiled())
        plan.flow(row.flow)
    except Exception as error:  # a program from elsewhere may be wrong in any way
        raise _refused(row, "its program cannot be read") from error
    if state is None:
        return
    try:
        found = msgspec.convert(state, _State)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _refused(row, f"its state is none: {error}") from error
    if found.status != row.status:
        raise _refused(row, f"it says that it is {row.status}, and its events {found.status}")
    if found.flow != row.flow:
        raise _refused(row, f"it says that it is of {row.flow}, and its events {found.flow}")
    if found.accounts != row.accounts:
        raise _refused(row, "its accounts are not those that its events give")


def _refused(row: RunRow, reason: str) -> InvalidInput:
    hint = "Nothing was changed. Export the run again, from this version of the program."
    return InvalidInput(f"the run {row.id} is not imported: {reason}", hint=hint)
