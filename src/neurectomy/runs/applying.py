"""Brings the files of a run into the folder of its program, three ways, and back out."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from msgspec import Struct

from neurectomy.core import codecs
from neurectomy.core.errors import Conflict
from neurectomy.runs.file_changes import FileChange, described
from neurectomy.snapshots.capture import content_of
from neurectomy.snapshots.lines import merge_lines
from neurectomy.snapshots.merge import Settled, free_name, keep_both, merge
from neurectomy.snapshots.rewrite import Rewriter
from neurectomy.snapshots.tree import Change, Entry, changes, walk

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.runs.files import FileReadings
    from neurectomy.runs.folders import Folders
    from neurectomy.snapshots.capture import Captured
    from neurectomy.snapshots.merge import Overlap

MOST_TEXT = 1_000_000
"""Bytes of a text that is merged line by line."""


class FileConflict(Struct, frozen=True):
    """A path that both the folder and the run have changed.

    Attributes:
        kept: Whose version stands there: ``folder``, ``run``, or ``marked`` for both of them.
        beside: The path of the run's version where it was kept under another name; else empty.
    """

    path: str
    kept: str
    beside: str = ""


class Applied(Struct, frozen=True):
    """What applying a run's files has changed, or would change.

    Attributes:
        folder: The changed folder, relative to the workspace; ``.`` for the workspace itself.
        left_out: Paths that were not written, each with the reason.
        dry_run: Whether nothing was written.
    """

    run: str
    folder: str
    changes: tuple[FileChange, ...]
    conflicts: tuple[FileConflict, ...]
    left_out: tuple[tuple[str, str], ...]
    dry_run: bool


class Undone(Struct, frozen=True):
    """What was put back, and what has changed since and was left alone."""

    run: str
    restored: tuple[str, ...]
    left: tuple[str, ...]


class Applying:
    """Applies the files of runs."""

    def __init__(self, files: FileReadings, folders: Folders) -> None:
        self._files = files
        self._folders = folders
        self._one = asyncio.Lock()

    async def apply(self, run: str, *, dry_run: bool = False) -> Applied:
        """Merge what a run has changed into the folder of its program.

        The base of the merge is what the folder held when the run began. Texts that both have
        changed are merged line by line, with marks where that cannot be; of other files the
        folder's version stays, and the run's is put beside it.

        Args:
            run: The run's id; of a run that goes on, what it has changed so far.
            dry_run: Whether nothing is written.

        Raises:
            Conflict: The folder is gone, or changes meanwhile.
        """
        began = await self._files.at(run, 1)
        now = await self._files.at(run)
        live = await asyncio.to_thread(self._folder, now.folder)
        async with self._one:
            work = _Applying(self._folders, live, run, began.root, now.root)
            rewriter = self._rewriter(run, live)
            return await asyncio.to_thread(work.apply, rewriter, dry_run=dry_run)

    async def undo(self, run: str) -> Undone:
        """Put back what the last `apply` of a run has replaced.

        Raises:
            NotFound: There is nothing to undo.
            Conflict: The folder is gone.
        """
        live = await asyncio.to_thread(self._folder, (await self._files.at(run)).folder)
        async with self._one:
            restored, left = await asyncio.to_thread(self._rewriter(run, live).undo)
        return Undone(run, tuple(restored), tuple(left))

    def _rewriter(self, run: str, live: Path) -> Rewriter:
        return Rewriter(live, self._folders.home / "applied" / run)

    def _folder(self, folder: str) -> Path:
        live = self._folders.live(folder)
        if live is None or not live.is_dir():
            hint = "Restore the files elsewhere: neurectomy restore RUN --to FOLDER"
            raise Conflict("the folder of the run's program is gone or hidden", hint=hint)
        return live


class _Applying:
    """One merge of a run's files into a folder."""

    def __init__(self, folders: Folders, live: Path, run: str, base: str, theirs: str) -> None:
        self._folders = folders
        self._live = live
        self._run = run
        self._base = base
        self._theirs = theirs
        self._made: dict[str, bytes] = {}
        self._captured: Captured | None = None

    def apply(self, rewriter: Rewriter, *, dry_run: bool) -> Applied:
        known = frozenset(path for path, _ in walk(self._base, self._folders.read))
        self._captured = ours = self._folders.look(self._live, known)
        merged = merge(self._base, ours.root, self._theirs, self._read, self._settle)
        self._made |= merged.trees
        wanted, left_out, more = list[Change](), list[tuple[str, str]](), list[FileConflict]()
        for change in changes(ours.root, merged.root, self._read):
            if reason := rewriter.obstacle(change.path):
                left_out.append((change.path, reason))
            elif change.before is None and self._is_taken(change.path, ours):
                beside = self._free(change.path)
                wanted.append(Change(beside, None, change.after))
                more.append(FileConflict(change.path, "folder", beside))
            else:
                wanted.append(change)
        if not dry_run and wanted:
            rewriter.rewrite(wanted, self._read)
        conflicts = [_conflict(overlap) for overlap in merged.overlaps] + more
        place = self._live.relative_to(self._folders.top)
        told = tuple(described(wanted))
        return Applied(self._run, str(place), told, tuple(conflicts), tuple(left_out), dry_run)

    def _read(self, digest: str) -> bytes:
        assert self._captured is not None
        if digest in self._made:
            return self._made[digest]
        if digest in self._captured.trees:
            return self._captured.trees[digest]
        if digest in self._captured.files:
            return content_of(self._captured.files[digest], digest)
        return self._folders.read(digest)

    def _settle(
        self, path: str, base: Entry | None, ours: Entry | None, theirs: Entry | None
    ) -> Settled:
        if ours is None or theirs is None or {ours.kind, theirs.kind} != {"file"}:
            return keep_both(path, base, ours, theirs)
        if ours.digest == theirs.digest:
            content = None
            conflict = False
        else:
            texts = [self._text(side) for side in (base, ours, theirs)]
            if None in texts[1:] or (texts[0] is None and base is not None):
                return keep_both(path, base, ours, theirs)
            names = ("your folder", f"run {self._run[-8:]}")
            merged = merge_lines(texts[0] or "", texts[1] or "", texts[2] or "", names=names)
            content, conflict = merged.text.encode(), merged.conflicts > 0
        changed = base is not None and base.executable == ours.executable
        executable = theirs.executable if changed else ours.executable
        if content is None:
            entry = Entry(ours.name, "file", ours.digest, ours.size, executable)
            return Settled(entry, conflict=False)
        digest = codecs.digest(content)
        self._made[digest] = content
        entry = Entry(ours.name, "file", digest, len(content), executable)
        return Settled(entry, None, conflict)

    def _text(self, entry: Entry | None) -> str | None:
        if entry is None or entry.kind != "file" or entry.size > MOST_TEXT:
            return None
        try:
            text = self._read(entry.digest).decode()
        except UnicodeDecodeError:
            return None
        return None if "\0" in text else text

    def _is_taken(self, path: str, ours: Captured) -> bool:
        """Whether something that was not captured, such as what is ignored, stands there."""
        place = self._live / path
        return os.path.lexists(place) and not place.is_dir()

    def _free(self, path: str) -> str:
        folder, slash, name = path.rpartition("/")
        taken = set(os.listdir(self._live / folder))
        return f"{folder}{slash}{free_name(name, taken)}"


def _conflict(overlap: Overlap) -> FileConflict:
    kept = {"ours": "folder", "theirs": "run", "both": "marked"}[overlap.kept]
    return FileConflict(overlap.path, kept, overlap.beside)
