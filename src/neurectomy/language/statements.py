"""Statements of a flow to nodes of the program, each with its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from neurectomy.agents.expressions import BUILTINS, Expression
from neurectomy.agents.program import (
    AskHuman,
    Bind,
    Call,
    If,
    Map,
    Parallel,
    Repeat,
    Return,
    Statement,
    Yield,
)
from neurectomy.language.expressions import RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurectomy.language.lowering import Lowerer
    from neurectomy.language.tree import Cursor


class StatementLowerer:
    """The statements of one flow.

    Args:
        callees: Declarations by name, for the names of positional arguments.
    """

    def __init__(self, lowerer: Lowerer, flow: str, callees: dict[str, Any]) -> None:
        self._lowerer = lowerer
        self._flow = flow
        self._callees = callees
        self._taken: dict[str, int] = {}

    def block(self, cursor: Cursor, prefix: str) -> tuple[Statement, ...]:
        """The statements of a block whose nodes' names begin with ``prefix``."""
        return tuple(
            statement
            for child in cursor.children()
            if (statement := self._statement(child, prefix)) is not None
        )

    def _node(self, prefix: str, name: str) -> str:
        """The node of a binding; the second of a name is ``name@2``."""
        count = self._taken[prefix + name] = self._taken.get(prefix + name, 0) + 1
        return prefix + name if count == 1 else f"{prefix}{name}@{count}"

    def _statement(self, cursor: Cursor, prefix: str) -> Statement | None:
        makers: dict[str, Callable[[Cursor, str], Statement | None]] = {
            "binding": self._binding,
            "if": self._if,
            "repeat": self._repeat,
            "parallel": self._parallel,
            "return": self._return,
            "yield": self._yield,
        }
        make = makers.get(cursor.kind)
        if make is None:
            return None
        statement = make(cursor, prefix)
        if statement is None:
            return None
        span = cursor.span
        line, _ = self._lowerer.lines.place(span.start)
        placed: Statement = replace(statement, line=line)
        self._lowerer.lowered.spans[id(placed)] = span
        return placed

    def _condition(self, cursor: Cursor, after: int) -> Expression:
        parts = list(cursor.children())
        return (
            self._lowerer.expression(parts[after])
            if len(parts) > after
            else self._lowerer.unknown()
        )

    def _binding(self, cursor: Cursor, prefix: str) -> Statement | None:
        parts = list(cursor.children())
        if len(parts) < 3 or parts[0].kind != "name":
            return None
        name, value = parts[0], parts[2]
        if name.text in RESERVED:
            self._lowerer.problem(
                name.span, "reserved", f"{name.text} is a word of the language", "Choose another."
            )
            return None
        node = self._node(prefix, name.text)
        match value.kind:
            case "call" if next(value.children()).text not in BUILTINS:
                return self._call(node, name.text, value, cursor.find("with"))
            case "ask":
                inner = [part for part in value.children() if part.kind not in ("name", "symbol")]
                question = self._lowerer.expression(inner[0]) if inner else self._lowerer.unknown()
                answer = self._lowerer.type(value.find("type"))
                return AskHuman(node, name.text, question, answer)
            case "map":
                return self._map(node, name.text, value)
            case _:
                if (option := cursor.find("with")) is not None:
                    self._lowerer.problem(
                        option.span, "with-without-call", "only a call takes `with`", "Remove it."
                    )
                return Bind(node, name.text, self._lowerer.expression(value))

    def _call(self, node: str, name: str, call: Cursor, options: Cursor | None) -> Call:
        callee = next(call.children())
        declaration = self._callees.get(callee.text)
        parameters = [] if declaration is None else [p.name for p in declaration.parameters]
        arguments: dict[str, Expression] = {}
        for index, argument in enumerate(call.all("argument")):
            parts = list(argument.children())
            if not parts:
                continue
            value = self._lowerer.expression(parts[-1])
            if len(parts) == 3:
                key = parts[0].text
                if key in arguments:
                    self._lowerer.problem(
                        parts[0].span, "duplicate", f"{key} is given twice", "Keep one of them."
                    )
            elif index < len(parameters):
                key = parameters[index]
                if key in arguments:
                    hint = "Give arguments by place first, then those by name."
                    message = f"{key} is given by name and by place"
                    self._lowerer.problem(argument.span, "duplicate", message, hint)
            else:
                key = f"#{index}"
                if declaration is not None:
                    self._lowerer.problem(
                        argument.span,
                        "too-many-arguments",
                        f"{callee.text} takes {_count(len(parameters), 'argument')}",
                        f"It has: {', '.join(parameters) or 'none'}.",
                    )
            arguments[key] = value
        timeout, retry = None, None
        for option in options.all("option") if options is not None else ():
            word, *rest = option.children()
            if rest and word.text == "timeout":
                timeout = self._lowerer.duration(rest[0], 30_000)
            elif rest:
                retry = self._lowerer.retry(rest[0])
        line_places = self._lowerer.lowered.places
        line_places["callee", f"{self._flow}.{node}"] = callee.span
        return Call(node, name, callee.text, tuple(arguments.items()), timeout, retry)

    def _map(self, node: str, name: str, cursor: Cursor) -> Map:
        parts = list(cursor.children())
        names = [part.text for part in parts if part.kind == "name"]
        item = names[1] if len(names) > 1 else "item"
        items = self._lowerer.unknown()
        for index, part in enumerate(parts):
            if part.text == "in" and index + 1 < len(parts):
                items = self._lowerer.expression(parts[index + 1])
                break
        number = cursor.find("number")
        limit = None if number is None else self._lowerer.whole(number, 1, 1000)
        body = cursor.find("body")
        statements = () if body is None else self.block(body, f"{node}/")
        return Map(node, name, item, items, statements, limit)

    def _if(self, cursor: Cursor, prefix: str) -> If:
        node = self._node(prefix, "if")
        condition = self._condition(cursor, 1)
        bodies = cursor.all("body")
        then = self.block(bodies[0], prefix) if bodies else ()
        otherwise = self.block(bodies[1], prefix) if len(bodies) > 1 else ()
        return If(node, condition, then, otherwise)

    def _repeat(self, cursor: Cursor, prefix: str) -> Repeat:
        node = self._node(prefix, "repeat")
        number = cursor.find("number")
        times = 1 if number is None else self._lowerer.whole(number, 1, 1_000_000)
        condition = None
        parts = list(cursor.children())
        for index, part in enumerate(parts):
            if part.kind == "name" and part.text == "while" and index + 1 < len(parts):
                condition = self._lowerer.expression(parts[index + 1])
        body = cursor.find("body")
        statements = () if body is None else self.block(body, f"{node}/")
        return Repeat(node, times, condition, statements)

    def _parallel(self, cursor: Cursor, prefix: str) -> Parallel:
        node = self._node(prefix, "parallel")
        body = cursor.find("body")
        return Parallel(node, () if body is None else self.block(body, prefix))

    def _return(self, cursor: Cursor, prefix: str) -> Return:
        return Return(self._node(prefix, "return"), self._condition(cursor, 1))

    def _yield(self, cursor: Cursor, prefix: str) -> Yield:
        return Yield(self._node(prefix, "yield"), self._condition(cursor, 1))


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
