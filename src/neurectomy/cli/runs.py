"""``neurectomy runs``: what has run here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.options import (
    duration,
    finish,
    json_option,
    print_json,
    size,
    status_text,
    table,
    when,
    workspace_option,
)
from neurectomy.cli.run import readable
from neurectomy.workspace.root import find_root


@click.group("runs", invoke_without_command=True)
@workspace_option
@json_option
@click.pass_context
def command(context: click.Context, workspace: Path, as_json: bool) -> None:
    """List, show, cancel, resume, answer and delete runs; disk usage."""
    given = {"workspace": workspace, "as_json": as_json}
    context.default_map = dict.fromkeys(command.commands, given)
    if context.invoked_subcommand is None:
        context.invoke(list_runs, workspace=workspace, as_json=as_json)


def _call(workspace: Path, operation: str, body: Any = None, **arguments: Any) -> Any:
    async def work() -> Any:
        async with connect(find_root(workspace)) as client:
            if "run" in arguments:
                found = await client.call("show_run", run=arguments["run"])
                arguments["run"] = found["id"]
            return await client.call(operation, body, **arguments)

    return finish(work())


@command.command("list")
@click.option("--limit", type=int, default=20, help="How many; 20 by default.")
@click.option("--status", default="", help="Only these, separated by commas.")
@click.option("--search", default="", help="Text in title, flow or source.")
@workspace_option
@json_option
def list_runs(
    limit: int = 20,
    status: str = "",
    search: str = "",
    workspace: Path = Path(),
    as_json: bool = False,
) -> None:
    """List runs, the newest first."""
    page = _call(workspace, "list_runs", limit=limit, status=status, search=search)
    if as_json:
        print_json(page)
        return
    if not page["runs"]:
        click.echo("There are no runs yet. Start one with: neurectomy run PROGRAM")
        return
    rows = [
        [
            run["id"][-12:],
            run["status"],
            when(run["created"]),
            duration(run["ended"] - run["created"]) if run["ended"] else "",
            run["flow"],
            run["title"][:60],
        ]
        for run in page["runs"]
    ]
    text = table(rows, ["run", "status", "started", "took", "flow", "title"])
    click.echo(text)


@command.command("show")
@click.argument("run")
@click.option("--events", is_flag=True, help="Print every event too.")
@workspace_option
@json_option
def show(run: str, events: bool, workspace: Path, as_json: bool) -> None:
    """Show RUN: an id, its last 12 characters, or `last`."""

    async def work() -> tuple[Any, list[Any]]:
        async with connect(find_root(workspace)) as client:
            found = await client.call("show_run", run=run)
            listed: list[Any] = []
            while events and len(listed) < found["head"]:
                page = await client.call("list_events", run=found["id"], after=len(listed))
                if not page["events"]:
                    break
                listed += page["events"]
            return found, listed

    found, listed = finish(work())
    if as_json:
        print_json({**found, "events": listed} if events else found)
        return
    click.echo(f"{click.style(found['title'], bold=True)}\n")
    facts = [
        ("run", found["id"]),
        ("status", status_text(found["status"])),
        ("flow", f"{found['flow']} of {found['source']}"),
        ("started", when(found["created"])),
        ("ended", when(found["ended"]) or "not yet"),
        ("events", str(found["head"])),
    ]
    if found["parent"]:
        facts.append(("fork of", f"{found['parent']['run']} at {found['parent']['at']}"))
    for name, value in facts:
        click.echo(f"  {name:8} {value}")
    if found["error"]:
        click.echo(f"\n{click.style('error', fg='red')}: {found['error']['message']}")
    if found["result"] is not None:
        click.echo(f"\n{readable(found['result'])}")
    for event in listed:
        click.echo(
            f"{event['seq']:>6}  {duration(event['mono']):>8}  {event['kind']:16} {event['step']}"
        )


@command.command("cancel")
@click.argument("run")
@workspace_option
@json_option
def cancel(run: str, workspace: Path, as_json: bool) -> None:
    """Ask RUN to stop."""
    found = _call(workspace, "cancel_run", run=run)
    print_json(found) if as_json else click.echo(f"{found['id']} is being cancelled")


@command.command("resume")
@click.argument("run")
@workspace_option
@json_option
def resume(run: str, workspace: Path, as_json: bool) -> None:
    """Go on with RUN after a crash, and wait for its end."""

    async def work() -> Any:
        async with connect(find_root(workspace)) as client:
            found = await client.call("show_run", run=run)
            await client.call("resume_run", run=found["id"])
            async for frame in client.follow(found["id"], found["head"]):
                if frame.get("status") == "waiting":
                    break
            return await client.call("show_run", run=found["id"])

    found = finish(work())
    print_json(found) if as_json else click.echo(f"{found['id']} {status_text(found['status'])}")


@command.command("answer")
@click.argument("run")
@click.argument("step")
@click.argument("value", default="")
@click.option("--decision", type=click.Choice(["retry", "fail", "value"]), default=None)
@workspace_option
@json_option
def answer(
    run: str, step: str, value: str, decision: str | None, workspace: Path, as_json: bool
) -> None:
    """Answer what RUN asks at STEP; VALUE is JSON, or a text."""
    import json

    try:
        parsed: Any = json.loads(value)
    except ValueError:
        parsed = value
    body = {"step": step, "value": parsed, "decision": decision or ""}

    async def work() -> Any:
        async with connect(find_root(workspace)) as client:
            found = await client.call("show_run", run=run)
            await client.call("answer_run", body, run=found["id"])
            async for frame in client.follow(found["id"], found["head"]):
                if (
                    frame.get("status") == "waiting"
                    and frame["events"][-1]["kind"] == "run.waiting"
                ):
                    break
            return await client.call("show_run", run=found["id"])

    found = finish(work())
    print_json(found) if as_json else click.echo(f"{found['id']} {status_text(found['status'])}")


@command.command("delete")
@click.argument("run", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@workspace_option
@json_option
def delete(run: tuple[str, ...], yes: bool, workspace: Path, as_json: bool) -> None:
    """Delete runs. What forks need of them is kept, out of sight."""
    if not yes and not as_json:
        click.confirm(f"Delete {len(run)} run{'s' if len(run) > 1 else ''} for good?", abort=True)
    for one in run:
        _call(workspace, "delete_run", run=one)
    print_json({"deleted": list(run)}) if as_json else click.echo(f"deleted {len(run)}")


@command.command("usage")
@click.argument("run", required=False)
@workspace_option
@json_option
def usage(run: str | None, workspace: Path, as_json: bool) -> None:
    """Say how much disk everything, or RUN, takes."""
    found = _call(workspace, "run_usage", run=run) if run else _call(workspace, "usage")
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        text = size(value) if name.endswith("bytes") else value
        click.echo(f"  {name.replace('_', ' '):16} {text}")
