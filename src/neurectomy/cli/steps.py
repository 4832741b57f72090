"""Events, values and accounts as people read them: the same words live and afterwards."""

from __future__ import annotations

import json
from typing import Any

import click

from neurectomy.cli.options import duration, harmless_data
from neurectomy.core import codecs

QUIET = frozenset(
    {"branch.taken", "loop.left", "timer.fired", "model.requested", "breakpoints.set"}
)
"""Kinds that the steps of a run in motion leave out."""

LONGEST = 90
"""Characters of a value within a line."""


def step_line(event: dict[str, Any]) -> str:
    """An event as a step of a run in motion; empty for those that say little."""
    kind = event["kind"]
    if kind in QUIET or kind.startswith("run."):
        return ""
    mark, colour, text = _described(event)
    line = f"{duration(event['mono']):>8}  {click.style(mark, fg=colour)} {_step(event)}"
    return f"{line}  {click.style(text, dim=True)}" if text else line


def event_line(event: dict[str, Any]) -> str:
    """An event of the log: its place, its time, its kind, where, and its data in one line."""
    mark, colour, text = _described(event)
    kind = harmless_data(event["kind"])
    line = f"{event['seq']:>6}  {duration(event['mono']):>8}  {click.style(mark, fg=colour)} "
    line += f"{kind:20} {_step(event)}"
    return f"{line}  {click.style(text, dim=True)}" if text else line.rstrip()


def _step(event: dict[str, Any]) -> str:
    step: str = harmless_data(event["step"])
    return step


def _described(event: dict[str, Any]) -> tuple[str, str, str]:
    """Mark, colour and a line of what happened; of an event that was redacted, that it was."""
    if event["data"] is None:
        return "·", "white", "redacted"
    return _told(event["kind"], harmless_data(event["data"]))


def _told(kind: str, data: dict[str, Any]) -> tuple[str, str, str]:
    match kind:
        case "step.started":
            return "▸", "cyan", data["callee"] or data["kind"]
        case "step.finished" | "run.finished":
            return "✓", "green", short(data.get("value"))
        case "model.requested":
            return "▸", "blue", data["model"]
        case "model.responded":
            calls = ", ".join(call["tool"] for call in data["message"].get("calls", ()))
            said = f"{data['model']}{f' calls {calls}' if calls else ''}"
            return "◆", "blue", f"{said}, {duration(data['took_us'])}"
        case "tool.requested":
            return "▸", "cyan", short(data["arguments"])
        case "tool.returned":
            wrote = (
                f", {counted(data['files']['count'], 'file')} changed" if "files" in data else ""
            )
            return "✓", "green", duration(data["took_us"]) + wrote
        case "files.conflicted":
            found = data["conflicts"]
            listed = found if isinstance(found, list) else []  # a long list is a reference
            paths = ", ".join(short(one["path"]) for one in listed[:3])
            return "!", "yellow", f"other calls changed the same files: {paths or 'many'}"
        case "step.failed" | "tool.failed" | "model.failed" | "run.failed":
            took = f", {duration(data['took_us'])}" if "took_us" in data else ""
            return "✗", "red", short(data["error"]["message"].split("\n")[0]) + took
        case "call.rejected" | "answer.rejected":
            return "↺", "yellow", short(data["problem"])
        case "loop.entered":
            return "↻", "yellow", f"again, {data['iteration'] + 1}"
        case "value.bound":
            return "=", "white", short(data["value"])
        case _:
            return _told_of_waiting(kind, data)


def _told_of_waiting(kind: str, data: dict[str, Any]) -> tuple[str, str, str]:
    match kind:
        case "human.asked":
            return "?", "magenta", short(data["question"])
        case "human.answered":
            decision = data.get("decision", "")
            value = short(data["value"]) if "value" in data else ""
            return "!", "magenta", f"{decision} {value}".strip()
        case "tool.unknown" | "tool.withheld":
            lost = f"nobody knows how {data['tool']} ended"
            return "?", "magenta", f"it needs {data['secret']} again" if "secret" in data else lost
        case "timer.set":
            return "·", "yellow", f"{duration(data['ms'] * 1000)}, since {short(data['reason'])}"
        case "branch.taken":
            return "·", "white", "yes" if data["taken"] else "no"
        case "loop.left":
            return "·", "white", f"after {data['iterations']}, by its {data['reason']}"
        case "run.redacted":
            count = sum(last - first + 1 for first, last in data["events"])
            told = f"{counted(count, 'event')} by {data['by']}"
            told += f", {data['remains']} remain" if data.get("remains") else ""
            return "▪", "yellow", f"{told}: {short(data['reason'])}" if data["reason"] else told
        case "run.created":
            return "·", "white", short(data["inputs"])
        case "run.forked":
            return "·", "white", f"at {data['at']}{_changes(data['changes'], ' with ')}"
        case "run.changed":
            return "·", "white", _changes(data["changes"], "")
        case "run.paused":
            return "‖", "magenta", f"before {data['kind']}{_at(data['breakpoint'])}"
        case "run.continued":
            return "▸", "magenta", f"by {data['mode']}"
        case "breakpoints.set":
            listed = ", ".join(one["text"] for one in data["breakpoints"])
            return "·", "white", short(listed or "none")
        case _:
            return "·", "white", ""


def _at(breakpoint_: str) -> str:
    return f", at {short(breakpoint_)}" if breakpoint_ else ""


def _changes(changes: dict[str, Any], before: str) -> str:
    """What a fork or a paused run has that is different, in a line."""
    shown = dict(changes)
    if "program" in shown:
        shown["program"] = str(shown["program"])[:12]
    if "models" in shown:
        shown["models"] = {name: model.get("id") for name, model in shown["models"].items()}
    if list(shown) == ["inputs"]:
        shown = shown["inputs"]
    return f"{before}{short(shown)}" if shown else ""


def short(value: Any, longest: int = LONGEST) -> str:
    """A value in a line; of one that is stored apart, its size."""
    if isinstance(value, dict) and "$blob" in value:
        return f"{value['bytes']} bytes"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = harmless_data(" ".join(text.split()))
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


DEEPEST = 24
"""Levels of a value that are laid out by line; what is below is printed as JSON."""


def readable(value: Any, indent: str = "") -> str:
    """A value for people: texts as they are, records by field, lists by line."""
    if len(indent) > 2 * DEEPEST:
        return harmless_data(codecs.encode(value).decode())
    if isinstance(value, str):
        return harmless_data(value)
    if isinstance(value, dict | list) and not value:
        return "none"
    if isinstance(value, dict):
        parts = []
        for key, inner in value.items():
            text = readable(inner, indent + "  ")
            name = click.style(harmless_data(key), bold=True)
            nested = isinstance(inner, dict | list) and inner
            parts.append(f"{indent}{name}:\n{text}" if nested else f"{indent}{name}: {text}")
        return "\n".join(parts)
    if isinstance(value, list):
        return "\n".join(f"{indent}- {readable(item, indent + '  ').lstrip()}" for item in value)
    return json.dumps(value, ensure_ascii=False)


def tokens(accounts: dict[str, int]) -> str:
    """The tokens of a run, and how many there may be where some answers never came."""
    count = accounts.get("input_tokens", 0) + accounts.get("output_tokens", 0)
    uncertain = accounts.get("uncertain_tokens", 0)
    return f"{count:,}{f', up to {count + uncertain:,}' if uncertain else ''} tokens"


def cost(accounts: dict[str, int]) -> str:
    """What a run has cost, and what it may have cost where that is not certain."""
    nanos, uncertain = accounts.get("cost_nanos", 0), accounts.get("uncertain_nanos", 0)
    text = f"${nanos / 1e9:.4f}"
    if uncertain:
        text += f", up to ${(nanos + uncertain) / 1e9:.4f}"
    if unpriced := accounts.get("unpriced_requests", 0):
        text += f" and {unpriced} request{'s' if unpriced > 1 else ''} of unknown price"
    return text


def summary(run: dict[str, Any]) -> str:
    """How long a run took and what it used, in one line."""
    accounts = run["accounts"]
    taken = duration((run["ended"] or run["created"]) - run["created"])
    return (
        f"{taken}, {counted(accounts['model_requests'], 'model request')}, "
        f"{counted(accounts['tool_calls'], 'tool call')}, {tokens(accounts)}, {cost(accounts)}"
    )


def counted(count: int, what: str) -> str:
    """So many of something: ``1 tool call``, ``2 tool calls``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
