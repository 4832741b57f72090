"""``neurectomy run``: run a flow, print its steps as they happen, then its answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.following import conclude, follow
from neurectomy.cli.inputs import read_inputs
from neurectomy.cli.options import finish, json_option
from neurectomy.cli.programs import program_root
from neurectomy.cli.steps import readable, step_line, summary
from neurectomy.cli.waiting import where

if TYPE_CHECKING:
    from neurectomy.cli.client import Client
    from neurectomy.cli.following import Run


SLOW_SECONDS = 1.0
"""After how long somebody is told what it is that takes long."""


@click.command("run", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("program", type=click.Path(path_type=Path))
@click.option("--flow", default="", help="The flow; needed where the program has several.")
@click.option("-i", "--input", "pairs", multiple=True, help="An input, as name=value.")
@click.option("--inputs", help="All inputs as a JSON object; - reads it from standard input.")
@click.option(
    "--break",
    "breakpoints",
    multiple=True,
    metavar="WHERE",
    help="Wait before an agent, a tool or a step of that name, or before the step at which a "
    "condition holds, such as 'cost > 0.10'. May be given again and again.",
)
@click.option("--quiet", is_flag=True, help="Print the answer only.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    program: Path,
    flow: str,
    pairs: tuple[str, ...],
    inputs: str | None,
    breakpoints: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Run PROGRAM. Each input is an option too, such as --question "How ...?".

    What the flow asks a person is asked on the terminal. Where there is none, the command says how
    to answer, and ends with the exit code 11.
    """
    root = program_root(program)
    path = str(program.resolve().relative_to(root))
    silent = quiet or as_json

    def show(event: dict[str, Any]) -> None:
        line = "" if silent else step_line(event)
        if line:
            click.echo(line, err=True)

    async def work() -> Run:
        async with connect(root, create=True) as client:
            detail = await client.call("show_program", path=path)
            flows = {one["name"]: one for one in detail["flows"]}
            chosen = flow or (next(iter(flows)) if len(flows) == 1 else "")
            schema = flows[chosen]["parameters"] if chosen in flows else {}
            values = read_inputs(chosen, schema, context.args, pairs, inputs)
            body = {
                "program": path,
                "flow": chosen,
                "inputs": values,
                "breakpoints": list(breakpoints),
            }
            run = await _started(client, body, silent=silent)
            if not silent:
                click.echo(f"run {run['id']}", err=True)
            try:
                return await follow(client, run["id"], asking=not as_json, show=show)
            except asyncio.CancelledError:
                await _stop(client, run["id"], root)
                raise

    found = finish(work())
    if found["status"] == "finished" and not as_json:
        if not quiet:
            click.echo("", err=True)
        click.echo(readable(found["result"]))
        if not quiet:
            click.echo(click.style(f"\n{summary(found)}", dim=True), err=True)
    conclude(found, root, as_json=as_json)


async def _stop(client: Client, run: str, root: Path) -> None:
    """Cancel a run that was interrupted, and wait until it has stopped."""

    async def cancel() -> None:
        await client.call("cancel_run", run=run)
        async with asyncio.timeout(10):
            async for _ in client.follow(run):
                pass

    await asyncio.shield(cancel())
    look = f"neurectomy runs show {run}{where(root)}"
    click.echo(f"\ncancelled; look at it with: {look}", err=True)


async def _started(client: Client, body: dict[str, Any], *, silent: bool) -> Run:
    """Start a run, and say so where capturing its folder takes long."""
    starting = asyncio.ensure_future(client.call("start_run", body))
    try:
        await asyncio.wait({starting}, timeout=SLOW_SECONDS)
        if not starting.done() and not silent:
            click.echo("capturing the files of the program's folder ...", err=True)
        run: Run = await starting
    except asyncio.CancelledError:
        starting.cancel()
        raise
    return run
