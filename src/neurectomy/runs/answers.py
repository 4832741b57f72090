"""What a person may tell a run: the answer to a question, or how a lost tool call ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.agents.program import AskHuman
from neurectomy.agents.types import Mismatch, coerce
from neurectomy.core.errors import InvalidInput

if TYPE_CHECKING:
    from neurectomy.agents.program import Program
    from neurectomy.agents.types import Type
    from neurectomy.runs.plan import Plan


def unknown_calls(program: Program, state: dict[str, Any]) -> list[str]:
    """Tool calls whose end nobody saw and that may not simply be made again."""
    found = []
    for path, pending in state["pending"].items():
        if pending["kind"] != "tool":
            continue
        tool = program.tools[state["frames"][pending["frame"]]["callee"]]
        if not tool.idempotent:
            found.append(path)
    return found


def human_value(plan: Plan, state: dict[str, Any], step: str, value: Any) -> Any:
    """A person's answer, of the type that was asked for.

    Raises:
        InvalidInput: It is of another.
    """
    frame = state["frames"][state["pending"][step]["frame"]]
    parent = state["frames"][frame["parent"]]
    statement = plan.flow(parent["flow"]).nodes[frame["node"]].statement
    assert isinstance(statement, AskHuman)
    try:
        return coerce(value, statement.answer, plan.records)
    except Mismatch as error:
        raise InvalidInput(f"the answer does not fit: {error}", hint="Answer again.") from None


def asked_type(plan: Plan, state: dict[str, Any], pending: dict[str, Any]) -> Type:
    """The type of what ends something that is pending: a person's answer, or a tool's result."""
    frame = state["frames"][pending["frame"]]
    if pending["kind"] == "human":
        statement = (
            plan.flow(state["frames"][frame["parent"]]["flow"]).nodes[frame["node"]].statement
        )
        assert isinstance(statement, AskHuman)
        return statement.answer
    return plan.program.tools[frame["callee"]].returns


def secret_decision(decision: str, value: Any) -> dict[str, Any]:
    """The data of what is decided about a call that needs a secret; it holds none.

    Raises:
        InvalidInput: It is no decision, or no secret.
    """
    if decision == "fail":
        error = {"code": "secret", "message": "nobody gave its secret", "retryable": False}
        return {"decision": "fail", "error": error}
    if decision not in ("", "retry") or not isinstance(value, str) or not value:
        raise InvalidInput("the call needs a secret", hint="Answer with it, or decide: fail.")
    return {"decision": "retry"}


def unknown_decision(
    plan: Plan, state: dict[str, Any], pending: dict[str, Any], decision: str, value: Any
) -> dict[str, Any]:
    """The data of a decision about a call whose end nobody saw.

    Raises:
        InvalidInput: It is none, or its value does not fit the tool.
    """
    if decision not in ("retry", "fail", "value"):
        hint = "Decide: retry, fail, or value with what the call returned."
        raise InvalidInput("nobody knows how that call ended", hint=hint)
    if decision == "retry":
        return {"decision": "retry"}
    tool = plan.program.tools[state["frames"][pending["frame"]]["callee"]]
    if decision == "fail":
        message = f"{tool.name} was in flight when the process ended, and was declared failed"
        error = {"code": "unknown", "message": message, "retryable": False}
        return {"decision": "fail", "error": error}
    try:
        return {"decision": "value", "value": coerce(value, tool.returns, plan.records)}
    except Mismatch as error:
        raise InvalidInput(f"the value does not fit: {error}", hint="Give another.") from None
