"""A tool's declaration compared with its Python function, read from the syntax tree only."""

from __future__ import annotations

import ast
import threading
from typing import TYPE_CHECKING

from msgspec import Struct

from neurectomy.agents.shapes import fits
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
    Primitive,
    Type,
    render,
)

if TYPE_CHECKING:
    from neurectomy.agents.program import ToolDeclaration

_PLAIN: dict[str, Type] = {
    "str": STR,
    "int": INT,
    "float": FLOAT,
    "bool": BOOL,
    "None": NONE,
}
_SEQUENCES = ("list", "List", "Sequence", "Iterable", "tuple", "set", "frozenset")
_MAPPINGS = ("dict", "Dict", "Mapping")


_PARSING = threading.Lock()
"""CPython 3.11 loses count of the depth where two threads make syntax trees at the same time."""


class Parameter(Struct, frozen=True):
    """A parameter of a Python function; ``type`` is ``json`` where its annotation is not known."""

    name: str
    type: Type
    required: bool


class Signature(Struct, frozen=True):
    """A function as its file writes it.

    Attributes:
        open: Whether it takes any keyword.
        line: From 1.
        summary: First line of its docstring.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: Type
    open: bool
    line: int
    summary: str


def functions(source: str) -> dict[str, Signature]:
    """The functions at the top level of a Python file.

    Raises:
        SyntaxError: The file cannot be parsed.
    """
    with _PARSING:
        tree = ast.parse(source)
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    return {
        node.name: _signature(node, classes)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef, classes: set[str]) -> Signature:
    arguments = node.args
    positional = arguments.args
    missing = len(positional) - len(arguments.defaults)
    parameters = [
        Parameter(argument.arg, _type(argument.annotation, classes), index < missing)
        for index, argument in enumerate(positional)
    ]
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        annotation = _type(argument.annotation, classes)
        parameters.append(Parameter(argument.arg, annotation, default is None))
    summary = (ast.get_docstring(node) or "").split("\n")[0]
    returns = _type(node.returns, classes)
    takes_any = arguments.kwarg is not None
    return Signature(node.name, tuple(parameters), returns, takes_any, node.lineno, summary)


def _type(annotation: ast.expr | None, classes: set[str]) -> Type:
    """The type of an annotation; ``json`` for what has no counterpart."""
    match annotation:
        case ast.Constant(value=None):
            return NONE
        case ast.Constant(value=str() as text):
            try:
                return _type(ast.parse(text, mode="eval").body, classes)
            except SyntaxError:
                return ANY
        case ast.Name(id=name):
            return _PLAIN.get(name, Named(name) if name in classes else ANY)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _union(_type(left, classes), _type(right, classes))
        case ast.Subscript(value=ast.Name(id=name), slice=inner):
            return _generic(name, inner, classes)
        case _:
            return ANY


def _union(left: Type, right: Type) -> Type:
    if right == NONE and left != ANY:
        return Optional(left)
    if left == NONE and right != ANY:
        return Optional(right)
    return ANY


def _generic(name: str, inner: ast.expr, classes: set[str]) -> Type:
    if name in _SEQUENCES:
        item = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
        return ListOf(_type(item, classes))
    if name in _MAPPINGS and isinstance(inner, ast.Tuple) and len(inner.elts) == 2:
        return MapOf(_type(inner.elts[1], classes))
    if name == "Optional":
        return _union(_type(inner, classes), NONE)
    if name == "Literal":
        items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        values = [item.value for item in items if isinstance(item, ast.Constant)]
        if values and all(isinstance(value, str) for value in values):
            return Choice(tuple(str(value) for value in values))
    return ANY


def compare(tool: ToolDeclaration, source: str) -> list[tuple[str, str, str]]:
    """What is wrong between a declaration and its file: ``(code, message, hint)``."""
    try:
        found = functions(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        number = getattr(error, "lineno", None)
        line = f" in line {number}" if number else ""
        reason = getattr(error, "msg", error) or "it is nested too deep"
        message = f"{tool.path} is not Python{line}: {reason}"
        return [("tool-syntax", message, "Mend the file.")]
    signature = found.get(tool.function)
    if signature is None:
        names = ", ".join(found) or "none"
        hint = f'It has: {names}. Name another with "{tool.path}:function".'
        return [("tool-function", f"{tool.path} has no function {tool.function}", hint)]
    problems = []
    declared = {parameter.name: parameter for parameter in tool.parameters}
    taken = {parameter.name: parameter for parameter in signature.parameters}
    place = f"{tool.path}:{signature.line}"
    for name, parameter in declared.items():
        if name not in taken:
            if not signature.open:
                message = f"{tool.function} does not take {name}"
                problems.append(("tool-signature", message, f"See {place}."))
            continue
        if not _may_fit(parameter.type, taken[name].type):
            message = (
                f"{name} is {render(parameter.type)} here "
                f"and {render(taken[name].type)} in {tool.function}"
            )
            problems.append(("tool-signature", message, f"See {place}."))
    for name, given in taken.items():
        if given.required and name not in declared:
            message = f"{tool.function} needs {name} too"
            problems.append(("tool-signature", message, f"See {place}."))
    if not _may_fit(signature.returns, tool.returns):
        message = (
            f"{tool.function} returns {render(signature.returns)}, "
            f"and this says {render(tool.returns)}"
        )
        problems.append(("tool-signature", message, f"See {place}."))
    return problems


def _may_fit(given: Type, wanted: Type) -> bool:
    """As `fits`, where a class of the file may be any record: its name need not be the same."""
    match given, wanted:
        case Named(), _ if not isinstance(wanted, Named | Optional):
            return wanted == ANY or isinstance(wanted, MapOf)
        case (Named(), Named()):
            return True
        case (ListOf(a), ListOf(b)) | (Optional(a), Optional(b)) | (MapOf(a), MapOf(b)):
            return _may_fit(a, b)
        case _, Optional(b):
            return given == NONE or _may_fit(given, b)
        case (Primitive("secret"), _):
            return _may_fit(STR, wanted)
        case (_, Primitive("secret")):
            return _may_fit(given, STR)
        case _, Named():
            return given == ANY or isinstance(given, MapOf)
        case _:
            return fits(given, wanted)
