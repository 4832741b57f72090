"""Counterfactual experiments over real forks, a provider over HTTP, and a budget that holds."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from neurectomy.app.services import open_services
from neurectomy.core.errors import InvalidInput, NotFound
from neurectomy.runs.figures import mean_of, share_of
from neurectomy.server import experimenting, runs
from neurectomy.server.types import CellInput, ChangesInput, StartInput, WhatIfInput
from neurectomy.workspace.settings import Settings
from tests.models.provider import provider

PROGRAM = """
model m = "openai:gpt-5.6-luna" { max_tokens 1000 }

type Answer { text: str  sure: bool }

agent say(text: str) -> str { model m prompt "Say: {{ text }}" }

flow f(text: str) -> Answer {
  first = say(text)
  second = say(first)
  return Answer { text: second, sure: len(second) > 4 }
}
"""


class Priced:
    """A model on this machine, which costs nothing, with what it would cost elsewhere."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.profile = replace(model.profile, input_nanos=1000.0, output_nanos=5000.0)

    async def request(self, request: Any, on_delta: Any) -> Any:
        response = await self._model.request(request, on_delta)
        usage = response.usage
        cost = usage.input_tokens * 1000 + usage.output_tokens * 5000
        return replace(response, usage=replace(usage, cost_nanos=cost))


@pytest.fixture
async def services(tmp_path: Path, monkeypatch):
    (tmp_path / "a.agent").write_text(PROGRAM)
    count = 0

    def echo(request: dict[str, Any]) -> Any:
        nonlocal count
        count += 1
        words = request["messages"][-1]["content"]
        return [{"content": f"{words}{'!' * (count % 2)}"}]

    with provider() as server:
        server.rule = echo
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.address}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        async with open_services(tmp_path, Settings(durability="process")) as services:
            resolve = services.models.resolve

            async def priced(source: str) -> Any:
                return Priced(await resolve(source))

            monkeypatch.setattr(services.models, "resolve", priced)
            yield services


async def begun(services) -> str:
    run = (await runs.start_run(services, StartInput("a.agent", {"text": "x"}))).id
    await asyncio.wait_for(services.runs.motions.wait(run), 20)
    return run


def cells(*prompts: str) -> list[CellInput]:
    return [
        CellInput({"prompt.say": prompt}, ChangesInput(prompts={"say": prompt}))
        for prompt in prompts
    ]


async def ended(services, run: str, experiment: str, score: str = "") -> Any:
    await asyncio.wait_for(services.experiments.wait(experiment), 60)
    return await experimenting.show_whatif(services, run, experiment, score)


@pytest.mark.anyio
async def test_every_cell_is_forked_as_often_as_asked_and_measured(services) -> None:
    run = await begun(services)
    body = WhatIfInput(1, cells("{{ text }}", "long {{ text }}"), samples=5, budget_usd=2.0)
    begun_ = await experimenting.start_whatif(services, run, body)
    found = await ended(services, run, begun_.id, "result.sure")
    assert (found.status, found.planned, found.resting) == ("done", 10, 10)
    short, long = found.cells
    assert short.names == {"prompt.say": "{{ text }}"}
    assert [len(cell.runs) for cell in found.cells] == [5, 5]
    assert (short.score.value, long.score.value) == (0.0, 1.0)
    assert short.finished.value == 1.0
    assert 0.5 < short.finished.low < short.finished.high == 1.0
    assert sum(outcome.count for outcome in long.outcomes) == 5
    rows = [await services.runs.row(one) for cell in found.cells for one in cell.runs]
    assert found.spent_nanos == sum(row.accounts["cost_nanos"] for row in rows) > 0
    for row in rows:
        assert row.ancestry[-1].run == run
        assert (await services.runs.replay(row.id)).agrees
    with pytest.raises(InvalidInput, match="result"):
        await experimenting.show_whatif(services, run, begun_.id, "result.nope + 1")
    with pytest.raises(NotFound):
        await experimenting.show_whatif(services, run, run, "")


@pytest.mark.anyio
async def test_a_fork_is_varied_from_an_event_that_its_parent_has_too(services) -> None:
    first = await begun(services)
    fork = (await services.runs.fork(first, 4)).id
    await asyncio.wait_for(services.runs.motions.wait(fork), 20)
    begun_ = await experimenting.start_whatif(services, fork, WhatIfInput(2, cells("{{ text }}")))
    found = await ended(services, fork, begun_.id)
    assert (found.status, found.at, found.resting) == ("done", 2, 1)


@pytest.mark.anyio
@pytest.mark.parametrize("parallel", [1, 3])
async def test_an_experiment_stops_before_its_budget_is_passed(services, parallel: int) -> None:
    run = await begun(services)
    one = (await services.runs.row(run)).accounts["cost_nanos"]
    most = await reserved(services, run)
    budget = most * parallel + 4 * one
    body = WhatIfInput(1, cells("{{ text }}"), samples=40, budget_usd=budget / 1e9,
                       parallel=parallel)  # fmt: skip
    begun_ = await experimenting.start_whatif(services, run, body)
    found = await ended(services, run, begun_.id)
    assert 0 < found.spent_nanos <= round(budget)
    finished = [(await services.runs.row(one)).status for one in found.cells[0].runs]
    assert "finished" in finished
    assert len(finished) < 40 or "failed" in finished


@pytest.mark.anyio
async def test_a_request_that_was_in_flight_is_within_the_budget_too(services) -> None:
    run = await begun(services)
    events = await services.log.events(run)
    at = next(e.seq for e in events if e.kind == "model.requested")
    answered = (await services.runs.row(run)).accounts["model_requests"]
    body = WhatIfInput(at, [CellInput({})], samples=3, budget_usd=1e-6)
    begun_ = await experimenting.start_whatif(services, run, body)
    found = await ended(services, run, begun_.id)
    assert found.spent_nanos == 0
    for made in found.cells[0].runs:
        row = await services.runs.row(made)
        assert row.status == "failed"
        assert row.accounts["model_requests"] <= answered
        assert (await services.runs.result(row))[1]["code"] == "budget"
        assert (await services.runs.replay(made)).agrees


ASKING = PROGRAM.replace("  first = say", '  sure = ask human "Go on?" -> bool\n  first = say')


@pytest.mark.anyio
async def test_what_forks_that_wait_may_still_cost_is_set_apart(services, tmp_path: Path) -> None:
    (tmp_path / "a.agent").write_text(ASKING)
    run = await begun(services)
    body = WhatIfInput(1, [CellInput({})], samples=6, budget_usd=0.03, parallel=2)
    begun_ = await experimenting.start_whatif(services, run, body)
    found = await ended(services, run, begun_.id)
    most = 0
    for made in found.cells[0].runs:
        row = await services.runs.row(made)
        assert row.status == "waiting"
        most += services.log.state(made, row.head)["limits"]["cost_nanos"]
    assert 0 < most <= found.budget_nanos
    assert found.status == "budget"


async def reserved(services, run: str) -> int:
    """What one request may cost at most."""
    events = await services.log.events(run)
    return next(e.data["reserved"]["cost_nanos"] for e in events if e.kind == "model.requested")


@pytest.mark.anyio
async def test_an_experiment_that_cannot_be_is_refused_before_anything_runs(services) -> None:
    run = await begun(services)
    for body, told in (
        (WhatIfInput(1, []), "0 forks"),
        (WhatIfInput(1, cells("a"), samples=2000), "2000 forks"),
        (WhatIfInput(999, cells("a")), "no event 999"),
        (WhatIfInput(1, cells("{{ nope }}")), "nope"),
        (WhatIfInput(1, cells("a"), budget_usd=-1.0), "amount"),
        (WhatIfInput(1, cells("a"), budget_usd=math.inf), "amount"),
        (WhatIfInput(1, cells("a"), parallel=0), "same time"),
    ):
        with pytest.raises(InvalidInput, match=told):
            await experimenting.start_whatif(services, run, body)
    assert len((await runs.list_runs(services, 100, "", "", "", "")).runs) == 1


@pytest.mark.anyio
async def test_a_cancelled_experiment_stops_its_forks_and_keeps_what_has_ended(services) -> None:
    run = await begun(services)
    body = WhatIfInput(1, cells("{{ text }}"), samples=300, parallel=2)
    begun_ = await experimenting.start_whatif(services, run, body)
    while True:
        found = await experimenting.show_whatif(services, run, begun_.id, "")
        if found.resting >= 2:
            break
        await asyncio.sleep(0.05)
    await experimenting.cancel_whatif(services, run, begun_.id)
    found = await experimenting.show_whatif(services, run, begun_.id, "")
    assert found.status == "cancelled"
    for one in found.cells[0].runs:
        await asyncio.wait_for(services.runs.motions.wait(one), 20)
        assert (await services.runs.row(one)).status in ("finished", "cancelled")


def test_figures_are_those_of_the_textbook() -> None:
    mean = mean_of([2.0, 4.0, 4.0, 5.0, 5.0])
    assert mean is not None
    assert (mean.value, round(mean.low, 3), round(mean.high, 3)) == (4.0, 2.479, 5.521)
    share = share_of(8, 10)
    assert share is not None
    assert (share.value, round(share.low, 3), round(share.high, 3)) == (0.8, 0.490, 0.943)
    assert mean_of([]) is share_of(0, 0) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(0, 50))
def test_an_interval_holds_its_figure(samples: list[float], hits: int) -> None:
    mean, share = mean_of(samples), share_of(hits, 50)
    assert mean is not None
    assert share is not None
    assert mean.low <= mean.value + 1e-6
    assert mean.value <= mean.high + 1e-6
    assert 0 <= share.low <= share.value <= share.high <= 1
