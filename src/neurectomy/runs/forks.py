"""From what somebody wants to be different to the record that a fork's first event holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from neurectomy.agents.expressions import Attribute, Index, ListLiteral, Name
from neurectomy.agents.program import AskHuman, Bind, Call, Map, meaning
from neurectomy.agents.types import ListOf, Mismatch, Named, Optional, coerce, coerce_fields
from neurectomy.core import codecs
from neurectomy.core.errors import InvalidInput
from neurectomy.runs.bundle import Bundle
from neurectomy.runs.changes import misfits
from neurectomy.runs.moment import Moment
from neurectomy.runs.plan import Plan, called

if TYPE_CHECKING:
    from neurectomy.agents.expressions import Expression
    from neurectomy.agents.program import Program
    from neurectomy.agents.types import Type
    from neurectomy.models.port import ModelSource
    from neurectomy.timeline.values import Values

ENDS = frozenset({"tool.returned", "tool.failed", "tool.unknown", "human.answered"})
"""Kinds of events that end what a person can end in another way."""


class Changes(Struct, frozen=True):
    """What somebody wants to be different from a moment on.

    Attributes:
        inputs: Of the run's flow, by name.
        bundle: Another program.
        bindings: Values of names in scope, by the step path of their flow or map item.
        value: What the call returns, or the person answers, that the event ends.
        cost_nanos: The most that the run may cost, what it has cost so far included.
    """

    inputs: dict[str, Any] = {}
    bundle: Bundle | None = None
    bindings: dict[str, dict[str, Any]] = {}
    value: Any | UnsetType = UNSET
    cost_nanos: int | None = None


class Prepared(Struct, frozen=True):
    """Changes that were checked against a moment.

    Attributes:
        record: As the event has it; values are not interned yet.
        plan: The program that decides from there on.
        program: Digest of its bundle.
        meaning: Digest of what it does.
        blobs: Contents that the record names.
    """

    record: dict[str, Any]
    plan: Plan
    program: str
    meaning: str
    blobs: dict[str, bytes]


async def prepare(
    changes: Changes, state: Any, recorded: Plan, values: Values, models: ModelSource
) -> Prepared:
    """Check changes against a moment of a run.

    Args:
        changes: What is wanted.
        state: At that moment.
        recorded: The program that made it.
        values: Resolves what the state refers to.
        models: Finds the models that the program did not have before.

    Raises:
        InvalidInput: They do not fit the state, or the program.
        NotFound: The program names a model that there is not.
    """
    plan, program, blobs = recorded, state["program"], dict[str, bytes]()
    record: dict[str, Any] = {}
    if changes.bundle is not None:
        plan, content = Plan(changes.bundle.compiled()), changes.bundle.content()
        program = codecs.digest(content)
        if program != state["program"]:
            _check_fit(Moment(plan, values, state, 0), recorded)
            record["program"], blobs[program] = program, content
            wanted = _new_models(plan.program, recorded.program, state)
            found = {name: await models.resolve(source) for name, source in wanted.items()}
            if found:
                profiles = {n: msgspec.to_builtins(model.profile) for n, model in found.items()}
                record["models"] = profiles
    if changes.inputs or "program" in record:
        inputs = _inputs(plan, state, values, changes.inputs)
        if inputs:
            record["inputs"] = inputs
    if changes.bindings:
        record["bindings"] = {
            path: {name: _binding(plan, state, path, name, value) for name, value in given.items()}
            for path, given in changes.bindings.items()
        }
    if changes.cost_nanos is not None:
        record["limits"] = {"cost_nanos": changes.cost_nanos}
    return Prepared(record, plan, program, meaning(plan.program), blobs)


def interned(record: dict[str, Any], values: Values) -> dict[str, Any]:
    """A record as an event stores it: large values are references."""
    made = dict(record)
    for name, depth in (("inputs", 1), ("bindings", 2), ("files", 1)):
        if name in record:
            made[name] = _interned(record[name], values, depth)
    return made


def _interned(value: dict[str, Any], values: Values, depth: int) -> dict[str, Any]:
    if depth == 1:
        return {name: values.intern(inner) for name, inner in value.items()}
    return {name: _interned(inner, values, depth - 1) for name, inner in value.items()}


def _check_fit(moment: Moment, recorded: Plan) -> None:
    reasons = list(misfits(moment, recorded))
    if reasons:
        hint = "Fork at an earlier event, or keep what the run is in the middle of."
        message = f"the program does not fit the run at that moment: {reasons[0]}"
        raise InvalidInput(message, hint=hint, reasons=reasons)


def model_sources(program: Program, flow: str) -> dict[str, str]:
    """The models that a flow may ask, with what the program writes for them."""
    names = called(program, program.flows[flow])
    used = {program.agents[name].model for name in names if name in program.agents}
    return {name: model.source for name, model in program.models.items() if name in used}


def _new_models(program: Program, before: Program, state: Any) -> dict[str, str]:
    """Models that the state has no profile of, or another one, with their sources."""
    return {
        name: source
        for name, source in model_sources(program, state["flow"]).items()
        if name not in state["models"]
        or name not in before.models
        or before.models[name].source != source
    }


def _inputs(plan: Plan, state: Any, values: Values, given: dict[str, Any]) -> dict[str, Any]:
    """The inputs that are different from those of the state, all of the right type."""
    flow = plan.program.flows[state["flow"]]
    names = {field.name for field in flow.parameters}
    before = {n: values.resolve(value) for n, value in state["inputs"].items() if n in names}
    try:
        inputs = coerce_fields(
            {**before, **given}, flow.parameters, plan.records, name=f"inputs of {flow.name}"
        )
    except Mismatch as error:
        takes = ", ".join(field.name for field in flow.parameters) or "nothing"
        raise InvalidInput(str(error), hint=f"{flow.name} takes: {takes}.") from None
    return {n: v for n, v in inputs.items() if n in given or n not in before or v != before[n]}


def _binding(plan: Plan, state: Any, path: str, name: str, value: Any) -> Any:
    frame = state["frames"].get(path)
    if frame is None or "env" not in frame:
        open_ = [one for one, inner in state["frames"].items() if "env" in inner]
        hint = f"There are: {', '.join(open_)}." if open_ else "Nothing is under way there."
        raise InvalidInput(f"no flow is under way at {path}", hint=hint)
    if name not in frame["env"]:
        hint = f"There are: {', '.join(frame['env']) or 'none'}."
        raise InvalidInput(f"{path} has no {name} at that moment", hint=hint)
    wanted = declared(plan, frame["flow"], name)
    if wanted is None:
        return value
    try:
        return coerce(value, wanted, plan.records)
    except Mismatch as error:
        raise InvalidInput(f"{name} does not fit: {error}", hint="Give another value.") from None


def declared(plan: Plan, flow: str, name: str) -> Type | None:
    """The type of a name of a flow, as far as the program says it."""
    for field in plan.program.flows[flow].parameters:
        if field.name == name:
            return field.type
    for node in plan.flow(flow).nodes.values():
        match node.statement:
            case Call(name=bound, callee=callee) if bound == name:
                return plan.callees[callee].returns
            case AskHuman(name=bound, answer=answer) if bound == name:
                return answer
            case _:
                pass
    return None


def taken_from(plan: Plan, flow: str, name: str) -> Type | None:
    """The type of a name, also where it was taken from another one, as far as that is told."""
    return _named(plan, flow, name, frozenset())


def _named(plan: Plan, flow: str, name: str, seen: frozenset[str]) -> Type | None:
    found = declared(plan, flow, name)
    if found is not None or name in seen:
        return found
    seen |= {name}
    for node in plan.flow(flow).nodes.values():
        match node.statement:
            case Bind(name=bound, value=value) if bound == name:
                found = _type_of(plan, flow, value, seen)
            case Map(item=item, items=items) if item == name:
                found = _item(_type_of(plan, flow, items, seen))
            case _:
                continue
        if found is not None:
            return found
    return None


def _type_of(plan: Plan, flow: str, value: Expression, seen: frozenset[str]) -> Type | None:
    match value:
        case Name(name):
            return _named(plan, flow, name, seen)
        case Index(target):
            return _item(_type_of(plan, flow, target, seen))
        case Attribute(target, attribute):
            record = _bare(_type_of(plan, flow, target, seen))
            fields = plan.records[record.name].fields if isinstance(record, Named) else ()
            return next((field.type for field in fields if field.name == attribute), None)
        case ListLiteral(items):
            found = (_type_of(plan, flow, item, seen) for item in items)
            return next((ListOf(inner) for inner in found if inner is not None), None)
        case _:
            return None


def _item(type_: Type | None) -> Type | None:
    bare = _bare(type_)
    return bare.item if isinstance(bare, ListOf) else None


def _bare(type_: Type | None) -> Type | None:
    return type_.inner if isinstance(type_, Optional) else type_
