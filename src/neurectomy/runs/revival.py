"""What lets a run that failed or was stopped go on: everything that it was in the middle of, again.

A run that ends first lets what is in flight end, drops what only waits, and forgets nothing else
until its last event. From the moment before that one, all that has finished is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.agents.program import Map, Parallel
from neurectomy.runs.moment import Frame, Moment, wake
from neurectomy.runs.tool_rules import effect_path, next_turn

if TYPE_CHECKING:
    from neurectomy.timeline.event import Patch


def revive(moment: Moment, asked: dict[str, int]) -> Patch:
    """The operations with which a run that is stopping runs again.

    Args:
        moment: The state, in which nothing is in flight any more.
        asked: The events of questions that nobody has answered, by step path.
    """
    error = moment.state["error"] or {}
    patch: Patch = [
        ["set", ["status"], "running"],
        ["set", ["error"], None],
        ["set", ["ready"], {}],
    ]
    for path, frame in moment.state["frames"].items():
        match frame["kind"]:
            case "agent":
                patch += _agent(moment, path, frame, error)
            case "tool":
                patch += _tool(moment, path, frame)
            case "ask":
                pending = {"kind": "human", "frame": path, "seq": asked.get(path, moment.seq)}
                patch.append(["set", ["pending", path], pending])
            case "map":
                if _map_goes_on(moment, frame):
                    patch.append(wake(path, [moment.seq]))
            case _:
                if _flow_goes_on(moment, path, frame):
                    patch.append(wake(path, [moment.seq]))
    return patch


def _agent(moment: Moment, path: str, frame: Frame, error: dict[str, Any]) -> Patch:
    if frame["phase"] == "tools":
        return []  # its calls go on
    if frame["phase"] in ("wait", "failed"):
        return [
            *_once_more(path, frame),
            ["set", ["frames", path, "attempt"], frame["attempt"] + 1],
            ["set", ["frames", path, "phase"], "ask"],
            wake(path, [moment.seq]),
        ]
    if frame["phase"] == "act" and error.get("step") == path:
        text = f"That answer was refused: {error['message']}"
        message = {"role": "user", "content": [{"text": text}]}
        said = ["add", ["frames", path, "messages"], moment.values.intern(message)]
        return [said, *next_turn(moment, path, [moment.seq])]
    return [wake(path, [moment.seq])]


def _tool(moment: Moment, path: str, frame: Frame) -> Patch:
    if frame["phase"] == "call" and not moment.plan.program.tools[frame["callee"]].idempotent:
        effect = effect_path(path, frame["attempt"])
        unknown = {"kind": "unknown", "frame": path, "seq": moment.seq}
        return [["set", ["pending", effect], unknown]]
    again = ["set", ["frames", path, "phase"], "again"]
    return [*_once_more(path, frame), again, wake(path, [moment.seq])]


def _once_more(path: str, frame: Frame) -> Patch:
    """As many attempts as a call has had at first, after the one that is made now."""
    times = frame["retry"]["times"] + frame["attempt"] + 1
    return [["set", ["frames", path, "retry", "times"], times]]


def _flow_goes_on(moment: Moment, path: str, frame: Frame) -> bool:
    node = moment.node(frame)
    if node is not None and isinstance(node.statement, Parallel) and node.statement.branches:
        return bool(frame["started"] < len(node.statement.branches))
    return not any(inner["parent"] == path for inner in moment.state["frames"].values())


def _map_goes_on(moment: Moment, frame: Frame) -> bool:
    statement = moment.plan.flow(frame["flow"]).nodes[frame["node"]].statement
    assert isinstance(statement, Map)
    limit = statement.limit or moment.state["limits"]["parallel"]
    if frame["next"] < frame["count"]:
        return bool(frame["open"] < limit)
    return bool(frame["open"] == 0)
