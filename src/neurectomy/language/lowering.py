"""What lowering gathers, and the types, expressions and amounts that every construct holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from neurectomy.agents import types
from neurectomy.agents.expressions import (
    BUILTINS,
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
from neurectomy.agents.program import Program, Retry
from neurectomy.agents.types import Choice, ListOf, MapOf, Named, Primitive
from neurectomy.language.diagnostics import Lines, Problem, Span
from neurectomy.language.expressions import ExpressionParser
from neurectomy.language.lexer import tokenize
from neurectomy.language.mistakes import OPERATORS, SINGLE_BRACES, TYPES
from neurectomy.language.tree import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neurectomy.agents.types import Type

UNITS_MS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}
"""Units of durations, in milliseconds."""

_PRIMITIVES = ("str", "int", "float", "bool", "json", "none")
_FOLLOW_UPS = frozenset({"no-return", "no-yield", "missing-option", "unreachable", "unused"})
"""Codes of problems that a part brings about that could not be read."""

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "{": "{", "}": "}"}
VALUE = re.compile(r"(?<!\\)\{\{(.*?)\}\}", re.DOTALL)
"""A value within a text."""


class Lowered:
    """A program with where each part of it stands in the text.

    Attributes:
        spans: Of expressions, statements, types and fields, by identity: equal ones stand in many
            places. The program keeps them alive.
        unknown: Expressions that stand for what could not be read, and fields with such defaults,
            by identity.
        names: Of declared names, by kind and name.
        places: Of options, by word and owner.
        broken: Declarations that the parser could not read in full.
        skipped: Words in what it left out; what is said of them may not be a mistake of its own.
        braces: Names in single braces within a text, by the identity of what it became.
    """

    def __init__(self) -> None:
        self.program = Program()
        self.problems: list[Problem] = []
        self.spans: dict[int, Span] = {}
        self.unknown: set[int] = set()
        self.names: dict[tuple[str, str], Span] = {}
        self.places: dict[tuple[str, str], Span] = {}
        self.broken: list[Span] = []
        self.skipped: set[str] = set()
        self.braces: dict[int, list[tuple[Span, str]]] = {}

    def span(self, part: Any) -> Span:
        """Where a part of the program stands."""
        return self.spans.get(id(part), Span(0, 0))

    def follows(self, span: Span, code: str) -> bool:
        """Whether a problem may well follow from an error of the parser that was told already."""
        if code not in _FOLLOW_UPS:
            return False
        return any(broken.start <= span.start < broken.end for broken in self.broken)


def unquote(text: str) -> str:
    """The value of a text in quotes; any other text as it is."""
    if not text.startswith('"'):
        return text
    body = text[1:-1] if len(text) > 1 and text.endswith('"') else text[1:]
    return unescape(body)


def unescape(text: str) -> str:
    """A text with what its escapes stand for."""
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[0]), text)


class Lowerer:
    """Lowers types, expressions and amounts; keeps what is found in ``lowered``."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.lowered = Lowered()
        self.problems = self.lowered.problems

    def problem(self, span: Span, code: str, message: str, hint: str = "") -> None:
        """Note an error, unless it follows from one that was told."""
        if self.lowered.follows(span, code):
            return
        self.problems.append(Problem(span, code, message, hint))

    def _placed(self, expression: Expression, span: Span) -> Expression:
        self.lowered.spans[id(expression)] = span
        return expression

    def expression(self, cursor: Cursor) -> Expression:
        """The expression that a node writes; null, silently, where the parser found none."""
        return self._placed(self._expression(cursor), cursor.span)

    def _expression(self, cursor: Cursor) -> Expression:
        parts = list(cursor.children())
        match cursor.kind:
            case "literal":
                return Constant(_literal(parts[0].text))
            case "template":
                template = self.template(cursor)
                if not any(not isinstance(part, str) for part in template.parts):
                    text = Constant("".join(str(part) for part in template.parts))
                    if id(template) in self.lowered.braces:
                        self.lowered.braces[id(text)] = self.lowered.braces.pop(id(template))
                    return text
                return template
            case "reference":
                return Name(parts[0].text)
            case "attribute" if len(parts) == 3:
                return Attribute(self.expression(parts[0]), parts[2].text)
            case "index" if len(parts) > 2:
                return Index(self.expression(parts[0]), self.expression(parts[2]))
            case "unary" if len(parts) == 2:
                sign: Any = OPERATORS.get(parts[0].text, parts[0].text)
                return Unary(sign, self.expression(parts[1]))
            case "binary" if len(parts) == 3:
                operator: Any = OPERATORS.get(parts[1].text, parts[1].text)
                return Binary(operator, self.expression(parts[0]), self.expression(parts[2]))
            case "group" if len(parts) > 1:
                return self.expression(parts[1])
            case "list":
                items = [p for p in parts if p.kind not in ("symbol", "error")]
                return ListLiteral(tuple(self.expression(item) for item in items))
            case "record":
                return self._record(parts)
            case "call":
                return self._call(cursor, parts)
            case _:
                return self.unknown()

    def unknown(self) -> Expression:
        """Stands for what could not be read; it has every type, so that nothing is told twice."""
        expression = Constant(None)
        self.lowered.unknown.add(id(expression))
        return expression

    def _record(self, parts: list[Cursor]) -> Expression:
        fields: dict[str, Expression] = {}
        for value in parts:
            children = list(value.children()) if value.kind == "value" else []
            if not children or children[0].kind not in ("name", "string"):
                continue
            name, *rest = children
            key = name.text.strip("\"'")  # where it has quotes, the parser has told
            if key in fields:
                self.problem(name.span, "duplicate", f"{key} is given twice", "Keep one.")
            if len(rest) > 1:
                fields[key] = self.expression(rest[1])
        return RecordLiteral(parts[0].text, tuple(fields.items()))

    def _call(self, cursor: Cursor, parts: list[Cursor]) -> Expression:
        name = parts[0]
        if name.text not in BUILTINS:
            self.problem(
                name.span,
                "call-within",
                f"a call of {name.text} stands alone on the right side of a binding",
                f"Bind it first: result = {name.text}(...)",
            )
            return self.unknown()
        arguments = []
        for argument in cursor.all("argument"):
            children = list(argument.children())
            if len(children) == 3:
                self.problem(children[0].span, "named-argument", f"{name.text} takes no names")
            if children:
                arguments.append(self.expression(children[-1]))
        return Builtin(name.text, tuple(arguments))

    def empty_template(self) -> Template:
        """A template without parts."""
        return Template(())

    def template(self, cursor: Cursor) -> Template:
        """The parts of a text: the author's words, dedented, and the expressions in it."""
        token = cursor.find("string", "block")
        if token is None:
            return Template(())
        quotes = 3 if token.kind == "block" else 1
        raw = token.text
        end = len(raw) - quotes if len(raw) >= 2 * quotes and not _open(token) else len(raw)
        parts: list[str | Expression] = []
        braces: list[tuple[Span, str]] = []
        indent = _indent(raw[quotes:end]) if quotes == 3 else 0
        for text, offset, is_value in _pieces(raw, quotes, end):
            if is_value:
                parts.append(self._value(text, token.at + offset))
            else:
                braces += [
                    (Span(found.start(), found.end()).shifted(token.at + offset), found[1])
                    for found in SINGLE_BRACES.finditer(text)
                ]
                parts.append(unescape(_dedent(text, indent) if quotes == 3 else text))
        if quotes == 3:
            _trim(parts)
        template = Template(tuple(part for part in parts if part != ""))
        self.lowered.spans[id(template)] = cursor.span
        if braces:
            self.lowered.braces[id(template)] = braces
        return template

    def _value(self, text: str, offset: int) -> Expression:
        parser = ExpressionParser(tokenize(text))
        with parser.node("value") as done:
            parser.expression()
            if not parser.at_end():
                parser.error(f"{parser.shown()} is left over after the value", "leftover")
            parser.rest()
        self.problems += [
            Problem(p.span.shifted(offset), p.code, p.message, p.hint) for p in parser.problems
        ]
        inner = next(Cursor(done[0], offset).children(), None)
        if done[0].depth > 100 or inner is None:
            self.problem(Span(offset, offset + len(text)), "too-deep", "nested too deeply")
            return self.unknown()
        return self.expression(inner)

    def type(self, cursor: Cursor | None) -> Type:
        """The type that a node writes; ``json`` where it writes none."""
        if cursor is None:
            return types.ANY
        made = self._plain_type(cursor)
        self.lowered.spans.setdefault(id(made), cursor.span)
        if any(child.text == "?" for child in cursor.all("symbol")):
            return types.Optional(made)
        return made

    def _plain_type(self, cursor: Cursor) -> Type:
        texts = cursor.all("string")
        if texts:
            return Choice(tuple(unquote(text.text) for text in texts))
        name = cursor.find("name")
        if name is None:
            return types.ANY
        inner = cursor.find("type")
        kind = name.text
        if inner is not None and (meant := TYPES.get(kind)) in ("list", "map"):
            message = f"there is no type {kind}"
            self.problem(name.span, "unknown-name", message, f"Did you mean {meant}?")
            kind = meant
        if kind in ("list", "map"):
            if inner is None:
                hint = f"Write {kind}[str], for example."
                self.problem(name.span, "item-type", f"{kind} needs a type of items", hint)
            item = self.type(inner)
            return ListOf(item) if kind == "list" else MapOf(item)
        if name.text == "Optional" and inner is not None:
            return types.Optional(self.type(inner))  # the parser has told how it is written
        if inner is not None:
            self.problem(name.span, "item-type", f"{name.text} takes no type of items")
        if name.text == "secret" and len(cursor.all("name")) > 1:
            return Primitive("secret")
        if name.text in _PRIMITIVES:
            return Primitive(name.text)  # type: ignore[arg-type]  # one of the literals
        made = Named(name.text)
        self.lowered.spans[id(made)] = name.span
        return made

    def duration(self, cursor: Cursor, otherwise: int) -> int:
        """Milliseconds of a duration; ``otherwise`` where it is none."""
        parts = list(cursor.children())
        if len(parts) < 2:
            return otherwise
        unit = parts[1].text
        if unit not in UNITS_MS:
            hint = "Units are ms, s, min and h."
            self.problem(parts[1].span, "unknown-unit", f"there is no unit {unit}", hint)
            return otherwise
        ms = float(parts[0].text) * UNITS_MS[unit]
        if not 1 <= ms <= 7 * 24 * 3_600_000:
            self.problem(cursor.span, "out-of-range", "a duration is between 1 ms and 7 days")
            return otherwise
        return round(ms)

    def retry(self, cursor: Cursor) -> Retry:
        """How often and after what wait."""
        number = cursor.find("number")
        wait = cursor.find("duration")
        times = 0 if number is None else self.whole(number, 0, 20)
        return Retry(times) if wait is None else Retry(times, self.duration(wait, 500))

    def whole(self, cursor: Cursor, least: int, most: int) -> int:
        """A whole number within limits; the nearest one, with a problem, where it is not."""
        text = cursor.text
        value = int(text) if text.isdecimal() and len(text) < 16 else -1
        if least <= value <= most:
            return value
        message = f"expected a whole number from {least} to {most}"
        self.problem(cursor.span, "out-of-range", message)
        return least if value < least else most


def _literal(text: str) -> Any:
    named = {"true": True, "false": False, "null": None}
    if text in named:
        return named[text]
    if "." in text:
        return float(text)
    return int(text) if len(text) <= 300 else float("1e308")


def _open(token: Cursor) -> bool:
    return bool(getattr(token.of, "problem", ""))


def _pieces(raw: str, start: int, end: int) -> Iterator[tuple[str, int, bool]]:
    """The texts and values between two offsets: ``(text, offset, is a value)``."""
    at = start
    for match in VALUE.finditer(raw, start, end):
        if match.start() > at:
            yield raw[at : match.start()], at, False
        yield match[1], match.start(1), True
        at = match.end()
    if at < end:
        yield raw[at:end], at, False


def _indent(body: str) -> int:
    lines = body.split("\n")[1:]
    widths = [len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()]
    return min(widths, default=0)


def _dedent(text: str, indent: int) -> str:
    if not indent:
        return text
    return re.sub(rf"\n[ \t]{{1,{indent}}}", "\n", text)


def _trim(parts: list[str | Expression]) -> None:
    """Without the line break after the opening quotes and the space before the closing ones."""
    if parts and isinstance(parts[0], str):
        parts[0] = re.sub(r"\A[ \t]*\r?\n", "", parts[0])
    if parts and isinstance(parts[-1], str):
        parts[-1] = parts[-1].rstrip()
