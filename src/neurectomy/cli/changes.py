"""What a fork changes, as the command line gives it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neurectomy.cli.inputs import Schema, check_names, parse_pairs, read_json, read_text
from neurectomy.core.errors import InvalidInput

SET_HELP = (
    "What is different after the event, as name=value: an input; prompt.AGENT or system.AGENT; "
    "model.NAME, or a setting such as model.NAME.temperature; state.NAME for a value that the flow "
    "has. @FILE reads the value from a file. May be given again and again."
)
KEYS = ("input", "prompt", "system", "model", "state")


def read_changes(pairs: tuple[str, ...], flow: str, schema: Schema) -> dict[str, Any]:
    """The changes that ``--set`` asks for, as the operation ``fork_run`` takes them.

    Args:
        pairs: ``key=value``.
        flow: The run's flow.
        schema: Of its inputs.

    Raises:
        InvalidInput: There is no such input, or a file cannot be read.
        click.UsageError: A pair has no ``=``.
    """
    changes: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise click.UsageError(f"write name=value, not {pair}")
        text = _from_file(text)
        kind, dot, name = key.partition(".")
        if not dot or kind not in KEYS:
            kind, name = "input", key
        _add(changes, kind, name, text, flow, schema)
    return changes


def _add(
    changes: dict[str, Any], kind: str, name: str, text: str, flow: str, schema: Schema
) -> None:
    match kind:
        case "prompt" | "system":
            changes.setdefault(f"{kind}s", {})[name] = text
        case "model":
            model, dot, setting = name.partition(".")
            if dot:
                settings = changes.setdefault("settings", {}).setdefault(model, {})
                settings[setting] = _number(name, text)
            else:
                changes.setdefault("models", {})[model] = text
        case "state":
            path, dot, binding = name.rpartition(".")
            inside = changes.setdefault("bindings", {}).setdefault(path or flow, {})
            inside[binding] = as_value(text)
        case _:
            check_names([name], flow, schema)
            changes.setdefault("inputs", {}).update(parse_pairs((f"{name}={text}",), schema))


def as_value(text: str) -> Any:
    """JSON where it is some, else the text itself."""
    try:
        return read_json(text)
    except ValueError:
        return text


def _number(name: str, text: str) -> float:
    value = as_value(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = f"Write model.{name}=0.5, for example."
        raise InvalidInput(f"model.{name} is a number", hint=hint)
    return value


def _from_file(text: str) -> str:
    """The text, or what the file holds that it names after an ``@``; ``@@`` stands for one."""
    if text.startswith("@@"):
        return text[1:]
    if not text.startswith("@"):
        return text
    hint = f"Write @{text} for a text that begins with @."
    return read_text(None if text == "@-" else Path(text[1:]), hint)
