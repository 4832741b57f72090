"""What completions do to the state: the other half of the machine, as pure as `decide`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.core.errors import Conflict
from neurectomy.runs import breakpoints, changes
from neurectomy.runs.failures import stop_waiting
from neurectomy.runs.moment import Moment, deliver, wake
from neurectomy.runs.revival import revive
from neurectomy.runs.tool_rules import call_ended
from neurectomy.timeline.event import Draft

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurectomy.timeline.event import Patch

ACCOUNTS = (
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cost_nanos",
    "unpriced_requests",
    "model_requests",
    "tool_calls",
    "model_us",
    "tool_us",
    "uncertain_tokens",
    "uncertain_nanos",
)
"""What a run keeps account of; tokens, billionths of a US dollar, counts and microseconds.

What is uncertain is the most that requests may have cost whose end nobody saw; budgets count it.
"""

_ABANDONED = frozenset({"cancelled", "lost"})
"""Codes of failures that say nothing of the call itself: the run was being stopped."""

_REFUSED = frozenset(
    {"rate_limited", "refused", "unauthorized", "invalid_request", "server_error", "budget"}
)
"""Codes of failures after which a request has cost nothing."""


def complete(moment: Moment, kind: str, step: str, data: dict[str, Any]) -> Draft:
    """The event of a completion.

    Args:
        moment: The state before it.
        kind: One of the completion kinds.
        step: Path of the pending effect; empty for the run's own.
        data: As the log stores it: large values are references already.

    Raises:
        Conflict: Nothing of that kind is pending at ``step``.
    """
    if step and step not in moment.state["pending"]:
        raise Conflict(f"nothing is pending at {step}", hint="Look at the run's state.", step=step)
    return _RULES[kind](moment, step, data)


def _draft(moment: Moment, kind: str, step: str, data: dict[str, Any], patch: Patch) -> Draft:
    return Draft(kind, step, data, patch, (moment.state["pending"][step]["seq"],))


def _ended(moment: Moment, step: str) -> Patch:
    return [["del", ["pending", step]]]


def _runs_on(moment: Moment) -> bool:
    return moment.state["status"] in ("running", "waiting")


def _count(moment: Moment, **more: int) -> Patch:
    accounts = moment.state["accounts"]
    return [
        ["set", ["accounts", name], accounts[name] + number]
        for name, number in more.items()
        if number
    ]


def _model_responded(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    usage = data["usage"]
    cost = usage.get("cost_nanos")
    patch = _ended(moment, step) + _count(
        moment,
        input_tokens=usage.get("input_tokens", 0),
        output_tokens=usage.get("output_tokens", 0),
        cached_tokens=usage.get("cached_tokens", 0),
        cost_nanos=cost or 0,
        unpriced_requests=1 if cost is None else 0,
        model_requests=1,
        model_us=data["took_us"],
    )
    path = moment.state["pending"][step]["frame"]
    calls = moment.values.resolve(data["message"]).get("calls", [])
    patch += [
        ["app", ["frames", path, "messages"], "message"],
        ["set", ["frames", path, "phase"], "act"],
        ["set", ["frames", path, "acted"], 0],
        ["set", ["frames", path, "calls"], len(calls)],
        ["set", ["frames", path, "joined"], []],
        wake(path, [moment.seq]),
    ]
    return _draft(moment, "model.responded", step, data, patch)


def _model_failed(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    if data["error"]["code"] == changes.SUPERSEDED:
        path = moment.state["pending"][step]["frame"]
        again: Patch = [
            *_ended(moment, step),
            ["set", ["frames", path, "attempt"], moment.frame(path)["attempt"] + 1],
            ["set", ["frames", path, "phase"], "ask"],
            wake(path, [moment.seq]),
        ]
        return _draft(moment, "model.failed", step, data, again)
    lost = [] if data["error"]["code"] in _REFUSED else [moment.state["pending"][step]["reserved"]]
    counted = _count(moment, model_requests=1, model_us=data["took_us"], **_uncertain(lost))
    patch = _ended(moment, step) + counted
    return _draft(moment, "model.failed", step, data, patch + _failed(moment, step, data))


def _uncertain(reserved: list[dict[str, Any]]) -> dict[str, int]:
    """What requests may have cost whose end nobody saw."""
    return {
        "uncertain_tokens": sum(r["tokens"] for r in reserved),
        "uncertain_nanos": sum(r["cost_nanos"] or 0 for r in reserved),
    }


def _tool_failed(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    patch = _ended(moment, step) + _count(moment, tool_calls=1, tool_us=data["took_us"])
    return _draft(moment, "tool.failed", step, data, patch + _failed(moment, step, data))


def _failed(moment: Moment, step: str, data: dict[str, Any]) -> Patch:
    if not _runs_on(moment) and data["error"]["code"] in _ABANDONED:
        return []
    path = moment.state["pending"][step]["frame"]
    return [
        ["put", ["frames", path, "error"], "error"],
        ["set", ["frames", path, "phase"], "failed"],
        wake(path, [moment.seq]),
    ]


def _tool_returned(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    patch = _ended(moment, step) + _count(moment, tool_calls=1, tool_us=data["took_us"])
    if "files" in data:
        patch.append(["set", ["files", "root"], data["files"]["root"]])
    patch += _returned(moment, step, data)
    return _draft(moment, "tool.returned", step, data, patch)


def _returned(moment: Moment, step: str, data: dict[str, Any]) -> Patch:
    path = moment.state["pending"][step]["frame"]
    frame = moment.frame(path)
    if "call" not in frame:
        return [["del", ["frames", path]], *deliver(moment, frame)]
    message = {
        "role": "tool",
        "call": frame["call"],
        "tool": frame["callee"],
        "value": data["value"],
    }
    parent = frame["parent"]
    return [
        ["del", ["frames", path]],
        ["add", ["frames", parent, "messages"], message],
        *call_ended(moment, parent),
    ]


def _files_conflicted(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    return _draft(moment, "files.conflicted", step, data, [])


def _tool_unknown(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    patch = [["set", ["pending", step, "kind"], "unknown"]]
    return _draft(moment, "tool.unknown", step, data, patch)


def _tool_withheld(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    """A call that was not made, since nobody here has its secret; somebody is asked for it."""
    patch = _ended(moment, step)
    if _runs_on(moment):
        pending = {**moment.state["pending"][step], "kind": "secret", "secret": data["secret"]}
        patch = [["set", ["pending", step], pending]]
    return _draft(moment, "tool.withheld", step, data, patch)


def _human_answered(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    pending = moment.state["pending"][step]
    frame = moment.frame(pending["frame"])
    goes_on = _runs_on(moment) and not moment.state.get("paused")
    patch: Patch = [["set", ["status"], "running"]] if goes_on else []
    if pending["kind"] == "human":
        patch += [*_ended(moment, step), ["del", ["frames", pending["frame"]]]]
        patch += deliver(moment, frame)
    elif pending["kind"] in ("unknown", "secret") and data["decision"] == "retry":
        patch += [["set", ["pending", step, "kind"], "tool"]]
    elif pending["kind"] == "unknown" and data["decision"] == "value":
        patch += [*_ended(moment, step), *_returned(moment, step, data)]
    elif pending["kind"] in ("unknown", "secret"):
        patch += [*_ended(moment, step), *_failed(moment, step, data)]
    else:
        raise Conflict(f"{step} does not wait for a person", hint="Look at the run's state.")
    return _draft(moment, "human.answered", step, data, patch)


def _timer_fired(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    path = moment.state["pending"][step]["frame"]
    frame = moment.frame(path)
    patch = _ended(moment, step)
    if frame["kind"] == "agent":
        patch += [
            ["set", ["frames", path, "attempt"], frame["attempt"] + 1],
            ["set", ["frames", path, "phase"], "ask"],
        ]
    else:
        patch.append(["set", ["frames", path, "phase"], "again"])
    patch.append(wake(path, [moment.seq]))
    return _draft(moment, "timer.fired", step, data, patch)


def _cancel_requested(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    patch: Patch = [["set", ["status"], "cancelling"], *stop_waiting(moment)]
    if moment.state.get("paused"):
        patch.append(["set", ["paused"], None])
    return Draft("run.cancel_requested", "", data, patch)


def _expired(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    error = {
        "code": "budget",
        "message": f"the run took longer than its budget of {data['limit_ms'] / 1000:g} s",
        "hint": "Raise the budget in the flow.",
        "step": "",
    }
    patch: Patch = [
        ["set", ["status"], "failing"],
        ["set", ["error"], error],
        *stop_waiting(moment),
    ]
    return Draft("run.expired", "", data, patch)


def _created(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    flow = data["flow"]
    first = moment.plan.flow(flow).first
    root = {
        "kind": "flow",
        "callee": flow,
        "flow": flow,
        "parent": "",
        "node": "",
        "at": first,
        "counts": {},
        "started": 0,
        "joined": [],
    }
    state = {
        "status": "running",
        "flow": flow,
        "frames": {flow: root},
        "ready": {flow: [moment.seq]},
        "pending": {},
        "accounts": dict.fromkeys(ACCOUNTS, 0),
        "result": None,
        "error": None,
    }
    patch: Patch = [
        ["set", [], state],
        ["put", ["program"], "program"],
        ["put", ["inputs"], "inputs"],
        ["put", ["models"], "models"],
        ["put", ["limits"], "limits"],
        ["set", ["frames", flow, "env"], dict(data["inputs"])],
    ]
    if "files" in data:
        patch.append(["put", ["files"], "files"])
    return Draft("run.created", "", data, patch)


def _forked(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    patch = [*breakpoints.forget(moment.state), *changes.patch_of(moment, data["changes"])]
    if "revive" in data["changes"]:
        patch += revive(moment, data["changes"]["revive"]["asked"])
    return Draft("run.forked", "", data, patch)


def _changed(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    return Draft("run.changed", "", data, changes.patch_of(moment, data["changes"]))


def _breakpoints_set(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    return Draft("breakpoints.set", "", data, [["put", ["breakpoints"], "breakpoints"]])


def _continued(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    if not moment.state.get("paused"):
        raise Conflict("the run is not paused", hint="Look at the run's state.")
    patch = breakpoints.go_on(moment.state, step=data["mode"] == "step")
    return Draft("run.continued", "", data, patch)


def _remarked(kind: str) -> Callable[[Moment, str, dict[str, Any]], Draft]:
    """The rule of what a person says about the run, which changes nothing of it."""

    def remark(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
        return Draft(kind, "", data, [])

    return remark


def _resumed(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    """What was in flight is asked again, and may have cost something already."""
    pending = moment.state["pending"].values()
    asked = [effect["reserved"] for effect in pending if effect["kind"] == "model"]
    return Draft("run.resumed", "", data, _count(moment, **_uncertain(asked)))


def _redacted(moment: Moment, step: str, data: dict[str, Any]) -> Draft:
    """What was erased; the states that are kept have a scar there, and nothing follows from it."""
    return Draft("run.redacted", "", data, [])


_RULES: dict[str, Callable[[Moment, str, dict[str, Any]], Draft]] = {
    "run.created": _created,
    "run.forked": _forked,
    "run.changed": _changed,
    "run.resumed": _resumed,
    "breakpoints.set": _breakpoints_set,
    "run.continued": _continued,
    "run.redacted": _redacted,
    "run.cancel_requested": _cancel_requested,
    "run.expired": _expired,
    "model.responded": _model_responded,
    "model.failed": _model_failed,
    "tool.returned": _tool_returned,
    "tool.failed": _tool_failed,
    "tool.unknown": _tool_unknown,
    "tool.withheld": _tool_withheld,
    "files.conflicted": _files_conflicted,
    "human.answered": _human_answered,
    "timer.fired": _timer_fired,
    **{kind: _remarked(kind) for kind in ("note.added", "note.removed")},
}

COMPLETIONS = frozenset(_RULES)
"""The kinds that come from outside; every other kind is a decision."""
