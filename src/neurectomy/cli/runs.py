"""``neurectomy runs``: what has run here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli import labels, notes, portable, redact, search
from neurectomy.cli.changes import SET_HELP, read_changes
from neurectomy.cli.client import connect
from neurectomy.cli.following import conclude, follow
from neurectomy.cli.options import (
    duration,
    finish,
    harmless_data,
    json_option,
    print_json,
    size,
    status_text,
    table,
    when,
    workspace_option,
)
from neurectomy.cli.show import events_of, files_of, print_files, print_run, whole
from neurectomy.cli.waiting import DECISIONS, explained, given_answer, interactive, questions
from neurectomy.core.errors import InvalidInput, NeurectomyError
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from neurectomy.cli.client import Client
    from neurectomy.cli.following import Run


@click.group("runs", invoke_without_command=True)
@workspace_option
@json_option
@click.pass_context
def command(context: click.Context, workspace: Path, as_json: bool) -> None:
    """List, show, search, answer, pause, change, note, label, redact, export, delete runs."""
    given = {"workspace": workspace, "as_json": as_json}
    context.default_map = dict.fromkeys(command.commands, given)
    if context.invoked_subcommand is None:
        context.invoke(list_runs, workspace=workspace, as_json=as_json)


for _other in (portable.export, portable.take_in, portable.collect):
    command.add_command(_other)
for _other in (search.command, notes.note, notes.notes, labels.command):
    command.add_command(_other)


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
            " ".join(run["title"].split())[:60],
        ]
        for run in harmless_data(page["runs"])
    ]
    head = ["run", "status", "started", "took", "flow", "title"]
    if any(run["parent"] for run in page["runs"]):
        head.insert(5, "fork of")
        for row, run in zip(rows, page["runs"], strict=True):
            parent = run["parent"]
            row.insert(5, f"{parent['run'][-12:]} at {parent['at']}" if parent else "")
    text = table(rows, head)
    click.echo(text)


@command.command("show")
@click.argument("run")
@click.option("--events", is_flag=True, help="Print every event too.")
@click.option("--files", is_flag=True, help="Print its files too, and what changed of them.")
@click.option("--at", type=int, default=-1, help="After which event --files is; the last one.")
@workspace_option
@json_option
def show(run: str, events: bool, files: bool, at: int, workspace: Path, as_json: bool) -> None:
    """Show RUN: an id, its last 12 characters, or `last`; what it asks, and how to answer."""
    root = find_root(workspace)

    async def work() -> tuple[Run, list[Any], NeurectomyError | None, dict[str, Any]]:
        async with connect(root) as client:
            found = await whole(client, await client.call("show_run", run=run))
            listed, damage = await events_of(client, found) if events else ([], None)
            kept = await files_of(client, found["id"], at) if files else {}
            return found, listed, damage, kept

    found, listed, damage, kept = finish(work())
    if as_json:
        more: dict[str, Any] = {"events": listed} if events else {}
        if damage is not None:
            more["damage"] = damage.as_dict()
        print_json({**found, **more, **({"files": kept} if files else {})})
        return
    print_run(found, listed, root, damage)
    if files:
        print_files(kept)


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
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help=SET_HELP)
@workspace_option
@json_option
def resume(run: str, pairs: tuple[str, ...], workspace: Path, as_json: bool) -> None:
    """Go on with RUN after a crash, a stop or a failure, and wait for its end.

    What has finished is not done again. A run that failed or was cancelled goes on as a fork, in
    which what failed is tried again; --set changes something first.
    """
    root = find_root(workspace)

    async def work() -> Run:
        async with connect(root) as client:
            found = await client.call("show_run", run=run)
            body = await _changes(client, found, pairs)
            resumed = await client.call("resume_run", body, run=found["id"])
            if resumed["id"] != found["id"] and not as_json:
                click.echo(f"goes on as {resumed['id']}", err=True)
            head = resumed["parent"]["at"] if resumed["id"] != found["id"] else found["head"]
            return await follow(client, resumed["id"], head, asking=not as_json)

    _end(finish(work()), root, as_json)


async def _changes(client: Client, run: Run, pairs: tuple[str, ...]) -> dict[str, Any]:
    if not pairs:
        return {}
    detail = await client.call("run_program", run=run["id"])
    schemas = {flow["name"]: flow["parameters"] for flow in detail["flows"]}
    return read_changes(pairs, run["flow"], schemas.get(run["flow"], {}))


@command.command("answer")
@click.argument("run")
@click.argument("step")
@click.argument("value", required=False)
@click.option(
    "--decision",
    type=click.Choice(DECISIONS),
    help="About a tool call whose end nobody saw: make it again, fail, or take VALUE as its value.",
)
@workspace_option
@json_option
def answer(
    run: str, step: str, value: str | None, decision: str | None, workspace: Path, as_json: bool
) -> None:
    """Answer what RUN asks at STEP, and go on.

    VALUE is what `runs show` says: yes or no, a text as it is, a number, or JSON.
    """
    root = find_root(workspace)

    async def work() -> Run:
        async with connect(root) as client:
            found = await client.call("show_run", run=run)
            asked = await questions(client, found["id"]) if found["head"] else []
            question = next((one for one in asked if one["step"] == step), None)
            body = {"step": step, "value": None, "decision": decision or ""}
            if decision in (None, "value"):
                body["value"] = given_answer(value, question)
            try:
                await client.call("answer_run", body, run=found["id"])
            except NeurectomyError as error:
                raise explained(error, question) from None
            head = found["head"]
            return await follow(client, found["id"], head, asking=not as_json, answered=step)

    _end(finish(work()), root, as_json)


@command.command("continue")
@click.argument("run")
@click.option("--step", is_flag=True, help="Wait again before the next step.")
@workspace_option
@json_option
def continue_(run: str, step: bool, workspace: Path, as_json: bool) -> None:
    """Let RUN go on that is paused at a breakpoint, to its end or the next one."""
    root = find_root(workspace)

    async def work() -> Run:
        async with connect(root) as client:
            found = await client.call("show_run", run=run)
            await client.call("continue_run", {"step": step}, run=found["id"])
            asking = not as_json and not step
            return await follow(client, found["id"], found["head"], asking=asking, answered=" ")

    _end(finish(work()), root, as_json)


@command.command("break")
@click.argument("run")
@click.argument("breakpoints", nargs=-1, metavar="[WHERE]...")
@workspace_option
@json_option
def break_(run: str, breakpoints: tuple[str, ...], workspace: Path, as_json: bool) -> None:
    """Set the breakpoints of RUN, instead of those that it has; none removes them.

    WHERE is the name of an agent, a tool or a step, or a condition such as 'cost > 0.10'.
    """
    body = {"breakpoints": list(breakpoints)}
    found = _call(workspace, "set_breakpoints", body, run=run)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{found['id']} waits before: {', '.join(breakpoints) or 'nothing'}")


@command.command("change")
@click.argument("run")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help=SET_HELP)
@workspace_option
@json_option
def change(run: str, pairs: tuple[str, ...], workspace: Path, as_json: bool) -> None:
    """Change RUN, which waits, in place; it goes on waiting."""
    root = find_root(workspace)

    async def work() -> Run:
        async with connect(root) as client:
            found = await client.call("show_run", run=run)
            body = await _changes(client, found, pairs)
            changed: Run = await client.call("change_run", body, run=found["id"])
            return changed

    found = finish(work())
    print_json(found) if as_json else click.echo(f"{found['id']} is changed, and waits")


def _end(found: Run, root: Path, as_json: bool) -> None:
    if not as_json:
        click.echo(f"{found['id']} {status_text(found['status'])}")
    conclude(found, root, as_json=as_json)


@command.command("delete")
@click.argument("run", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@workspace_option
@json_option
def delete(run: tuple[str, ...], yes: bool, workspace: Path, as_json: bool) -> None:
    """Delete runs. What forks need of them is kept, out of sight."""
    count = f"{len(run)} run{'s' if len(run) > 1 else ''}"
    if not yes and (as_json or not interactive()):
        raise InvalidInput("nobody is there who could be asked", hint=f"To delete {count}: --yes")
    if not yes:
        click.confirm(f"Delete {count} for good?", abort=True, err=True)
    for one in run:
        _call(workspace, "delete_run", run=one)
    print_json({"deleted": list(run)}) if as_json else click.echo(f"deleted {len(run)}")


command.add_command(redact.command)


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
