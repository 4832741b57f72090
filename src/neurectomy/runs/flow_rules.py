"""The rules of flows: what a frame at a statement does next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.agents.evaluate import EvaluationError
from neurectomy.agents.program import (
    AgentDeclaration,
    AskHuman,
    Bind,
    Call,
    FlowDeclaration,
    If,
    Map,
    Parallel,
    Repeat,
    Return,
    ToolDeclaration,
    Yield,
)
from neurectomy.agents.types import Mismatch, coerce, coerce_fields, json_schema, render
from neurectomy.runs import agent_rules, requests, tool_rules
from neurectomy.runs.failures import fail_step
from neurectomy.runs.moment import Frame, Moment, advance, deliver, rest, wake
from neurectomy.runs.plan import Node, first_of
from neurectomy.timeline.event import Draft

if TYPE_CHECKING:
    from neurectomy.timeline.event import Patch


def decide_flow(moment: Moment, path: str, frame: Frame, causes: tuple[int, ...]) -> Draft:
    """The next event of a flow's or item's frame that has something to do."""
    node = moment.node(frame)
    if node is None:
        error = {"code": "no_return", "message": f"the flow {frame['flow']} ended without a value"}
        return fail_step(moment, path, causes, error)
    statement = node.statement
    step = moment.step(path, frame, node)
    if isinstance(statement, Parallel):
        started = frame["started"]
        if not statement.branches:
            return _move(
                path, step, causes, "branch.taken", {"taken": True}, node.following, moment
            )
        branch = moment.plan.flow(frame["flow"]).nodes[statement.branches[started].node]
        more = started + 1 < len(statement.branches)
        draft = _begin(moment, path, frame, branch, causes, keep=more)
        if draft.kind == "step.failed":
            return draft  # it has not begun, so that a run that is resumed begins it
        started_patch = ["set", ["frames", path, "started"], started + 1]
        return Draft(draft.kind, draft.step, draft.data, [started_patch, *draft.patch], causes)
    return _begin(moment, path, frame, node, causes, keep=False)


def _begin(
    moment: Moment, path: str, frame: Frame, node: Node, causes: tuple[int, ...], *, keep: bool
) -> Draft:
    """Start a statement. ``keep``: the frame stays ready, since it has more branches to start."""
    statement, step = node.statement, moment.step(path, frame, node)
    stay: Patch = [] if keep else [rest(path)]
    try:
        match statement:
            case Bind(name=name, value=value):
                data = {"name": name, "value": moment.values.intern(moment.evaluate(value, frame))}
                patch = [["put", ["frames", path, "env", name], "value"]]
                if frame["at"] != statement.node:
                    patch = [*stay, *patch]
                patch += advance(moment, path, frame, statement.node)
                return Draft("value.bound", step, data, patch, causes)
            case Call():
                return _call(moment, path, frame, statement, step, causes, stay)
            case AskHuman(question=question, answer=answer):
                return _ask(
                    moment,
                    path,
                    statement,
                    step,
                    causes,
                    stay,
                    moment.evaluate(question, frame),
                    answer,
                )
            case If(condition=condition, then=then, otherwise=otherwise):
                taken = _condition(moment, frame, condition)
                target = first_of(then if taken else otherwise, node.following)
                return _move(path, step, causes, "branch.taken", {"taken": taken}, target, moment)
            case Repeat():
                return _repeat(moment, path, frame, node, statement, step, causes)
            case Map():
                return _map(moment, path, frame, statement, step, causes, stay)
            case Return(value=value):
                return _return(moment, path, frame, moment.evaluate(value, frame), causes)
            case Yield(value=value):
                return _yield(moment, path, frame, moment.evaluate(value, frame), causes)
            case Parallel():
                raise AssertionError("the checker refuses a parallel block as a branch")
    except EvaluationError as error:
        data = {"code": error.code, "message": error.message, "hint": error.hint}
        return fail_step(moment, step, causes, data)
    except Mismatch as error:
        data = {"code": "wrong_type", "message": str(error), "hint": ""}
        return fail_step(moment, step, causes, data)


def _condition(moment: Moment, frame: Frame, condition: Any) -> bool:
    value = moment.evaluate(condition, frame)
    if not isinstance(value, bool):
        raise EvaluationError("a condition must be true or false", hint="Compare the value.")
    return value


def _move(
    path: str,
    step: str,
    causes: tuple[int, ...],
    kind: str,
    data: dict[str, Any],
    target: str | None,
    moment: Moment,
    *more: list[Any],
) -> Draft:
    patch = [*more, ["set", ["frames", path, "at"], target], wake(path, [moment.seq])]
    return Draft(kind, step, data, patch, causes)


def _repeat(
    moment: Moment,
    path: str,
    frame: Frame,
    node: Node,
    statement: Repeat,
    step: str,
    causes: tuple[int, ...],
) -> Draft:
    count = frame["counts"].get(statement.node, 0)
    counts = ["frames", path, "counts", statement.node]
    condition = statement.condition
    goes_on = condition is None or _condition(moment, frame, condition)
    if goes_on and count < statement.times:
        target = first_of(statement.body, statement.node)
        data: dict[str, Any] = {"iteration": count}
        enter = ["set", counts, count + 1]
        return _move(path, step, causes, "loop.entered", data, target, moment, enter)
    data = {"iterations": count, "reason": "limit" if goes_on else "condition"}
    leave: Patch = [["del", counts]] if count else []
    return _move(path, step, causes, "loop.left", data, node.following, moment, *leave)


def _call(
    moment: Moment,
    path: str,
    frame: Frame,
    statement: Call,
    step: str,
    causes: tuple[int, ...],
    stay: Patch,
) -> Draft:
    callee = moment.plan.callees[statement.callee]
    given = {name: moment.evaluate(value, frame) for name, value in statement.arguments}
    arguments = coerce_fields(
        given, callee.parameters, moment.plan.records, name=f"the arguments of {callee.name}"
    )
    interned = {name: moment.values.intern(value) for name, value in arguments.items()}
    match callee:
        case ToolDeclaration():
            return tool_rules.request_from_flow(
                moment, path, statement, callee, interned, step, causes, stay
            )
        case AgentDeclaration():
            return agent_rules.start(moment, path, statement, callee, interned, step, causes, stay)
        case FlowDeclaration():
            child = flow_frame(callee, path, statement.node, moment.plan.flow(callee.name).first)
            if callee.budget.limits_models:
                child["spent"] = requests.spent(moment.state)
            data = {"kind": "flow", "callee": callee.name, "arguments": interned}
            patch = [
                *stay,
                ["set", ["frames", step], child],
                ["put", ["frames", step, "env"], "arguments"],
                wake(step, [moment.seq]),
            ]
            return Draft("step.started", step, data, patch, causes)


def flow_frame(flow: FlowDeclaration, parent: str, node: str, first: str | None) -> Frame:
    """The frame of a flow's call, without its arguments."""
    return {
        "kind": "flow",
        "callee": flow.name,
        "flow": flow.name,
        "parent": parent,
        "node": node,
        "env": {},
        "at": first,
        "counts": {},
        "started": 0,
        "joined": [],
    }


def _ask(
    moment: Moment,
    path: str,
    statement: AskHuman,
    step: str,
    causes: tuple[int, ...],
    stay: Patch,
    question: Any,
    answer: Any,
) -> Draft:
    data = {
        "question": moment.values.intern(question),
        "schema": json_schema(answer, moment.plan.records),
        "type": render(answer),
    }
    frame = {"kind": "ask", "callee": "human", "parent": path, "node": statement.node}
    pending = {"kind": "human", "frame": step, "seq": moment.seq}
    patch = [*stay, ["set", ["frames", step], frame], ["set", ["pending", step], pending]]
    return Draft("human.asked", step, data, patch, causes)


def _map(
    moment: Moment,
    path: str,
    frame: Frame,
    statement: Map,
    step: str,
    causes: tuple[int, ...],
    stay: Patch,
) -> Draft:
    items = moment.evaluate(statement.items, frame)
    if not isinstance(items, list):
        raise EvaluationError("map goes over a list", hint="Give it a value of type list[...].")
    data = {
        "kind": "map",
        "callee": "",
        "arguments": {"items": moment.values.intern(items)},
        "count": len(items),
    }
    child = {
        "kind": "map",
        "callee": "",
        "flow": frame["flow"],
        "parent": path,
        "node": statement.node,
        "count": len(items),
        "next": 0,
        "open": 0,
        "done": [],
    }
    patch = [
        *stay,
        ["set", ["frames", step], child],
        ["put", ["frames", step, "args"], "arguments"],
        wake(step, [moment.seq]),
    ]
    return Draft("step.started", step, data, patch, causes)


def decide_map(moment: Moment, path: str, frame: Frame, causes: tuple[int, ...]) -> Draft | None:
    """Start the next item of a map, or finish it; null while it waits for items."""
    statement = moment.plan.flow(frame["flow"]).nodes[frame["node"]].statement
    assert isinstance(statement, Map)
    limit = statement.limit or moment.state["limits"]["parallel"]
    index = frame["next"]
    if index < frame["count"]:
        if frame["open"] >= limit:
            return None
        return _item(moment, path, frame, statement, index, causes, more=frame["open"] + 1 < limit)
    if frame["open"]:
        return None
    done = sorted(moment.values.items(frame["done"]), key=lambda pair: pair[0])
    value = moment.values.intern([moment.values.resolve(result) for _, result in done])
    patch = [["del", ["frames", path]], rest(path), *deliver(moment, frame)]
    return Draft("step.finished", path, {"value": value}, patch, causes)


def _item(
    moment: Moment,
    path: str,
    frame: Frame,
    statement: Map,
    index: int,
    causes: tuple[int, ...],
    *,
    more: bool,
) -> Draft:
    value = moment.values.opened(frame["args"]["items"])[index]
    step = f"{path}[{index}]"
    data = {
        "kind": "item",
        "callee": "",
        "arguments": {statement.item: moment.values.intern(value)},
        "index": index,
    }
    child = {
        "kind": "item",
        "callee": "",
        "flow": frame["flow"],
        "parent": path,
        "node": statement.node,
        "index": index,
        "at": first_of(statement.body, None),
        "counts": {},
        "started": 0,
        "joined": [],
    }
    stays = more and index + 1 < frame["count"]
    patch = [
        ["set", ["frames", path, "next"], index + 1],
        ["set", ["frames", path, "open"], frame["open"] + 1],
        *([] if stays else [rest(path)]),
        ["set", ["frames", step], child],
        ["put", ["frames", step, "env"], "arguments"],
        wake(step, [moment.seq]),
    ]
    return Draft("step.started", step, data, patch, causes)


def _yield(moment: Moment, path: str, frame: Frame, value: Any, causes: tuple[int, ...]) -> Draft:
    interned = moment.values.intern(value)
    data = {"value": interned, "result": [frame["index"], interned]}
    patch = [["del", ["frames", path]], rest(path), *deliver(moment, frame)]
    return Draft("step.finished", path, data, patch, causes)


def _return(moment: Moment, path: str, frame: Frame, value: Any, causes: tuple[int, ...]) -> Draft:
    flow = moment.plan.program.flows[frame["flow"]]
    result = coerce(value, flow.returns, moment.plan.records)
    data = {"value": moment.values.intern(result)}
    if frame["parent"]:
        patch = [["del", ["frames", path]], rest(path), *deliver(moment, frame)]
        return Draft("step.finished", path, data, patch, causes)
    patch = [
        ["set", ["status"], "finished"],
        ["put", ["result"], "value"],
        ["set", ["frames"], {}],
        ["set", ["ready"], {}],
    ]
    return Draft("run.finished", path, data, patch, causes)
