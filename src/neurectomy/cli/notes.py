"""``neurectomy runs note`` and ``runs notes``: what people write about moments of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.options import (
    finish,
    harmless_data,
    json_option,
    print_json,
    table,
    when,
    workspace_option,
)
from neurectomy.core.errors import InvalidInput
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from pathlib import Path


@click.command("note")
@click.argument("run")
@click.argument("text", nargs=-1)
@click.option("--at", type=int, help="The event that it is about; the last one by default.")
@click.option("--remove", type=int, metavar="NOTE", help="Take a note back; see `runs notes`.")
@workspace_option
@json_option
def note(
    run: str,
    text: tuple[str, ...],
    at: int | None,
    remove: int | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Write a note about an event of RUN; without TEXT it is a bookmark."""
    if remove is not None and (text or at is not None):
        raise InvalidInput("--remove takes neither --at nor a text", hint="Do one after the other.")

    async def work() -> list[dict[str, Any]]:
        async with connect(find_root(workspace)) as client:
            found = await client.call("show_run", run=run)
            if remove is not None:
                return await client.call("remove_note", run=found["id"], note=str(remove))  # type: ignore[no-any-return]
            body = {"at": found["head"] if at is None else at, "text": " ".join(text)}
            return await client.call("add_note", body, run=found["id"])  # type: ignore[no-any-return]

    _print(finish(work()), as_json)


@click.command("notes")
@click.argument("run")
@workspace_option
@json_option
def notes(run: str, workspace: Path, as_json: bool) -> None:
    """List the notes and bookmarks of RUN, by the moment that they are about."""

    async def work() -> list[dict[str, Any]]:
        async with connect(find_root(workspace)) as client:
            found = await client.call("show_run", run=run)
            return await client.call("list_notes", run=found["id"])  # type: ignore[no-any-return]

    _print(finish(work()), as_json)


def _print(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("There are no notes. Write one with: neurectomy runs note RUN --at SEQ TEXT")
        return
    rows = [
        [
            str(one["note"]),
            str(one["seq"]),
            when(one["at"]),
            one["step"],
            one["text"] or "(bookmark)",
        ]
        for one in harmless_data(found)
    ]
    click.echo(table(rows, ["note", "at", "written", "step", "text"]))
