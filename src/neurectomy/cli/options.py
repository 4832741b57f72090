"""What several commands share: the workspace, ``--json``, and how things are printed."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
workspace_option = click.option(
    "-w",
    "--workspace",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The workspace's folder; the current one by default.",
)


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; an interrupt cancels it first."""
    return asyncio.run(work)


def print_json(value: Any) -> None:
    """One JSON value, indented for people where they look on."""
    indent = 2 if sys.stdout.isatty() else None
    click.echo(json.dumps(value, indent=indent, ensure_ascii=False))


def harmless(text: str) -> str:
    """A text of a model or tool without what a terminal would obey."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def when(microseconds: int | None) -> str:
    """A time as people of this machine read it."""
    if microseconds is None:
        return ""
    moment = datetime.fromtimestamp(microseconds / 1e6, UTC).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def duration(microseconds: float) -> str:
    """A length of time in the unit that suits it."""
    for limit, unit, size in ((1e3, "µs", 1.0), (1e6, "ms", 1e3), (60e6, "s", 1e6)):
        if microseconds < limit:
            return f"{microseconds / size:.3g} {unit}"
    minutes, seconds = divmod(microseconds / 1e6, 60)
    return f"{minutes:.0f} min {seconds:.0f} s"


def size(count: float) -> str:
    """A number of bytes in the unit that suits it."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def table(rows: list[list[str]], head: list[str]) -> str:
    """Columns that line up."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
    return "\n".join([click.style(lines[0], bold=True), *lines[1:]])


STATUS_COLOURS = {
    "finished": "green",
    "failed": "red",
    "cancelled": "yellow",
    "waiting": "magenta",
}


def status_text(status: str) -> str:
    """A status in its colour."""
    return click.style(status, fg=STATUS_COLOURS.get(status, "cyan"))


def parse_inputs(pairs: tuple[str, ...], schema: dict[str, Any]) -> dict[str, Any]:
    """``name=value`` pairs as inputs: JSON where the parameter is no text.

    Raises:
        click.UsageError: A pair has no ``=``, or its value is no JSON.
    """
    inputs = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator:
            raise click.UsageError(f"write name=value, not {pair}")
        inputs[name] = convert(name, text, schema)
    return inputs


def convert(name: str, text: str, schema: dict[str, Any]) -> Any:
    """The value of an input's text."""
    property_ = schema.get("properties", {}).get(name, {})
    kinds = [property_, *property_.get("anyOf", ())]
    if any(kind.get("type") == "string" for kind in kinds):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
