"""Operations that put two runs beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from neurectomy.core.errors import InvalidInput
from neurectomy.language.hints import closest
from neurectomy.runs.compare import Comparison, Listed
from neurectomy.runs.detail import StepDetail, step_detail
from neurectomy.server.operation import Operation, Parameter

if TYPE_CHECKING:
    from neurectomy.server.context import Services

MOST_PAIRS = 5000
"""Pairs of steps that one page gives."""


async def compare_runs(
    services: Services, a: str, b: str, steps: str, after: int, limit: int
) -> Comparison:
    """Two runs beside each other."""
    for name, start in (("a", a), ("b", b)):
        if not start:
            raise InvalidInput(f"the run {name} is missing", hint="Give the ids of two runs.")
    listed = next((one for one in get_args(Listed) if one == steps), None)
    if listed is None:
        raise InvalidInput(f"there are no {steps} steps", hint=closest(steps, get_args(Listed)))
    runs = await services.runs.find(a), await services.runs.find(b)
    most = max(1, min(limit, MOST_PAIRS))
    return await services.runs.comparer.compare(*runs, listed, max(0, after), most)


async def show_step(services: Services, run: str, path: str, start: int, end: int) -> StepDetail:
    """A step in full."""
    return await step_detail(services.runs, run, path, start, end)


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

OPERATIONS = (
    Operation(
        "compare_runs",
        "GET",
        "/api/compare",
        "Compare two runs",
        compare_runs,
        Comparison,
        query=_COMPARE,
    ),
    Operation(
        "show_step",
        "GET",
        "/api/runs/{run}/step",
        "A step in full",
        show_step,
        StepDetail,
        query=_STEP,
    ),
)
"""The rows of the table that are about two runs beside each other."""
