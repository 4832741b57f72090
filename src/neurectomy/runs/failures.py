"""How a failure spreads: a step fails, then the run, once nothing is in flight any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.timeline.event import Draft

if TYPE_CHECKING:
    from neurectomy.runs.moment import Moment
    from neurectomy.timeline.event import Patch

IN_FLIGHT = frozenset({"model", "tool"})
"""Kinds of pending effects that a worker carries out; the others only wait."""


STOPPING = frozenset({"failing", "cancelling"})
"""Statuses of a run that only waits for what is in flight, to end."""


def fail_step(moment: Moment, step: str, causes: tuple[int, ...], error: dict[str, Any]) -> Draft:
    """The event of a step that failed, and with it the run."""
    where = {**error, "step": step}
    patch = [["set", ["status"], "failing"], ["put", ["error"], "error"], *stop_waiting(moment)]
    return Draft("step.failed", step, {"error": where}, patch, causes)


def stop_waiting(moment: Moment) -> Patch:
    """Operations that leave only what is really in flight, which has to end first."""
    waiting = [
        path
        for path, pending in moment.state["pending"].items()
        if pending["kind"] not in IN_FLIGHT
    ]
    return [["set", ["ready"], {}], *(["del", ["pending", path]] for path in waiting)]
