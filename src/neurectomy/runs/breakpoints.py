"""Breakpoints: a run that waits, durably, before something that it is about to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from neurectomy.agents.evaluate import EvaluationError, evaluate
from neurectomy.agents.expressions import Binary, Constant, Expression, Name
from neurectomy.agents.program import AgentDeclaration, Parallel, ToolDeclaration
from neurectomy.runs import requests
from neurectomy.timeline.event import Draft

if TYPE_CHECKING:
    from neurectomy.runs.moment import Frame, Moment
    from neurectomy.timeline.event import Patch

NAMES: dict[str, str | int | float] = {
    "step": "",
    "node": "",
    "flow": "",
    "agent": "",
    "tool": "",
    "model": "",
    "cost": 0.0,
    "tokens": 0,
    "seconds": 0.0,
    "event": 0,
}
"""What a condition may name, each with a value of its type.

Of what is about to happen: its step path, the ``node`` of the ``flow`` that it stands in, and the
agent, tool or model that it asks (empty where it asks none). Of the run so far: US dollars, tokens,
seconds in models and tools, and the ``seq`` of the last event.
"""

PLACES = frozenset({"step", "node", "flow", "agent", "tool", "model", "event"})
"""Names of conditions that hold in one place; others hold from some moment on, and stop once."""

_STEPS = frozenset({"step.started", "tool.requested", "model.requested", "human.asked"})
"""Kinds of decisions before which a run stops that goes step by step."""

_KINDS = _STEPS | {"value.bound", "branch.taken", "loop.entered", "loop.left"}


class Breakpoint(Struct, frozen=True):
    """A condition before which a run waits.

    Attributes:
        text: As it was written.
        when: Over `NAMES`; true where the run stops.
        once: Whether it stops the run only the first time that it is true.
    """

    text: str
    when: Expression
    once: bool = False


def as_data(breakpoints: tuple[Breakpoint, ...]) -> list[dict[str, Any]]:
    """Breakpoints as the log has them."""
    return [msgspec.to_builtins(one) for one in breakpoints]


def checked(moment: Moment, frame: Frame, draft: Draft) -> Draft:
    """The decision itself, or the one to wait before it."""
    state = moment.state
    if draft.kind not in _KINDS:
        return draft
    if state.get("passed") == draft.step:
        return replace(draft, patch=[["set", ["passed"], ""], *draft.patch])
    hit = _hit(moment, frame, draft)
    if hit is None and not (state.get("stepping") and draft.kind in _STEPS):
        return draft
    text = "" if hit is None else state["breakpoints"][hit]["text"]
    paused = {"step": draft.step, "kind": draft.kind, "breakpoint": text, "seq": moment.seq}
    patch: Patch = [["set", ["status"], "waiting"], ["set", ["paused"], paused]]
    if state.get("stepping"):
        patch.append(["set", ["stepping"], False])
    if hit is not None and state["breakpoints"][hit]["once"]:
        patch.append(["set", ["breakpoints", hit, "spent"], True])
    data = {"kind": draft.kind, "breakpoint": text, "about": draft.data}
    return Draft("run.paused", draft.step, data, patch, draft.causes)


def _hit(moment: Moment, frame: Frame, draft: Draft) -> int | None:
    """Which breakpoint a decision meets."""
    scope: dict[str, Any] | None = None
    for index, one in enumerate(moment.state.get("breakpoints", ())):
        if one.get("spent"):
            continue
        scope = scope or _scope(moment, frame, draft)
        try:
            found = evaluate(msgspec.convert(one["when"], Expression), scope.__getitem__)
        except (EvaluationError, KeyError):
            continue  # it was tried before it was set; a newer version may name more
        if found is True:
            return index
    return None


def _scope(moment: Moment, frame: Frame, draft: Draft) -> dict[str, Any]:
    spent, accounts = requests.spent(moment.state), moment.state["accounts"]
    scope: dict[str, Any] = {
        **NAMES,
        "step": draft.step,
        "cost": spent["cost_nanos"] / 1e9,
        "tokens": spent["tokens"],
        "seconds": (accounts["model_us"] + accounts["tool_us"]) / 1e6,
        "event": moment.seq - 1,
    }
    if frame["kind"] in ("flow", "item"):
        scope["flow"], scope["node"] = frame["flow"], _node(moment, frame)
    data = draft.data
    if draft.kind == "tool.requested":
        scope["tool"] = data["tool"]
    elif draft.kind == "model.requested":
        scope["model"] = moment.plan.program.agents[frame["callee"]].model
    elif draft.kind == "step.started" and data["kind"] == "agent":
        scope["agent"] = data["callee"]
    return scope


def _node(moment: Moment, frame: Frame) -> str:
    at = frame["at"]
    if at is None:
        return ""
    statement = moment.plan.flow(frame["flow"]).nodes[at].statement
    if isinstance(statement, Parallel) and statement.branches:
        return statement.branches[frame["started"]].node
    return str(at)


def forget(state: dict[str, Any]) -> Patch:
    """Operations with which a run goes on that another one's breakpoints do not stop."""
    patch: Patch = []
    if state.get("paused"):
        patch += go_on(state, step=False)
    if state.get("breakpoints"):
        patch.append(["set", ["breakpoints"], []])
    if state.get("stepping"):
        patch.append(["set", ["stepping"], False])
    return patch


def go_on(state: dict[str, Any], *, step: bool) -> Patch:
    """Operations with which a paused run goes on."""
    return [
        ["set", ["status"], "running"],
        ["set", ["passed"], state["paused"]["step"]],
        ["set", ["paused"], None],
        ["set", ["stepping"], step],
    ]


def named(name: str, callees: dict[str, Any], nodes: set[str]) -> Expression | None:
    """The condition that a bare name stands for: an agent, a tool, or a step of a flow."""
    callee = callees.get(name)
    variable = "node" if name in nodes else ""
    if isinstance(callee, AgentDeclaration):
        variable = "agent"
    elif isinstance(callee, ToolDeclaration):
        variable = "tool"
    return Binary("==", Name(variable), Constant(name)) if variable else None
