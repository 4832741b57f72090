"""Forks in which something is different, compared with the runs that they continue."""

from __future__ import annotations

from typing import Any

import pytest

from neurectomy.runs.compare import Comparison
from neurectomy.runs.detail import step_detail
from neurectomy.server import runs
from neurectomy.server.types import ForkInput
from tests.runs.test_forks import parent, rest, root, seq, services

__all__ = ["root", "services"]  # the fixtures of this module, too
pytestmark = pytest.mark.anyio


async def forked(services: Any, run: str, at: int, **changes: Any) -> Comparison:
    made = await runs.fork_run(services, run, ForkInput(at=at, **changes))
    await rest(services, made.id)
    if (await services.runs.row(made.id)).status == "waiting":
        await services.runs.answer(made.id, "f/sure", True)
        await rest(services, made.id)
    return await services.runs.comparer.compare(run, made.id, "own")


def differing(found: Comparison) -> dict[str, tuple[str, ...]]:
    return {pair.a.path: pair.differs for pair in found.pairs if pair.a and pair.status != "same"}


async def test_a_request_that_is_asked_again_with_another_prompt_differs(services) -> None:
    run = await parent(services)
    at = await seq(services, run, "model.requested", "f/first/turn[0]")
    found = await forked(services, run, at, prompts={"say": "Other: {{ text }}"})
    assert found.shared == at
    assert [change.line for change in found.program] == [
        "prompt of say: Say: {{ text }} -> Other: {{ text }}"
    ]
    assert differing(found)["f/first/turn[0]"] == ("request",)
    assert found.parting is not None
    assert found.parting.step == "f/first/turn[0]"
    assert found.parting.a > at  # the event that asked first is shared
    pair = next(pair for pair in found.pairs if pair.a and pair.a.path == "f/first/turn[0]")
    said = []
    for side, step in ((found.a, pair.a), (found.b, pair.b)):
        detail = await step_detail(services.runs, side.run, step.path, step.start, step.end)
        said.append(detail.given["request"]["messages"][0]["content"][0]["text"])
    assert said == ["Say: ", "Other: "]


async def test_a_call_that_ends_in_another_way_differs_in_its_value(services) -> None:
    run = await parent(services)
    at = await seq(services, run, "tool.returned", "f/length")
    found = await forked(services, run, at, value=99)
    assert found.program == []
    assert differing(found) == {
        "f/length": ("value",),
        "f/sure": ("question",),
        "f/second": ("arguments", "prompt", "value"),
        "f/second/turn[0]": ("request", "answer"),
    }
    assert [change.path for change in found.state] == [("result",)]
