"""Lays trees out as folders again: read-only ones that runs share, or a copy to work on."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from neurectomy.core import codecs
from neurectomy.core.errors import InvalidInput, StorageError
from neurectomy.snapshots.tree import decode

if TYPE_CHECKING:
    from neurectomy.snapshots.tree import Entry, ReadBlob

MOST_KEPT = 24
"""Folders that are kept laid out; those that were not asked for the longest go first."""


class Checkouts:
    """Read-only folders of trees, laid out once and shared.

    Args:
        folder: Where they are kept.
        read: Reads contents.
    """

    def __init__(self, folder: Path, read: ReadBlob) -> None:
        self._folder = folder
        self._read = read
        self._lock = threading.Lock()

    def path(self, root: str, live: Path | None = None, beside: tuple[str, ...] = ()) -> Path:
        """The folder of a tree. Blocking.

        Args:
            root: Digest of the tree.
            live: The folder that was captured.
            beside: Paths in it that are no part of the tree; they appear as links.

        Raises:
            Damaged: A part of the tree is missing.
            StorageError: The disk refuses.
        """
        name = codecs.canonical_digest([root, str(live), list(beside)]) if beside else root
        path = self._folder / name[:40]
        with self._lock:
            if not path.is_dir():
                self._lay_out(path, root, live, beside)
                self._prune(path)
            with suppress(OSError):
                os.utime(path)
        return path

    def _lay_out(self, path: Path, root: str, live: Path | None, beside: tuple[str, ...]) -> None:
        try:
            self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(prefix=".part-", dir=self._folder))
            partial.chmod(0o755)
            try:
                lay_out(root, self._read, partial, writable=False)
                for inside in beside:
                    if live is not None:
                        place = partial / inside
                        place.parent.mkdir(parents=True, exist_ok=True)
                        place.symlink_to(live / inside)
                partial.rename(path)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
        except OSError as error:
            raise StorageError(
                f"a snapshot cannot be laid out: {error.strerror}", hint="Free some space."
            ) from error

    def _prune(self, newest: Path) -> None:
        found = [path for path in self._folder.iterdir() if path != newest]
        found.sort(key=lambda path: path.stat().st_mtime)
        for path in found[: max(0, len(found) + 1 - MOST_KEPT)]:
            shutil.rmtree(path, ignore_errors=True)


def lay_out(root: str, read: ReadBlob, folder: Path, *, writable: bool = True) -> int:
    """Write a tree into a folder; gives how many files and links. Blocking.

    Raises:
        InvalidInput: Something is in the way.
        Damaged: A part of the tree is missing.
    """
    count = 0
    for entry in decode(read(root)).entries:
        place = folder / entry.name
        is_folder = place.is_dir() and not place.is_symlink()
        if os.path.lexists(place) and not (entry.kind == "tree" and is_folder):
            raise InvalidInput(f"{place} is there already", hint="Choose an empty folder.")
        if entry.kind == "tree":
            place.mkdir(exist_ok=True)
            count += lay_out(entry.digest, read, place, writable=writable)
        else:
            write_leaf(entry, read(entry.digest), place, writable=writable)
            count += 1
    return count


def write_leaf(entry: Entry, content: bytes, place: Path, *, writable: bool = True) -> None:
    """Write one file or link where nothing is."""
    if entry.kind == "link":
        place.symlink_to(os.fsdecode(content))
        return
    mode = (
        (0o755 if entry.executable else 0o644)
        if writable
        else (0o555 if entry.executable else 0o444)
    )
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
