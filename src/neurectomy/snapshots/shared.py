"""Read-only folders of trees, laid out once and shared by all who have the tree."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from neurectomy.core import codecs
from neurectomy.core.errors import Damaged, StorageError
from neurectomy.snapshots.checkout import lay_out, own_folder, write_leaf
from neurectomy.snapshots.tree import decode

if TYPE_CHECKING:
    from neurectomy.snapshots.tree import ReadBlob

MOST_KEPT = 24
"""Folders that are kept laid out; those that were not asked for the longest go first."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Checkouts:
    """Read-only folders of trees.

    Args:
        folder: Where they are kept.
        read: Reads contents.
    """

    def __init__(self, folder: Path, read: ReadBlob) -> None:
        self._folder = folder
        self._read = read
        self._lock = threading.Lock()
        self._counting = threading.Lock()  # of its own, so that nobody waits until one is laid out
        self._held: dict[Path, int] = {}
        self._ready = False

    def hold(self, root: str, live: Path | None = None, beside: tuple[str, ...] = ()) -> Path:
        """The folder of a tree, which stays until `release`. Blocking.

        Args:
            root: Digest of the tree.
            live: The folder that was captured.
            beside: Paths in it that are no part of the tree; they appear as links.

        Raises:
            Damaged: A part of the tree is missing.
            StorageError: The disk refuses.
        """
        with self._lock:
            self._prepare()
            path = self._place(root, live, beside)
            if not path.is_dir():
                self._lay_out(path, root, live, beside)
            with self._counting:
                self._held[path] = self._held.get(path, 0) + 1
            self._prune()
            with suppress(OSError):
                os.utime(path)
        return path

    def release(self, path: Path) -> None:
        """Let go of a folder that `hold` gave."""
        with self._counting:
            self._held[path] -= 1
            if not self._held[path]:
                del self._held[path]

    def _place(self, root: str, live: Path | None, beside: tuple[str, ...]) -> Path:
        links = codecs.canonical_digest([str(live), list(beside)]) if beside else ""
        return self._folder / f"{root}-{links[:16]}"

    def _near(self) -> tuple[Path, str] | None:
        """The newest folder and its tree: it is likely to hold much of what the next one does."""
        found = [path for path in self._folder.glob("*-*") if path.name[0] != "."]
        for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)[:1]:
            root = path.name.partition("-")[0]
            with suppress(Damaged):  # its run was deleted
                self._read(root)
                return path, root
        return None

    def _prepare(self) -> None:
        """Throw away what an earlier boot has left: it may never have reached the disk."""
        if self._ready:
            return
        try:
            boot = _BOOT.read_text().strip()
        except OSError:
            boot = uuid.uuid4().hex
        mark = self._folder / "boot"
        try:
            own_folder(self._folder)
            known = mark.read_text() if mark.is_file() else ""
            if known != boot:
                shutil.rmtree(self._folder, ignore_errors=True)
                own_folder(self._folder)
                mark.write_text(boot)
        except OSError as error:
            raise _refused(error) from error
        for path in self._folder.glob(".part-*"):
            shutil.rmtree(path, ignore_errors=True)
        self._ready = True

    def _lay_out(
        self,
        path: Path,
        root: str,
        live: Path | None,
        beside: tuple[str, ...],
    ) -> None:
        near = self._near()
        try:
            partial = Path(tempfile.mkdtemp(prefix=".part-", dir=self._folder))
            partial.chmod(0o755)
            try:
                if near is None:
                    lay_out(root, self._read, partial, "read")
                else:
                    self._share(partial, root, *near)
                for inside in beside:
                    place = partial / inside
                    if live is not None and not os.path.lexists(place):
                        place.parent.mkdir(parents=True, exist_ok=True)
                        place.symlink_to(live / inside)
                partial.rename(path)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
        except OSError as error:
            raise _refused(error) from error

    def _share(self, folder: Path, root: str, known: Path, tree: str) -> None:
        """As `lay_out`, with the files that another folder has linked rather than written.

        Nobody can write either of them, so that they can share what they hold.
        """
        old = {entry.name: entry for entry in decode(self._read(tree)).entries}
        for entry in decode(self._read(root)).entries:
            was, place = old.get(entry.name), folder / entry.name
            if entry.kind == "tree":
                place.mkdir()
                if was is not None and was.kind == "tree":
                    self._share(place, entry.digest, known / entry.name, was.digest)
                else:
                    lay_out(entry.digest, self._read, place, "read")
            elif entry == was and entry.kind == "file":
                try:
                    os.link(known / entry.name, place)
                except OSError:  # a file system without links, or a file with too many
                    write_leaf(entry, self._read, place, "read")
            else:
                write_leaf(entry, self._read, place, "read")

    def _prune(self) -> None:
        found = [path for path in self._folder.iterdir() if path.is_dir()]
        with self._counting:
            idle = [path for path in found if path not in self._held]
        idle.sort(key=lambda path: path.stat().st_mtime)
        for path in idle[: max(0, len(found) - MOST_KEPT)]:
            shutil.rmtree(path, ignore_errors=True)


def _refused(error: OSError) -> StorageError:
    message = f"a snapshot cannot be laid out: {error.strerror}"
    return StorageError(message, hint="Free some space.")
