"""Private folders that tools change: laid out once, and from then on only what differs."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from neurectomy.core.errors import InvalidInput, StorageError
from neurectomy.snapshots.capture import MOST_FILES, Seen, written
from neurectomy.snapshots.checkout import lay_out, move_on, own_folder, remove
from neurectomy.snapshots.tree import decode

if TYPE_CHECKING:
    from neurectomy.snapshots.capture import Captured
    from neurectomy.snapshots.tree import Entry, ReadBlob

MOST_IDLE = 4
"""Folders that are kept while nobody works in them."""

SETTLED_NS = 50_000_000
"""How long ago a folder was laid out before anything in it changes, so that changes are noticed."""

MOST_WRITTEN = 512 * 1024 * 1024
"""Bytes by which a folder may grow while somebody works in it."""

Key = tuple[Path, tuple[str, ...]]


class Copy:
    """One private folder, and what it is known to hold.

    Args:
        path: The folder, which everybody may write in, in one that nobody else may enter.
        key: The folder that was captured, and the paths in it that appear as links.
    """

    def __init__(self, path: Path, key: Key) -> None:
        self.path = path
        self.key = key
        self.root = ""
        self.size = 0
        self.seen: dict[str, Seen] = {}
        self.laid_out_ns = 0

    def settle(self) -> None:
        """Wait until a change would be noticed. Blocking."""
        left = self.laid_out_ns + SETTLED_NS - time.monotonic_ns()
        if left > 0:
            time.sleep(left / 1e9)

    def bring(self, root: str, read: ReadBlob) -> None:
        """Make it hold a tree. Blocking.

        Raises:
            Damaged: A part of the tree is missing.
            OSError: The disk refuses.
        """
        live, beside = self.key
        if self.root != root:
            if self.root:
                move_on(self.path, self.root, root, read, "open", self._wrote)
            else:
                lay_out(root, read, self.path, "open", self._wrote)
            self.laid_out_ns = time.monotonic_ns()
        self.root, self.size = root, _size(read(root))
        for inside in beside:
            place = self.path / inside
            if not os.path.lexists(place) and place.parent.is_dir():
                place.symlink_to(live / inside)

    def check(self) -> None:
        """Refuse what grows too large while somebody works in it. Blocking.

        Raises:
            InvalidInput: It has grown by more than one who works in it may write.
        """
        size, count = _measured(self.path)
        if size > self.size + MOST_WRITTEN or count > 2 * MOST_FILES:
            raise _too_much()

    def look(self) -> Captured:
        """What it holds after somebody has worked in it. Blocking.

        Raises:
            InvalidInput: More or larger files than a snapshot may have.
        """
        captured, self.seen = written(self.path, self.seen, frozenset(self.key[1]))
        if _size(captured.trees[captured.root]) > self.size + MOST_WRITTEN:
            raise _too_much()
        return captured

    def tidy(self, captured: Captured) -> None:
        """Remove what is no part of what it holds, and open what was closed. Blocking."""
        for alien in captured.alien:
            remove(Path(alien))
        for place in map(Path, captured.closed):
            executable = place.is_dir() or place.stat().st_mode & 0o100
            place.chmod(0o777 if executable else 0o666)
            self.seen.pop(str(place.relative_to(self.path)), None)
        self.root = captured.root

    def _wrote(self, place: Path, entry: Entry) -> None:
        status = place.lstat()
        if entry.kind == "file":
            looks = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
            self.seen[str(place.relative_to(self.path))] = Seen(*looks, entry.digest)


def _too_much() -> InvalidInput:
    hint = f"Write less than {MOST_WRITTEN // 1024 // 1024} MB at a time."
    return InvalidInput("it writes more than a snapshot may hold", hint=hint)


def _size(tree: bytes) -> int:
    return sum(entry.size for entry in decode(tree).entries)


def _measured(folder: Path) -> tuple[int, int]:
    """Bytes and entries of a folder, which may change meanwhile."""
    size = count = 0
    waiting = [str(folder)]
    while waiting:
        with suppress(OSError):
            for entry in os.scandir(waiting.pop()):
                count += 1
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    size += entry.stat(follow_symlinks=False).st_size
    return size, count


class Copies:
    """Private folders, lent to one at a time.

    Args:
        folder: Where they are made; what an earlier process left there goes.
        read: Reads contents.
    """

    def __init__(self, folder: Path, read: ReadBlob) -> None:
        self._folder = folder
        self._read = read
        self._idle: list[Copy] = []
        self._lock = threading.Lock()
        self._ready = False

    def take(self, root: str, live: Path, beside: tuple[str, ...]) -> Copy:
        """A folder that holds a tree, lent until `give_back`. Blocking.

        Args:
            root: Digest of the tree.
            live: The folder that was captured.
            beside: Paths in it that are no part of the tree; they appear as links.

        Raises:
            Damaged: A part of the tree is missing.
            StorageError: The disk refuses.
        """
        copy = self._found(root, (live, beside))
        try:
            copy.bring(root, self._read)
        except BaseException as error:
            self.give_back(copy, None)
            if isinstance(error, OSError):
                message = f"a snapshot cannot be laid out: {error.strerror}"
                raise StorageError(message, hint="Free some space.") from error
            raise
        return copy

    def give_back(self, copy: Copy, captured: Captured | None) -> None:
        """Take a folder back, as it was seen last; null where nobody knows what is in it."""
        try:
            if captured is not None:
                copy.tidy(captured)
        except OSError:
            captured = None
        thrown = [copy]
        if captured is not None:
            with self._lock:
                self._idle.append(copy)
                thrown, self._idle = self._idle[:-MOST_IDLE], self._idle[-MOST_IDLE:]
        for gone in thrown:
            shutil.rmtree(gone.path, onerror=lambda *_: None)
            if gone.path.exists():
                remove(gone.path)

    def _found(self, root: str, key: Key) -> Copy:
        with self._lock:
            self._prepare()
            fitting = [copy for copy in self._idle if copy.key == key]
            fitting.sort(key=lambda copy: copy.root == root)
            if fitting:
                self._idle.remove(fitting[-1])
                return fitting[-1]
        return Copy(self._made(), key)

    def _made(self) -> Path:
        try:
            path = Path(tempfile.mkdtemp(dir=self._folder))
            path.chmod(0o777)
        except OSError as error:
            message = f"a snapshot cannot be laid out: {error.strerror}"
            raise StorageError(message, hint="Free some space.") from error
        return path

    def _prepare(self) -> None:
        if not self._ready:
            shutil.rmtree(self._folder, ignore_errors=True)
            own_folder(self._folder)
            self._ready = True
