"""``neurectomy fork``: go on from a moment of a run in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from neurectomy.cli.changes import SET_HELP, as_value, read_changes
from neurectomy.cli.client import connect
from neurectomy.cli.following import conclude, follow
from neurectomy.cli.options import finish, harmless, json_option, status_text, workspace_option
from neurectomy.cli.programs import program_path
from neurectomy.cli.steps import readable
from neurectomy.cli.unasked import unasked
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.cli.following import Run


EPILOG = """\b
neurectomy fork last --at 12 --set prompt.researcher=@better.txt
neurectomy fork last --at 12 --set model.reader=openai:gpt-5 --set state.limit=3
neurectomy fork last --at 17 --value '{"passed": false}'"""


@click.command("fork", epilog=EPILOG)
@click.argument("run")
@click.option("--at", type=int, required=True, help="The last event that both runs share.")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help=SET_HELP)
@click.option("--with", "program", metavar="FILE", help="A program that decides after the event.")
@click.option(
    "--value",
    help="What the call returns, or the person answers, that the event --at ends: JSON, or a text.",
)
@click.option("--budget", type=float, help="The most that the run may cost, in US dollars.")
@workspace_option
@json_option
def command(
    run: str,
    at: int,
    pairs: tuple[str, ...],
    program: str | None,
    value: str | None,
    budget: float | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Fork RUN after an event, and go on to the end.

    The events up to --at are those of RUN, also where they used something that --set changes: what
    is new is used by what comes after them. A model's request that was in flight is asked again.
    """
    root = find_root(workspace)

    async def work() -> tuple[Run, list[str]]:
        async with connect(root) as client:
            parent = await client.call("show_run", run=run)
            detail = await client.call("run_program", run=parent["id"])
            schemas = {flow["name"]: flow["parameters"] for flow in detail["flows"]}
            body = read_changes(pairs, parent["flow"], schemas.get(parent["flow"], {}))
            body["at"] = at
            if program is not None:
                body["program"] = program_path(program, root)
            if value is not None:
                body["value"] = as_value(value)
            if budget is not None:
                body["cost_usd"] = budget
            fork = await client.call("fork_run", body, run=parent["id"])
            head = fork["parent"]["at"]
            found = await follow(client, fork["id"], head, asking=not as_json)
            return found, await unasked(client, found, body)

    found, notes = finish(work())
    if not as_json:
        click.echo(f"{found['id']} {status_text(found['status'])}")
        last = found["parent"]["at"]
        shared = f"events 1 to {last}" if last > 1 else "event 1"
        click.echo(
            f"shares {shared} with {found['parent']['run']}; {last + 1} and later are its own"
        )
        if found["result"] is not None:
            click.echo(f"\n{readable(found['result'])}")
    for note in notes:
        click.echo(harmless(note), err=True)
    conclude(found, root, as_json=as_json)
