"""A program prepared for execution: every node of a flow with the node that comes after it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from neurectomy.agents.program import (
    AgentDeclaration,
    Call,
    FlowDeclaration,
    If,
    Map,
    Parallel,
    Program,
    Repeat,
    Statement,
    ToolDeclaration,
)
from neurectomy.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neurectomy.agents.types import Records

Callee = AgentDeclaration | ToolDeclaration | FlowDeclaration


class Node(Struct, frozen=True):
    """A statement and its place.

    Attributes:
        following: The node after it in execution order; null at the end of a flow or map body.
        segments: The step path below the flow or map item: texts and, for each `repeat` around the
            node, the node whose iteration number goes in brackets.
    """

    statement: Statement
    following: str | None
    segments: tuple[tuple[str, str], ...]


class FlowPlan(Struct, frozen=True):
    """The nodes of a flow by name, and the first of the flow and of each map body."""

    nodes: dict[str, Node]
    first: str | None


class Plan:
    """A program with what its execution asks for again and again.

    Args:
        program: Checked: every name that it mentions is declared.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._flows: dict[str, FlowPlan] = {}

    @property
    def records(self) -> Records:
        """The record types by name."""
        return self.program.types

    @cached_property
    def callees(self) -> dict[str, Callee]:
        """Everything that a statement can call."""
        return {**self.program.agents, **self.program.tools, **self.program.flows}

    def flow(self, name: str) -> FlowPlan:
        """The prepared flow.

        Raises:
            NotFound: The program has no such flow.
        """
        plan = self._flows.get(name)
        if plan is None:
            declaration = self.program.flows.get(name)
            if declaration is None:
                known = ", ".join(self.program.flows) or "none"
                raise NotFound(f"the program has no flow {name}", hint=f"It has: {known}.")
            nodes: dict[str, Node] = {}
            first = _lay_out(declaration.body, None, (), nodes)
            plan = self._flows[name] = FlowPlan(nodes, first)
        return plan


def _lay_out(
    body: Iterable[Statement],
    following: str | None,
    around: tuple[tuple[str, str], ...],
    nodes: dict[str, Node],
) -> str | None:
    """Add the nodes of a block, last first, and return its first one (``following`` if empty)."""
    for statement in reversed(tuple(body)):
        last = statement.node.rpartition("/")[2]
        nodes[statement.node] = Node(statement, following, (*around, (last, "")))
        match statement:
            case If(then=then, otherwise=otherwise):
                _lay_out(then, following, around, nodes)
                _lay_out(otherwise, following, around, nodes)
            case Repeat(node=node, body=inner):
                _lay_out(inner, node, (*around, (last, node)), nodes)
            case Parallel(node=node, branches=branches):
                for branch in branches:
                    _lay_out((branch,), node, around, nodes)
            case Map(body=inner):
                _lay_out(inner, None, (), nodes)
            case _:
                pass
        following = statement.node
    return following


def first_of(body: tuple[Statement, ...], otherwise: str | None) -> str | None:
    """The node at which a block begins; ``otherwise`` where it is empty."""
    return body[0].node if body else otherwise


def called(program: Program, flow: FlowDeclaration) -> set[str]:
    """The names that a flow calls, directly or through other flows, and the tools of its agents."""
    names: set[str] = set()
    waiting: list[Statement] = list(flow.body)
    while waiting:
        match waiting.pop():
            case Call(callee=callee) if callee not in names:
                names.add(callee)
                if callee in program.flows:
                    waiting += program.flows[callee].body
                elif callee in program.agents:
                    names.update(program.agents[callee].tools)
            case If(then=then, otherwise=otherwise):
                waiting += [*then, *otherwise]
            case Repeat(body=body) | Map(body=body) | Parallel(branches=body):
                waiting += body
            case _:
                pass
    return names
