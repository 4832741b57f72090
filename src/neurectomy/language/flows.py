"""Flows checked: what follows the data through the statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from neurectomy.agents.program import (
    AskHuman,
    Bind,
    Call,
    FlowDeclaration,
    If,
    Map,
    Parallel,
    Repeat,
    Return,
    Statement,
    Yield,
)
from neurectomy.agents.shapes import join, named_in
from neurectomy.agents.types import ANY, STR, ListOf, Optional, Type, render
from neurectomy.language import mistakes
from neurectomy.language.hints import closest
from neurectomy.language.inference import Typer, widened
from neurectomy.language.narrowing import narrowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from neurectomy.agents.program import (
        AgentDeclaration,
        Program,
        ToolDeclaration,
    )
    from neurectomy.language.diagnostics import Span
    from neurectomy.language.lowering import Lowered

MOST_BRANCHES = 64
"""Branches of one parallel block."""


class Scope(Struct):
    """What is known at a place of a flow.

    Attributes:
        types: Of names in scope, and of paths that a condition narrowed.
        maybe: Names that have a value on some of the paths that lead here only.
        ended: Whether every path has returned already.
        has_paths: Whether ``types`` may hold paths.
    """

    types: dict[str, Type]
    maybe: dict[str, Type]
    ended: bool = False
    has_paths: bool = False

    def copy(self) -> Scope:
        """The same knowledge, to go on with separately."""
        return Scope(dict(self.types), dict(self.maybe), self.ended, self.has_paths)

    def narrow(self, found: dict[str, Type]) -> None:
        """Take over what a condition tells of names and paths."""
        self.types.update(found)
        self.has_paths = self.has_paths or any("." in path for path in found)

    def bind(self, name: str, type_: Type) -> None:
        """Give a name a value."""
        if self.has_paths:
            for path in [path for path in self.types if path.startswith(f"{name}.")]:
                del self.types[path]
        self.types[name] = type_
        self.maybe.pop(name, None)


class FlowChecker:
    """Checks one flow.

    Args:
        tell: Called with span, code, message, hint and severity of each problem.
        used: Declarations that something uses; the flow's are added.
    """

    def __init__(
        self,
        flow: FlowDeclaration,
        program: Program,
        lowered: Lowered,
        tell: Callable[..., None],
        used: set[tuple[str, str]],
    ) -> None:
        self._flow = flow
        self._program = program
        self._lowered = lowered
        self._report = tell
        self._silent = 0
        self._told: set[tuple[Any, ...]] = set()
        self._declarations = used
        self._names: set[str] = set()
        self._bound: dict[str, Span] = {}
        self._typer = Typer(program, lowered, self._tell)
        self._yields: list[Type] = []
        self._in_map = 0

    def _tell(
        self, span: Span, code: str, message: str, hint: str = "", severity: str = "error"
    ) -> None:
        key = (span, code, message)
        if self._silent or key in self._told:
            return
        self._told.add(key)
        self._report(span, code, message, hint, severity)

    def run(self) -> None:
        """Check the whole flow."""
        flow = self._flow
        scope = Scope({p.name: p.type for p in flow.parameters}, {})
        self._block(flow.body, scope)
        name = self._lowered.names.get(("flow", flow.name))
        if name is None:
            return
        if not scope.ended:
            hint = f"End it with: return ...   # {render(flow.returns)}"
            some = "some path through " if flow.body else ""
            message = f"{some}the flow {flow.name} ends without a value"
            self._tell(name, "no-return", message, hint)
        for parameter in flow.parameters:
            if parameter.name not in self._names:
                span = self._lowered.span(parameter)
                message = f"the parameter {parameter.name} is never used"
                self._tell(span, "unused", message, "Use it, or remove it.", "warning")
        for binding, span in self._bound.items():
            if binding not in self._names:
                hint = "Use it, or remove the statement."
                self._tell(span, "unused", f"{binding} is never used", hint, "warning")

    def _type_of(self, expression: Any, scope: Scope) -> Type:
        return self._typer.type_of(expression, self._visible(expression, scope), self._names)

    def _visible(self, expression: Any, scope: Scope) -> dict[str, Type]:
        """The names in scope; those that may be without a value are told about when used."""
        if not scope.maybe:
            return scope.types
        used: set[str] = set()
        known = {**scope.maybe, **scope.types}
        self._typer.silent().type_of(expression, known, used)
        for name in sorted(used & scope.maybe.keys() - scope.types.keys()):
            self._tell(
                self._lowered.span(expression),
                "maybe-unset",
                f"{name} has a value on some paths only",
                f"Bind {name} before the block, or on every path.",
            )
        return known

    def _block(self, body: Iterable[Statement], scope: Scope) -> None:
        for statement in body:
            if scope.ended:
                span = self._lowered.span(statement)
                hint = "Remove it, or move it before the return."
                self._tell(span, "unreachable", "this is never reached", hint)
                return
            self._statement(statement, scope)

    def _bind(self, statement: Any, type_: Type, scope: Scope) -> None:
        name, span = statement.name, self._lowered.span(statement)
        self._bound.setdefault(name, span)
        before = scope.types.get(name) or scope.maybe.get(name)
        if before is not None and join(before, type_) is None:
            self._tell(
                span,
                "rebinding",
                f"{name} is {render(before)} before, and this is {render(type_)}",
                "Choose another name.",
            )
            type_ = ANY
        scope.bind(name, type_)

    def _statement(self, statement: Statement, scope: Scope) -> None:
        match statement:
            case Bind(value=value):
                self._bind(statement, widened(self._type_of(value, scope)), scope)
            case Call():
                self._bind(statement, self._call(statement, scope), scope)
            case AskHuman(question=question, answer=answer):
                self._typer.expect(question, self._type_of(question, scope), STR, "the question")
                self._check_named(answer)
                self._bind(statement, answer, scope)
            case If():
                self._if(statement, scope)
            case Repeat():
                self._repeat(statement, scope)
            case Parallel():
                self._parallel(statement, scope)
            case Map():
                self._map(statement, scope)
            case Return(value=value):
                found = self._type_of(value, scope)
                if self._in_map:
                    span = self._lowered.span(statement)
                    hint = "End the body with yield, and return after it."
                    self._tell(span, "misplaced", "the body of a map cannot return", hint)
                else:
                    what = f"the value of {self._flow.name}"
                    self._typer.expect(value, found, self._flow.returns, what)
                scope.ended = True
            case Yield(value=value):
                self._yields.append(widened(self._type_of(value, scope)))
                if not self._in_map:
                    span = self._lowered.span(statement)
                    hint = "Use return to end the flow."
                    self._tell(span, "misplaced", "yield stands in the body of a map", hint)
                scope.ended = True

    def _check_named(self, type_: Type) -> None:
        for named in named_in(type_):
            self._declarations.add(("type", named.name))
            if named.name not in self._program.types:
                span = self._lowered.span(named)
                hint = f"Add: type {named.name} {{ ... }}"
                hint = mistakes.type_name(named.name) or closest(
                    named.name, self._program.types, hint
                )
                self._tell(span, "unknown-name", f"there is no type {named.name}", hint)

    def _call(self, call: Call, scope: Scope) -> Type:
        program = self._program
        given = {name: self._type_of(value, scope) for name, value in call.arguments}
        span = self._lowered.places.get(
            ("callee", f"{self._flow.name}.{call.node}"), self._lowered.span(call)
        )
        callees: dict[str, AgentDeclaration | ToolDeclaration | FlowDeclaration]
        callees = {**program.agents, **program.tools, **program.flows}
        callee = callees.get(call.callee)
        if callee is None:
            hint = closest(call.callee, callees)
            message = f"there is no agent, tool or flow {call.callee}"
            self._tell(span, "unknown-name", message, hint)
            return ANY
        for kind in ("agent", "tool", "flow"):
            if call.callee in getattr(program, f"{kind}s"):
                self._declarations.add((kind, call.callee))
        if isinstance(callee, FlowDeclaration) and callee.budget.time_ms is not None:
            message = f"the time budget of {callee.name} counts only where it is itself run"
            self._tell(span, "budget", message, "Give the call a timeout.", "warning")
        parameters = {parameter.name: parameter for parameter in callee.parameters}
        for name, value in call.arguments:
            if name.startswith("#"):
                continue
            if name not in parameters:
                hint = closest(name, parameters, f"It has: {', '.join(parameters) or 'none'}.")
                place = self._lowered.span(value)
                message = f"{call.callee} has no parameter {name}"
                self._tell(place, "unknown-parameter", message, hint)
            else:
                wanted = parameters[name].type
                self._typer.expect(value, given[name], wanted, f"{name} of {call.callee}")
        missing = [
            name
            for name, parameter in parameters.items()
            if parameter.required and name not in given and not isinstance(parameter.type, Optional)
        ]
        if missing:
            message = f"{call.callee} needs {', '.join(missing)} too"
            arguments = ", ".join(f"{name}: ..." for name in missing)
            self._tell(span, "missing-argument", message, f"Add {arguments}")
        return callee.returns

    def _if(self, statement: If, scope: Scope) -> None:
        condition = statement.condition
        known = self._visible(condition, scope)
        self._typer.condition(condition, known, self._names)
        then, otherwise = scope.copy(), scope.copy()
        then.narrow(narrowed(condition, known, self._typer, True))
        otherwise.narrow(narrowed(condition, known, self._typer, False))
        self._block(statement.then, then)
        self._block(statement.otherwise, otherwise)
        _merge(scope, then, otherwise)

    def _repeat(self, statement: Repeat, scope: Scope) -> None:
        self._silent += 1
        for _ in range(3):
            before = scope.copy()
            inner = scope.copy()
            self._block(statement.body, inner)
            _merge(scope, before.copy(), inner)
            if scope == before:
                break
        self._silent -= 1
        scope.ended = False
        inner = scope.copy()
        if statement.condition is not None:
            condition = statement.condition
            known = self._visible(condition, scope)
            self._typer.condition(condition, known, self._names)
            inner.narrow(narrowed(condition, known, self._typer, True))
        self._block(statement.body, inner)
        if not statement.body:
            span = self._lowered.span(statement)
            self._tell(span, "empty", "the loop does nothing", "Put statements into it.")

    def _parallel(self, statement: Parallel, scope: Scope) -> None:
        before, bound = scope.copy(), dict[str, Type]()
        if len(statement.branches) > MOST_BRANCHES:
            message = f"parallel has more than {MOST_BRANCHES} branches"
            hint = "Use map over a list: it runs as many at once as you say."
            self._tell(self._lowered.span(statement), "too-many", message, hint)
        for branch in statement.branches:
            span = self._lowered.span(branch)
            if not isinstance(branch, Bind | Call | AskHuman | Map):
                hint = "Put the steps into a flow, and call it as a branch."
                message = "a branch of parallel is one binding"
                self._tell(span, "misplaced", message, hint)
                continue
            own = before.copy()
            self._statement(branch, own)
            if branch.name in bound:
                message = f"two branches bind {branch.name}"
                self._tell(span, "duplicate", message, "Choose another name for one.")
            bound[branch.name] = own.types.get(branch.name, ANY)
        for name, type_ in bound.items():
            scope.bind(name, type_)

    def _map(self, statement: Map, scope: Scope) -> None:
        found = self._type_of(statement.items, scope)
        item: Type = ANY
        if isinstance(found, ListOf):
            item = found.item
        elif found != ANY:
            message = f"map goes over a list; this is {render(found)}"
            self._tell(self._lowered.span(statement.items), "wrong-type", message)
        inner = scope.copy()
        outer = set(inner.types) | set(inner.maybe)
        if statement.item in outer:
            span = self._lowered.span(statement)
            message = f"{statement.item} is a name outside of the map already"
            self._tell(span, "duplicate", message, "Choose another name for the item.")
        inner.bind(statement.item, item)
        yields, self._yields = self._yields, []
        self._in_map += 1
        for part in statement.body:
            if getattr(part, "name", None) in outer:
                span = self._lowered.span(part)
                message = f"{getattr(part, 'name', '')} is bound outside of the map already"
                hint = "A map's body has names of its own; choose another."
                self._tell(span, "rebinding", message, hint)
        self._block(statement.body, inner)
        self._in_map -= 1
        found_yields, self._yields = self._yields, yields
        if not inner.ended or not found_yields:
            span = self._lowered.span(statement)
            hint = "End it with: yield ..."
            self._tell(span, "no-yield", "the body of the map gives no value", hint)
        common: Type | None = None
        for one in found_yields:
            common = one if common is None else join(common, one) or ANY
        self._bind(statement, ListOf(common or ANY), scope)


def _merge(scope: Scope, first: Scope, second: Scope) -> None:
    """What is known after either of two ways."""
    scope.has_paths = first.has_paths or second.has_paths
    if first.ended and second.ended:
        scope.ended = True
        return
    if first.ended or second.ended:
        lives = second if first.ended else first
        scope.types, scope.maybe, scope.ended = lives.types, lives.maybe, False
        return
    types: dict[str, Type] = {}
    maybe = {**first.maybe, **second.maybe}
    for name in {**first.types, **second.types}:
        one, other = first.types.get(name), second.types.get(name)
        if one is not None and other is not None:
            types[name] = join(one, other) or ANY
        elif "." not in name:
            maybe[name] = one or other or ANY
    scope.types, scope.maybe, scope.ended = types, maybe, False
