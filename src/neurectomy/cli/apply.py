"""``neurectomy apply``: merge what a run has changed into the folder of its program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.options import (
    finish,
    harmless_data,
    json_option,
    print_json,
    size,
    workspace_option,
)
from neurectomy.core.errors import Conflict
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARKS = {"added": "+", "changed": "~", "removed": "-", "moved": ">"}
COLOURS = {"added": "green", "changed": "yellow", "removed": "red", "moved": "cyan"}


@click.command("apply")
@click.argument("run")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--undo", is_flag=True, help="Put back what the last apply of RUN has replaced.")
@workspace_option
@json_option
@click.pass_context
def command(
    context: click.Context, run: str, dry_run: bool, undo: bool, workspace: Path, as_json: bool
) -> None:
    """Merge what RUN has changed into the folder of its program.

    What the folder held when the run began is the base of the merge. Where both have changed the
    same lines, both stand in the file between <<<<<<< and >>>>>>>; of files that are no texts, the
    folder's stays, and the run's is put beside it. Code 5 says that there are such conflicts.
    """
    if dry_run and undo:
        raise click.UsageError("--dry-run and --undo do not go together")

    async def work() -> Any:
        async with connect(find_root(workspace)) as client:
            found = await client.call("show_run", run=run)
            if undo:
                return await client.call("unapply_run", run=found["id"])
            return await client.call("apply_run", {"dry_run": dry_run}, run=found["id"])

    done = finish(work())
    if as_json:
        print_json(done)
    else:
        for line in _undone(harmless_data(done)) if undo else _applied(harmless_data(done)):
            click.echo(line)
    if done.get("conflicts") or done.get("left"):
        context.exit(Conflict.exit_code)


def change_line(change: dict[str, Any]) -> str:
    """A changed path in a line."""
    status = change["status"]
    mark = click.style(f"{MARKS[status]} {status:8}", fg=COLOURS[status])
    sizes = [size(change[name]) for name in ("bytes_a", "bytes_b") if change[name] is not None]
    was = f"{change['was']} -> " if change["was"] else ""
    told = " -> ".join(dict.fromkeys(sizes))
    return f"{mark} {was}{change['path']}  {click.style(told, dim=True)}"


def _applied(done: dict[str, Any]) -> Iterator[str]:
    for change in done["changes"]:
        yield change_line(change)
    for conflict in done["conflicts"]:
        mark = click.style("! conflict", fg="red", bold=True)
        yield f"{mark} {conflict['path']}  {_settled(conflict)}"
    for path, reason in done["left_out"]:
        yield f"{click.style('  left out', dim=True)} {path}: {reason}"
    count = _paths(len(done["changes"]))
    if not done["changes"]:
        yield "The folder has all that the run has changed."
    elif done["dry_run"]:
        yield f"\n{count} would change; nothing was written"
    else:
        yield f"\n{count} changed; go back with: neurectomy apply {done['run']} --undo"


def _settled(conflict: dict[str, Any]) -> str:
    match conflict["kept"], conflict["beside"]:
        case "marked", _:
            return "both versions stand in it, between <<<<<<< and >>>>>>>"
        case "folder", "":
            return "the run removed it, you changed it; it stays"
        case "folder", beside:
            return f"yours stays, the run's is {beside}"
        case _:
            return "it is not in your folder, the run changed it; the run's is put there"


def _undone(done: dict[str, Any]) -> Iterator[str]:
    for path in done["restored"]:
        yield f"{click.style('< restored', fg='cyan')} {path}"
    for path in done["left"]:
        yield f"{click.style('! left', fg='red', bold=True)} {path}: it has changed since"
    yield f"\n{_paths(len(done['restored']))} as before"


def _paths(count: int) -> str:
    return f"{count} path{'' if count == 1 else 's'}"
