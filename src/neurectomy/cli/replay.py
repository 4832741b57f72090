"""``neurectomy replay``: compute a run's decisions again and compare."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.options import (
    finish,
    harmless_data,
    json_option,
    print_json,
    workspace_option,
)
from neurectomy.core.errors import Diverged
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from pathlib import Path


@click.command("replay")
@click.argument("run")
@workspace_option
@json_option
@click.pass_context
def command(context: click.Context, run: str, workspace: Path, as_json: bool) -> None:
    """Replay RUN: recorded answers, recorded order; no model is asked, no tool is called."""

    async def work() -> Any:
        async with connect(find_root(workspace)) as client:
            found = await client.call("show_run", run=run)
            return await client.call("replay_run", run=found["id"])

    result = finish(work())
    if as_json:
        print_json(result)
        context.exit(Diverged.exit_code if result["difference"] else 0)
    difference = harmless_data(result["difference"])
    if difference is None:
        click.echo(f"{result['compared']} events agree")
        return
    for side in ("recorded", "computed"):
        text = json.dumps(difference[side], indent=2, ensure_ascii=False)
        click.echo(f"{click.style(side, bold=True)}: {text}")
    raise Diverged(
        f"event {difference['seq']} at {difference['step'] or 'the run'}: {difference['message']}",
        hint="The program that recorded this run decided otherwise.",
    )
