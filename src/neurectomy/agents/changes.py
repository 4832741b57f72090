"""What differs between two programs, declaration by declaration, each difference as one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from neurectomy.agents.graph import show
from neurectomy.agents.program import (
    AgentDeclaration,
    AskHuman,
    Bind,
    Call,
    FlowDeclaration,
    If,
    Map,
    ModelDeclaration,
    Parallel,
    Program,
    Repeat,
    Retry,
    Return,
    Statement,
    ToolDeclaration,
    Yield,
)
from neurectomy.agents.types import Field, Record, render
from neurectomy.core import codecs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from neurectomy.agents.expressions import Template

Status = Literal["added", "removed", "changed"]
Kind = Literal["model", "tool", "type", "agent", "flow", "file"]

SHORT = 72
"""Characters up to which what was and what is stand in a change's line."""

_CALLABLE = ("tool", "agent", "flow")


class Change(Struct, frozen=True):
    """One difference between two programs.

    Attributes:
        kind: Of the declaration; ``file`` for a tool's file.
        name: Of the declaration, or the file's path.
        part: What of it differs, such as ``prompt``, ``turns`` or ``step draft``; empty where all
            of it was added or removed, for a model's source and for a file.
        before: As the language writes it; null where it was added.
        after: Likewise; null where it was removed.
    """

    kind: Kind
    name: str
    part: str
    status: Status
    before: str | None = None
    after: str | None = None

    @property
    def subject(self) -> str:
        """What differs: ``prompt of researcher``, ``model reader``, ``tools/library.py``."""
        if self.kind == "file":
            return self.name
        if not self.part:
            return f"{self.kind} {self.name}"
        owner = self.name if self.kind in _CALLABLE else f"{self.kind} {self.name}"
        return f"{self.part} of {owner}"

    @property
    def line(self) -> str:
        """The difference in one line: ``model reader: auto -> offline``."""
        if self.status != "changed":
            said = f"{self.subject} {self.status}"
            value = self.after if self.status == "added" else self.before
            return f"{said}: {value}" if self.part and _is_short(value) else said
        if self.kind == "file" or self.before == self.after:
            return self.subject
        values = f"{self.before} -> {self.after}"
        return f"{self.subject}: {values}" if _is_short(values) else self.subject


class _Part(Struct, frozen=True):
    """A part of a declaration: what is compared, and how the language writes it."""

    value: Any
    text: str


_Parts = dict[str, _Part]


def between(before: Program, after: Program) -> list[Change]:
    """Every difference of meaning between two programs; none where `meaning` is the same.

    Positions in the text do not count. What was renamed is removed and added.
    """
    found: list[Change] = []
    found += _declarations("model", before.models, after.models)
    found += _declarations("tool", before.tools, after.tools)
    found += _declarations("type", before.types, after.types)
    found += _declarations("agent", before.agents, after.agents)
    found += _declarations("flow", before.flows, after.flows)
    return found


def between_files(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """Every file, by its path, whose text differs."""
    found = []
    for path in _merged(before, after):
        old, new = before.get(path), after.get(path)
        if old != new:
            found.append(Change("file", path, "", _status(old, new), old, new))
    return found


Declaration = ModelDeclaration | ToolDeclaration | Record | AgentDeclaration | FlowDeclaration


def _declarations(
    kind: Kind, before: Mapping[str, Declaration], after: Mapping[str, Declaration]
) -> Iterator[Change]:
    for name in _merged(before, after):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            yield Change(kind, name, "", _status(old, new))
        else:
            yield from _declaration(kind, name, _parts(old), _parts(new))


def _declaration(kind: Kind, name: str, before: _Parts, after: _Parts) -> Iterator[Change]:
    for part in _merged(before, after):
        old, new = before.get(part), after.get(part)
        if old is None or new is None or _differ(old.value, new.value):
            texts = (None if side is None else side.text for side in (old, new))
            yield Change(kind, name, part, _status(old, new), *texts)
    for group in ("parameter", "field", "step"):
        first, second = _order(group, before, after), _order(group, after, before)
        if first != second:
            part = f"order of {group}s"
            yield Change(kind, name, part, "changed", ", ".join(first), ", ".join(second))


def _order(group: str, parts: _Parts, others: _Parts) -> list[str]:
    """The names of a group's parts in the order of one side, as far as both sides have them."""
    both = [part for part in parts if part in others]
    return [part.partition(" ")[2] for part in both if part.startswith(f"{group} ")]


def _parts(declaration: Declaration) -> _Parts:
    match declaration:
        case ModelDeclaration():
            settings = {name: _plain(value) for name, value in declaration.settings.items()}
            return {"": _Part(declaration.source, declaration.source), **settings}
        case Record():
            return {
                **_fields("field", declaration.fields),
                "description": _words(declaration.description),
            }
        case ToolDeclaration():
            return {
                **_signature(declaration),
                "file": _words(declaration.path),
                "function": _words(declaration.function),
                "sandbox": _words(declaration.sandbox),
                "network": _listed(declaration.network),
                "idempotence": _plain(declaration.idempotent),
                **_limits(declaration),
            }
        case AgentDeclaration():
            return {
                "model": _words(declaration.model),
                "prompt": _template(declaration.prompt),
                **({} if declaration.system is None else {"system": _template(declaration.system)}),
                "tools": _listed(declaration.tools),
                **_signature(declaration),
                "turns": _plain(declaration.turns),
                "output": _words(declaration.output),
                **_limits(declaration),
            }
        case FlowDeclaration():
            steps = {
                f"step {statement.node}": _statement(statement, place)
                for statement, place in _statements(declaration.body, "")
            }
            return {**_signature(declaration), **_budget(declaration), **steps}


def _signature(declaration: ToolDeclaration | AgentDeclaration | FlowDeclaration) -> _Parts:
    return {
        **_fields("parameter", declaration.parameters),
        "result": _Part(declaration.returns, render(declaration.returns)),
        "description": _words(declaration.description),
    }


def _fields(group: str, fields: Iterable[Field]) -> _Parts:
    return {f"{group} {field.name}": _Part(field, _field(field)) for field in fields}


def _field(field: Field) -> str:
    written = render(field.type)
    if not field.required:
        written += f" = {_json(field.default)}"
    return f"{written}  ## {field.description}" if field.description else written


def _limits(declaration: ToolDeclaration | AgentDeclaration) -> _Parts:
    return {
        "timeout": _Part(declaration.timeout_ms, f"{declaration.timeout_ms / 1000:g} s"),
        "retry": _Part(declaration.retry, _retry(declaration.retry)),
    }


def _retry(retry: Retry) -> str:
    return f"{retry.times} after {retry.wait_ms / 1000:g} s"


def _budget(flow: FlowDeclaration) -> _Parts:
    cost, tokens, time_ms = flow.budget.cost_nanos, flow.budget.tokens, flow.budget.time_ms
    return {
        **({} if cost is None else {"cost budget": _Part(cost, f"${cost / 1e9:g}")}),
        **({} if tokens is None else {"token budget": _plain(tokens)}),
        **({} if time_ms is None else {"time budget": _Part(time_ms, f"{time_ms / 1000:g} s")}),
    }


def _statements(body: Iterable[Statement], place: str) -> Iterator[tuple[Statement, str]]:
    """Every statement of a body, the outer before the inner, with the block that it stands in."""
    for statement in body:
        node = statement.node
        match statement:
            case If(then=then, otherwise=otherwise):
                yield replace(statement, then=(), otherwise=()), place
                yield from _statements(then, node)
                yield from _statements(otherwise, f"{node} else")
            case Repeat(body=inner) | Map(body=inner):
                yield replace(statement, body=()), place
                yield from _statements(inner, node)
            case Parallel(branches=branches):
                yield replace(statement, branches=()), place
                yield from _statements(branches, node)
            case _:
                yield statement, place


def _statement(statement: Statement, place: str) -> _Part:
    return _Part((place, replace(statement, line=0)), _written(statement))


def _written(statement: Statement) -> str:
    """The first line of a statement, about as the language writes it."""
    match statement:
        case Bind(name=name, value=value):
            return f"{name} = {show(value)}"
        case Call(name=name, callee=callee, arguments=arguments, timeout_ms=ms, retry=retry):
            given = ", ".join(f"{key}: {show(value)}" for key, value in arguments)
            timeout = "" if ms is None else f" timeout {ms / 1000:g} s"
            again = "" if retry is None else f" retry {_retry(retry)}"
            return f"{name} = {callee}({given}){timeout}{again}"
        case AskHuman(name=name, question=question, answer=answer):
            return f"{name} = ask human {show(question)} -> {render(answer)}"
        case If(condition=condition):
            return f"if {show(condition)}"
        case Repeat(times=times, condition=condition):
            still = "" if condition is None else f" while {show(condition)}"
            return f"repeat at most {times} times{still}"
        case Parallel():
            return "parallel"
        case Map(name=name, item=item, items=items, limit=limit):
            most = "" if limit is None else f" at most {limit} at once"
            return f"{name} = map {item} in {show(items)}{most}"
        case Yield(value=value):
            return f"yield {show(value)}"
        case Return(value=value):
            return f"return {show(value)}"


def _template(template: Template) -> _Part:
    parts = [
        part if isinstance(part, str) else f"{{{{ {show(part)} }}}}" for part in template.parts
    ]
    return _Part(template, "".join(parts))


def _words(text: str) -> _Part:
    return _Part(text, text or "none")


def _listed(names: tuple[str, ...]) -> _Part:
    return _Part(names, ", ".join(names) or "none")


def _plain(value: Any) -> _Part:
    return _Part(value, _json(value))


def _json(value: Any) -> str:
    return codecs.encode(value).decode()


def _merged(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """The names of both sides, each once: those of the first in its order, then the added ones."""
    return list(dict.fromkeys([*before, *after]))


def _differ(old: Any, new: Any) -> bool:
    """As JSON, in which 1 and true are two things."""
    return codecs.canonical(old) != codecs.canonical(new)


def _status(old: object, new: object) -> Status:
    if old is None:
        return "added"
    return "removed" if new is None else "changed"


def _is_short(text: str | None) -> bool:
    return text is not None and len(text) <= SHORT and "\n" not in text
