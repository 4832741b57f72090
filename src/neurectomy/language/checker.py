"""The meaning of a program checked before it runs: names, options, then each flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.agents.expressions import BUILTINS
from neurectomy.agents.program import Call, Map
from neurectomy.agents.shapes import holds_secret, named_in
from neurectomy.agents.types import Field, Mismatch, Named, coerce
from neurectomy.language import mistakes, sources
from neurectomy.language.diagnostics import Problem
from neurectomy.language.flows import FlowChecker
from neurectomy.language.hints import closest
from neurectomy.language.inference import Typer
from neurectomy.language.settings import SETTINGS, wrong_setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from neurectomy.agents.program import AgentDeclaration, Program, Statement
    from neurectomy.agents.types import Record, Type
    from neurectomy.language.diagnostics import Severity, Span
    from neurectomy.language.lowering import Lowered

SANDBOXES = ("jail", "wasm", "container", "microvm", "vm")
PLAIN_TYPES = ("str", "int", "float", "bool", "json", "none", "list", "map")
OUTPUTS = ("auto", "tool", "native", "prompted")


def check(lowered: Lowered) -> list[Problem]:
    """What is wrong with the program's meaning; what the parser found is not repeated."""
    checker = _Checker(lowered)
    checker.run()
    return checker.problems


class _Checker:
    def __init__(self, lowered: Lowered) -> None:
        self._lowered = lowered
        self._program: Program = lowered.program
        self.problems: list[Problem] = []
        self._used: set[tuple[str, str]] = set()

    def problem(
        self, span: Span, code: str, message: str, hint: str = "", severity: Severity = "error"
    ) -> None:
        if not self._lowered.follows(span, code):
            self.problems.append(Problem(span, code, message, hint, severity))

    def run(self) -> None:
        program = self._program
        self._check_names()
        for record in program.types.values():
            self._check_fields(record.fields)
        self._check_endless_types()
        for name, model in program.models.items():
            self._check_source(name, model.source)
            for key, value in model.settings.items():
                self._check_setting(name, key, value)
        for tool in program.tools.values():
            self._check_signature(tool.parameters, tool.returns)
            if tool.sandbox not in SANDBOXES:
                place = self._lowered.places["in", tool.name]
                hint = closest(tool.sandbox, SANDBOXES)
                self.problem(place, "unknown-name", f"there is no sandbox {tool.sandbox}", hint)
            self._check_path(tool.name, tool.path)
        typer = Typer(program, self._lowered, self.problem)
        for agent in program.agents.values():
            self._check_signature(agent.parameters, agent.returns)
            self._check_agent(agent, typer)
        for flow in program.flows.values():
            self._check_signature(flow.parameters, flow.returns)
            FlowChecker(flow, program, self._lowered, self.problem, self._used).run()
        self._check_calls_in_circles()
        self._check_unused()
        if not program.flows and not self._lowered.problems:
            hint = "Add: flow main(question: str) -> str { ... }"
            span = next(iter(self._lowered.names.values()), None)
            if span is not None:
                self.problem(span, "no-flow", "the file has no flow to run", hint, "warning")

    def _check_names(self) -> None:
        callables: dict[str, str] = {}
        for kind, name in self._lowered.names:
            if kind not in ("agent", "tool", "flow"):
                continue
            span = self._lowered.names[kind, name]
            if name in BUILTINS:
                message = f"{name} is a built-in function"
                self.problem(span, "reserved", message, f"Rename the {kind}.")
            elif name in callables:
                message = f"there is a {callables[name]} {name} already"
                self.problem(span, "duplicate", message, "Rename one of the two.")
            callables.setdefault(name, kind)

    def _check_source(self, model: str, source: str) -> None:
        place = self._lowered.places.get(("source", model))
        wrong = sources.problem(source)
        if place is not None and wrong is not None:
            self.problem(place, "unknown-source", *wrong)

    def _check_setting(self, model: str, key: str, value: Any) -> None:
        place = self._lowered.places["setting", f"{model}.{key}"]
        if key not in SETTINGS:
            hint = closest(key, SETTINGS)
            self.problem(place, "unknown-option", f"a model has no setting {key}", hint)
        elif wrong := wrong_setting(key, value):
            self.problem(place, "wrong-type", wrong)

    def _check_path(self, tool: str, path: str) -> None:
        place = self._lowered.places.get(("from", tool))
        if place is None:
            return
        if path.startswith("/") or ".." in path.split("/") or "\\" in path or "\0" in path:
            message = "a tool's file lies in the folder of its program"
            self.problem(place, "path", message, "Write a relative path without `..`.")
        elif any(name.startswith(".") and name != "." for name in path.split("/")):
            message = "tools see no hidden files, their own neither"
            self.problem(place, "path", message, "Put it under a name without a dot before it.")
        elif not path.endswith(".py"):
            hint = 'Write "tools/search.py", or "tools/search.py:function".'
            self.problem(place, "path", "a tool's file is a Python file", hint)

    def _check_signature(self, parameters: tuple[Field, ...], returns: Type) -> None:
        self._check_type(returns)
        self._check_fields(parameters)

    def _check_fields(self, fields: tuple[Field, ...]) -> None:
        for field in fields:
            if not self._check_type(field.type) or field.required:
                continue
            if field.default is not None and holds_secret(field.type, self._program.types):
                hint = "Remove it: programs are recorded as they are."
                message = f"{field.name} is a secret and has no default"
                self.problem(self._lowered.span(field), "secret", message, hint)
                continue
            if id(field) in self._lowered.unknown:
                continue
            try:
                coerce(field.default, field.type, self._program.types)
            except Mismatch as error:
                message = f"the default of {field.name} does not fit its type: {error}"
                self.problem(self._lowered.span(field), "wrong-type", message)

    def _check_type(self, type_: Type) -> bool:
        sound = True
        for named in named_in(type_):
            self._used.add(("type", named.name))
            if named.name not in self._program.types:
                known = [*self._program.types, *PLAIN_TYPES]
                hint = closest(named.name, known, f"Add: type {named.name} {{ ... }}")
                hint = mistakes.type_name(named.name) or hint
                message = f"there is no type {named.name}"
                self.problem(self._lowered.span(named), "unknown-name", message, hint)
                sound = False
        return sound

    def _check_endless_types(self) -> None:
        types = self._program.types
        for name in types:
            reached: set[str] = set()
            waiting = list(_needed(types[name]))
            while waiting:
                other = waiting.pop()
                if other not in reached and other in types:
                    reached.add(other)
                    waiting += _needed(types[other])
            if name in reached:
                span = self._lowered.names["type", name]
                hint = "Make one of the fields optional, with `?`, or a list."
                self.problem(span, "endless-type", f"{name} holds itself without end", hint)

    def _check_agent(self, agent: AgentDeclaration, typer: Typer) -> None:
        places = self._lowered.places
        if agent.model:
            self._used.add(("model", agent.model))
            if agent.model not in self._program.models:
                place = places["model", agent.name]
                known = [*self._program.models, *sources.BUILT_IN]
                hint = closest(agent.model, known, f"Add: model {agent.model} = auto")
                self.problem(place, "unknown-name", f"there is no model {agent.model}", hint)
        for tool in agent.tools:
            self._used.add(("tool", tool))
            if tool not in self._program.tools:
                place = places["tools", f"{agent.name}.{tool}"]
                hint = closest(tool, self._program.tools)
                self.problem(place, "unknown-name", f"there is no tool {tool}", hint)
        if agent.output not in OUTPUTS:
            hint = closest(agent.output, OUTPUTS)
            place = places["output", agent.name]
            self.problem(place, "unknown-name", f"there is no output mode {agent.output}", hint)
        self._check_agent_secrets(agent)
        scope = {parameter.name: parameter.type for parameter in agent.parameters}
        mentioned: set[str] = set()
        for template in (agent.prompt, agent.system):
            if template is not None:
                typer.type_of(template, scope, mentioned)
        for parameter in agent.parameters:
            if parameter.name not in mentioned:
                self.problem(
                    self._lowered.span(parameter),
                    "unused",
                    f"the prompt of {agent.name} never mentions {parameter.name}",
                    f"Put {{{{ {parameter.name} }}}} into the prompt, or remove the parameter.",
                    "warning",
                )

    def _check_agent_secrets(self, agent: AgentDeclaration) -> None:
        """A model neither sees nor makes a secret, so it cannot pass one on either."""
        types, names = self._program.types, self._lowered.names
        span = names.get(("agent", agent.name))
        hint = "Call the tool from a flow, which passes the secret on unseen."
        if span is not None and holds_secret(agent.returns, types):
            message = f"the model of {agent.name} would have to know the secret that it answers"
            self.problem(span, "secret", message, hint)
        for name in agent.tools:
            tool = self._program.tools.get(name)
            if tool is not None and any(holds_secret(p.type, types) for p in tool.parameters):
                message = f"the model of {agent.name} cannot give {name} its secret"
                place = self._lowered.places["tools", f"{agent.name}.{name}"]
                self.problem(place, "secret", message, hint)

    def _check_calls_in_circles(self) -> None:
        flows = self._program.flows
        calls = {
            name: {c.callee: c for c in _calls(flow.body) if c.callee in flows}
            for name, flow in flows.items()
        }
        for name in flows:
            reached: set[str] = set()
            waiting = list(calls[name])
            while waiting:
                other = waiting.pop()
                if other not in reached:
                    reached.add(other)
                    waiting += calls[other]
            if name in reached:
                first = next(iter(calls[name].values()))
                hint = "Use repeat at most ... times; it has a bound."
                span = self._lowered.span(first)
                self.problem(span, "endless", f"the flow {name} calls itself without end", hint)

    def _check_unused(self) -> None:
        for (kind, name), span in self._lowered.names.items():
            if kind == "flow" or (kind, name) in self._used or name in self._lowered.skipped:
                continue
            hint = "Use it, or remove it."
            self.problem(span, "unused", f"the {kind} {name} is never used", hint, "warning")


def _needed(record: Record) -> Iterator[str]:
    """The records without which there is no value of this one."""
    for field in record.fields:
        if field.required and isinstance(field.type, Named):
            yield field.type.name


def _calls(body: Iterable[Statement]) -> Iterator[Call]:
    for statement in body:
        if isinstance(statement, Call):
            yield statement
        elif isinstance(statement, Map):
            yield from _calls(statement.body)
        else:
            for part in ("then", "otherwise", "body", "branches"):
                yield from _calls(getattr(statement, part, ()))
