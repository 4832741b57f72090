"""Counterfactual experiments: many forks of one moment, each cell another way, several times over.

Nothing is kept beside the run log: a fork's labels say which experiment and cell it belongs to, and
the figures are read from the forks.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from neurectomy.agents.evaluate import EvaluationError, evaluate
from neurectomy.core import codecs, ids
from neurectomy.core.errors import InvalidInput, NeurectomyError, NotFound
from neurectomy.runs import requests
from neurectomy.runs.figures import Figure, mean_of, share_of
from neurectomy.runs.forks import Changes
from neurectomy.storage.port import ENDED, RunQuery

if TYPE_CHECKING:
    from neurectomy.agents.expressions import Expression
    from neurectomy.core.clock import Clock
    from neurectomy.runs.service import Runs
    from neurectomy.storage.port import RunRow

logger = logging.getLogger(__name__)

EXPERIMENT, CELL, PLAN = "whatif", "whatif.cell", "whatif.plan"
"""Labels of a fork: the experiment's id, its cell as JSON, and how many forks for how much."""

MOST_FORKS = 1000
"""Of one experiment."""

MOST_PARALLEL = 64

MOST_OUTCOMES = 8
"""Different results of a cell that are listed, the most frequent ones."""

Status = Literal["running", "done", "budget", "cancelled", "stopped"]


class Cell(Struct, frozen=True):
    """One way to go on; ``names`` says what is varied, such as ``{"model": "openai:gpt-5"}``."""

    names: dict[str, str]
    changes: Changes


class Design(Struct, frozen=True):
    """What an experiment does.

    Attributes:
        run: The parent of all forks.
        at: The last event that they share with it.
        samples: Forks of each cell.
        budget_nanos: The most that all forks may cost, billionths of a US dollar; null for no
            limit.
        parallel: Forks in motion at the same time.
    """

    run: str
    at: int
    cells: tuple[Cell, ...]
    samples: int = 1
    budget_nanos: int | None = None
    parallel: int = 4


class Outcome(Struct, frozen=True):
    """A result that forks of a cell came to, and how many did."""

    value: Any
    count: int


class CellFigures(Struct, frozen=True):
    """What the forks of one cell came to.

    Attributes:
        runs: Their ids, in the order in which they began.
        finished: Share of those that rest which finished.
        score: Mean score of the finished ones; null where there is none.
        cost_nanos: Mean of what a fork cost itself.
        took_us: Mean time from its start to its end.
        outcomes: The most frequent results first.
    """

    names: dict[str, str]
    runs: list[str]
    finished: Figure | None
    score: Figure | None
    cost_nanos: Figure | None
    took_us: Figure | None
    outcomes: list[Outcome]


class Experiment(Struct, frozen=True):
    """An experiment as it stands.

    Attributes:
        status: ``budget`` where not all of it could be paid for, ``stopped`` where its process
            ended before it was done.
        planned: Forks that there are to be.
        resting: Forks that have ended, or wait for a person.
    """

    id: str
    run: str
    at: int
    status: Status
    planned: int
    resting: int
    spent_nanos: int
    budget_nanos: int | None
    cells: list[CellFigures]


class Experiments:
    """Carries experiments out, and reads what came of them."""

    def __init__(self, runs: Runs, clock: Clock) -> None:
        self._runs = runs
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[Status]] = {}
        self._designs: dict[str, Design] = {}

    async def start(self, design: Design) -> str:
        """Begin an experiment; its id.

        Raises:
            InvalidInput: It is empty or too large, or a cell does not fit the moment.
        """
        count = len(design.cells) * design.samples
        if not 1 <= count <= MOST_FORKS:
            hint = f"Cells times samples is from 1 to {MOST_FORKS}."
            raise InvalidInput(f"the experiment would have {count} forks", hint=hint)
        if not 1 <= design.parallel <= MOST_PARALLEL:
            hint = f"Say from 1 to {MOST_PARALLEL}."
            raise InvalidInput("some forks go on at the same time", hint=hint)
        for cell in design.cells:
            await self._runs.check_fork(design.run, design.at, cell.changes)
        experiment = ids.new_id(self._clock)
        before = await self._spent(design.run, design.at)
        work = _Work(self._runs, experiment, design, before)
        self._designs[experiment] = design
        self._tasks[experiment] = asyncio.get_running_loop().create_task(work.carry_out())
        return experiment

    async def cancel(self, experiment: str) -> None:
        """Stop an experiment, and what of it is in motion."""
        task = self._tasks.get(experiment)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def wait(self, experiment: str) -> None:
        """Wait until an experiment has stopped."""
        task = self._tasks.get(experiment)
        if task is not None:
            await asyncio.wait([task])

    async def close(self) -> None:
        """Stop all of them; what is in motion stays as the log has it."""
        for task in self._tasks.values():
            task.cancel("close")
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def read(self, run: str, experiment: str, score: Expression | None = None) -> Experiment:
        """An experiment as it stands.

        Args:
            run: The run that it was started with.
            experiment: Its id.
            score: A number or truth over ``result``, and what it cost: ``cost`` (US dollars),
                ``tokens`` and ``seconds``.

        Raises:
            NotFound: The run has no such experiment.
            InvalidInput: The score does not fit a result.
        """
        rows = await asyncio.to_thread(self._rows, run, experiment)
        task = self._tasks.get(experiment)
        if not rows:
            design = self._designs.get(experiment)
            if task is not None and design is not None and design.run == run:
                return _without_forks(experiment, design, task)
            hint = "List runs, and with them their forks, with: neurectomy runs list"
            raise NotFound(f"the run has no experiment {experiment}", hint=hint)
        at = rows[0].ancestry[-1].until
        planned, _, most = rows[0].labels[PLAN].partition("@")
        before = await self._spent(run, at)
        cells = [
            await self._figures(names, part, before, score)
            for names, part in _by_cell(rows).items()
        ]
        resting = [row for row in rows if row.status in ENDED or row.status == "waiting"]
        spent = sum(_cost(row) - before["cost_nanos"] for row in rows if row.head > at)
        return Experiment(
            experiment,
            run,
            at,
            _status(task, complete=len(resting) == int(planned)),
            int(planned),
            len(resting),
            spent,
            int(most) if most else None,
            cells,
        )

    async def _figures(
        self, names: str, rows: list[RunRow], before: dict[str, int], score: Expression | None
    ) -> CellFigures:
        resting = [row for row in rows if row.status in ENDED or row.status == "waiting"]
        finished = [row for row in resting if row.status == "finished"]
        scores, outcomes = list[float](), Counter[bytes]()
        for row in finished:
            result, _ = await self._runs.result(row)
            outcomes[codecs.canonical(result)] += 1
            if score is not None:
                scores.append(_score(score, result, row, before))
        costs = [float(_cost(row) - before["cost_nanos"]) for row in resting]
        times = [float(row.ended_us - row.created_us) for row in resting if row.ended_us]
        return CellFigures(
            codecs.decode(names.encode()),
            [row.id for row in rows],
            share_of(len(finished), len(resting)),
            mean_of(scores),
            mean_of(costs),
            mean_of(times),
            [
                Outcome(codecs.decode(value), count)
                for value, count in outcomes.most_common(MOST_OUTCOMES)
            ],
        )

    def _rows(self, run: str, experiment: str) -> list[RunRow]:
        """The forks of an experiment, the oldest first. Blocking."""
        row = self._runs.log.row(run)
        # a fork at an event that the run has from an ancestor is one of that ancestor
        for parent in (run, *(ancestor.run for ancestor in reversed(row.ancestry))):
            if found := self._forks(parent, experiment):
                return found
        return []

    def _forks(self, parent: str, experiment: str) -> list[RunRow]:
        found: list[RunRow] = []
        before = None
        while True:
            query = RunQuery(limit=1000, parent=parent, before=before)
            page = self._runs.log.store.runs(query)
            found += [row for row in page if row.labels.get(EXPERIMENT) == experiment]
            if len(page) < query.limit or page[-1].id < experiment:
                return found[::-1]
            before = page[-1].id

    async def _spent(self, run: str, at: int) -> dict[str, int]:
        state = await asyncio.to_thread(self._runs.log.state, run, at)
        accounts = state["accounts"]
        took_us = accounts["model_us"] + accounts["tool_us"]
        return {**requests.spent(state), "took_us": took_us}


class _Work:
    """One experiment that is being carried out."""

    def __init__(self, runs: Runs, experiment: str, design: Design, before: dict[str, int]) -> None:
        self._runs = runs
        self._design = design
        self._before = before["cost_nanos"]
        most = "" if design.budget_nanos is None else design.budget_nanos
        plan = f"{len(design.cells) * design.samples}@{most}"
        self._labels = {EXPERIMENT: experiment, PLAN: plan}
        self._flying: dict[asyncio.Task[int], int] = {}
        self._runs_of: dict[asyncio.Task[int], str] = {}
        self._spent = 0

    async def carry_out(self) -> Status:
        """Fork until all is done or the budget does not allow for more; how that ended."""
        design = self._design
        waiting = deque(cell for _ in range(design.samples) for cell in design.cells)
        status: Status = "done"
        try:
            while waiting or self._flying:
                while waiting and len(self._flying) < design.parallel:
                    most = self._share(len(waiting))
                    if most is not None and most <= 0:
                        break
                    await self._begin(waiting.popleft(), most)
                if not self._flying:
                    status = "budget"
                    break
                done, _ = await asyncio.wait(self._flying, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    self._flying.pop(task)
                    self._runs_of.pop(task)
                    self._spent += task.result()
        except asyncio.CancelledError as reason:
            if reason.args != ("close",):
                await asyncio.shield(self._cancel())
            raise
        return status

    def _share(self, waiting: int) -> int | None:
        """What the next fork may cost: an equal part of what is left for those that begin now."""
        budget = self._design.budget_nanos
        if budget is None:
            return None
        left = budget - self._spent - sum(self._flying.values())
        free = min(self._design.parallel - len(self._flying), waiting)
        return left // free

    async def _begin(self, cell: Cell, most: int | None) -> None:
        changes = cell.changes
        if most is not None:
            limit = self._before + most
            given = changes.cost_nanos
            changes = replace(changes, cost_nanos=limit if given is None else min(given, limit))
        names = codecs.encode(cell.names).decode()
        row = await self._runs.fork(
            self._design.run, self._design.at, changes, labels={**self._labels, CELL: names}
        )
        task = asyncio.get_running_loop().create_task(self._rest(row.id, most or 0))
        self._flying[task] = most or 0
        self._runs_of[task] = row.id

    async def _rest(self, run: str, most: int) -> int:
        """Wait until a fork rests; what it cost itself, or may cost once somebody answers it."""
        await self._runs.motions.wait(run)
        row = await self._runs.row(run)
        cost = _cost(row) - self._before
        return cost if row.status in ENDED else max(cost, most)

    async def _cancel(self) -> None:
        for task, run in self._runs_of.items():
            task.cancel()
            with suppress(NeurectomyError):  # it ended by itself
                await self._runs.cancel(run)


def _status(task: asyncio.Task[Status] | None, *, complete: bool) -> Status:
    if task is None:
        return "done" if complete else "stopped"
    if not task.done():
        return "running"
    if task.cancelled():
        return "cancelled"
    if task.exception() is not None:
        return "stopped"
    return task.result()


def _without_forks(experiment: str, design: Design, task: asyncio.Task[Status]) -> Experiment:
    """An experiment of which no fork has begun: yet, or as nothing was left of its budget."""
    if task.done() and not task.cancelled() and (error := task.exception()):
        raise error
    planned = len(design.cells) * design.samples
    status, most = _status(task, complete=False), design.budget_nanos
    return Experiment(experiment, design.run, design.at, status, planned, 0, 0, most, [])


def _by_cell(rows: list[RunRow]) -> dict[str, list[RunRow]]:
    cells: dict[str, list[RunRow]] = {}
    for row in rows:
        cells.setdefault(row.labels[CELL], []).append(row)
    return cells


def _cost(row: RunRow) -> int:
    return requests.spent({"accounts": row.accounts})["cost_nanos"] if row.accounts else 0


def _score(score: Expression, result: Any, row: RunRow, before: dict[str, int]) -> float:
    accounts = row.accounts
    spent = requests.spent({"accounts": accounts})
    scope = {
        "result": result,
        "cost": (spent["cost_nanos"] - before["cost_nanos"]) / 1e9,
        "tokens": spent["tokens"] - before["tokens"],
        "seconds": (accounts["model_us"] + accounts["tool_us"] - before["took_us"]) / 1e6,
    }
    try:
        value = evaluate(score, scope.__getitem__)
    except EvaluationError as error:
        message = f"the score does not fit the result of {row.id}: {error.message}"
        raise InvalidInput(message, hint=error.hint) from None
    if not isinstance(value, bool | int | float):
        hint = "Score with a number, or with what is true or false."
        raise InvalidInput(f"the score of {row.id} is no number", hint=hint)
    return float(value)
