"""Expressions of the agent language: total, without reach into Python."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

UnaryOperator = Literal["not", "-"]
BinaryOperator = Literal[
    "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in"
]


class Constant(Struct, frozen=True, tag="constant"):
    """A literal text, number, ``true``, ``false`` or ``null``."""

    value: Any


class Name(Struct, frozen=True, tag="name"):
    """A binding or parameter in scope."""

    name: str


class Attribute(Struct, frozen=True, tag="attribute"):
    """``target.name``: a field of a record; null of a null target."""

    target: Expression
    name: str


class Index(Struct, frozen=True, tag="index"):
    """``target[index]``: an item of a list or a map; null where there is none."""

    target: Expression
    index: Expression


class Unary(Struct, frozen=True, tag="unary"):
    """``not x`` or ``-x``."""

    operator: UnaryOperator
    operand: Expression


class Binary(Struct, frozen=True, tag="binary"):
    """Two operands; ``and`` and ``or`` do not look at the right one where the left decides."""

    operator: BinaryOperator
    left: Expression
    right: Expression


class ListLiteral(Struct, frozen=True, tag="list_literal"):
    """``[a, b]``."""

    items: tuple[Expression, ...]


class RecordLiteral(Struct, frozen=True, tag="record_literal"):
    """``Answer { text: "...", sources: [] }``."""

    name: str
    fields: tuple[tuple[str, Expression], ...]


class Template(Struct, frozen=True, tag="template"):
    """Text with values in it: the parts of ``"Hello {{ name }}"`` in order."""

    parts: tuple[str | Expression, ...]


class Builtin(Struct, frozen=True, tag="builtin"):
    """A call of a built-in pure function, one of `BUILTINS`."""

    name: str
    arguments: tuple[Expression, ...]


Expression = (
    Constant
    | Name
    | Attribute
    | Index
    | Unary
    | Binary
    | ListLiteral
    | RecordLiteral
    | Template
    | Builtin
)

BUILTINS = {
    "len": "len(value) -> int: items of a list or map, characters of a text",
    "join": "join(items: list[str], separator: str) -> str",
    "lower": "lower(text: str) -> str",
    "upper": "upper(text: str) -> str",
    "str": "str(value) -> str: the value as text, records and lists as JSON",
    "min": "min(a, b) -> the smaller of two numbers",
    "max": "max(a, b) -> the larger of two numbers",
    "range": "range(n: int) -> list[int]: 0 to n - 1, at most 10,000",
}
"""Name of each built-in function and its one line of help."""
