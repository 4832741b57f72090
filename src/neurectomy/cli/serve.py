"""``neurectomy serve``: open a workspace in the browser."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurectomy.app.serve import serve
from neurectomy.cli.options import finish, harmless, print_json
from neurectomy.core.errors import NotFound
from neurectomy.workspace.lock import read_owner
from neurectomy.workspace.root import find_root
from neurectomy.workspace.settings import read_settings

if TYPE_CHECKING:
    from neurectomy.server.context import Services


@click.command("serve")
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@click.option("--host", help="Where to listen; 127.0.0.1 by default.")
@click.option("--port", type=int, help="Port; 6387 by default, 0 takes a free one.")
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
@click.option("--print-address", is_flag=True, help="Print the running server's address and end.")
@click.option("--example", is_flag=True, help="Run the workspace's example once, to have one.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
def command(
    folder: Path,
    host: str | None,
    port: int | None,
    open_browser: bool,
    print_address: bool,
    example: bool,
    as_json: bool,
) -> None:
    """Open FOLDER, the current one by default, in the browser."""
    root = find_root(folder)
    if print_address:
        _print_address(root, as_json)
        return
    settings = read_settings(root, host=host, port=port)

    async def ready(address: str, services: Services) -> None:
        if example:
            await _example(services, quiet=as_json)
        if as_json:
            print_json({"address": address, "workspace": str(root)})
        else:
            click.echo(f"\n  {click.style('NEURECTOMY', bold=True)}  {root}")
            click.echo(f"  {click.style(address, fg='cyan', underline=True)}\n")
            click.echo("  Open the address in a browser. Ctrl-C stops the server.\n")
        if open_browser:
            await asyncio.to_thread(click.launch, address)

    finish(serve(root, settings, ready))


def _print_address(root: Path, as_json: bool) -> None:
    owner = read_owner(root)
    if owner is None or not owner.address:
        raise NotFound(f"no server owns {root}", hint="Start it with: neurectomy serve")
    address = f"{owner.address}/?token={owner.token}"
    if as_json:
        print_json({"address": address, "workspace": str(root)})
    else:
        click.echo(address)


async def _example(services: Services, *, quiet: bool) -> None:
    """Run the first program with the first question of its dataset, unless there are runs."""
    from neurectomy.server import opened, runs
    from neurectomy.server.types import StartInput

    page = await runs.list_runs(services, 1, "", "", "", "")
    programs = await opened.list_programs(services)
    ready = [program for program in programs if program.flows and not program.errors]
    if page.runs or not ready:
        return
    inputs = _first_question(services.programs.root / Path(ready[0].path).parent)
    if not quiet:
        question = next(iter(inputs.values()), "")
        click.echo(harmless(f"  Running {ready[0].path}: {question}"))
    body = StartInput(ready[0].path, inputs, ready[0].flows[0])
    run = await runs.start_run(services, body)
    await services.runs.motions.wait(run.id)
    done = await runs.show_run(services, run.id)
    if not quiet:
        taken = ((done.ended or 0) - done.created) / 1e6
        click.echo(f"  It {done.status} in {taken:.1f} s, with {done.head} events.")


def _first_question(folder: Path) -> dict[str, Any]:
    import json

    for path in sorted(folder.glob("*.jsonl")):
        first = path.read_text("utf-8").partition("\n")[0]
        question = json.loads(first).get("question")
        if question:
            return {"question": question}
    return {}
