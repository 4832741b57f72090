"""A condition on its own, such as that of a breakpoint: ``cost > 0.10 and tool == "send"``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.agents.evaluate import EvaluationError, evaluate
from neurectomy.agents.expressions import Builtin, Expression, Name
from neurectomy.core.errors import InvalidInput
from neurectomy.language.diagnostics import Lines
from neurectomy.language.expressions import ExpressionParser
from neurectomy.language.hints import closest
from neurectomy.language.lexer import tokenize
from neurectomy.language.lowering import Lowerer
from neurectomy.language.tree import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST = 1000
"""Characters of a condition."""


def read_expression(text: str, names: Mapping[str, Any] | None = None) -> Expression:
    """The expression that a text writes.

    Args:
        text: All of it.
        names: What it may name; anything by default.

    Raises:
        InvalidInput: It is none, or names something else.
    """
    if len(text) > LONGEST:
        raise InvalidInput(f"a condition has at most {LONGEST} characters", hint="Shorten it.")
    parser = ExpressionParser(tokenize(text))
    with parser.node("value") as done:
        parser.expression()
        if not parser.at_end():
            parser.error(f"{parser.shown()} is left over after the condition", "leftover")
        parser.rest()
    lowerer = Lowerer(Lines(text))
    inner = next(Cursor(done[0], 0).children(), None)
    problems = parser.problems
    if not problems and inner is not None:
        expression = lowerer.expression(inner)
        problems = lowerer.problems
    if problems or inner is None:
        first = problems[0].message if problems else "it is empty"
        hint = (problems[0].hint if problems else "") or 'Such as: cost > 0.10 or tool == "send"'
        raise InvalidInput(f"{_short(text)} is no condition: {first}", hint=hint)
    known = () if names is None else names
    for name in _names(expression) if names is not None else ():
        if name not in known:
            raise InvalidInput(f"a condition knows no {name}", hint=closest(name, known))
    return expression


def read_condition(text: str, samples: Mapping[str, Any]) -> Expression:
    """A condition over names, tried with a sample of each.

    Raises:
        InvalidInput: It is no expression, names something else, or is neither true nor false.
    """
    expression = read_expression(text, samples)
    try:
        value = evaluate(expression, samples.__getitem__)
    except EvaluationError as error:
        message = f"{_short(text)} cannot be told: {error.message}"
        raise InvalidInput(message, hint=error.hint) from None
    if not isinstance(value, bool):
        message = f"{_short(text)} is neither true nor false"
        raise InvalidInput(message, hint="Compare the value.")
    return expression


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:59]}…")


def names_of(expression: Expression) -> set[str]:
    """The names in an expression."""
    return set(_names(expression))


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Name):
        yield value.name
        return
    if isinstance(value, tuple):
        for inner in value:
            yield from _names(inner)
    elif isinstance(value, Expression):
        fields = ("arguments",) if isinstance(value, Builtin) else value.__struct_fields__
        for field in fields:
            yield from _names(getattr(value, field))
