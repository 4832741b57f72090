"""``neurectomy runs export``, ``import`` and ``gc``: runs in files, and room on the disk."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.options import finish, json_option, print_json, size, workspace_option
from neurectomy.cli.search import first_match
from neurectomy.core.errors import InvalidInput, StorageError
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neurectomy.cli.client import Client


@click.command("export")
@click.argument("run", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file; RUN.nrun here by default, - for standard output.",
)
@workspace_option
@json_option
def export(run: tuple[str, ...], output: Path | None, workspace: Path, as_json: bool) -> None:
    """Write RUN, or several, into one file with all that belongs to them."""
    root = find_root(workspace)

    async def work() -> tuple[list[str], Path, dict[str, int]]:
        async with connect(root) as client:
            found = [(await client.call("show_run", run=one))["id"] for one in run]
            ids = list(dict.fromkeys(found))
            path = output or Path(f"{ids[0] if len(ids) == 1 else f'{len(ids)}-runs'}.nrun")
            with _written(path) as file:
                await client.download("export_runs", file, runs=",".join(ids))
            left = {one: await _left(client, one) for one in ids}
            return ids, path, {one: count for one, count in left.items() if count}

    ids, path, left = finish(work())
    for redacted, number in left.items():
        held = "a program or file holds" if number == 1 else f"{number} programs or files hold"
        click.echo(f"warning: what was redacted of {redacted} is in the file: {held} it", err=True)
    if str(path) == "-":
        return
    told = path.stat().st_size
    if as_json:
        print_json({"runs": ids, "file": str(path), "bytes": told})
    else:
        count = f"{len(ids)} runs" if len(ids) > 1 else ids[0]
        click.echo(f"{count} in {path}, {size(told)}")


async def _left(client: Client, run: str) -> int:
    """How many programs and files of a run hold what was redacted of it."""
    count, after = 0, 0
    while match := await first_match(client, run, "kind:run.redacted", after):
        after = match["seq"]
        page = await client.call("list_events", run=run, after=after - 1, limit=1)
        data = page["events"][0]["data"] or {}
        count = max(count, data.get("remains", 0))
    return count


@contextmanager
def _written(path: Path) -> Iterator[IO[bytes]]:
    """A file that is there once it is whole; ``-`` is standard output."""
    if str(path) == "-":
        if sys.stdout is None:  # it was closed by whoever started this
            message = "standard output is closed"
            raise InvalidInput(message, hint="Name a file with -o, or send it into a pipe.")
        if sys.stdout.isatty():
            message = "a file of runs is nothing for a terminal"
            raise InvalidInput(message, hint="Name a file with -o, or send it into a pipe.")
        yield sys.stdout.buffer
        return
    if path.exists() and not path.is_file():  # /dev/null would be replaced by a file
        message = f"{path} is no file"
        raise InvalidInput(message, hint="Name a file with -o, or - for standard output.")
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise StorageError(message, hint="Name another place with -o.") from error
    finally:
        partial.unlink(missing_ok=True)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@workspace_option
@json_option
def take_in(file: Path, workspace: Path, as_json: bool) -> None:
    """Take in the runs of FILE. All of it is checked first, and none goes on by itself."""
    if not file.is_file():
        raise InvalidInput(f"there is no file {file}", hint="Name one that `runs export` wrote.")

    async def work() -> tuple[Any, list[Any]]:
        async with connect(find_root(workspace), create=True) as client:
            done = await client.upload("import_runs", file)
            found = [await client.call("show_run", run=run) for run in done["runs"]]
            return done, [run for run in found if run["status"] in _UNFINISHED]

    done, unfinished = finish(work())
    if as_json:
        print_json(done)
        return
    for run in done["runs"]:
        click.echo(f"imported {run}")
    for run in done["present"]:
        click.echo(f"{run} is here already, event by event")
    if done["runs"]:
        click.echo(f"{done['events']} events, {done['blobs']} blobs of {size(done['blob_bytes'])}")
    if done["mended"]:
        click.echo(f"{done['mended']} lost blobs are there again")
    for run in unfinished:
        click.echo(f"It has not ended. To go on with it here: neurectomy runs resume {run['id']}")


_UNFINISHED = frozenset({"running", "waiting", "cancelling", "failing"})


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@workspace_option
@json_option
def collect(dry_run: bool, workspace: Path, as_json: bool) -> None:
    """Delete the runs that no rule keeps, and everything that nothing refers to."""

    async def work() -> Any:
        async with connect(find_root(workspace)) as client:
            return await client.call("collect_garbage", {"dry_run": dry_run})

    done = finish(work())
    if as_json:
        print_json(done)
        return
    told = [
        (len(done["expired"]), "run{} that no rule keeps", done["expired_bytes"]),
        (done["hidden"], "deleted run{} that no fork needs", 0),
        (done["blobs"], "blob{} that nothing names", done["blob_bytes"]),
        (done["files"], "file{} of a blob without a row", done["file_bytes"]),
    ]
    lines = [_counted(count, what, held) for count, what, held in told if count]
    if not lines:
        click.echo("nothing to remove")
        return
    click.echo("would remove" if dry_run else "removed")
    for line in lines:
        click.echo(f"  {line}")
    for run in done["expired"]:
        click.echo(f"  {run}")


def _counted(count: int, what: str, held: int) -> str:
    words = f"{count} {what.format('s' if count > 1 else '')}"
    return f"{words}, {size(held)}" if held else words
