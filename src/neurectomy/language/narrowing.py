"""What a condition tells of the values in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurectomy.agents.expressions import Attribute, Binary, Constant, Expression, Name, Unary
from neurectomy.agents.shapes import required

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurectomy.agents.types import Type
    from neurectomy.language.inference import Typer


def path_of(expression: Expression) -> str | None:
    """``draft.text`` as a text; null for what is no path of names."""
    if isinstance(expression, Name):
        return expression.name
    if isinstance(expression, Attribute):
        target = path_of(expression.target)
        return None if target is None else f"{target}.{expression.name}"
    return None


def narrowed(
    condition: Expression, scope: Mapping[str, Type], typer: Typer, holds: bool
) -> dict[str, Type]:
    """Paths that are known not to be null where the condition is ``holds``."""
    match condition:
        case Binary("and", left, right) if holds:
            return {
                **narrowed(left, scope, typer, True),
                **narrowed(right, scope, typer, True),
            }
        case Binary("or", left, right) if not holds:
            return {
                **narrowed(left, scope, typer, False),
                **narrowed(right, scope, typer, False),
            }
        case Unary("not", inner):
            return narrowed(inner, scope, typer, not holds)
        case Binary("!=" | "==" as operator, left, right):
            tested = left if right == Constant(None) else right if left == Constant(None) else None
            path = None if tested is None else path_of(tested)
            if tested is None or path is None or (operator == "!=") != holds:
                return {}
            return {path: required(typer.silent().type_of(tested, scope, set()))}
        case _:
            return {}
