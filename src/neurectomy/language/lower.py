"""Tree to program: what each construct means, with the place in the text it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.agents.evaluate import EvaluationError, evaluate
from neurectomy.agents.program import (
    AgentDeclaration,
    Budget,
    FlowDeclaration,
    ModelDeclaration,
    Program,
    ToolDeclaration,
)
from neurectomy.agents.types import Field, Record
from neurectomy.language import mistakes
from neurectomy.language.diagnostics import Lines, Problem, Span
from neurectomy.language.lowering import UNITS_MS, Lowerer, unquote
from neurectomy.language.sources import BUILT_IN
from neurectomy.language.statements import StatementLowerer
from neurectomy.language.tree import Cursor, skipped_words

if TYPE_CHECKING:
    from neurectomy.agents.types import Type
    from neurectomy.language.lowering import Lowered
    from neurectomy.language.tree import Syntax

DEEPEST = 200
"""Nodes from a declaration to its deepest leaf, so that no reader of the program recurses far."""

MOST_AMOUNT = 1_000_000_000
"""Of a budget, in whatever unit."""

_KINDS = {"model": "models", "tool": "tools", "type": "types", "agent": "agents", "flow": "flows"}


def lower(syntax: Syntax) -> Lowered:
    """The program that a tree means, as far as it means one, and what is wrong with it."""
    return ProgramLowerer(Lines(syntax.text)).program(syntax)


class ProgramLowerer(Lowerer):
    """Lowers declarations."""

    def program(self, syntax: Syntax) -> Lowered:
        """The program of a file."""
        found: dict[str, list[Cursor]] = {kind: [] for kind in _KINDS}
        at = 0
        for part in syntax.declarations:
            self.problems += [
                Problem(p.span.shifted(at), p.code, p.message, p.hint, p.severity)
                for p in part.problems
            ]
            cursor = Cursor(part.node, at)
            if part.problems:
                self.lowered.broken.append(Span(at, at + len(part.text)))
                self.lowered.skipped |= skipped_words(part.node)
            at += len(part.text)
            first = cursor.find("name")
            if first is None or first.text not in _KINDS:
                continue
            if any(problem.code == "too-deep" for problem in part.problems):
                continue
            if part.node.depth > DEEPEST:
                self.problem(first.span, "too-deep", "nested too deeply", "Split it up.")
                continue
            found[first.text].append(cursor)
        declared: dict[str, dict[str, Any]] = {kind: {} for kind in _KINDS}
        for kind in ("model", "type", "tool", "agent"):
            for cursor in found[kind]:
                self._declare(kind, cursor, declared[kind], getattr(self, f"_{kind}"))
        for agent in declared["agent"].values():
            if agent.model in BUILT_IN:
                declared["model"].setdefault(
                    agent.model, ModelDeclaration(agent.model, agent.model)
                )
        signatures = {**declared["agent"], **declared["tool"]}
        flows: dict[str, tuple[Cursor, FlowDeclaration]] = {}
        for cursor in found["flow"]:
            self._declare("flow", cursor, declared["flow"], self._flow_signature)
            name = self._name(cursor)
            if name is not None and name.text not in flows:
                flows[name.text] = cursor, declared["flow"][name.text]
        signatures |= declared["flow"]
        for name_, (cursor, signature) in flows.items():
            declared["flow"][name_] = self._flow(cursor, signature, signatures)
        self.lowered.program = Program(**{_KINDS[kind]: declared[kind] for kind in _KINDS})
        return self.lowered

    def _declare(self, kind: str, cursor: Cursor, known: dict[str, Any], make: Any) -> None:
        name = self._name(cursor)
        if name is None:
            return
        if name.text in known:
            self.problem(
                name.span,
                "duplicate",
                f"there is a {kind} {name.text} already",
                "Rename one of the two.",
            )
            make(cursor, name.text)
            return
        self.lowered.names[kind, name.text] = name.span
        known[name.text] = make(cursor, name.text)

    def _name(self, cursor: Cursor) -> Cursor | None:
        names = cursor.all("name")
        return names[1] if len(names) > 1 else None

    def _model(self, cursor: Cursor, name: str) -> ModelDeclaration:
        source = cursor.find("source")
        token = source.find("name", "string") if source is not None else None
        text = "auto" if token is None else unquote(token.text)
        if token is not None and source is not None:
            self.lowered.places["source", name] = token.span
        settings: dict[str, Any] = {}
        for setting in cursor.all("setting"):
            key = setting.find("name")
            children = list(setting.children())
            if key is None or len(children) < 2:
                continue
            settings[key.text] = self._constant(children[1])
            self.lowered.places["setting", f"{name}.{key.text}"] = setting.span
        return ModelDeclaration(name, text, settings)

    def _type(self, cursor: Cursor, name: str) -> Record:
        fields = self._fields(cursor.all("field"))
        return Record(name, fields, cursor.docs())

    def _fields(self, cursors: list[Cursor]) -> tuple[Field, ...]:
        fields: dict[str, Field] = {}
        for cursor in cursors:
            name = cursor.find("name")
            if name is None:
                continue
            if name.text in fields:
                self.problem(name.span, "duplicate", f"{name.text} is there twice", "Rename one.")
                continue
            type_ = self.type(cursor.find("type"))
            default = cursor.find("default")
            value, told = None, len(self.problems)
            if default is not None:
                value = self._constant(next(iter(default.children()), None))
            field = Field(name.text, type_, default is None, value, cursor.docs())
            fields[name.text] = field
            self.lowered.spans[id(field)] = name.span
            if len(self.problems) > told:
                self.lowered.unknown.add(id(field))
        return tuple(fields.values())

    def _constant(self, cursor: Cursor | None) -> Any:
        if cursor is None or cursor.kind == "missing":
            return None

        def nothing(name: str) -> Any:
            raise KeyError(name)

        try:
            return evaluate(self.expression(cursor), nothing)
        except EvaluationError:
            hint = "Write a text, a number, true, false, null or a list of them."
            hint = mistakes.value(cursor.text) or hint
            self.problem(cursor.span, "not-constant", "a value that is fixed is needed here", hint)
            return None

    def _signature(self, cursor: Cursor) -> tuple[tuple[Field, ...], Type]:
        parameters = cursor.find("parameters")
        fields = () if parameters is None else self._fields(parameters.all("parameter"))
        return fields, self.type(cursor.find("type"))

    def _tool(self, cursor: Cursor, name: str) -> ToolDeclaration:
        parameters, returns = self._signature(cursor)
        options: dict[str, Any] = {"path": "", "function": name}
        for option in cursor.all("option"):
            word, *rest = option.children()
            match word.text:
                case "from" if rest and rest[0].kind == "string":
                    path, _, function = unquote(rest[0].text).partition(":")
                    options |= {"path": path, "function": function or name}
                    self.lowered.places["from", name] = rest[0].span
                case "in" if rest:
                    options["sandbox"] = rest[0].text
                    self.lowered.places["in", name] = rest[0].span
                case "idempotent" | "writes":
                    options[word.text] = True
                case "timeout" if rest:
                    options["timeout_ms"] = self.duration(rest[0], 30_000)
                case "retry" if rest:
                    options["retry"] = self.retry(rest[0])
                case "network":
                    hosts = [unquote(host.text) for host in rest if host.kind == "string"]
                    options["network"] = tuple(hosts)
                case _:
                    pass
        if not options["path"]:
            self.problem(
                self.lowered.names.get(("tool", name), cursor.span),
                "missing-option",
                f"the tool {name} does not say where its code is",
                f'Add: from "tools/{name}.py"',
            )
        return ToolDeclaration(name, parameters, returns, description=cursor.docs(), **options)

    def _agent(self, cursor: Cursor, name: str) -> AgentDeclaration:
        parameters, returns = self._signature(cursor)
        options: dict[str, Any] = {"model": "", "prompt": None}
        seen: set[str] = set()
        for option in cursor.all("option"):
            word, *rest = option.children()
            if word.kind != "name":
                continue
            if word.text in seen:
                self.problem(word.span, "duplicate", f"{word.text} is there twice", "Keep one.")
            seen.add(word.text)
            if rest:
                self._agent_option(name, word.text, rest, options)
        for needed, example in (("model", "model auto"), ("prompt", 'prompt """..."""')):
            if not options[needed]:
                self.problem(
                    self.lowered.names.get(("agent", name), cursor.span),
                    "missing-option",
                    f"the agent {name} has no {needed}",
                    f"Add: {example}",
                )
        options["prompt"] = options["prompt"] or self.empty_template()
        return AgentDeclaration(name, parameters, returns, description=cursor.docs(), **options)

    def _agent_option(
        self, agent: str, word: str, rest: list[Cursor], options: dict[str, Any]
    ) -> None:
        first = rest[0]
        match word:
            case "model" | "output":
                options[word] = first.text
                self.lowered.places[word, agent] = first.span
            case "tools":
                names = [item for item in rest if item.kind == "name"]
                options["tools"] = tuple(dict.fromkeys(item.text for item in names))
                for item in names:
                    self.lowered.places["tools", f"{agent}.{item.text}"] = item.span
            case "prompt" | "system":
                options[word] = self.template(first)
            case "turns":
                options["turns"] = self.whole(first, 1, 1000)
            case "timeout":
                options["timeout_ms"] = self.duration(first, 120_000)
            case "retry":
                options["retry"] = self.retry(first)
            case _:
                pass

    def _flow_signature(self, cursor: Cursor, name: str) -> FlowDeclaration:
        parameters, returns = self._signature(cursor)
        return FlowDeclaration(name, parameters, returns, (), description=cursor.docs())

    def _flow(
        self, cursor: Cursor, signature: FlowDeclaration, callees: dict[str, Any]
    ) -> FlowDeclaration:
        body = cursor.find("body")
        statements = StatementLowerer(self, signature.name, callees)
        return FlowDeclaration(
            signature.name,
            signature.parameters,
            signature.returns,
            () if body is None else statements.block(body, ""),
            self._budget(cursor.find("budget")),
            signature.description,
        )

    def _budget(self, cursor: Cursor | None) -> Budget:
        limits: dict[str, int] = {}
        for amount in cursor.all("amount") if cursor is not None else ():
            parts = list(amount.children())
            if len(parts) < 2:
                continue
            number, unit = float(parts[0].text), parts[1].text
            if not 0 < number <= MOST_AMOUNT:
                message = f"an amount is above 0 and at most {MOST_AMOUNT}"
                self.problem(parts[0].span, "out-of-range", message)
            elif unit == "usd":
                limits["cost_nanos"] = round(number * 1_000_000_000)
            elif unit == "tokens":
                limits["tokens"] = int(number)
            elif unit in UNITS_MS:
                limits["time_ms"] = round(number * UNITS_MS[unit])
            else:
                hint = "Units are usd, tokens, ms, s, min and h."
                self.problem(parts[1].span, "unknown-unit", f"there is no unit {unit}", hint)
        return Budget(**limits)
