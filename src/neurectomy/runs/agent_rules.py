"""The rules of agents: ask the model, look at what it said, call tools, accept an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from neurectomy.agents import types
from neurectomy.agents.types import Mismatch, Primitive, coerce, coerce_fields
from neurectomy.models.port import OUTPUT_TOOL
from neurectomy.runs import requests, tool_rules
from neurectomy.runs.failures import fail_step
from neurectomy.runs.moment import Frame, Moment, deliver, rest, wake
from neurectomy.timeline.event import Draft

if TYPE_CHECKING:
    from neurectomy.agents.program import AgentDeclaration, Call
    from neurectomy.timeline.event import Patch


def start(
    moment: Moment,
    path: str,
    statement: Call,
    agent: AgentDeclaration,
    arguments: dict[str, Any],
    step: str,
    causes: tuple[int, ...],
    stay: Patch,
) -> Draft:
    """Begin the conversation of a call."""
    messages = opening(moment, agent, arguments)
    retry = statement.retry or agent.retry
    frame = {
        "kind": "agent",
        "callee": agent.name,
        "parent": path,
        "node": statement.node,
        "turn": 0,
        "attempt": 0,
        "phase": "ask",
        "output": output_mode(agent, moment.state["models"][agent.model]),
        "calls": 0,
        "acted": 0,
        "joined": [],
        "problem": "",
        "retry": {"times": retry.times, "wait_ms": retry.wait_ms},
        "timeout_ms": statement.timeout_ms or agent.timeout_ms,
    }
    data = {
        "kind": "agent",
        "callee": agent.name,
        "arguments": arguments,
        "messages": [moment.values.intern(message) for message in messages],
    }
    patch = [
        *stay,
        ["set", ["frames", step], frame],
        ["put", ["frames", step, "args"], "arguments"],
        ["put", ["frames", step, "messages"], "messages"],
        wake(step, [moment.seq]),
    ]
    return Draft("step.started", step, data, patch, causes)


def opening(
    moment: Moment, agent: AgentDeclaration, arguments: dict[str, Any]
) -> list[dict[str, Any]]:
    """The messages that a conversation begins with."""
    messages = []
    if agent.system is not None:
        messages.append({"role": "system", "content": moment.render(agent.system, arguments)})
    messages.append({"role": "user", "content": moment.render(agent.prompt, arguments)})
    return messages


def output_mode(agent: AgentDeclaration, profile: dict[str, Any]) -> str:
    """How an agent is asked for its value, by what it declares and its model can do."""
    if agent.returns == Primitive("str"):
        return "text"
    if agent.output != "auto":
        return agent.output
    modes: list[str] = profile["output_modes"]
    return modes[0] if modes else "prompted"


def decide_agent(moment: Moment, path: str, frame: Frame, causes: tuple[int, ...]) -> Draft:
    """The next event of an agent's frame that has something to do."""
    match frame["phase"]:
        case "ask":
            return _ask(moment, path, frame, causes)
        case "failed":
            return _after_failure(moment, path, frame, causes)
        case _:
            return _act(moment, path, frame, causes)


def _ask(moment: Moment, path: str, frame: Frame, causes: tuple[int, ...]) -> Draft:
    agent = moment.plan.program.agents[frame["callee"]]
    turn, attempt = frame["turn"], frame["attempt"]
    if turn >= agent.turns:
        last = f"; the last problem was: {frame['problem']}" if frame["problem"] else ""
        message = f"{agent.name} gave no answer within {agent.turns} turns{last}"
        hint = f"Allow more with `turns`, or make the prompt of {agent.name} clearer."
        return fail_step(moment, path, causes, _error("turns", message, hint))
    request = requests.build_request(moment, frame)
    wanted = requests.reserve(moment, agent, request)
    if problem := requests.over_budget(moment, path, wanted):
        hint = "Raise the budget in the flow, or set max_tokens for the model."
        return fail_step(moment, path, causes, _error("budget", problem, hint))
    effect = tool_rules.effect_path(f"{path}/turn[{turn}]", attempt)
    data = {
        "request": requests.request_digest(request),
        "model": request.model,
        "attempt": attempt,
        "reserved": wanted,
    }
    pending = {"kind": "model", "frame": path, "seq": moment.seq, "reserved": wanted}
    patch = [
        rest(path),
        ["set", ["frames", path, "phase"], "wait"],
        ["set", ["pending", effect], pending],
    ]
    return Draft("model.requested", effect, data, patch, causes)


def _after_failure(moment: Moment, path: str, frame: Frame, causes: tuple[int, ...]) -> Draft:
    error, attempt = frame["error"], frame["attempt"]
    if error["retryable"] and attempt < frame["retry"]["times"]:
        wait = tool_rules.wait_ms(frame["retry"]["wait_ms"], attempt, error.get("retry_after_ms"))
        return tool_rules.set_timer(moment, path, wait, error["message"], causes)
    return fail_step(moment, path, causes, error)


def _act(moment: Moment, path: str, frame: Frame, causes: tuple[int, ...]) -> Draft:
    answered = len(frame["joined"])  # each call that ended has put a message after the model's
    message = moment.values.last(frame["messages"], answered)
    calls = message.get("calls", [])
    if not calls:
        return _answer_in_text(moment, path, frame, message.get("text", ""), causes)
    index = frame["acted"]
    if index == 0:
        for call in calls:
            if call["tool"] == OUTPUT_TOOL:
                try:
                    value = _structured(moment, frame, call["arguments"])
                except Mismatch:
                    break
                return _finish(moment, path, frame, value, causes)
    return _call(moment, path, frame, calls[index], index, causes)


def _call(
    moment: Moment,
    path: str,
    frame: Frame,
    call: dict[str, Any],
    index: int,
    causes: tuple[int, ...],
) -> Draft:
    agent = moment.plan.program.agents[frame["callee"]]
    last = index + 1 == frame["calls"]
    known = call["tool"] in agent.tools or call["tool"] == OUTPUT_TOOL
    name = call["tool"] if known else "unknown"  # what a model writes names no step
    step = f"{path}/turn[{frame['turn']}]/{name}[{index}]"
    on: Patch = [
        ["set", ["frames", path, "acted"], index + 1],
        *([rest(path), ["set", ["frames", path, "phase"], "tools"]] if last else []),
    ]
    try:
        if call["tool"] == OUTPUT_TOOL:
            _structured(moment, frame, call["arguments"])
            raise Mismatch("", "the answer came together with other calls")
        if not known:
            there = ", ".join(agent.tools) or "none"
            raise Mismatch("", f"there is no tool {call['tool']}; there are: {there}")
        tool = moment.plan.program.tools[call["tool"]]
        given = call["arguments"]
        if isinstance(given, str):
            raise Mismatch("", "the arguments are not a JSON object")
        arguments = coerce_fields(
            given, tool.parameters, moment.plan.records, name=f"the arguments of {tool.name}"
        )
    except Mismatch as error:
        return _reject_call(moment, path, frame, call, step, str(error), on, causes, last=last)
    interned = {name: moment.values.intern(value) for name, value in arguments.items()}
    return tool_rules.request_from_agent(moment, path, tool, call, interned, step, causes, on)


def _reject_call(
    moment: Moment,
    path: str,
    frame: Frame,
    call: dict[str, Any],
    step: str,
    problem: str,
    on: Patch,
    causes: tuple[int, ...],
    *,
    last: bool,
) -> Draft:
    message = {"role": "tool", "call": call["id"], "tool": call["tool"], "problem": problem}
    joined = [*frame["joined"], moment.seq]
    patch = [
        *on,
        ["set", ["frames", path, "problem"], problem],
        ["add", ["frames", path, "messages"], moment.values.intern(message)],
        ["set", ["frames", path, "joined"], joined],
    ]
    if last and len(joined) == frame["calls"]:
        patch += tool_rules.next_turn(moment, path, joined)
    data = {"call": call["id"], "tool": call["tool"], "problem": problem}
    return Draft("call.rejected", step, data, patch, causes)


def _structured(moment: Moment, frame: Frame, given: Any) -> Any:
    agent = moment.plan.program.agents[frame["callee"]]
    if not isinstance(given, dict) or set(given) != {"value"}:
        raise Mismatch("", f'{OUTPUT_TOOL} takes one argument, "value"')
    return coerce(given["value"], agent.returns, moment.plan.records)


def _answer_in_text(
    moment: Moment, path: str, frame: Frame, text: str, causes: tuple[int, ...]
) -> Draft:
    agent = moment.plan.program.agents[frame["callee"]]
    try:
        if not text.strip():
            raise Mismatch("", "the answer is empty")
        if frame["output"] == "text":
            return _finish(moment, path, frame, text.strip(), causes)
        if frame["output"] == "tool":
            raise Mismatch("", f"the answer must be given by a call of {OUTPUT_TOOL}")
        value = coerce(_json_in(text), agent.returns, moment.plan.records)
    except Mismatch as error:
        if _said_before(moment, frame, text):
            said = text.strip()[:300] or "nothing"
            told = f"{agent.name} gave the same answer twice, and it is refused: {error}"
            hint = f"Make the prompt clearer, or choose another model. It said: {said}"
            return fail_step(moment, path, causes, _error("answer", told, hint))
        problem = f"{error}. Answer with {types.render(agent.returns)}."
        message = {"role": "user", "content": [{"text": f"That answer was refused: {problem}"}]}
        patch = [
            rest(path),
            ["set", ["frames", path, "problem"], str(error)],
            ["add", ["frames", path, "messages"], moment.values.intern(message)],
            *tool_rules.next_turn(moment, path, [moment.seq]),
        ]
        step = f"{path}/turn[{frame['turn']}]"
        return Draft("answer.rejected", step, {"problem": str(error)}, patch, causes)
    return _finish(moment, path, frame, value, causes)


def _said_before(moment: Moment, frame: Frame, text: str) -> bool:
    """Whether the answer before this one was refused for the same words."""
    if not frame["problem"] or frame["turn"] == 0:
        return False
    previous = moment.values.last(frame["messages"], 2)
    said: str = previous.get("text", "")
    return previous["role"] == "assistant" and not previous.get("calls") and said == text


def _json_in(text: str) -> Any:
    """The JSON of an answer in words: all of it, or what stands between fences or brackets."""
    candidate = text.strip()
    if candidate.startswith("```"):
        candidate = candidate.split("\n", 1)[-1].rsplit("```", 1)[0]
    starts = [i for i in (candidate.find("{"), candidate.find("[")) if i >= 0]
    ends = max(candidate.rfind("}"), candidate.rfind("]"))
    for part in (candidate, candidate[min(starts) : ends + 1] if starts else ""):
        try:
            return msgspec.json.decode(part)
        except (msgspec.DecodeError, RecursionError):
            continue
    raise Mismatch("", "the answer is not JSON")


def _finish(moment: Moment, path: str, frame: Frame, value: Any, causes: tuple[int, ...]) -> Draft:
    data = {"value": moment.values.intern(value)}
    patch = [["del", ["frames", path]], rest(path), *deliver(moment, frame)]
    return Draft("step.finished", path, data, patch, causes)


def _error(code: str, message: str, hint: str) -> dict[str, Any]:
    return {"code": code, "message": message, "hint": hint, "retryable": False}
