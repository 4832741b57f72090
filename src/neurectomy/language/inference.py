"""The types of expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from neurectomy.agents.shapes import (
    fits,
    holds_secret,
    is_number,
    is_text,
    join,
    named_in,
    required,
)
from neurectomy.agents.types import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NONE,
    STR,
    Choice,
    ListOf,
    MapOf,
    Named,
    Optional,
    Type,
    render,
)
from neurectomy.language import mistakes
from neurectomy.language.hints import closest
from neurectomy.language.narrowing import narrowed, path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from neurectomy.agents.program import Program
    from neurectomy.language.diagnostics import Span
    from neurectomy.language.lowering import Lowered

_SECRETS = "Give it to a tool that takes a secret str."

Scope = "Mapping[str, Type]"


class Typer:
    """Finds the type of an expression and says what is wrong in it.

    Args:
        tell: Called with span, code, message and hint of each error.
    """

    def __init__(self, program: Program, lowered: Lowered, tell: Callable[..., None]) -> None:
        self._program = program
        self._lowered = lowered
        self._tell = tell

    def silent(self) -> Typer:
        """One that finds the same types and says nothing."""
        return Typer(self._program, self._lowered, lambda *_: None)

    def problem(self, at: Expression, code: str, message: str, hint: str = "") -> Type:
        """Tell of an error; the expression's type counts as ``json``, so that it has one only."""
        self._tell(self._lowered.span(at), code, message, hint)
        return ANY

    def type_of(self, expression: Expression, scope: Mapping[str, Type], used: set[str]) -> Type:
        """The type; names that are looked at are added to ``used``."""
        for span, name in self._lowered.braces.get(id(expression), ()):
            self._check_braces(span, name, scope, used)
        match expression:
            case Constant(value):
                unknown = id(expression) in self._lowered.unknown
                return ANY if unknown else _type_of_value(value)
            case Name(name):
                return self._name(expression, name, scope, used)
            case Attribute(target, name):
                return self._attribute(expression, target, name, scope, used)
            case Index(target, index):
                return self._index(expression, target, index, scope, used)
            case Unary(operator, operand):
                return self._unary(operator, operand, self.type_of(operand, scope, used))
            case Binary():
                return self._binary(expression, scope, used)
            case ListLiteral(items):
                return self._list(items, scope, used)
            case RecordLiteral(name, fields):
                return self._record(expression, name, fields, scope, used)
            case Template(parts):
                for part in parts:
                    if not isinstance(part, str):
                        self._check_open(part, self.type_of(part, scope, used))
                return STR
            case Builtin(name, arguments):
                return self._builtin(expression, name, arguments, scope, used)

    def _check_open(self, part: Expression, found: Type) -> None:
        """Nothing that is put into a text may hold a secret: the text would have its mark."""
        if holds_secret(found, self._program.types):
            message = f"{render(found)} holds a secret, and a text does not"
            self.problem(part, "secret", message, _SECRETS)

    def _check_braces(
        self, span: Span, name: str, scope: Mapping[str, Type], used: set[str]
    ) -> None:
        """A name of the scope in single braces is one that was meant to be filled in."""
        root = name.partition(".")[0]
        if root in scope:
            used.add(root)
            message = f"{{{name}}} stands for these characters, and not for a value"
            hint = f"Did you mean {{{{ {name} }}}}?"
            self._tell(span, "single-braces", message, hint, "warning")

    def _unary(self, operator: str, operand: Expression, inner: Type) -> Type:
        if operator == "not":
            self._need_bool(operand, inner)
            return BOOL
        if not is_number(inner):
            return self.problem(operand, "wrong-type", f"{render(inner)} is no number")
        return inner

    def _need_bool(self, at: Expression, found: Type) -> None:
        if found not in (BOOL, ANY):
            self.problem(
                at,
                "wrong-type",
                f"a condition is true or false; this is {render(found)}",
                "Compare it, for example with == null or len(...) > 0.",
            )

    def condition(self, at: Expression, scope: Mapping[str, Type], used: set[str]) -> None:
        """Check an expression that must be true or false."""
        self._need_bool(at, self.type_of(at, scope, used))

    def _name(self, at: Expression, name: str, scope: Mapping[str, Type], used: set[str]) -> Type:
        used.add(name)
        if name in scope:
            return scope[name]
        if name in self._lowered.skipped:
            return ANY
        known = [key for key in scope if "." not in key]
        hint = closest(name, known, f"In scope: {', '.join(known[:8]) or 'nothing yet'}.")
        hint = mistakes.value(name) or hint
        return self.problem(at, "unknown-name", f"there is no {name} here", hint)

    def _attribute(
        self,
        at: Expression,
        target: Expression,
        name: str,
        scope: Mapping[str, Type],
        used: set[str],
    ) -> Type:
        key = path_of(at)
        if key is not None and key in scope:
            self.type_of(target, scope, used)
            return scope[key]
        outer = self.type_of(target, scope, used)
        inner = required(outer)
        match inner:
            case Named(record) if record in self._program.types:
                fields = {field.name: field for field in self._program.types[record].fields}
                if name not in fields:
                    hint = closest(name, fields, f"It has: {', '.join(fields)}.")
                    return self.problem(at, "unknown-field", f"{record} has no field {name}", hint)
                found = fields[name].type
            case MapOf(value):
                found = Optional(value)
            case _ if inner == ANY or isinstance(inner, Named):
                return ANY
            case _:
                return self.problem(at, "unknown-field", f"{render(outer)} has no fields")
        if isinstance(outer, Optional) and not isinstance(found, Optional):
            return Optional(found)
        return found

    def _index(
        self,
        at: Expression,
        target: Expression,
        index: Expression,
        scope: Mapping[str, Type],
        used: set[str],
    ) -> Type:
        outer = required(self.type_of(target, scope, used))
        key = self.type_of(index, scope, used)
        match outer:
            case ListOf(item):
                found, fine = item, key in (INT, ANY)
            case MapOf(value):
                found, fine = value, is_text(key)
            case _ if is_text(outer) and outer != ANY:
                found, fine = STR, key in (INT, ANY)
            case _:
                if outer == ANY:
                    return ANY
                return self.problem(at, "wrong-type", f"{render(outer)} has no items")
        if not fine:
            return self.problem(index, "wrong-type", f"{render(key)} is no index of it")
        return found if isinstance(found, Optional) or found == ANY else Optional(found)

    def _binary(self, at: Binary, scope: Mapping[str, Type], used: set[str]) -> Type:
        left = self.type_of(at.left, scope, used)
        inner = scope
        if at.operator == "and":
            inner = {**scope, **narrowed(at.left, scope, self, True)}
        elif at.operator == "or":
            inner = {**scope, **narrowed(at.left, scope, self, False)}
        right = self.type_of(at.right, inner, used)
        match at.operator:
            case "and" | "or":
                self._need_bool(at.left, left)
                self._need_bool(at.right, right)
                return BOOL
            case "==" | "!=":
                return self._equal(at, left, right)
            case "in":
                return self._within(at, left, right)
            case "<" | "<=" | ">" | ">=":
                if (is_number(left) and is_number(right)) or (is_text(left) and is_text(right)):
                    return BOOL
                both = f"{render(left)} and {render(right)}"
                self.problem(at, "wrong-type", f"{both} cannot be ordered", _maybe(left, right))
                return BOOL
            case _:
                return self._arithmetic(at, left, right)

    def _equal(self, at: Binary, left: Type, right: Type) -> Type:
        both_texts = is_text(left) and is_text(right)
        if isinstance(left, Choice) and isinstance(right, Choice):
            both_texts = bool(set(left.values) & set(right.values))
        if (
            not both_texts
            and join(left, right) is None
            and not (is_number(left) and is_number(right))
        ) or (isinstance(left, Choice) and isinstance(right, Choice) and not both_texts):
            message = f"{render(left)} and {render(right)} are never equal"
            self.problem(at, "wrong-type", message)
        return BOOL

    def _within(self, at: Binary, left: Type, right: Type) -> Type:
        match right:
            case ListOf(item):
                fine = join(left, item) is not None
            case MapOf():
                fine = is_text(left)
            case _:
                fine = right == ANY or (is_text(right) and is_text(left))
        if not fine:
            message = f"{render(left)} cannot be in {render(right)}"
            self.problem(at, "wrong-type", message)
        return BOOL

    def _arithmetic(self, at: Binary, left: Type, right: Type) -> Type:
        if ANY in (left, right):
            return ANY
        if at.operator == "+":
            if is_text(left) and is_text(right):
                return STR
            if isinstance(left, ListOf) and isinstance(right, ListOf):
                return join(left, right) or ListOf(ANY)
        if is_number(left) and is_number(right):
            return FLOAT if at.operator == "/" or FLOAT in (left, right) else INT
        both = f"{render(left)} and {render(right)}"
        hint = _maybe(left, right)
        if at.operator == "+" and (is_text(left) or is_text(right)):
            hint = hint or 'Make a text of it: str(...), or "... {{ value }}".'
        return self.problem(at, "wrong-type", f"`{at.operator}` does not go with {both}", hint)

    def _list(
        self, items: tuple[Expression, ...], scope: Mapping[str, Type], used: set[str]
    ) -> Type:
        common: Type | None = None
        for item in items:
            found = widened(self.type_of(item, scope, used))
            common = found if common is None else join(common, found) or ANY
        return ListOf(ANY if common is None else common)

    def _record(
        self,
        at: Expression,
        name: str,
        given: tuple[tuple[str, Expression], ...],
        scope: Mapping[str, Type],
        used: set[str],
    ) -> Type:
        record = self._program.types.get(name)
        found = {key: self.type_of(value, scope, used) for key, value in given}
        if record is None:
            hint = closest(name, self._program.types, f"Add: type {name} {{ ... }}")
            return self.problem(at, "unknown-name", f"there is no type {name}", hint)
        fields = {field.name: field for field in record.fields}
        for key, value in given:
            if key not in fields:
                hint = f"It has: {', '.join(fields)}."
                self.problem(value, "unknown-field", f"{name} has no field {key}", hint)
            else:
                self.expect(value, found[key], fields[key].type, f"the field {key}")
        missing = [
            key
            for key, field in fields.items()
            if field.required and key not in found and not isinstance(field.type, Optional)
        ]
        if missing:
            self.problem(at, "missing-field", f"{name} needs {', '.join(missing)} too")
        return Named(name)

    def expect(self, at: Expression, found: Type, wanted: Type, what: str) -> None:
        """Tell where a value does not fit."""
        if fits(found, wanted) or not self._is_known(wanted):
            return
        message = f"{what} is {render(wanted)}, and this is {render(found)}"
        hint = ""
        if isinstance(found, Optional) and fits(found.inner, wanted):
            hint = "It may be null: test it first with `if ... != null`."
        self.problem(at, "wrong-type", message, hint)

    def _is_known(self, type_: Type) -> bool:
        """Whether every record in a type is declared; that one is not is told where it stands."""
        return all(named.name in self._program.types for named in named_in(type_))

    def _builtin(
        self,
        at: Expression,
        name: str,
        arguments: tuple[Expression, ...],
        scope: Mapping[str, Type],
        used: set[str],
    ) -> Type:
        found = [self.type_of(argument, scope, used) for argument in arguments]
        wanted = 2 if name in ("join", "min", "max") else 1
        if len(found) != wanted:
            message = f"{name} takes {wanted} argument{'s' if wanted > 1 else ''}"
            return self.problem(at, "arguments", message, BUILTINS[name])
        fine: list[bool] = []
        match name:
            case "str" | "join" if holds_secret(found[0], self._program.types):
                return self.problem(
                    arguments[0], "secret", f"{name} makes no text of a secret", _SECRETS
                )
            case "len":
                fine = [is_text(found[0]) or isinstance(found[0], ListOf | MapOf)]
            case "join":
                fine = [isinstance(found[0], ListOf) or found[0] == ANY, is_text(found[1])]
            case "lower" | "upper":
                fine = [is_text(found[0])]
            case "min" | "max":
                fine = [is_number(one) for one in found]
            case "range":
                fine = [found[0] in (INT, ANY)]
        for argument, type_, good in zip(arguments, found, fine, strict=False):
            if not good:
                message = f"{name} does not take {render(type_)}"
                self.problem(argument, "wrong-type", message, _maybe(type_) or BUILTINS[name])
        match name:
            case "len":
                return INT
            case "range":
                return ListOf(INT)
            case "min" | "max":
                return INT if found == [INT, INT] else FLOAT
            case _:
                return STR


def _maybe(*found: Type) -> str:
    if any(isinstance(one, Optional) for one in found):
        return "It may be null: test it first with `if ... != null`."
    return ""


def _type_of_value(value: Any) -> Type:
    if value is None:
        return NONE
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return INT
    if isinstance(value, float):
        return FLOAT
    return Choice((value,)) if isinstance(value, str) else ANY


def widened(type_: Type) -> Type:
    """The type of a binding: a literal text is bound as ``str``."""
    return STR if isinstance(type_, Choice) and len(type_.values) == 1 else type_
