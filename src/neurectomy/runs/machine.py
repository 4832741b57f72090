"""A run is a state machine: `decide` is a pure function of the program and the state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.agents.program import Call, Parallel
from neurectomy.runs import agent_rules, breakpoints, flow_rules, tool_rules
from neurectomy.runs.completions import complete
from neurectomy.runs.failures import IN_FLIGHT, fail_step
from neurectomy.runs.moment import Moment, State
from neurectomy.storage.port import ENDED
from neurectomy.timeline.event import Draft

if TYPE_CHECKING:
    from neurectomy.runs.plan import Plan
    from neurectomy.timeline.event import Patch
    from neurectomy.timeline.values import Values


class Machine:
    """A program that reacts to states. Holds no state of a run itself.

    Args:
        plan: The prepared program.
        values: Resolves what the state refers to, and interns what decisions make.
    """

    def __init__(self, plan: Plan, values: Values) -> None:
        self.plan = plan
        self.values = values

    def decide(self, state: State, seq: int) -> Draft | None:
        """The next decision in this state, or null while the run waits or has ended.

        Args:
            state: After all events so far; not changed.
            seq: The place that the decision gets.
        """
        moment = Moment(self.plan, self.values, state, seq)
        status = state["status"]
        if status == "running":
            return _decide_running(moment)
        if status in ENDED or state["pending"]:
            return None
        if status == "failing":
            patch: Patch = [["set", ["status"], "failed"], *_nothing_left()]
            return Draft("run.failed", "", {"error": state["error"]}, patch)
        if status == "cancelling":
            patch = [["set", ["status"], "cancelled"], *_nothing_left()]
            return Draft("run.cancelled", "", {}, patch)
        return None

    def complete(self, state: State, seq: int, kind: str, step: str, data: dict[str, Any]) -> Draft:
        """The event of a completion; see `neurectomy.runs.completions.complete`."""
        return complete(Moment(self.plan, self.values, state, seq), kind, step, data)


def _nothing_left() -> Patch:
    return [["set", ["frames"], {}], ["set", ["ready"], {}]]


def _decide_running(moment: Moment) -> Draft | None:
    state = moment.state
    full = _is_full(state)
    watched = state.get("breakpoints") or state.get("stepping") or state.get("passed")
    for path, causes in state["ready"].items():
        frame = state["frames"][path]
        if full and _wants_effect(moment, frame):
            continue
        try:
            draft = _decide_frame(moment, path, frame, tuple(causes))
        except (LookupError, TypeError, ValueError, AttributeError, AssertionError) as unfit:
            draft = _unfit(moment, path, tuple(causes), unfit)
        if draft is not None:
            return breakpoints.checked(moment, frame, draft) if watched else draft
    if state["ready"]:
        return None
    pending = state["pending"].values()
    if not pending:
        error = {"code": "stuck", "message": "nothing is left to do, and there is no value"}
        return fail_step(moment, state["flow"], (), error)
    if all(effect["kind"] in ("human", "unknown", "secret") for effect in pending):
        return Draft("run.waiting", "", {}, [["set", ["status"], "waiting"]])
    return None


def _unfit(moment: Moment, path: str, causes: tuple[int, ...], error: Exception) -> Draft:
    """The failure of a step whose state its rules cannot read: changed, or erased in part."""
    message = f"the state of {path} does not fit the program ({type(error).__name__}: {error})"
    hint = "Fork the run at an earlier event."
    data = {"code": "unfit", "message": message, "hint": hint, "retryable": False}
    return fail_step(moment, path, causes, data)


def _decide_frame(
    moment: Moment, path: str, frame: dict[str, Any], causes: tuple[int, ...]
) -> Draft | None:
    match frame["kind"]:
        case "agent":
            return agent_rules.decide_agent(moment, path, frame, causes)
        case "tool":
            return tool_rules.decide_tool(moment, path, frame, causes)
        case "map":
            return flow_rules.decide_map(moment, path, frame, causes)
        case _:
            return flow_rules.decide_flow(moment, path, frame, causes)


def _is_full(state: State) -> bool:
    pending, limit = state["pending"], state["limits"]["parallel"]
    if len(pending) < limit:
        return False
    in_flight = sum(effect["kind"] in IN_FLIGHT for effect in pending.values())
    return bool(in_flight >= limit)


def _wants_effect(moment: Moment, frame: dict[str, Any]) -> bool:
    """Whether the frame's next decision asks a worker for something."""
    match frame["kind"]:
        case "agent":
            return frame["phase"] in ("ask", "act")
        case "tool":
            return bool(frame["phase"] == "again")
        case "map":
            return False
    node = moment.node(frame)
    if node is None:
        return False
    statement = node.statement
    if isinstance(statement, Parallel) and statement.branches:
        statement = statement.branches[frame["started"]]
    return isinstance(statement, Call) and statement.callee in moment.plan.program.tools
