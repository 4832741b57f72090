"""Operations that put two runs beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from neurectomy.core.errors import InvalidInput
from neurectomy.language.hints import closest
from neurectomy.runs.compare import Listed
from neurectomy.runs.detail import step_detail

if TYPE_CHECKING:
    from neurectomy.runs.compare import Comparison
    from neurectomy.runs.detail import StepDetail
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
