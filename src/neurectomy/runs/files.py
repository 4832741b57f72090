"""What can be read of a run's files: those of a moment, one of them, and what differs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct

from neurectomy.core.errors import Conflict, InvalidInput, NotFound
from neurectomy.runs.file_changes import FileChange, described
from neurectomy.runs.malformed import telling
from neurectomy.snapshots.tree import changes, decode, entry_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neurectomy.runs.folders import Folders
    from neurectomy.runs.readings import Readings
    from neurectomy.snapshots.tree import Entry

MOST_LISTED = 5000
"""Files or changes of one answer."""

MOST_CONTENT = 4 * 1024 * 1024
"""Bytes of a file in one answer."""


class FileMoment(Struct, frozen=True):
    """The files of a run after an event.

    Attributes:
        root: Digest of their tree.
        folder: The captured folder's path in the workspace.
        beside: Paths that are no part of it and that tools see as they are now.
        skipped: Paths that could not be captured, each with the reason.
    """

    seq: int
    root: str
    folder: str
    beside: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


class FileEntry(Struct, frozen=True):
    """A file, a link or an empty folder.

    Attributes:
        kind: ``file``, ``link`` or ``folder``.
        size: In bytes.
    """

    path: str
    kind: str
    size: int
    executable: bool = False


class FileReadings:
    """Reads the files of runs."""

    def __init__(self, readings: Readings, folders: Folders) -> None:
        self._readings = readings
        self._folders = folders

    async def at(self, run: str, seq: int = -1) -> FileMoment:
        """What a run's files were after an event; by default the last one.

        Raises:
            InvalidInput: There is no such event.
            Conflict: The run began before files were captured.
        """
        row = await self._readings.row(run)
        seq = row.head if seq < 0 else seq
        if not 1 <= seq <= row.head:
            raise InvalidInput(f"there is no event {seq}", hint=f"Choose one from 1 to {row.head}.")
        log = self._readings.log

        @telling()
        def read() -> FileMoment:
            files = log.state(run, seq).get("files")
            if files is None:
                hint = "Start it again, and its files are."
                raise Conflict("the run began before files were captured", hint=hint)
            beside = log.reader.resolve(files["beside"])
            skipped = log.reader.resolve(files["skipped"])
            pairs = tuple((path, reason) for path, reason in skipped)
            return FileMoment(seq, files["root"], files["folder"], tuple(beside), pairs)

        return await asyncio.to_thread(read)

    async def listing(self, moment: FileMoment, after: str = "") -> tuple[list[FileEntry], bool]:
        """The files of a moment in order, from the one after a path on, and whether more follow."""

        @telling()
        def read() -> tuple[list[FileEntry], bool]:
            found: list[FileEntry] = []
            for path, entry in self._walk(moment.root, "", after.split("/") if after else []):
                if len(found) == MOST_LISTED:
                    return found, True
                kind = "folder" if entry.kind == "tree" else entry.kind
                found.append(FileEntry(path, kind, entry.size, entry.executable))
            return found, False

        return await asyncio.to_thread(read)

    def _walk(self, root: str, prefix: str, after: list[str]) -> Iterator[tuple[str, Entry]]:
        """What comes after a path; folders are in it where they are empty."""
        first = after[0] if after else ""
        for entry in decode(self._folders.read(root)).entries:
            if entry.name < first or (entry.name == first and len(after) == 1):
                continue
            path = f"{prefix}{entry.name}"
            if entry.kind != "tree":
                if entry.name != first:
                    yield path, entry
                continue
            if not decode(self._folders.read(entry.digest)).entries:
                if entry.name != first:
                    yield path, entry
                continue
            yield from self._walk(
                entry.digest, f"{path}/", after[1:] if entry.name == first else []
            )

    async def content(self, moment: FileMoment, path: str, offset: int = 0) -> tuple[Entry, bytes]:
        """A file or link of a moment, and its bytes from an offset on, up to `MOST_CONTENT`.

        Raises:
            NotFound: There is none.
        """

        @telling()
        def read() -> tuple[Entry, bytes]:
            entry = entry_at(moment.root, path, self._folders.read)
            if entry is None or entry.kind == "tree":
                hint = "List them with: neurectomy runs show RUN --files"
                raise NotFound(f"there is no file {path} at event {moment.seq}", hint=hint)
            start = max(0, offset)
            return entry, self._folders.read(entry.digest)[start : start + MOST_CONTENT]

        return await asyncio.to_thread(read)

    async def changes(self, before: FileMoment, after: FileMoment) -> tuple[list[FileChange], int]:
        """What differs between two moments, the first of it, and how much there is."""

        @telling()
        def read() -> tuple[list[FileChange], int]:
            found = described(list(changes(before.root, after.root, self._folders.read)))
            return found[:MOST_LISTED], len(found)

        return await asyncio.to_thread(read)
