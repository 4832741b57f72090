"""A flow as a graph to look at: its nodes within each other, and whose values each one reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from neurectomy.agents.expressions import (
    Attribute,
    Binary,
    Builtin,
    Constant,
    Expression,
    Index,
    ListLiteral,
    Name,
    RecordLiteral,
    Template,
    Unary,
)
from neurectomy.agents.program import (
    AskHuman,
    Bind,
    Call,
    FlowDeclaration,
    If,
    Map,
    Parallel,
    Program,
    Repeat,
    Return,
    Statement,
    Yield,
)
from neurectomy.core import codecs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Definitions = dict[str, frozenset[str]]


class GraphNode(Struct, frozen=True):
    """A statement to draw.

    Attributes:
        id: The node's name in the flow, which step paths are made of.
        kind: ``bind``, ``call``, ``ask``, ``if``, ``repeat``, ``parallel``, ``map``, ``yield`` or
            ``return``.
        name: What people read on it.
        callee: What a call calls; ``callee_kind`` is ``agent``, ``tool`` or ``flow``.
        line: In the program's text, from 1.
        uses: Nodes whose values it reads.
        detail: The condition, question or value, as text.
    """

    id: str
    kind: str
    name: str
    callee: str = ""
    callee_kind: str = ""
    line: int = 0
    uses: tuple[str, ...] = ()
    children: tuple[GraphNode, ...] = ()
    otherwise: tuple[GraphNode, ...] = ()
    detail: str = ""


def graph(program: Program, flow: FlowDeclaration) -> tuple[GraphNode, ...]:
    """The nodes of a flow in the order of its text."""
    definitions: Definitions = {}
    return _Grapher(program).block(flow.body, definitions)


class _Grapher:
    def __init__(self, program: Program) -> None:
        self._program = program

    def block(self, body: Iterable[Statement], known: Definitions) -> tuple[GraphNode, ...]:
        return tuple(self._node(statement, known) for statement in body)

    def _kind(self, callee: str) -> str:
        if callee in self._program.agents:
            return "agent"
        return "tool" if callee in self._program.tools else "flow"

    def _node(self, statement: Statement, known: Definitions) -> GraphNode:
        node, line = statement.node, statement.line
        match statement:
            case Bind(name=name, value=value):
                made = GraphNode(
                    node, "bind", name, line=line, uses=_uses([value], known), detail=show(value)
                )
            case Call(name=name, callee=callee, arguments=arguments):
                uses = _uses([value for _, value in arguments], known)
                detail = ", ".join(f"{key}: {show(value)}" for key, value in arguments)
                kind = self._kind(callee)
                made = GraphNode(node, "call", name, callee, kind, line, uses, detail=detail)
            case AskHuman(name=name, question=question):
                uses = _uses([question], known)
                made = GraphNode(node, "ask", name, line=line, uses=uses, detail=show(question))
            case Return(value=value) | Yield(value=value):
                kind = "return" if isinstance(statement, Return) else "yield"
                uses = _uses([value], known)
                made = GraphNode(node, kind, kind, line=line, uses=uses, detail=show(value))
            case If() | Repeat() | Parallel():
                return self._control(statement, known)
            case Map(name=name, item=item, items=items, body=body):
                uses = _uses([items], known)
                inner = {**known, item: frozenset({node})}
                children = self.block(body, inner)
                detail = f"{item} in {show(items)}"
                made = GraphNode(
                    node, "map", name, line=line, uses=uses, children=children, detail=detail
                )
        if isinstance(statement, Bind | Call | AskHuman | Map):
            known[statement.name] = frozenset({node})
        return made

    def _control(self, statement: If | Repeat | Parallel, known: Definitions) -> GraphNode:
        node, line = statement.node, statement.line
        if isinstance(statement, Parallel):
            children = self.block(statement.branches, known)
            return GraphNode(node, "parallel", "parallel", line=line, children=children)
        uses = () if statement.condition is None else _uses([statement.condition], known)
        detail = "" if statement.condition is None else show(statement.condition)
        before = dict(known)
        if isinstance(statement, Repeat):
            children = self.block(statement.body, known)
            _merge(known, before)
            detail = f"at most {statement.times} times" + (f" while {detail}" if detail else "")
            return GraphNode(
                node, "repeat", "repeat", line=line, uses=uses, children=children, detail=detail
            )
        children = self.block(statement.then, known)
        other = dict(before)
        otherwise = self.block(statement.otherwise, other)
        _merge(known, other)
        return GraphNode(
            node,
            "if",
            "if",
            line=line,
            uses=uses,
            children=children,
            otherwise=otherwise,
            detail=detail,
        )


def _merge(known: Definitions, other: Definitions) -> None:
    for name, nodes in other.items():
        known[name] = known.get(name, frozenset()) | nodes


def _uses(expressions: Iterable[Expression], known: Definitions) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for expression in expressions:
        for name in names(expression):
            for node in sorted(known.get(name, ())):
                found[node] = None
    return tuple(found)


def names(expression: Expression) -> Iterator[str]:
    """The names that an expression looks at."""
    match expression:
        case Name(name):
            yield name
        case Attribute(target):
            yield from names(target)
        case Index(left, right) | Binary(_, left, right):
            yield from names(left)
            yield from names(right)
        case Unary(_, operand):
            yield from names(operand)
        case ListLiteral(items) | Builtin(_, items):
            for item in items:
                yield from names(item)
        case RecordLiteral(_, fields):
            for _, value in fields:
                yield from names(value)
        case Template(parts):
            for part in parts:
                if not isinstance(part, str):
                    yield from names(part)
        case Constant():
            return


def show(expression: Expression) -> str:
    """An expression as the language writes it."""
    match expression:
        case Constant(value):
            return codecs.encode(value).decode()
        case Name(name):
            return name
        case Attribute(target, name):
            return f"{show(target)}.{name}"
        case Index(target, index):
            return f"{show(target)}[{show(index)}]"
        case Unary(operator, operand):
            inner = f"({show(operand)})" if isinstance(operand, Binary) else show(operand)
            return f"not {inner}" if operator == "not" else f"-{inner}"
        case Binary(operator, left, right):
            return f"{_operand(left)} {operator} {_operand(right)}"
        case ListLiteral(items):
            return f"[{', '.join(show(item) for item in items)}]"
        case RecordLiteral(name, fields):
            return f"{name} {{ {', '.join(f'{key}: {show(value)}' for key, value in fields)} }}"
        case Template(parts):
            return _template(parts)
        case Builtin(name, arguments):
            return f"{name}({', '.join(show(argument) for argument in arguments)})"


def _operand(expression: Expression) -> str:
    return f"({show(expression)})" if isinstance(expression, Binary) else show(expression)


def _template(parts: Iterable[Any]) -> str:
    texts = [part if isinstance(part, str) else f"{{{{ {show(part)} }}}}" for part in parts]
    return codecs.encode("".join(texts)).decode()
