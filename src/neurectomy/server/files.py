"""The files of runs at the edge: listed, compared, read and applied."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from msgspec import Struct

from neurectomy.core.errors import InvalidInput
from neurectomy.runs.applying import Applied, Undone
from neurectomy.runs.file_changes import FileChange
from neurectomy.runs.files import FileEntry
from neurectomy.server.operation import Operation, Parameter

if TYPE_CHECKING:
    from neurectomy.server.context import Services


class Skipped(Struct, frozen=True):
    """A path that could not be captured, and why."""

    path: str
    reason: str


class FileList(Struct, frozen=True):
    """The files of a run after an event, or what changed since another.

    Attributes:
        root: Digest of their tree.
        folder: The captured folder's path in the workspace.
        files: In order; empty where changes were asked for.
        more: Whether more follow; pass the last path as ``after``.
        changes: Since the event that was asked for.
        changed: How many paths changed.
        beside: Paths that are no part of it and that tools see as they are now.
    """

    seq: int
    root: str
    folder: str
    files: list[FileEntry]
    more: bool
    changes: list[FileChange]
    changed: int
    beside: list[str]
    skipped: list[Skipped]


class FileContent(Struct, frozen=True):
    """A part of a file, or where a link leads to.

    Attributes:
        size: Bytes of the whole.
        offset: Where the part begins.
        text: The part, where the file is a text in UTF-8; else null.
        base64: The part.
        more: Whether more follows; pass what was read so far as ``offset``.
    """

    path: str
    kind: str
    size: int
    executable: bool
    offset: int
    text: str | None
    base64: str
    more: bool


class ApplyInput(Struct, frozen=True, forbid_unknown_fields=True):
    """How to apply a run's files.

    Attributes:
        dry_run: Whether nothing is written.
    """

    dry_run: bool = False


async def list_files(services: Services, run: str, at: int, since: int, after: str) -> FileList:
    """The files of a run after an event, or what changed since another."""
    files = services.runs.files
    moment = await files.at(run, at)
    listed, more = ([], False) if since >= 0 else await files.listing(moment, after)
    changes: list[FileChange] = []
    changed = 0
    if since >= 0:
        changes, changed = await files.changes(await files.at(run, since), moment)
    return FileList(
        moment.seq,
        moment.root,
        moment.folder,
        listed,
        more,
        changes,
        changed,
        list(moment.beside),
        [Skipped(path, reason) for path, reason in moment.skipped],
    )


async def file_content(
    services: Services, run: str, path: str, at: int, offset: int
) -> FileContent:
    """A part of a file of a run after an event."""
    if not path:
        raise InvalidInput("say which file", hint="List them with: list_files")
    moment = await services.runs.files.at(run, at)
    entry, content = await services.runs.files.content(moment, path, offset)
    try:
        text = None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        text = None
    return FileContent(
        path,
        entry.kind,
        entry.size,
        entry.executable,
        max(0, offset),
        text,
        base64.b64encode(content).decode(),
        max(0, offset) + len(content) < entry.size,
    )


async def apply_run(services: Services, run: str, body: ApplyInput) -> Applied:
    """Merge what a run has changed into the folder of its program."""
    return await services.runs.applying.apply(run, dry_run=body.dry_run)


async def unapply_run(services: Services, run: str) -> Undone:
    """Put back what applying a run has replaced."""
    return await services.runs.applying.undo(run)


_AT = Parameter("at", int, -1, "seq of an event; the last one by default")

OPERATIONS = (
    Operation(
        "list_files",
        "GET",
        "/api/runs/{run}/files",
        "Its files at a moment",
        list_files,
        FileList,
        query=(
            _AT,
            Parameter("since", int, -1, "only what changed since this event"),
            Parameter("after", str, "", "the last path that is known"),
        ),
    ),
    Operation(
        "file_content",
        "GET",
        "/api/runs/{run}/file",
        "A part of one of them, at most 4 MiB",
        file_content,
        FileContent,
        query=(
            Parameter("path", str, "", "of the file"),
            _AT,
            Parameter("offset", int, 0, "bytes that are left out"),
        ),
    ),
    Operation(
        "apply_run",
        "POST",
        "/api/runs/{run}/apply",
        "Merge its files into the folder",
        apply_run,
        Applied,
        ApplyInput,
    ),
    Operation(
        "unapply_run",
        "POST",
        "/api/runs/{run}/unapply",
        "Put back what was applied",
        unapply_run,
        Undone,
    ),
)
"""The rows of the table that are about files."""
