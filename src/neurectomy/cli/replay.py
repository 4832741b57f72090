"""``neurectomy replay``: compute a run's decisions again and compare."""

from __future__ import annotations

import json
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.inputs import read_text
from neurectomy.cli.options import (
    finish,
    harmless_data,
    json_option,
    print_json,
    workspace_option,
)
from neurectomy.core.errors import Diverged, NotFound
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from neurectomy.cli.client import Client

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command("replay")
@click.argument("run", nargs=-1)
@click.option(
    "--with",
    "program",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A program to compare with: would it have altered the run, and where first?",
)
@click.option("--until", type=int, help="The last event to compare.")
@click.option("--recent", type=int, help="Replay so many of the newest runs, besides those named.")
@click.option("--flow", default="", help="Of the newest ones only those of this flow.")
@workspace_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    run: tuple[str, ...],
    program: Path | None,
    until: int | None,
    recent: int | None,
    flow: str,
    workspace: Path,
    as_json: bool,
) -> None:
    """Replay each RUN: recorded answers, recorded order; no model is asked, no tool is called.

    The first decision that differs ends it, with what is recorded and what the program decides.
    """
    if not run and recent is None:
        raise click.UsageError("missing argument 'RUN...', or --recent N")
    body = {"text": None if program is None else read_text(program, "Look at it."), "until": until}
    quiet = as_json or (len(run) == 1 and recent is None)

    async def work() -> list[Any]:
        async with connect(find_root(workspace)) as client:
            found = []
            for one in await _named(client, run, recent, flow):
                found.append(await client.call("replay_run", body, run=one["id"]))
                if not quiet:
                    _print_line(found[-1], one)
            return found

    found = finish(work())
    if not found:
        what = f"there is no run of a flow {flow}" if flow else "there are no runs"
        raise NotFound(what, hint="List them with: neurectomy runs list")
    different = [one for one in found if one["difference"]]
    if as_json:
        print_json(found[0] if len(run) == 1 and recent is None else found)
        context.exit(Diverged.exit_code if different else 0)
    if not quiet:
        click.echo(f"{len(found) - len(different)} of {len(found)} agree")
    for one in different[:1]:
        raise _diverged(one, edited=program is not None)
    if quiet:
        click.echo(f"{found[0]['compared']} events agree")


async def _named(
    client: Client, runs: tuple[str, ...], recent: int | None, flow: str
) -> list[dict[str, Any]]:
    """The runs that are named, and the newest ones."""
    found = [await client.call("show_run", run=one) for one in runs]
    left, before = recent or 0, ""
    while left > 0:
        page = await client.call("list_runs", limit=min(1000, max(left, 100)), before=before)
        fitting = [one for one in page["runs"] if one["head"] and flow in ("", one["flow"])]
        found += fitting[:left]
        left -= len(fitting)
        before = page["next"]
        if not before:
            break
    return list({one["id"]: one for one in found}.values())


def _print_line(replay: dict[str, Any], run: dict[str, Any]) -> None:
    difference = harmless_data(replay["difference"])
    if difference is None:
        told = click.style("agrees", fg="green") + f"  {replay['compared']} events"
    else:
        told = click.style("differs", fg="red") + f" at event {difference['seq']}, "
        told += f"{difference['step'] or 'the run'}: {difference['message']}"
    click.echo(f"{run['id'][-12:]}  {harmless_data(run['flow'])}  {told}")


def _diverged(replay: dict[str, Any], *, edited: bool) -> Diverged:
    """Print both sides where a replay differs, and what differs in the program; the error."""
    difference = harmless_data(replay["difference"])
    if difference["recorded"] is None and difference["computed"] is None:
        hint = f"Who erased it and why: neurectomy runs show {replay['run']} --events"
        return Diverged(difference["message"], hint=hint)
    recorded, computed = (_lines(difference[side]) for side in ("recorded", "computed"))
    click.echo(f"\n{replay['run']}, event {difference['seq']}:")
    for line in unified_diff(recorded, computed, "recorded", "computed", lineterm="", n=2):
        click.secho(line, fg=_COLOURS.get(line[:1]), bold=line.startswith(("---", "+++")))
    for line in harmless_data(replay["program_changes"]):
        click.echo(f"{click.style('changed in the program', bold=True)}: {line}")
    hint = "The program that recorded this run decided otherwise."
    if edited:
        hint = f"Go on from there with it: neurectomy fork {replay['run']} "
        hint += f"--at {max(1, difference['seq'] - 1)} --with FILE"
    place = difference["step"] or "the run"
    return Diverged(f"event {difference['seq']} at {place}: {difference['message']}", hint=hint)


def _lines(side: dict[str, Any] | None) -> list[str]:
    if side is None:
        return []
    return json.dumps(side, indent=2, ensure_ascii=False).replace("\\n", "\n").splitlines()
