"""What is different from a moment of a run on: of a fork, or of a paused run itself.

The record in the event holds what was asked for; the patch follows from it, the program and the
state alone, so that a replay comes to the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.agents.program import AskHuman, Call, Map, Parallel, Repeat
from neurectomy.agents.types import Mismatch, coerce_fields
from neurectomy.runs import agent_rules
from neurectomy.timeline.values import length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neurectomy.agents.program import AgentDeclaration
    from neurectomy.runs.moment import Frame, Moment
    from neurectomy.runs.plan import FlowPlan, Plan
    from neurectomy.timeline.event import Patch


SUPERSEDED = "superseded"
"""The code of a request's failure that was in flight when another program took over."""


def patch_of(moment: Moment, changes: dict[str, Any]) -> Patch:
    """The operations that a record of changes makes.

    Args:
        moment: The state before them, with the program that decides after them.
        changes: ``inputs`` and ``limits`` by name, ``program`` (digest of a source bundle),
            ``models`` (profiles by name), ``bindings`` (values by frame and name),
            ``files`` (as the state has them); all optional.
    """
    state = moment.state
    flow = state["flow"]
    patch: Patch = []
    if "program" in changes:
        patch.append(["set", ["program"], changes["program"]])
    if "files" in changes:
        patch.append(["set", ["files"], changes["files"]])
    for name, profile in changes.get("models", {}).items():
        patch.append(["set", ["models", name], profile])
    for name, value in changes.get("limits", {}).items():
        patch.append(["set", ["limits", name], value])
    for name, value in changes.get("inputs", {}).items():
        patch.append(["set", ["inputs", name], value])
        if flow in state["frames"]:
            patch.append(["set", ["frames", flow, "env", name], value])
    for path, values in changes.get("bindings", {}).items():
        for name, value in values.items():
            patch.append(["set", ["frames", path, "env", name], value])
    if "program" in changes:
        for path, frame in state["frames"].items():
            if frame["kind"] == "agent":
                patch += _agent_again(moment, path, frame, changes.get("models", {}))
            elif frame["kind"] == "tool":
                tool = moment.plan.program.tools[frame["callee"]]
                patch += _options_again(moment, path, frame, tool)
    return patch


def _agent_again(moment: Moment, path: str, frame: Frame, models: dict[str, Any]) -> Patch:
    """Operations that bring a conversation that goes on in line with what its agent is now."""
    agent = moment.plan.program.agents[frame["callee"]]
    arguments = _arguments(moment, frame, agent)
    patch: Patch = []
    known = {**moment.state["models"], **models}
    output = agent_rules.output_mode(agent, known[agent.model])
    if output != frame["output"]:
        patch.append(["set", ["frames", path, "output"], output])
    patch += _options_again(moment, path, frame, agent)
    begun = [moment.values.intern(one) for one in agent_rules.opening(moment, agent, arguments)]
    said = list(moment.values.items(frame["messages"]))
    before = 2 if said[0]["role"] == "system" else 1
    if begun != [moment.values.intern(one) for one in said[:before]]:
        rest = [moment.values.intern(one) for one in said[before:]]
        patch.append(["set", ["frames", path, "messages"], [*begun, *rest]])
        patch.append(["set", ["frames", path, "args"], arguments])
    return patch


def _options_again(moment: Moment, path: str, frame: Frame, callee: Any) -> Patch:
    retry, timeout_ms = callee.retry, callee.timeout_ms
    if frame["node"]:
        flow = moment.frame(frame["parent"])["flow"]
        statement = moment.plan.flow(flow).nodes[frame["node"]].statement
        assert isinstance(statement, Call)
        retry, timeout_ms = statement.retry or retry, statement.timeout_ms or timeout_ms
    wanted = {
        "retry": {"times": retry.times, "wait_ms": retry.wait_ms},
        "timeout_ms": timeout_ms,
    }
    return [
        ["set", ["frames", path, name], value]
        for name, value in wanted.items()
        if frame[name] != value
    ]


def _arguments(moment: Moment, frame: Frame, agent: AgentDeclaration) -> dict[str, Any]:
    """What an agent was called with, as its parameters are now; interned.

    Raises:
        Mismatch: It takes something else now.
    """
    names = {field.name for field in agent.parameters}
    kept = {n: moment.values.resolve(v) for n, v in frame["args"].items() if n in names}
    given = coerce_fields(kept, agent.parameters, moment.plan.records, name=agent.name)
    return {name: moment.values.intern(value) for name, value in given.items()}


def superseded(state: Any) -> list[str]:
    """The requests in flight that another program makes anew, with what it says."""
    return [step for step, effect in state["pending"].items() if effect["kind"] == "model"]


def misfits(moment: Moment, recorded: Plan) -> Iterator[str]:
    """Why a program cannot go on from a state that another one made; nothing where it can.

    Args:
        moment: The state, with the new program.
        recorded: The program that made the state.
    """
    plan, state = moment.plan, moment.state
    if state["flow"] not in plan.program.flows:
        yield f"there is no flow {state['flow']} any more"
        return
    for path, frame in state["frames"].items():
        match frame["kind"]:
            case "flow" | "item":
                yield from _flow_misfits(path, frame, plan, recorded)
            case "agent":
                yield from _agent_misfits(moment, path, frame)
            case "tool":
                if frame["callee"] not in plan.program.tools:
                    yield f"there is no tool {frame['callee']} any more, and it is called at {path}"
            case _:
                pass
        parent = state["frames"].get(frame["parent"])
        if frame["kind"] != "item" and frame["node"] and parent and parent.get("flow"):
            flow = plan.program.flows.get(parent["flow"])
            node = None if flow is None else plan.flow(flow.name).nodes.get(frame["node"])
            statement = None if node is None else node.statement
            kinds = {"map": Map, "ask": AskHuman}
            fits = isinstance(statement, kinds.get(frame["kind"], Call))
            if isinstance(statement, Call):
                fits = fits and statement.callee == frame["callee"]
            if not fits:
                yield f"the step {frame['node']}, which has begun at {path}, is another one now"


def _flow_misfits(path: str, frame: Frame, plan: Plan, recorded: Plan) -> Iterator[str]:
    name = frame["flow"]
    if name not in plan.program.flows:
        yield f"there is no flow {name} any more, and the run is in it at {path}"
        return
    now, before = plan.flow(name), recorded.flow(name)
    at = frame["at"]
    if at is not None and at not in now.nodes:
        yield f"the flow {name} has no step {at} any more, where the run is"
        return
    if at is not None and not _same_branches(now, before, at, frame["started"]):
        yield f"the parallel block {at} has other branches now, and some have begun"
    for node in frame["counts"]:
        if node not in now.nodes or not isinstance(now.nodes[node].statement, Repeat):
            yield f"the flow {name} has no loop {node} any more, in which the run is"


def _same_branches(now: FlowPlan, before: FlowPlan, at: str, begun: int) -> bool:
    """Whether a block has the branches that have begun, and others only while it begins some."""
    if not begun:
        return True
    these, those = _branches(now, at), _branches(before, at)
    if begun == len(those):
        return these == those
    return these[:begun] == those[:begun] and begun < len(these)


def _branches(plan: FlowPlan, at: str) -> list[str]:
    node = plan.nodes.get(at)
    statement = None if node is None else node.statement
    return [one.node for one in statement.branches] if isinstance(statement, Parallel) else []


def _agent_misfits(moment: Moment, path: str, frame: Frame) -> Iterator[str]:
    agent = moment.plan.program.agents.get(frame["callee"])
    if agent is None:
        yield f"there is no agent {frame['callee']} any more, and it is at work at {path}"
        return
    if length(frame["messages"]) == 0:
        yield f"the conversation at {path} is empty"
    try:
        _arguments(moment, frame, agent)
    except Mismatch as error:
        yield f"{agent.name} takes something else now than it was called with: {error}"
