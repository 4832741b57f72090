"""``neurectomy fork``: go on from a moment of a run in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from neurectomy.cli.client import connect
from neurectomy.cli.following import conclude, follow
from neurectomy.cli.inputs import check_names, parse_pairs
from neurectomy.cli.options import finish, json_option, status_text, workspace_option
from neurectomy.cli.steps import readable
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.cli.following import Run


@click.command("fork")
@click.argument("run")
@click.option("--at", type=int, required=True, help="The last event that both runs share.")
@click.option(
    "--set",
    "pairs",
    multiple=True,
    help="An input that is different, as name=value, for what comes after the event.",
)
@workspace_option
@json_option
def command(run: str, at: int, pairs: tuple[str, ...], workspace: Path, as_json: bool) -> None:
    """Fork RUN after an event, and go on to the end.

    The events up to --at are those of RUN, also where they used an input that --set changes: the
    new inputs are used by what comes after them.
    """
    root = find_root(workspace)

    async def work() -> Run:
        async with connect(root) as client:
            parent = await client.call("show_run", run=run)
            detail = await client.call("run_program", run=parent["id"])
            schemas = {flow["name"]: flow["parameters"] for flow in detail["flows"]}
            schema = schemas.get(parent["flow"], {})
            inputs = parse_pairs(pairs, schema)
            check_names(inputs, parent["flow"], schema)
            fork = await client.call("fork_run", {"at": at, "inputs": inputs}, run=parent["id"])
            return await follow(client, fork["id"], at, asking=not as_json)

    found = finish(work())
    if not as_json:
        click.echo(f"{found['id']} {status_text(found['status'])}")
        shared = f"event 1 is that of {found['parent']['run']}"
        if at > 1:
            shared = f"events 1 to {at} are those of {found['parent']['run']}"
        click.echo(f"{shared}, from {at + 1} on its own")
        if found["result"] is not None:
            click.echo(f"\n{readable(found['result'])}")
    conclude(found, root, as_json=as_json)
