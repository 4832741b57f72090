"""A comparison of two runs as lines for people: what differs, and no more."""

from __future__ import annotations

import json
import shutil
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.options import duration, size, status_text
from neurectomy.cli.steps import cost, readable, short, tokens
from neurectomy.cli.wording import alone, beside

if TYPE_CHECKING:
    from collections.abc import Iterator

    Data = dict[str, Any]

WIDEST = 120
"""Columns beyond which lines are not drawn out, however wide the terminal is."""

SHORT_ID = 12
"""Characters of an id's end that name a run in lists and on the command line."""

MOST_SHOWN = 12
"""Lines of one difference that are shown, unless all are asked for."""

MARKS = {
    "same": (" ", "white"),
    "changed": ("~", "yellow"),
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "moved": (">", "cyan"),
}

_STATEMENTS = ("bind", "branch", "loop")
_TELLING = ("arguments", "question", "prompt", "request", "answer", "refusal", "value", "error",
            "output")  # fmt: skip
FINAL = "final_answer"
"""The call by which a model gives the value of its agent, which is told with the agent."""


def describe(found: Data, *, whole: bool) -> Iterator[str]:
    """The lines of a comparison whose values are resolved and harmless.

    Args:
        found: The comparison, each differing pair of steps with its ``detail``.
        whole: Whether long differences are told to their end.
    """
    width = min(shutil.get_terminal_size((80, 24)).columns, WIDEST)
    yield from _sides(found, width)
    yield from _sections(found, width, MOST_SHOWN if not whole else None)
    if found["same"]:
        yield ""
        yield "nothing differs but time and cost"


def _sides(found: Data, width: int) -> Iterator[str]:
    a, b = found["a"], found["b"]
    for title in dict.fromkeys((a["title"], b["title"])):
        line = " ".join(title.split())
        yield click.style(line if len(line) <= width else f"{line[: width - 1]}…", bold=True)
    yield ""
    rows = [
        ("run", a["run"][-SHORT_ID:], b["run"][-SHORT_ID:], ""),
        ("status", a["status"], b["status"], ""),
        ("time", duration(a["took_us"]), duration(b["took_us"]), _more(found, "took_us")),
        ("cost", cost(a["accounts"]), cost(b["accounts"]), _more(found, "cost_nanos")),
        ("tokens", *(tokens(s["accounts"]).removesuffix(" tokens") for s in (a, b)),
         _more(found, "tokens")),
        ("events", str(a["head"]), str(b["head"]), ""),
    ]  # fmt: skip
    wide = max(len(row[1]) for row in rows)
    widest = max(len(row[2]) for row in rows)
    for name, one, other, more in rows:
        if name == "status":
            one = status_text(one) + " " * (wide - len(one))
            other = status_text(other)
        line = f"{click.style(f'{name:7}', dim=True)} {one:{wide}}  {other:{widest}}  {more}"
        yield line.rstrip()
    parting = found["parting"]
    if found["shared"] or parting is not None:
        yield ""
    if found["shared"]:
        shared = found["shared"]
        yield f"events 1 to {shared} are shared" if shared > 1 else "event 1 is shared"
    if parting is not None:
        places = [f"event {parting[side]} of {side.upper()}" for side in "ab" if parting[side]]
        yield f"the first difference is at {parting['step']}: {', '.join(places)}"


def _more(found: Data, what: str) -> str:
    """How much more the second run used, where that is not the same."""
    amounts = []
    for side in ("a", "b"):
        accounts = found[side]["accounts"]
        if what == "took_us":
            amounts.append(found[side]["took_us"])
        elif what == "tokens":
            amounts.append(accounts.get("input_tokens", 0) + accounts.get("output_tokens", 0))
        else:
            amounts.append(accounts.get(what, 0))
    more = amounts[1] - amounts[0]
    if not more:
        return ""
    sign = "+" if more > 0 else "-"
    if what == "took_us":
        return f"{sign}{duration(abs(more))}"
    return f"{sign}{abs(more):,}" if what == "tokens" else f"{sign}${abs(more) / 1e9:.4f}"


def _sections(found: Data, width: int, most: int | None) -> Iterator[str]:
    for problem in found["problems"]:
        yield f"{click.style('not compared', fg='red')}: {problem}"
    if found["program"]:
        yield from _heading("program")
        for change in found["program"]:
            yield f"  {_mark(change['status'])} {change['line']}"
            if "->" not in change["line"] and change["before"] and change["after"]:
                lines = beside(change["before"], change["after"], width, "      ")
                yield from _first(lines, most)
    result = [change for change in found["state"] if change["path"][:1] == ["result"]]
    state = [change for change in found["state"] if change not in result]
    for name, changes in (("state", state), ("result", result)):
        if changes:
            yield from _heading(name)
            for change in changes:
                yield from _value(change, width, most)
    if found["files"]:
        yield from _heading("files")
        yield from map(_file, found["files"])
    if found["pairs"]:
        yield from _heading("steps", _counts(found["counts"]))
        for pair in found["pairs"]:
            yield from _step(pair, found, width, most)


def _heading(name: str, aside: str = "") -> Iterator[str]:
    yield ""
    yield f"{click.style(name, bold=True)}{f'  {aside}' if aside else ''}"


def _mark(status: str) -> str:
    mark, colour = MARKS[status]
    return click.style(mark, fg=colour)


def _counts(counts: dict[str, int]) -> str:
    named = {"same": "the same"}
    found = [
        f"{counts[status]} {named.get(status, status)}" for status in MARKS if status in counts
    ]
    return ", ".join([*found[1:], found[0]] if "same" in counts else found)


def _value(change: Data, width: int, most: int | None) -> Iterator[str]:
    path = ".".join(str(part) for part in change["path"]) or "everything"
    if change["status"] != "changed":
        value = change["b"] if change["status"] == "added" else change["a"]
        yield f"  {_mark(change['status'])} {path}: {short(value)}"
        return
    one, other = short(change["a"]), short(change["b"])
    line = f"{path}: {one} -> {other}"
    if len(line) + 4 <= width and "..." not in line:
        yield f"  {_mark('changed')} {line}"
        return
    yield f"  {_mark('changed')} {path}"
    lines = beside(readable(change["a"]), readable(change["b"]), width, "      ")
    yield from _first(lines, most)


def _first(lines: Iterator[str], most: int | None) -> Iterator[str]:
    """The first lines, and how many there are more."""
    yield from islice(lines, most)
    left = sum(1 for _ in lines)
    if left:
        more = "1 more line" if left == 1 else f"{left:,} more lines"
        yield click.style(f"        … {more} with --all", dim=True)


def _file(change: Data) -> str:
    sizes = [size(b) for b in (change["bytes_a"], change["bytes_b"]) if b is not None]
    name = f"{change['was']} -> {change['path']}" if change["was"] else change["path"]
    told = " -> ".join(dict.fromkeys(sizes))
    return f"  {_mark(change['status'])} {name}  {click.style(told, dim=True)}"


def _step(pair: Data, found: Data, width: int, most: int | None) -> Iterator[str]:
    a, b = pair["a"], pair["b"]
    step = a or b
    path = step["path"]
    if pair["status"] == "moved":
        path = f"{path} -> {b['path']}"
    about = [step["callee"], ", ".join(pair["differs"])]
    briefs = [s["brief"] for s in (a, b) if s and s["brief"]]
    said = step["kind"] in _STATEMENTS and len(briefs) == 2
    if step["kind"] in _STATEMENTS:
        about = [" -> ".join(dict.fromkeys(briefs))]
    elif a is None or b is None:
        about.append(step["brief"])
    amounts = _amounts(a, b)
    text = "  ".join(part for part in about if part)
    line = f"  {_mark(pair['status'])} {path}  {click.style(text, dim=True)}"
    room = width - 4 - len(path) - 2 - len(text) - 2
    yield f"{line}  {amounts}".rstrip() if len(amounts) <= room else line.rstrip()
    if "detail" in pair and not said:
        yield from _details(pair, found, width, most)


def _amounts(a: Data | None, b: Data | None) -> str:
    """The time and the cost of a step on both sides, as far as they are known."""
    times = [duration(s["took_us"]) for s in (a, b) if s and s["took_us"]]
    costs = [f"${s['cost_nanos'] / 1e9:.4f}" for s in (a, b) if s and s["cost_nanos"]]
    shown = [" -> ".join(dict.fromkeys(amounts)) for amounts in (times, costs) if amounts]
    return click.style(", ".join(shown), dim=True) if shown else ""


def _details(pair: Data, found: Data, width: int, most: int | None) -> Iterator[str]:
    sides = pair["detail"]["a"], pair["detail"]["b"]
    for problem in dict.fromkeys(side["unreadable"] for side in sides if "unreadable" in side):
        yield f"      {click.style('not compared', fg='red')}: {problem}"
    for part in _TELLING:
        if part not in pair["differs"]:
            continue
        one, other = (_text(part, side, pair, found) for side in sides)
        if one == other:
            continue
        yield f"      {click.style(part, dim=True)}"
        if one and other:
            yield from _first(beside(one, other, width, "      "), most)
        else:
            lines = alone("gone" if one else "new", one or other, width, "      ")
            yield from _first(lines, most)


def _text(part: str, side: Data, pair: Data, found: Data) -> str:
    """A part of a step as text; empty where it has none, or where another step tells it."""
    match part:
        case "prompt":
            return "\n".join(_message(message) for message in side.get("messages", ()))
        case "request":
            return _request(side.get("request", {}), pair, found)
        case "answer":
            return _message(side.get("message", {}))
        case "refusal":
            return str(side.get("problem", ""))
        case "error":
            error = side.get("error") or side.get("problem") or ""
            return str(error.get("message", "")) if isinstance(error, dict) else str(error)
        case "output":
            return "\n".join(str(side[name]) for name in ("stdout", "stderr") if side.get(name))
        case _:
            return readable(side[part]) if part in side else ""


def _request(request: Data, pair: Data, found: Data) -> str:
    """What of a request no other step tells: its messages are in the agent's prompt and before."""
    told = {name: value for name, value in request.items() if name not in ("messages", "version")}
    path = pair["a"]["path"]
    agent = path.rpartition("/")[0]
    prompted = any(p["a"] and p["a"]["path"] == agent and "prompt" in p["differs"]
                   for p in found["pairs"])  # fmt: skip
    text = readable(told)
    if path.endswith("turn[0]") and not prompted:
        text += "\n".join(["", *(_message(message) for message in request.get("messages", ()))])
    return text


def _message(message: Data) -> str:
    content = message.get("content", "")
    if isinstance(content, list):
        content = "".join(segment["text"] for segment in content)
    calls = [call for call in message.get("calls", ()) if call["tool"] != FINAL]
    asked = [
        f"{call['tool']} {json.dumps(call['arguments'], ensure_ascii=False)}" for call in calls
    ]
    return "\n".join(text for text in (content, message.get("text", ""), *asked) if text)
