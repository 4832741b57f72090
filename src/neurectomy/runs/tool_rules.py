"""The rules of tool calls: ask for one, try again, hand the failure on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.runs.failures import fail_step
from neurectomy.runs.moment import Frame, Moment, rest, wake
from neurectomy.timeline.event import Draft

if TYPE_CHECKING:
    from neurectomy.agents.program import Call, Retry, ToolDeclaration
    from neurectomy.timeline.event import Patch

LONGEST_WAIT_MS = 60_000
"""The longest wait before an attempt, however often it doubled."""


def effect_path(step: str, attempt: int) -> str:
    """The step path of an effect's attempt: the first has no suffix, the second ``~1``."""
    return f"{step}~{attempt}" if attempt else step


def wait_ms(wait: int, attempt: int, wish: int | None) -> int:
    """How long to wait: doubled with each attempt, at least what the provider asks for."""
    doubled: int = wait << min(attempt, 20)
    return max(min(doubled, LONGEST_WAIT_MS), min(wish or 0, 10 * LONGEST_WAIT_MS))


def _frame(tool: ToolDeclaration, parent: str, node: str, retry: Retry, timeout_ms: int) -> Frame:
    return {
        "kind": "tool",
        "callee": tool.name,
        "parent": parent,
        "node": node,
        "attempt": 0,
        "phase": "call",
        "retry": {"times": retry.times, "wait_ms": retry.wait_ms},
        "timeout_ms": timeout_ms,
    }


def _request(
    moment: Moment, step: str, frame: Frame, data: dict[str, Any], before: Patch, causes: Any
) -> Draft:
    pending = {"kind": "tool", "frame": step, "seq": moment.seq}
    patch = [
        *before,
        ["set", ["frames", step], frame],
        ["put", ["frames", step, "args"], "arguments"],
        ["set", ["pending", step], pending],
    ]
    return Draft("tool.requested", step, data, patch, causes)


def request_from_flow(
    moment: Moment,
    path: str,
    statement: Call,
    tool: ToolDeclaration,
    arguments: dict[str, Any],
    step: str,
    causes: tuple[int, ...],
    stay: Patch,
) -> Draft:
    """Ask for the tool that a flow's statement calls."""
    retry = statement.retry or tool.retry
    frame = _frame(tool, path, statement.node, retry, statement.timeout_ms or tool.timeout_ms)
    data = {"tool": tool.name, "arguments": arguments, "attempt": 0}
    return _request(moment, step, frame, data, stay, causes)


def request_from_agent(
    moment: Moment,
    path: str,
    tool: ToolDeclaration,
    call: dict[str, Any],
    arguments: dict[str, Any],
    step: str,
    causes: tuple[int, ...],
    before: Patch,
) -> Draft:
    """Ask for a tool that an agent's model called."""
    frame = _frame(tool, path, "", tool.retry, tool.timeout_ms)
    frame["call"] = call["id"]
    data = {"tool": tool.name, "arguments": arguments, "attempt": 0, "call": call["id"]}
    return _request(moment, step, frame, data, before, causes)


def decide_tool(moment: Moment, path: str, frame: Frame, causes: tuple[int, ...]) -> Draft:
    """After a failure: wait, ask again, or hand it on; after a wait: ask again."""
    if frame["phase"] == "again":
        attempt = frame["attempt"] + 1
        effect = effect_path(path, attempt)
        data = {"tool": frame["callee"], "arguments": frame["args"], "attempt": attempt}
        patch = [
            rest(path),
            ["set", ["frames", path, "attempt"], attempt],
            ["set", ["frames", path, "phase"], "call"],
            ["set", ["pending", effect], {"kind": "tool", "frame": path, "seq": moment.seq}],
        ]
        return Draft("tool.requested", effect, data, patch, causes)
    error = frame["error"]
    if error["retryable"] and frame["attempt"] < frame["retry"]["times"]:
        wait = wait_ms(frame["retry"]["wait_ms"], frame["attempt"], None)
        return set_timer(moment, path, wait, error["message"], causes)
    return _hand_on(moment, path, frame, error, causes)


def set_timer(moment: Moment, path: str, ms: int, reason: str, causes: tuple[int, ...]) -> Draft:
    """Wait before a frame tries again."""
    pending = {"kind": "timer", "frame": path, "seq": moment.seq, "ms": ms}
    patch = [rest(path), ["set", ["pending", f"{path}/wait"], pending]]
    return Draft("timer.set", f"{path}/wait", {"ms": ms, "reason": reason}, patch, causes)


def _hand_on(
    moment: Moment, path: str, frame: Frame, error: dict[str, Any], causes: tuple[int, ...]
) -> Draft:
    if "call" not in frame:
        return fail_step(moment, path, causes, error)
    parent = frame["parent"]
    message = {
        "role": "tool",
        "call": frame["call"],
        "tool": frame["callee"],
        "problem": error["message"],
    }
    patch = [
        rest(path),
        ["del", ["frames", path]],
        ["add", ["frames", parent, "messages"], moment.values.intern(message)],
        *call_ended(moment, parent),
    ]
    return Draft("step.failed", path, {"error": error}, patch, causes)


def call_ended(moment: Moment, path: str) -> Patch:
    """Operations that count a call of an agent's turn as ended; the last one starts a new turn."""
    frame = moment.frame(path)
    joined = [*frame["joined"], moment.seq]
    if len(joined) < frame["calls"] or frame["phase"] == "act":
        return [["set", ["frames", path, "joined"], joined]]
    return next_turn(moment, path, joined)


def next_turn(moment: Moment, path: str, causes: list[int]) -> Patch:
    """Operations with which an agent's frame asks its model again."""
    turn = moment.frame(path)["turn"] + 1
    return [
        ["set", ["frames", path, "turn"], turn],
        ["set", ["frames", path, "attempt"], 0],
        ["set", ["frames", path, "phase"], "ask"],
        ["set", ["frames", path, "joined"], []],
        wake(path, causes),
    ]
