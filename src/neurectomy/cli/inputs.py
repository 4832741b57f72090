"""Inputs of a flow as the command line gives them: options, pairs, and JSON."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from neurectomy.core import codecs
from neurectomy.core.errors import InvalidInput
from neurectomy.language.hints import closest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MOST_TEXT = 2_000_000
"""Bytes of a file that is a value or a program; a device may go on for ever."""

Schema = dict[str, Any]
"""JSON Schema of a flow's inputs; empty where the flow, and so its inputs, are not known."""


def read_inputs(
    flow: str, schema: Schema, words: list[str], pairs: tuple[str, ...], given: str | None
) -> dict[str, Any]:
    """The inputs of a flow, the last word on each winning.

    Args:
        flow: Its name.
        schema: Of its inputs.
        words: ``--name value`` and ``--name=value``.
        pairs: ``name=value``.
        given: A JSON object; ``-`` reads it from standard input.

    Raises:
        InvalidInput: The flow has no such input, or what is given is no JSON object.
        click.UsageError: A word is neither a name nor a value.
    """
    values: dict[str, Any] = {}
    if given is not None:
        values = _object(sys.stdin.read() if given == "-" else given, schema)
    values |= parse_pairs(pairs, schema)
    waiting = list(words)
    while waiting:
        option = waiting.pop(0)
        name, separator, text = option.removeprefix("--").partition("=")
        if not option.startswith("--") or not name:
            raise click.UsageError(f"{option} is not expected here")
        name = name.replace("-", "_")
        check_names([name], flow, schema)
        if not separator:
            if not waiting:
                raise click.UsageError(f"{option} needs a value")
            text = waiting.pop(0)
        values[name] = _convert(name, text, schema)
    check_names(values, flow, schema)
    return values


def _object(text: str, schema: Schema) -> dict[str, Any]:
    name = next(iter(schema.get("properties", ())), "name")
    hint = f"Give an object: --inputs {shlex.quote(json.dumps({name: '...'}))}"
    try:
        values = read_json(text)
    except ValueError as error:
        reason = str(error).removeprefix("JSON is malformed: ")
        raise InvalidInput(f"--inputs is no JSON: {reason}", hint=hint) from None
    if not isinstance(values, dict):
        raise InvalidInput("--inputs is no JSON object", hint=hint)
    return values


def read_json(text: str) -> Any:
    """A value of JSON, and of nothing else: no NaN, no number that no machine has.

    Raises:
        ValueError: The text is none, or is nested too deep.
    """
    try:
        return codecs.decode(text.encode())
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def read_text(path: Path | None, hint: str) -> str:
    """The text of a file; null is standard input.

    Args:
        path: A file, or what is read like one.
        hint: What to do where it cannot be read.

    Raises:
        InvalidInput: It cannot be read, is no text in UTF-8, or is longer than `MOST_TEXT`.
    """
    name = "standard input" if path is None else str(path)
    try:
        if path is None:
            content = sys.stdin.buffer.read(MOST_TEXT + 1)
        else:
            with path.open("rb") as file:
                content = file.read(MOST_TEXT + 1)
        if len(content) > MOST_TEXT:
            message = f"{name} is longer than {MOST_TEXT // 1_000_000} MB"
            raise InvalidInput(message, hint="Name a shorter text.")
        return "\n".join(content.decode("utf-8-sig").replace("\r\n", "\n").split("\r"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise InvalidInput(f"{name} cannot be read: {reason}", hint=hint) from None


def check_names(names: Iterable[str], flow: str, schema: Schema) -> None:
    """See that a flow has these inputs.

    Raises:
        InvalidInput: It has not.
    """
    if "properties" not in schema:
        return
    known = schema["properties"]
    for name in names:
        if name not in known:
            hint = closest(name, known) if known else "Leave it out."
            raise InvalidInput(f"{flow} has no input {name}", hint=hint)


def parse_pairs(pairs: tuple[str, ...], schema: Schema) -> dict[str, Any]:
    """``name=value`` pairs as inputs: JSON where the parameter is no text.

    Raises:
        click.UsageError: A pair has no ``=``.
    """
    inputs = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator:
            raise click.UsageError(f"write name=value, not {pair}")
        inputs[name] = _convert(name, text, schema)
    return inputs


def _convert(name: str, text: str, schema: Schema) -> Any:
    """The value of an input's text."""
    property_ = schema.get("properties", {}).get(name, {})
    kinds = [property_, *property_.get("anyOf", ())]
    if any(kind.get("type") == "string" for kind in kinds):
        return text
    try:
        return read_json(text)
    except ValueError:
        return text
