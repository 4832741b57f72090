"""Changes files of a folder that people work in: nothing through links, and all can be undone."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from neurectomy.core import codecs
from neurectomy.core.errors import Conflict, Damaged, NotFound, StorageError
from neurectomy.snapshots.capture import read_regular
from neurectomy.snapshots.checkout import own_folder, remove
from neurectomy.snapshots.ignore import is_private
from neurectomy.snapshots.tree import Change, Entry, is_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neurectomy.snapshots.tree import ReadBlob

_LIST = "changes.json"
_PART = ".neurectomy-part"


class Record(Struct, frozen=True):
    """What one rewriting changed, so that it can be undone."""

    changes: tuple[Change, ...]


class Rewriter:
    """Changes files of one folder.

    Args:
        folder: The folder, absolute and without links.
        records: Where it is remembered what was there.
    """

    def __init__(self, folder: Path, records: Path) -> None:
        self._folder = folder
        self._records = records

    def obstacle(self, path: str) -> str:
        """Why a path is not to be written, or not without leaving the folder; else empty."""
        *folders, last = path.split("/")
        if not all(map(is_name, (*folders, last))):
            return "it has a name that none can have"
        if any(map(is_private, (*folders, last))):
            return "hidden names are the folder's own"
        place = self._folder
        for name in folders:
            place = place / name
            if place.is_symlink():
                return f"{place.relative_to(self._folder)} is a link"
        return ""

    def rewrite(self, changes: Sequence[Change], read: ReadBlob) -> None:
        """Make the changes, and remember what was there. Blocking.

        Args:
            changes: Each as the folder has it before and as it has it afterwards.
            read: Reads contents, both those before and those afterwards.

        Raises:
            Conflict: The folder is not as the changes say it is.
            StorageError: The disk refuses; what was done until then can be undone.
        """
        for change in changes:
            self._check(change)
        try:
            folder = self._remember(changes, read)

            def remembered(digest: str) -> bytes:
                """A content that was there before, though it may be gone from the folder by now."""
                place = folder / digest
                return place.read_bytes() if place.is_file() else read(digest)

            self._make(changes, remembered)
        except OSError as error:
            message = f"the folder cannot be changed: {error.strerror}"
            raise StorageError(message, hint="Look at its rights and its space.") from error

    def undo(self) -> tuple[list[str], list[str]]:
        """Put back what the last rewriting replaced. Blocking.

        Returns:
            The paths that are as they were again, and those that have changed since and are left
            alone.

        Raises:
            NotFound: Nothing is left to undo.
            StorageError: The disk refuses.
        """
        number = self._last()
        if number == 0:
            raise NotFound("there is nothing to undo", hint="Only what was applied here can be.")
        folder = self._records / str(number)
        try:
            content = (folder / _LIST).read_bytes()
            record = msgspec.json.decode(content, type=Record)
        except (OSError, msgspec.MsgspecError):
            hint = f"What was replaced is in {folder}."
            raise Damaged("what was applied cannot be read", hint=hint) from None
        back, left = list[Change](), list[str]()
        for change in record.changes:
            now = self._now(change.path)
            if now == _bare(change.after) and not self.obstacle(change.path):
                back.append(Change(change.path, change.after, change.before))
            elif now != _bare(change.before):
                left.append(change.path)
        try:
            self._make(back, lambda digest: (folder / digest).read_bytes())
            remove(folder)
        except OSError as error:
            message = f"the folder cannot be changed: {error.strerror}"
            raise StorageError(message, hint="Look at its rights and its space.") from error
        return [change.path for change in back], left

    def _check(self, change: Change) -> None:
        if reason := self.obstacle(change.path):
            raise Conflict(f"{change.path} cannot be written: {reason}", hint="Move it away.")
        if self._now(change.path) != _bare(change.before):
            raise Conflict(f"{change.path} changed meanwhile", hint="Try again.")

    def _now(self, path: str) -> Entry | None:
        """What a path is, without its name and size; null for nothing and for a folder."""
        place = self._folder / path
        if self.obstacle(path):
            return None
        try:
            status = place.lstat()
            if stat.S_ISLNK(status.st_mode):
                target = os.fsencode(os.readlink(place))
                return Entry("", "link", codecs.digest(target))
            if not stat.S_ISREG(status.st_mode):
                return None if stat.S_ISDIR(status.st_mode) else Entry("", "file", "")
            digest = codecs.digest(read_regular(str(place)))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return Entry("", "file", "")
        return Entry("", "file", digest, 0, bool(status.st_mode & stat.S_IXUSR))

    def _last(self) -> int:
        with suppress(OSError):
            names = [path.name for path in self._records.iterdir() if (path / _LIST).is_file()]
            return max((int(name) for name in names if name.isdecimal()), default=0)
        return 0

    def _remember(self, changes: Sequence[Change], read: ReadBlob) -> Path:
        folder = self._records / str(self._last() + 1)
        for place in (self._records.parent, self._records):
            own_folder(place)
        remove(folder)
        folder.mkdir(mode=0o700)
        for change in changes:
            if change.before is not None:
                digest = change.before.digest
                _write_synced(folder / digest, read(digest))
        _write_synced(folder / _LIST, msgspec.json.encode(Record(tuple(changes))))
        return folder

    def _make(self, changes: Sequence[Change], read: ReadBlob) -> None:
        gone = [change for change in changes if change.after is None]
        for change in sorted(gone, key=lambda change: change.path, reverse=True):
            (self._folder / change.path).unlink(missing_ok=True)
            for parent in Path(change.path).parents:
                with suppress(OSError):
                    if str(parent) != ".":
                        (self._folder / parent).rmdir()
        for change in changes:
            if change.after is not None:
                self._put(change.path, change.after, read(change.after.digest))

    def _put(self, path: str, entry: Entry, content: bytes) -> None:
        place = self._folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = place.with_name(f".{codecs.digest(path.encode())[:16]}{_PART}")
        partial.unlink(missing_ok=True)
        if entry.kind == "link":
            partial.symlink_to(os.fsdecode(content))
        else:
            try:
                known = place.lstat().st_mode & 0o777
            except OSError:
                known = 0o666
            wanted = known | (known & 0o444) >> 2 if entry.executable else known & ~0o111
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(partial, flags, wanted), "wb") as file:
                file.write(content)
                if os.path.lexists(place):
                    os.fchmod(file.fileno(), wanted)
        partial.replace(place)


def _bare(entry: Entry | None) -> Entry | None:
    if entry is None:
        return None
    return Entry("", entry.kind, entry.digest, 0, entry.executable)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
