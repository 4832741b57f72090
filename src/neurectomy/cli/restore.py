"""``neurectomy restore``: a run's files as they were, in a folder of their own."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.options import finish, harmless, json_option, print_json, workspace_option
from neurectomy.core.errors import Damaged, InvalidInput, StorageError
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from neurectomy.cli.client import Client


@click.command("restore")
@click.argument("run")
@click.option("--at", type=int, default=-1, help="After which event; the last one by default.")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder: a new one, or one that is empty.",
)
@workspace_option
@json_option
def command(run: str, at: int, target: Path, workspace: Path, as_json: bool) -> None:
    """Write the files of RUN, as they were after an event, into a folder.

    The folder of the program is left alone; to merge into it, see: neurectomy apply
    """
    made = _folder(target)

    async def work() -> dict[str, Any]:
        async with connect(find_root(workspace)) as client:
            found = await client.call("show_run", run=run)
            return await _restore(client, found["id"], at, target, quiet=as_json)

    try:
        done = finish(work())
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror}"
        raise StorageError(message, hint="Look at its rights and its space.") from None
    finally:
        if made and not any(target.iterdir()):
            target.rmdir()
    if as_json:
        print_json(done)
        return
    click.echo(f"{done['files']} files of event {done['seq']} are in {target}")
    for path in done["beside"][:5]:
        click.echo(f"  {harmless(path)} is ignored, and was not captured")
    if len(done["beside"]) > 5:
        click.echo(f"  and {len(done['beside']) - 5} more ignored paths")
    for one in done["skipped"]:
        click.echo(f"  {harmless(one['path'])} was not captured: {harmless(one['reason'])}")


def _folder(target: Path) -> bool:
    """Make the folder; whether it was not there."""
    try:
        if target.is_dir():
            if any(target.iterdir()):
                raise InvalidInput(f"{target} is not empty", hint="Name a new folder with --to.")
            return False
        target.mkdir(parents=True)
    except OSError as error:
        message = f"{target} cannot be made: {error.strerror}"
        raise InvalidInput(message, hint="Name another folder with --to.") from None
    return True


async def _restore(
    client: Client, run: str, at: int, target: Path, *, quiet: bool
) -> dict[str, Any]:
    count, after = 0, ""
    while True:
        page = await client.call("list_files", run=run, at=at, after=after)
        at = page["seq"]
        for entry in page["files"]:
            after = entry["path"]
            place = _place(target, after)
            if entry["kind"] == "folder":
                place.mkdir(exist_ok=True)
                continue
            await _write(client, run, at, entry, place)
            count += 1
            if not quiet and count % 1000 == 0:
                click.echo(f"{count} files", err=True)
        if not page["more"]:
            return {
                "run": run,
                "seq": at,
                "to": str(target),
                "files": count,
                "beside": page["beside"],
                "skipped": page["skipped"],
            }


def _place(target: Path, path: str) -> Path:
    """Where a path comes; every folder on the way is one that was made for it.

    Raises:
        Damaged: A log from elsewhere names a path that leads out, or one that would be obeyed.
    """
    names = path.split("/")
    if any(not name or name.startswith(".") or "\0" in name for name in names):
        hint = "Do not trust where the run is from."
        raise Damaged(f"{harmless(path)!r} is no path that was captured", hint=hint)
    place = target
    for name in names[:-1]:
        place = place / name
        if place.is_symlink():
            raise Damaged(f"{harmless(path)!r} leads through a link", hint="Choose another run.")
        place.mkdir(exist_ok=True)
    return place / names[-1]


async def _write(client: Client, run: str, at: int, entry: dict[str, Any], place: Path) -> None:
    part = await client.call("file_content", run=run, at=at, path=entry["path"])
    content = base64.b64decode(part["base64"])
    if entry["kind"] == "link":
        os.symlink(os.fsdecode(content), place)
        return
    mode = 0o777 if entry["executable"] else 0o666
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        size = len(content)
        while part["more"]:
            part = await client.call(
                "file_content", run=run, at=at, path=entry["path"], offset=size
            )
            content = base64.b64decode(part["base64"])
            if not content:
                message = f"{harmless(entry['path'])} is shorter than its tree says"
                raise Damaged(message, hint="Choose another run.")
            file.write(content)
            size += len(content)
