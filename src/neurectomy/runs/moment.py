"""A run at one moment: what the rules of `decide` may look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from neurectomy.agents.evaluate import evaluate, render_template
from neurectomy.agents.program import AskHuman, Call, Map, Parallel
from neurectomy.runs.plan import Plan
from neurectomy.timeline.values import Values

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurectomy.agents.expressions import Expression, Template
    from neurectomy.runs.plan import Node
    from neurectomy.timeline.event import Patch

State = dict[str, Any]
Frame = dict[str, Any]


class Moment(Struct, frozen=True):
    """The state together with the program and the values that it refers to.

    Attributes:
        seq: The place that the next event gets.
    """

    plan: Plan
    values: Values
    state: State
    seq: int

    def frame(self, path: str) -> Frame:
        """The active frame at a step path."""
        frame: Frame = self.state["frames"][path]
        return frame

    def node(self, frame: Frame) -> Node | None:
        """The node that a flow or item frame is at; null at its end."""
        at = frame["at"]
        return None if at is None else self.plan.flow(frame["flow"]).nodes[at]

    def scope(self, frame: Frame) -> Callable[[str], Any]:
        """Names in scope of a frame: its own bindings, then those around a map's item."""

        def look_up(name: str) -> Any:
            place: Frame | None = frame
            while place is not None:
                env = place.get("env")
                if env is not None and name in env:
                    return self.values.resolve(env[name])
                inner = place["kind"] in ("item", "map")
                place = self.frame(place["parent"]) if inner else None
            raise KeyError(name)

        return look_up

    def evaluate(self, expression: Expression, frame: Frame) -> Any:
        """The value of an expression in a frame."""
        return evaluate(expression, self.scope(frame))

    def render(self, template: Template, arguments: dict[str, Any]) -> list[dict[str, str]]:
        """The segments of a message: texts, each with the parameter that it comes from."""
        pieces = render_template(template, lambda name: self.values.resolve(arguments[name]))
        return [{"text": text, "input": name} if name else {"text": text} for text, name in pieces]

    def step(self, path: str, frame: Frame, node: Node) -> str:
        """The step path of a node of the frame at ``path``."""
        parts = [path]
        for text, repeat in node.segments:
            parts.append(f"{text}[{frame['counts'].get(repeat, 1) - 1}]" if repeat else text)
        return "/".join(parts)


def wake(path: str, causes: list[int]) -> list[Any]:
    """The operation that gives a frame something to do."""
    return ["set", ["ready", path], causes]


def rest(path: str) -> list[Any]:
    """The operation that takes a frame from those that have something to do."""
    return ["del", ["ready", path]]


def deliver(moment: Moment, frame: Frame, key: str = "value") -> Patch:
    """Operations that end a frame and give ``data[key]`` to its parent, which goes on."""
    parent_path, seq = frame["parent"], moment.seq
    parent = moment.frame(parent_path)
    if parent["kind"] == "map":
        patch: Patch = [
            ["app", ["frames", parent_path, "done"], "result"],
            ["set", ["frames", parent_path, "open"], parent["open"] - 1],
        ]
        if parent["next"] < parent["count"] or parent["open"] == 1:
            patch.append(wake(parent_path, [seq]))
        return patch
    statement = moment.plan.flow(parent["flow"]).nodes[frame["node"]].statement
    assert isinstance(statement, Call | AskHuman | Map)
    return [
        ["put", ["frames", parent_path, "env", statement.name], key],
        *advance(moment, parent_path, parent, frame["node"]),
    ]


def advance(moment: Moment, path: str, frame: Frame, node: str) -> Patch:
    """Operations that take a flow's frame past ``node``, or count it as a branch that joined."""
    plan = moment.plan.flow(frame["flow"])
    following = plan.nodes[node].following
    if frame["at"] == node:
        return [["set", ["frames", path, "at"], following], wake(path, [moment.seq])]
    joined = [*frame["joined"], moment.seq]
    block = plan.nodes[frame["at"]].statement
    assert isinstance(block, Parallel)
    if len(joined) < len(block.branches):
        return [["set", ["frames", path, "joined"], joined]]
    after = plan.nodes[frame["at"]].following
    return [
        ["set", ["frames", path, "at"], after],
        ["set", ["frames", path, "joined"], []],
        ["set", ["frames", path, "started"], 0],
        wake(path, joined),
    ]
