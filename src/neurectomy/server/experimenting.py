"""Operations of experiments: start one, look at it, stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurectomy.language.conditions import read_expression
from neurectomy.runs.experiments import Cell, Design, Experiment
from neurectomy.server.changing import changes_of, nanos_of
from neurectomy.server.operation import Operation, Parameter
from neurectomy.server.types import Started, WhatIfInput

if TYPE_CHECKING:
    from neurectomy.server.context import Services

SCORED = {"result": None, "cost": 0.0, "tokens": 0, "seconds": 0.0}
"""What a score may name."""


async def start_whatif(services: Services, run: str, body: WhatIfInput) -> Started:
    """Begin a counterfactual experiment; every cell is a fork."""
    cells = [
        Cell(cell.names, await changes_of(services, run, body.at, cell.changes))
        for cell in body.cells
    ]
    budget = nanos_of(body.budget_usd)
    design = Design(run, body.at, tuple(cells), body.samples, budget, body.parallel)
    return Started(await services.experiments.start(design))


async def show_whatif(services: Services, run: str, experiment: str, score: str) -> Experiment:
    """An experiment as it stands, with its figures."""
    expression = read_expression(score, SCORED) if score else None
    return await services.experiments.read(run, experiment, expression)


async def cancel_whatif(services: Services, run: str, experiment: str) -> None:
    """Stop an experiment and its forks; what has ended stays."""
    await services.runs.row(run)
    await services.experiments.cancel(experiment)


OPERATIONS = (
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
)
"""The rows of the table that are about experiments."""
