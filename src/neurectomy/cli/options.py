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
    indent = 2 if sys.stdout is not None and sys.stdout.isatty() else None
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    click.echo(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def harmless(text: str) -> str:
    """A text of a model or tool without what a terminal would obey."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def harmless_data(value: T) -> T:
    """Data for people to read, every text and key in it `harmless`.

    What a command prints goes through here as it comes in, so that no line of output can forget.
    """
    made: Any = value
    if isinstance(value, str):
        made = harmless(value)
    elif isinstance(value, dict):
        made = {harmless(str(key)): harmless_data(inner) for key, inner in value.items()}
    elif isinstance(value, list | tuple):
        made = [harmless_data(inner) for inner in value]
    return made  # type: ignore[no-any-return]  # of the same shape


def when(microseconds: int | None) -> str:
    """A time as people of this machine read it, with how far it is from UTC."""
    if microseconds is None:
        return ""
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC).astimezone()
    return moment.isoformat(" ", "seconds")


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
