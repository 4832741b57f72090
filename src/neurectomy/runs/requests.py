"""The canonical request of an agent's turn, made from the state alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from neurectomy.agents import types
from neurectomy.agents.program import Budget
from neurectomy.core import codecs
from neurectomy.models.port import (
    AssistantMessage,
    Message,
    ModelRequest,
    OutputSchema,
    ToolMessage,
    ToolSchema,
)

if TYPE_CHECKING:
    from neurectomy.agents.program import AgentDeclaration, ToolDeclaration
    from neurectomy.runs.moment import Frame, Moment, State

CHARACTERS_PER_TOKEN = 3
"""For reserving a budget: below what tokenizers reach on text, so that the estimate is high."""


def build_request(moment: Moment, frame: Frame) -> ModelRequest:
    """The request of an agent's frame that is about to ask its model."""
    agent = moment.plan.program.agents[frame["callee"]]
    model = moment.plan.program.models[agent.model]
    program = moment.plan.program
    return ModelRequest(
        model=moment.state["models"][agent.model]["id"],
        messages=_messages(moment, frame),
        tools=tuple(tool_schema(moment, program.tools[name]) for name in agent.tools),
        output=output_schema(moment, agent, frame["output"]),
        settings=model.settings,
    )


def request_digest(request: ModelRequest) -> str:
    """SHA-256 of the request's canonical JSON."""
    return codecs.canonical_digest(request)


def tool_schema(moment: Moment, tool: ToolDeclaration) -> ToolSchema:
    """A tool as the model is told of it."""
    schema = types.fields_schema(tool.parameters, moment.plan.records)
    return ToolSchema(tool.name, tool.description, schema)


def output_schema(moment: Moment, agent: AgentDeclaration, mode: Any) -> OutputSchema:
    """The value that the agent must end with, asked for in ``mode``."""
    if mode == "text":
        return OutputSchema("text")
    schema = types.json_schema(agent.returns, moment.plan.records)
    return OutputSchema(mode, schema, types.render(agent.returns))


def _messages(moment: Moment, frame: Frame) -> tuple[Message, ...]:
    """The conversation; results of tools stand in the order of their calls, not of their ends."""
    ordered: list[Message] = []
    results: dict[str, ToolMessage] = {}
    calls: list[str] = []
    for data in moment.values.items(frame["messages"]):
        message = _message(moment, data)
        if isinstance(message, ToolMessage):
            results[message.call] = message
            if len(results) == len(calls):
                ordered += [results[call] for call in calls]
                results, calls = {}, []
            continue
        if isinstance(message, AssistantMessage):
            calls = [call.id for call in message.calls]
        ordered.append(message)
    return tuple(ordered)


def _message(moment: Moment, data: dict[str, Any]) -> Message:
    if data["role"] == "tool":
        if "problem" in data:
            return ToolMessage(data["call"], data["tool"], data["problem"], error=True)
        content = codecs.encode(moment.values.resolve(data["value"])).decode()
        return ToolMessage(data["call"], data["tool"], content)
    message: Message = msgspec.convert(data, Message)
    return message


def reserve(moment: Moment, agent: AgentDeclaration, request: ModelRequest) -> dict[str, Any]:
    """The most that a request may cost: ``cost_nanos`` (null where unknown) and ``tokens``."""
    profile = moment.state["models"][agent.model]
    sent = len(codecs.canonical(request)) // CHARACTERS_PER_TOKEN + 1
    answered = request.settings.get("max_tokens") or profile["max_output_tokens"]
    prices = profile.get("input_nanos"), profile.get("output_nanos")
    cost = None
    if prices[0] is not None and prices[1] is not None:
        cost = int(sent * prices[0] + answered * prices[1]) + 1
    return {"cost_nanos": cost, "tokens": sent + answered}


def spent(state: State) -> dict[str, int]:
    """What a run has spent so far, what is uncertain included: ``tokens`` and ``cost_nanos``."""
    accounts = state["accounts"]
    counted = accounts["input_tokens"] + accounts["output_tokens"]
    return {
        "tokens": counted + accounts["uncertain_tokens"],
        "cost_nanos": accounts["cost_nanos"] + accounts["uncertain_nanos"],
    }


def over_budget(moment: Moment, path: str, wanted: dict[str, Any]) -> str:
    """Why a reservation fits no budget of the flows around a frame; empty where it fits them all.

    Args:
        moment: The state before the request.
        path: Of the frame that is about to ask.
        wanted: What the request may cost at most; see `reserve`.
    """
    most = moment.state["limits"].get("cost_nanos")
    if most is not None and (problem := _over(moment, Budget(cost_nanos=most), "", None, wanted)):
        return f"the budget of this run is {problem}"
    while path:
        frame = moment.frame(path)
        if frame["kind"] == "flow":
            budget = moment.plan.program.flows[frame["flow"]].budget
            if problem := _over(moment, budget, path, frame.get("spent"), wanted):
                return f"the budget of {frame['flow']} is {problem}"
        path = frame["parent"]
    return ""


def over_again(moment: Moment, step: str) -> str:
    """Why a request that was in flight may not be asked again; as `over_budget`."""
    asked = moment.state["pending"][step]
    others = {path: one for path, one in moment.state["pending"].items() if path != step}
    without = structs.replace(moment, state={**moment.state, "pending": others})
    return over_budget(without, asked["frame"], asked["reserved"])


def _over(
    moment: Moment,
    budget: Budget,
    path: str,
    before: dict[str, int] | None,
    wanted: dict[str, Any],
) -> str:
    """Why a reservation does not fit one budget; ``before`` is what was spent as it began."""
    inside = f"{path}/" if path else ""
    pending = moment.state["pending"].values()
    reserved = [
        effect["reserved"]
        for effect in pending
        if "reserved" in effect and effect["frame"].startswith(inside)
    ]
    so_far = spent(moment.state)
    if before is not None:
        so_far = {name: so_far[name] - before[name] for name in so_far}
    if budget.tokens is not None:
        used = so_far["tokens"] + sum(r["tokens"] for r in reserved)
        if used + wanted["tokens"] > budget.tokens:
            return (
                f"{budget.tokens} tokens: up to {used} are spent, "
                f"and the next request may use up to {wanted['tokens']}"
            )
    if budget.cost_nanos is not None:
        total = f"${budget.cost_nanos / 1e9:.4f}"
        if wanted["cost_nanos"] is None:
            return f"{total}, and the model's price is unknown"
        used = so_far["cost_nanos"] + sum(r["cost_nanos"] or 0 for r in reserved)
        if used + wanted["cost_nanos"] > budget.cost_nanos:
            return (
                f"{total}: up to ${used / 1e9:.4f} are spent, "
                f"and the next request may cost up to ${wanted['cost_nanos'] / 1e9:.4f}"
            )
    return ""
