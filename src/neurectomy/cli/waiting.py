"""A run that waits for a person: what it asks, how that is answered, and asking on a terminal."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.inputs import read_json
from neurectomy.cli.options import harmless_data
from neurectomy.cli.steps import readable, short
from neurectomy.core.errors import InvalidInput, NeurectomyError
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neurectomy.cli.client import Client

EXIT_WAITING = 11
"""The exit code of a command whose run waits for a person."""

DECISIONS = ("retry", "fail", "value")
"""What may be decided about a tool call whose end nobody saw."""

GOING_ON = ("continue", "step", "leave")
"""What may be said to a run that is paused."""

_SECRET = {"type": "string", "format": "password"}

_YES, _NO = ("yes", "y", "true"), ("no", "n", "false")

Question = dict[str, Any]
"""``step``, ``kind`` (``human``, ``unknown``, ``secret`` or ``pause``), ``question``, ``type``, its
``schema``; of an unknown call also ``tool`` and ``arguments``, of a pause ``at``, its event."""


def interactive() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def questions(
    client: Client, run: str, state: dict[str, Any] | None = None
) -> list[Question]:
    """What a run asks at this moment, or in a state of it, in the order in which it asked."""
    if state is None:
        state = (await client.call("show_state", run=run))["state"]
    found = []
    for step, pending in state["pending"].items():
        if pending["kind"] not in ("human", "unknown", "secret"):
            continue
        page = await client.call("list_events", run=run, after=pending["seq"] - 1, limit=1)
        data = page["events"][0]["data"] if page["events"] else None
        question = {"step": step, "kind": pending["kind"]}
        if pending["kind"] == "human":
            question |= await _asked(client, data or {})
        elif pending["kind"] == "secret":
            question |= _secret(pending["secret"], (data or {}).get("tool", "the tool"))
        else:
            question |= await _unknown(client, run, data or {})
        found.append(question)
    if state.get("paused"):
        found.append(_pause(state["paused"]))
    return found


def _pause(paused: dict[str, Any]) -> Question:
    """A pause at a breakpoint as a question: how to go on."""
    what = {"tool.requested": "the call", "model.requested": "the request"}
    reason = f", at the breakpoint {paused['breakpoint']}" if paused["breakpoint"] else ""
    text = f"paused before {what.get(paused['kind'], 'the step')} {paused['step']}{reason}"
    place = {"step": paused["step"], "at": paused["seq"]}
    return {**place, "kind": "pause", "question": text, "type": "", "schema": {}}


def _secret(mark: str, tool: str) -> Question:
    """A call that waits for a secret, which nobody has kept."""
    name = mark.removeprefix("[secret: ").rpartition(".")[0]
    text = f"{tool} needs the secret {name} again, which ended with the process that was given it"
    return {"question": text, "type": "secret str", "schema": _SECRET}


async def _asked(client: Client, data: dict[str, Any]) -> Question:
    text = await _whole(client, data.get("question", ""))
    return {"question": text, "type": data.get("type", "json"), "schema": data.get("schema", {})}


async def _unknown(client: Client, run: str, data: dict[str, Any]) -> Question:
    tool = data.get("tool", "the tool")
    detail = await client.call("run_program", run=run)
    returns = next((one["returns"] for one in detail["tools"] if one["name"] == tool), "json")
    return {
        "question": f"{tool} was called when the process ended, and nobody knows how that ended",
        "type": returns,
        "schema": {"type": "string"} if returns == "str" else {},
        "tool": tool,
        "arguments": await _whole(client, data.get("arguments")),
    }


async def _whole(client: Client, value: Any) -> Any:
    if isinstance(value, dict) and "$blob" in value:
        return await client.call("show_blob", digest=value["$blob"])
    return value


def allowed(question: Question) -> str:
    """The answers that a question takes, for a hint or a prompt."""
    schema, optional = _plain(question["schema"])
    if "enum" in schema:
        text = " or ".join(schema["enum"])
    elif is_secret(question):
        text = "a secret, which nobody sees"
    else:
        words = {
            "boolean": "yes or no",
            "string": "a text",
            "integer": "a whole number",
            "number": "a number",
            "null": "null",
        }
        text = words.get(schema.get("type", ""), f"JSON of the type {question['type']}")
    return f"{text}, or null" if optional else text


def is_secret(question: Question) -> bool:
    """Whether the answer is a secret, which is typed unseen and stands in no command."""
    return bool(_plain(question["schema"])[0].get("format") == "password")


def parse_answer(text: str, question: Question) -> Any:
    """The value that somebody types as an answer.

    Raises:
        InvalidInput: It is none of `allowed`.
    """
    schema, optional = _plain(question["schema"])
    if optional and text.strip() == "null":
        return None
    kind = schema.get("type")
    if kind == "string":
        choices = schema.get("enum", ())
        if not choices or text in choices:
            return text
        if text.strip() in choices:
            return text.strip()
    elif kind == "boolean":
        if text.strip().lower() in (*_YES, *_NO):
            return text.strip().lower() in _YES
    else:
        try:
            return _number(read_json(text), kind)
        except ValueError:
            pass
    raise InvalidInput(f"{short(text) or 'nothing'} is no answer", hint=_hint(question))


def given_answer(text: str | None, question: Question | None) -> Any:
    """The value of the command's argument; JSON or a text where it is not known what is asked.

    Raises:
        InvalidInput: It does not answer the question, or there is none.
    """
    if text == "-" and question is not None and is_secret(question):
        text = sys.stdin.read().removesuffix("\n")
    if text is not None and question is not None:
        return parse_answer(text, question)
    if text is None:
        hint = _hint(question) if question is not None else "Say it after the step."
        raise InvalidInput("the answer is missing", hint=hint)
    try:
        return read_json(text)
    except ValueError:
        return text


def _number(value: Any, kind: str | None) -> Any:
    if kind in ("integer", "number") and (
        isinstance(value, bool) or not isinstance(value, int | float)
    ):
        raise ValueError(kind)
    return value


def _plain(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """A schema without its null, and whether it had one."""
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return (options[0], True) if options else (schema, False)


def _hint(question: Question) -> str:
    return f"Answer with {harmless_data(allowed(question))}."


def explained(error: NeurectomyError, question: Question | None) -> NeurectomyError:
    """The error of an answer; of one that does not fit, with a hint that says which ones do."""
    if question is None or error.code != InvalidInput.code:
        return error
    return InvalidInput(error.message, hint=_hint(question), **error.details)


def commands(run: str, question: Question, root: Path) -> list[str]:
    """The commands, ready to be typed, that answer a question."""
    end = where(root)
    if question["kind"] == "pause":
        go_on = f"neurectomy runs continue {run}"
        change = f"neurectomy runs change {run} --set NAME=VALUE{end}"
        fork = f"neurectomy fork {run} --at {question['at']} --set NAME=VALUE{end}"
        return [f"{go_on}{end}", f"{go_on} --step{end}", change, fork]
    start = f"neurectomy runs answer {run} {shlex.quote(question['step'])}"
    if question["kind"] == "unknown":
        value = f"{start} VALUE --decision value{end}   # VALUE: {allowed(question)}"
        return [*(f"{start} --decision {one}{end}" for one in DECISIONS[:2]), value]
    schema, _ = _plain(question["schema"])
    if is_secret(question):
        given = f"{start} -{end}   # reads the secret from standard input"
        return [given, *([f"{start} --decision fail{end}"] if question["kind"] == "secret" else [])]
    if schema.get("type") == "boolean":
        return [f"{start} yes{end}", f"{start} no{end}"]
    if "enum" in schema:
        return [f"{start} {shlex.quote(one)}{end}" for one in schema["enum"]]
    return [f"{start} VALUE{end}   # VALUE: {allowed(question)}"]


def where(root: Path) -> str:
    """The option that names a workspace, where the folder at hand does not."""
    if find_root(Path()) == root:
        return ""
    return f" -w {shlex.quote(os.path.relpath(root))}"


def told(run: str, question: Question, root: Path) -> str:
    """A question with everything that is needed to answer it."""
    question = harmless_data(question)
    pause = question["kind"] == "pause"
    mark = click.style("‖" if pause else "?", fg="magenta", bold=True)
    lines = [f"{mark} {readable(question['question'])}"]
    if question["kind"] == "unknown":
        lines.append(f"  arguments  {short(question['arguments'])}")
    if not pause:
        lines += [f"  step       {question['step']}", f"  type       {question['type']}"]
    heads = ["  go on      " if pause else "  answer     ", *["             "] * 20]
    lines += [head + one for head, one in zip(heads, commands(run, question, root), strict=False)]
    return "\n".join(lines)


async def ask(client: Client, run: str, question: Question) -> bool:
    """Ask whoever sits at the terminal, until an answer is taken; false where they would not say.

    The run has nothing to do meanwhile, so it does no harm that nothing else can go on either.
    """
    pause = question["kind"] == "pause"
    mark = click.style("‖" if pause else "?", fg="magenta", bold=True)
    click.echo(f"\n{mark} {readable(harmless_data(question['question']))}", err=True)
    if pause:
        return await _go_on(client, run)
    while True:
        try:
            with interruptible():
                body = _prompted(question)
        except click.Abort:
            click.echo(err=True)
            return False
        try:
            await client.call("answer_run", body, run=run)
        except NeurectomyError as error:  # a server's have no class of their own, but a code
            if error.code != InvalidInput.code:
                raise
            click.echo(f"Error: {harmless_data(error.message)}. {_hint(question)}", err=True)
        else:
            return True


async def _go_on(client: Client, run: str) -> bool:
    """Ask how a paused run goes on; false where it is left as it is."""
    try:
        with interruptible():
            choice = click.prompt("  ", type=click.Choice(GOING_ON), default="continue", err=True)
    except click.Abort:
        click.echo(err=True)
        return False
    if choice == "leave":
        return False
    await client.call("continue_run", {"step": choice == "step"}, run=run)
    return True


def _prompted(question: Question) -> dict[str, Any]:
    body = {"step": question["step"], "value": None, "decision": ""}
    if question["kind"] == "unknown":
        body["decision"] = click.prompt("  ", type=click.Choice(DECISIONS), err=True)
        if body["decision"] != "value":
            return body

    def parse(text: str) -> Any:
        if not text.strip():
            raise click.UsageError(_hint(question))
        try:
            return parse_answer(text, question)
        except InvalidInput as error:
            raise click.UsageError(f"{error.message}. {error.hint}") from None

    wanted = f"  {harmless_data(allowed(question))}"
    hidden = is_secret(question)
    body["value"] = click.prompt(wanted, value_proc=parse, err=True, hide_input=hidden)
    return body


@contextmanager
def interruptible() -> Iterator[None]:
    """An interrupt ends the prompt, which an event loop would keep to itself until later."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
