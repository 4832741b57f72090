"""A run for people: the facts, what it asks, how it came out, and its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.apply import change_line
from neurectomy.cli.following import again, failed_agent
from neurectomy.cli.options import harmless_data, size, status_text, when
from neurectomy.cli.steps import LONGEST, cost, event_line, readable, short, tokens
from neurectomy.cli.waiting import questions, told
from neurectomy.core.errors import Damaged, NeurectomyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from neurectomy.cli.client import Client
    from neurectomy.cli.following import Run


async def whole(client: Client, found: Run) -> Run:
    """A run with its ``inputs`` and, where it asks somebody, the questions, ``waiting``."""
    if not found["head"]:
        return {**found, "inputs": {}}
    try:
        state = (await client.call("show_state", run=found["id"]))["state"]
        if found["status"] == "failed":
            found = {**found, "agent": await failed_agent(client, found)}
    except NeurectomyError as error:
        if error.code != Damaged.code:
            raise
        return {**found, "inputs": {}}
    asked = await questions(client, found["id"], state)
    whole = {**found, "inputs": state["inputs"], **({"waiting": asked} if asked else {})}
    if "files" in state:
        page = await client.call("list_files", run=found["id"], since=1)
        whole["files"] = {name: page[name] for name in ("root", "changed", "beside", "skipped")}
    return whole


async def events_of(
    client: Client, found: Run
) -> tuple[list[dict[str, Any]], NeurectomyError | None]:
    """Every event of a run; of a damaged one those before the damage, and what that is."""
    listed: list[dict[str, Any]] = []
    while len(listed) < found["head"]:
        try:
            page = await client.call("list_events", run=found["id"], after=len(listed))
        except NeurectomyError as error:
            if error.code != Damaged.code:
                raise
            return listed, error
        if not page["events"]:
            break
        listed += page["events"]
    return listed, None


def print_run(
    found: Run, events: list[dict[str, Any]], root: Path, damage: NeurectomyError | None = None
) -> None:
    """Print a run that is `whole`."""
    waiting = found.get("waiting", ())
    found = harmless_data(found)
    click.echo(f"{click.style(' '.join(found['title'].split()), bold=True)}\n")
    for name, value in _facts(found):
        click.echo(f"  {name:8} {value}")
    if found["error"]:
        _print_error(found["error"])
    if "agent" in found:
        click.echo(again(found, root))
    for question in waiting:
        click.echo(f"\n{told(found['id'], question, root)}")
    if found["result"] is not None:
        click.echo(f"\n{readable(found['result'])}")
    if events:
        click.echo("")
    for event in events:
        click.echo(event_line(event))
    if damage is not None and not found["error"]:
        _print_error(damage.as_dict())


def _print_error(error: dict[str, Any]) -> None:
    click.echo(f"\n{click.style('error', fg='red')}: {error['message']}")
    if error["hint"]:
        click.echo(f"{click.style('hint', bold=True)}: {error['hint']}")


async def files_of(client: Client, run: str, at: int) -> dict[str, Any]:
    """The files of a run after an event, all of them, and what changed since its beginning."""
    page = await client.call("list_files", run=run, at=at)
    files = page["files"]
    while page["more"]:
        page = await client.call("list_files", run=run, at=at, after=files[-1]["path"])
        files += page["files"]
    changed = await client.call("list_files", run=run, at=at, since=1)
    return {**page, "files": files, "changes": changed["changes"], "changed": changed["changed"]}


def print_files(found: dict[str, Any]) -> None:
    """Print files as `files_of` gives them."""
    found = harmless_data(found)
    changed = {change["path"]: change for change in found["changes"]}
    click.echo(f"\n{click.style('files', bold=True)} after event {found['seq']}")
    for entry in found["files"]:
        mark = "*" if entry["executable"] else "@" if entry["kind"] == "link" else ""
        told = f"{entry['path']}{'/' if entry['kind'] == 'folder' else mark}"
        if entry["path"] in changed:
            click.echo(change_line(changed[entry["path"]]))
        else:
            click.echo(f"  {'':8} {told}  {click.style(size(entry['size']), dim=True)}")
    for change in found["changes"]:
        if change["status"] == "removed":
            click.echo(change_line(change))
    for path in found["beside"]:
        click.echo(click.style(f"  {'ignored':8} {path}", dim=True))
    for line in skipped_lines(found["skipped"]):
        click.echo(line)


def skipped_lines(skipped: list[dict[str, str]]) -> Iterator[str]:
    """What could not be captured, a line each."""
    for one in skipped:
        mark = click.style("! skipped ", fg="yellow")
        yield f"{mark} {one['path']}: {one['reason']}"


def _facts(found: Run) -> Iterator[tuple[str, str]]:
    accounts = found["accounts"]
    yield "run", found["id"]
    yield "status", status_text(found["status"])
    yield "flow", f"{found['flow']} of {found['source']}"
    head = "inputs"
    for name, value in found["inputs"].items():
        yield head, f"{name}: {short(value)}"
        head = ""
    yield "started", when(found["created"])
    yield "ended", when(found["ended"]) or "not yet"
    yield "events", str(found["head"])
    yield "tokens", tokens(accounts).removesuffix(" tokens")
    yield "cost", cost(accounts)
    if found["parent"]:
        yield "fork of", f"{found['parent']['run']} at {found['parent']['at']}"
    files = found.get("files")
    if files and files["changed"]:
        yield "files", f"{files['changed']} changed; see: neurectomy apply {found['id']} --dry-run"
    if labels := {name: text for name, text in found["labels"].items() if len(text) <= LONGEST}:
        yield "labels", " ".join(f"{short(name)}={short(text)}" for name, text in labels.items())
    for one in files["skipped"] if files else ():
        yield "skipped", f"{one['path']}: {one['reason']}"
