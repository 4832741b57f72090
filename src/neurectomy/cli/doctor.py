"""``neurectomy doctor``: what works on this machine, and whether the log is sound."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sqlite3
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

import neurectomy
from neurectomy.app import repair as mending
from neurectomy.cli.options import (
    finish,
    harmless_data,
    json_option,
    print_json,
    size,
    workspace_option,
)
from neurectomy.core.errors import NeurectomyError, NotFound, Unavailable
from neurectomy.models.sources import Models
from neurectomy.sandboxes.select import Sandboxes
from neurectomy.server.application import WEB
from neurectomy.storage.open import open_store
from neurectomy.storage.presence import holds_files
from neurectomy.workspace.lock import FOLDER, read_owner
from neurectomy.workspace.root import find_root
from neurectomy.workspace.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

Finding = dict[str, Any]

_MANY = 50
"""Runs from which on it is said how far it is."""

_MOST_PROBLEMS = 20
"""Problems of the log that are listed."""


@click.command("doctor")
@click.option("--repair", is_flag=True, help="Mend a damaged log, and say what was done.")
@workspace_option
@json_option
@click.pass_context
def command(context: click.Context, repair: bool, workspace: Path, as_json: bool) -> None:
    """Say what works on this machine and what does not, and whether the log is sound."""
    root = find_root(workspace)
    if repair:
        _repair(root, as_json)
        return
    findings = finish(_examine(root))
    broken = [finding for finding in findings if finding["state"] == "broken"]
    if as_json:
        print_json({"findings": findings, "broken": len(broken)})
        context.exit(Unavailable.exit_code if broken else 0)
    marks = {
        "ok": click.style("✓", fg="green"),
        "absent": click.style("·", dim=True),
        "broken": click.style("✗", fg="red"),
    }
    for finding in harmless_data(findings):
        click.echo(f" {marks[finding['state']]} {finding['what']:14} {finding['text']}")
    if broken:
        hint = broken[0]["text"]
        if all(finding["what"] == "log" for finding in broken):
            hint = "Mend the log with: neurectomy doctor --repair"
        raise Unavailable(f"{len(broken)} of the things above do not work", hint=hint)


def _repair(root: Path, as_json: bool) -> None:
    """Mend the log and say what was done."""
    if not (root / FOLDER).is_dir():
        hint = "Name the workspace with --workspace."
        raise NotFound(f"nothing has ever run in {root}", hint=hint)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    done = mending.repair(root, read_settings(root), _progress, stamp)
    if as_json:
        print_json(msgspec.to_builtins(done))
        return
    if not done.problems:
        click.echo("the log is sound")
        return
    click.echo(click.style("found", bold=True))
    for problem in harmless_data([msgspec.to_builtins(one) for one in done.problems]):
        click.echo(f"  {problem['run'] or 'log':36}  {problem['text']}")
    click.echo(click.style("done", bold=True))
    for one in harmless_data([msgspec.to_builtins(one) for one in done.done]):
        click.echo(f"  {one['run'] or 'log':36}  {one['text']}")
        if one["file"]:
            click.echo(f"  {'':36}  what was taken out: {one['file']}")
    if not done.done:
        click.echo("  nothing of it can be mended; restore the blobs from a backup")
    if done.backup:
        click.echo(f"the database as it was: {done.backup}")


def _progress(done: int, runs: int) -> None:
    """Say how far it is, where somebody looks on and it takes long."""
    if sys.stderr.isatty() and runs > _MANY and (done % _MANY == 0 or done == runs):
        end = "\n" if done == runs else ""
        click.echo(f"\rlooked at {done} of {runs} runs{end}", nl=False, err=True)


async def _examine(root: Path) -> list[Finding]:
    found = [
        _finding("neurectomy", f"{neurectomy.__version__} on Python {platform.python_version()}"),
        _finding("sqlite", sqlite3.sqlite_version),
        *await asyncio.to_thread(_workspace, root),
        await asyncio.to_thread(_page),
    ]
    for sandbox, available in await Sandboxes().probe():
        state = "ok" if available.ok else "absent"
        text = f"{sandbox.name} {available.detail}" if available.ok else available.reason
        found.append(_finding("jail", text.strip(), state))
    if found[-1]["state"] == "absent":
        found[-1]["state"] = "broken"
    for source in await Models().listing():
        state = "ok" if source.state == "ready" else "absent"
        reason = f": {source.reason}" if source.reason else ""
        found.append(_finding("model", f"{source.label}{reason}", state))
    return found


def _finding(what: str, text: str, state: str = "ok") -> Finding:
    return {"what": what, "text": text, "state": state}


def _page() -> Finding:
    if (WEB / "index.html").is_file():
        return _finding("page", "built")
    return _finding("page", "not built; build it with: make web", "absent")


def _workspace(root: Path) -> list[Finding]:
    free = size(shutil.disk_usage(root).free)
    if not os.access(root, os.W_OK):
        return [_finding("workspace", f"{root} cannot be written", "broken")]
    owner = read_owner(root)
    if owner is not None:
        where = owner.address or "a command"
        return [_finding("workspace", f"{root}, owned by process {owner.pid} ({where})")]
    if not (root / FOLDER / "log.db").exists() and not holds_files(root / FOLDER / "blobs"):
        return [_finding("workspace", f"{root}, never opened; {free} free")]
    try:
        settings = read_settings(root)
        problems = mending.look(root, settings, _progress).problems
        if any(not problem.run for problem in problems):
            return [_finding("workspace", f"{root}; {free} free"), *_log(problems)]
        store = open_store(root / FOLDER, settings.durability, settings.database_url)
        used = store.usage()
        store.close()
    except NeurectomyError as error:
        return [_finding("workspace", f"{error.message}. {error.hint}", "broken")]
    stored = size(used.database_bytes + used.blob_bytes)
    text = f"{root}: {used.runs} runs in {stored}; {free} free"
    return [_finding("workspace", text), *_log(problems)]


def _log(problems: tuple[mending.Problem, ...]) -> list[Finding]:
    """Whether the log is sound; each problem of it."""
    if not problems:
        return [_finding("log", "sound: every event, keyframe and blob")]
    listed = [
        _finding("log", f"run {one.run[-12:]}: {one.text}" if one.run else one.text, "broken")
        for one in problems[:_MOST_PROBLEMS]
    ]
    if len(problems) > _MOST_PROBLEMS:
        text = f"{len(problems) - _MOST_PROBLEMS} more problems"
        listed.append(_finding("log", text, "broken"))
    return listed
