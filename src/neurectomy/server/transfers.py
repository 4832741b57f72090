"""Runs in files, down and up, and what is removed to make room."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from neurectomy.core.errors import InvalidInput, StorageError
from neurectomy.runs import retention
from neurectomy.runs.arrivals import check_event, check_run
from neurectomy.runs.retention import Tidied
from neurectomy.server.operation import Operation, Parameter
from neurectomy.timeline.archive import SUFFIX
from neurectomy.timeline.exporting import export_runs
from neurectomy.timeline.importing import Imported, import_runs
from neurectomy.workspace.lock import FOLDER

if TYPE_CHECKING:
    from neurectomy.server.context import Services

MOST_UPLOAD = 4_000_000_000
"""Bytes of a file of runs that is sent to a server."""

_STALE_SECONDS = 86_400
"""Age from which a file that is on its way is left over from a process that ended."""


class Download(Struct, frozen=True):
    """A file that whoever sends it on removes afterwards."""

    path: Path
    name: str


class Upload(Struct, frozen=True):
    """A file that was received, and is removed by whoever received it."""

    path: Path


class CollectInput(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether only to say what would be removed."""

    dry_run: bool = False


def passage(services: Services) -> Path:
    """A new empty file beside the log, for what is on its way. Blocking.

    Raises:
        StorageError: It cannot be made.
    """
    folder = services.programs.root / FOLDER / "transfers"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=SUFFIX)
    except OSError as error:
        raise no_room(error) from error
    os.close(handle)
    return Path(name)


def no_room(error: OSError) -> StorageError:
    """The error of a file that cannot be written."""
    return StorageError(
        f"the file cannot be written: {error.strerror}",
        hint="Free some space on the disk; nothing was changed.",
    )


async def export(services: Services, runs: str) -> Download:
    """Runs with all that they name, in one file."""
    names = [name for name in runs.split(",") if name]
    if not names:
        raise InvalidInput("say which runs to export", hint="Give their ids in runs=.")
    found = list(dict.fromkeys([await services.runs.find(name) for name in names]))
    path = await asyncio.to_thread(passage, services)
    try:
        await asyncio.to_thread(_write, services, found, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    name = found[0] if len(found) == 1 else f"{len(found)}-runs"
    return Download(path, f"{name}{SUFFIX}")


def _write(services: Services, runs: list[str], path: Path) -> None:
    try:
        with path.open("w+b") as file:
            export_runs(services.log.store, runs, file)
    except OSError as error:
        raise no_room(error) from error


async def take_in(services: Services, body: Upload) -> Imported:
    """Take in the runs of a file; none of them goes on by itself."""
    store = services.log.store
    done = await asyncio.to_thread(import_runs, store, body.path, check_run, check_event)
    for run in done.runs:
        services.log.changed.publish(run, run)
    return done


async def collect(services: Services, body: CollectInput) -> Tidied:
    """Delete the runs that no rule keeps, and what nothing refers to."""
    rules, now = services.settings.retention, time.time_ns() // 1000
    done = await retention.tidy(services.runs, rules, now, dry_run=body.dry_run)
    if not body.dry_run:
        await asyncio.to_thread(_clear, services.programs.root / FOLDER / "transfers")
    return done


def _clear(folder: Path) -> None:
    with suppress(OSError):
        for path in folder.iterdir():
            if path.stat().st_mtime < time.time() - _STALE_SECONDS:
                path.unlink()


_EXPORT = (Parameter("runs", str, "", "ids, separated by commas"),)

OPERATIONS = (
    Operation("export_runs", "GET", "/api/export", "Export", export, Download, query=_EXPORT),
    Operation("import_runs", "POST", "/api/import", "Import", take_in, Imported, Upload),
    Operation("collect_garbage", "POST", "/api/collect", "Tidy", collect, Tidied, CollectInput),
)
"""The rows of the table that are about runs in files."""
