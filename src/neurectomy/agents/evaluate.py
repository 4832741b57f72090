"""The value of an expression: pure and total, with one kind of error."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import msgspec

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
from neurectomy.agents.types import MOST_INTEGER, describe
from neurectomy.core import codecs
from neurectomy.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_RANGE = 10_000
MOST_TEXT = 4_000_000
"""Characters that an expression may build, so that a loop cannot fill the memory."""

MOST_WEIGHT = 4_000_000
"""Characters and items together of a list or record that an expression may build."""


class EvaluationError(InvalidInput):
    """An operation that its operands do not allow, such as a division by zero."""

    code = "evaluation"


def evaluate(expression: Expression, scope: Callable[[str], Any]) -> Any:
    """The value of an expression.

    Args:
        expression: Checked: its names are in scope.
        scope: Gives the value of a name; raises KeyError for an unknown one.

    Raises:
        EvaluationError: The operands do not allow it.
    """
    match expression:
        case Constant(value):
            return value
        case Name(name):
            return _named(name, scope)
        case Attribute(target, name):
            return _attribute(evaluate(target, scope), name)
        case Index(target, index):
            return _index(evaluate(target, scope), evaluate(index, scope))
        case Unary(sign, operand):
            return _unary(sign, evaluate(operand, scope))
        case Binary(sign, left, right):
            return _binary(sign, left, right, scope)
        case ListLiteral(items):
            return _light([evaluate(item, scope) for item in items])
        case RecordLiteral(_, fields):
            return _light({name: evaluate(value, scope) for name, value in fields})
        case Template():
            return "".join(text for text, _ in render_template(expression, scope))
        case Builtin(name, arguments):
            return _BUILTINS[name](*[evaluate(argument, scope) for argument in arguments])


def render_template(template: Template, scope: Callable[[str], Any]) -> list[tuple[str, str]]:
    """The pieces of a text: ``(text, name)``, where the name is that of the value's root binding.

    The author's own words have an empty name. Values that are not texts are written as JSON.
    """
    pieces, length = [], 0
    for part in template.parts:
        if isinstance(part, str):
            pieces.append((part, ""))
        else:
            pieces.append((to_text(evaluate(part, scope)), root_name(part)))
        length += len(pieces[-1][0])
        if length > MOST_TEXT:
            raise _too_long()
    return pieces


def root_name(expression: Expression) -> str:
    """The binding a value comes from, such as ``draft`` of ``draft.text``; empty for others."""
    while isinstance(expression, Attribute | Index):
        expression = expression.target
    return expression.name if isinstance(expression, Name) else ""


def to_text(value: Any) -> str:
    """A value as a text: itself, empty for null, else JSON (indented for records and lists)."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return msgspec.json.format(codecs.encode(value), indent=2).decode()
    return codecs.encode(value).decode()


def _named(name: str, scope: Callable[[str], Any]) -> Any:
    try:
        return scope(name)
    except KeyError:
        raise EvaluationError(
            f"{name} has no value here", hint=f"Bind {name} on every path that leads here."
        ) from None


def _attribute(target: Any, name: str) -> Any:
    if target is None:
        return None
    if isinstance(target, dict):
        return target.get(name)
    raise EvaluationError(f"{describe(target)} has no field {name}")


def _index(target: Any, index: Any) -> Any:
    if target is None:
        return None
    if isinstance(target, dict) and isinstance(index, str):
        return target.get(index)
    if isinstance(target, list | str) and isinstance(index, int) and not isinstance(index, bool):
        return target[index] if -len(target) <= index < len(target) else None
    raise EvaluationError(f"{describe(target)} has no item {describe(index)}")


def _unary(sign: str, value: Any) -> Any:
    if sign == "not":
        return not _truth(value)
    return _bounded(-_number(value))


def _binary(sign: str, left: Expression, right: Expression, scope: Callable[[str], Any]) -> Any:
    first = evaluate(left, scope)
    if sign == "and":
        return _truth(first) and _truth(evaluate(right, scope))
    if sign == "or":
        return _truth(first) or _truth(evaluate(right, scope))
    second = evaluate(right, scope)
    if sign == "==":
        return first == second
    if sign == "!=":
        return first != second
    if sign == "in":
        return _contains(first, second)
    if sign in _ORDER:
        return _ordered(sign, first, second)
    return _arithmetic(sign, first, second)


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _ordered(sign: str, first: Any, second: Any) -> bool:
    if isinstance(first, str) and isinstance(second, str):
        return _ORDER[sign](first, second)
    return _ORDER[sign](_number(first), _number(second))


def _arithmetic(sign: str, first: Any, second: Any) -> Any:
    if sign == "+":
        if isinstance(first, str) and isinstance(second, str):
            if len(first) + len(second) > MOST_TEXT:
                raise _too_long()
            return first + second
        if isinstance(first, list) and isinstance(second, list):
            return _light(first + second)
    first, second = _number(first), _number(second)
    try:
        match sign:
            case "+":
                return _bounded(first + second)
            case "-":
                return _bounded(first - second)
            case "*":
                return _bounded(first * second)
            case "/":
                return _bounded(first / second)
            case _:
                return _bounded(first % second)
    except ZeroDivisionError:
        raise EvaluationError("division by zero", hint="Test the divisor with if first.") from None
    except OverflowError:
        raise EvaluationError("the number is too large") from None


def _bounded(number: Any) -> Any:
    """A number that every reader of the log has too."""
    if isinstance(number, float):
        if not math.isfinite(number):
            raise EvaluationError("the number is too large")
    elif not -MOST_INTEGER <= number < MOST_INTEGER:
        raise EvaluationError("the number is too large")
    return number


def _light(value: Any) -> Any:
    """A list or record that is not too large; what it holds may stand in it many times."""
    weight, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        weight += 1 + (len(one) if isinstance(one, str) else 0)
        if isinstance(one, list | dict):
            weight += len(one)
            waiting += one if isinstance(one, list) else one.values()
        if weight > MOST_WEIGHT:
            raise EvaluationError("a value would be too large", hint="Keep less of it.")
    return value


def _too_long() -> EvaluationError:
    return EvaluationError(f"a text would be longer than {MOST_TEXT} characters")


def _contains(item: Any, container: Any) -> bool:
    if isinstance(container, str):
        return isinstance(item, str) and item in container
    if isinstance(container, list | dict):
        return item in container if isinstance(container, list) or isinstance(item, str) else False
    raise EvaluationError(f"{describe(container)} cannot hold {describe(item)}")


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise EvaluationError(
        f"a condition must be true or false, got {describe(value)}",
        hint="Compare it, for example with == null or len(...) > 0.",
    )


def _number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise EvaluationError(f"expected a number, got {describe(value)}")


def _len(value: Any) -> int:
    if isinstance(value, str | list | dict):
        return len(value)
    raise EvaluationError(f"{describe(value)} has no length")


def _join(items: Any, separator: Any) -> str:
    if not isinstance(items, list) or not isinstance(separator, str):
        raise EvaluationError("join takes a list and a separator")
    texts, length = [], 0
    for item in items:
        texts.append(to_text(item))
        length += len(texts[-1]) + len(separator)
        if length > MOST_TEXT:
            raise _too_long()
    return separator.join(texts)


def _range(count: Any) -> list[int]:
    number = _number(count)
    if not isinstance(number, int) or not 0 <= number <= MOST_RANGE:
        raise EvaluationError(f"range takes a whole number from 0 to {MOST_RANGE}")
    return list(range(number))


_BUILTINS: dict[str, Callable[..., Any]] = {
    "len": _len,
    "join": _join,
    "lower": lambda text: to_text(text).lower(),
    "upper": lambda text: to_text(text).upper(),
    "str": to_text,
    "min": lambda first, second: min(_number(first), _number(second)),
    "max": lambda first, second: max(_number(first), _number(second)),
    "range": _range,
}
