"""``neurectomy fork``: go on from a moment of a run in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.options import (
    finish,
    json_option,
    parse_inputs,
    print_json,
    status_text,
    workspace_option,
)
from neurectomy.cli.run import readable
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from pathlib import Path


@click.command("fork")
@click.argument("run")
@click.option("--at", type=int, required=True, help="The last event that both runs share.")
@click.option("--set", "pairs", multiple=True, help="An input that is different, as name=value.")
@workspace_option
@json_option
def command(run: str, at: int, pairs: tuple[str, ...], workspace: Path, as_json: bool) -> None:
    """Fork RUN after an event, and go on to the end."""

    async def work() -> Any:
        async with connect(find_root(workspace)) as client:
            parent = await client.call("show_run", run=run)
            detail = await client.call("run_program", run=parent["id"])
            schemas = {flow["name"]: flow["parameters"] for flow in detail["flows"]}
            inputs = parse_inputs(pairs, schemas.get(parent["flow"], {}))
            fork = await client.call("fork_run", {"at": at, "inputs": inputs}, run=parent["id"])
            async for frame in client.follow(fork["id"], at):
                if frame.get("status") == "waiting":
                    break
            return await client.call("show_run", run=fork["id"])

    found = finish(work())
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['id']} {status_text(found['status'])}")
    if found["result"] is not None:
        click.echo(f"\n{readable(found['result'])}")
