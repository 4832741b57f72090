"""``neurectomy doctor``: what works on this machine."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import click

import neurectomy
from neurectomy.cli.options import (
    finish,
    harmless_data,
    json_option,
    print_json,
    size,
    workspace_option,
)
from neurectomy.core.errors import NeurectomyError, Unavailable
from neurectomy.models.sources import Models
from neurectomy.sandboxes.select import Sandboxes
from neurectomy.server.application import WEB
from neurectomy.storage.open import open_store
from neurectomy.workspace.lock import FOLDER, read_owner
from neurectomy.workspace.root import find_root
from neurectomy.workspace.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

Finding = dict[str, Any]


@click.command("doctor")
@workspace_option
@json_option
@click.pass_context
def command(context: click.Context, workspace: Path, as_json: bool) -> None:
    """Say what works on this machine and what does not."""
    root = find_root(workspace)
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
        raise Unavailable(f"{len(broken)} of the things above do not work", hint=broken[0]["text"])


async def _examine(root: Path) -> list[Finding]:
    found = [
        _finding("neurectomy", f"{neurectomy.__version__} on Python {platform.python_version()}"),
        _finding("sqlite", sqlite3.sqlite_version),
        await asyncio.to_thread(_workspace, root),
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


def _workspace(root: Path) -> Finding:
    free = size(shutil.disk_usage(root).free)
    if not os.access(root, os.W_OK):
        return _finding("workspace", f"{root} cannot be written", "broken")
    owner = read_owner(root)
    if owner is not None:
        where = owner.address or "a command"
        return _finding("workspace", f"{root}, owned by process {owner.pid} ({where})")
    if not (root / FOLDER / "log.db").exists():
        return _finding("workspace", f"{root}, never opened; {free} free")
    try:
        settings = read_settings(root)
        store = open_store(root / FOLDER, settings.durability, settings.database_url)
        used = store.usage()
        store.close()
    except NeurectomyError as error:
        return _finding("workspace", f"{error.message}. {error.hint}", "broken")
    stored = size(used.database_bytes + used.blob_bytes)
    return _finding("workspace", f"{root}: {used.runs} runs in {stored}; {free} free")
