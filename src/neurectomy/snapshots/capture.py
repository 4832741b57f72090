"""Captures a folder as a tree; what has not changed since the last time is not read again."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from neurectomy.core import codecs
from neurectomy.core.errors import Conflict, InvalidInput, StorageError
from neurectomy.snapshots.ignore import Ignore
from neurectomy.snapshots.tree import Entry, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 32 * 1024 * 1024
"""Size of a file that is captured; a larger one stays where it is."""

MOST_FILES = 100_000
"""Files of one snapshot."""

FRESH_NS = 50_000_000
"""A file that changed so shortly before it was read may change again unnoticed, so it is read."""


class Seen(Struct, frozen=True, array_like=True):
    """What a file looked like when it was read, and the digest of what it held."""

    modified_ns: int
    changed_ns: int
    size: int
    number: int
    digest: str


class Captured(Struct, frozen=True):
    """A folder at one moment.

    Attributes:
        root: Digest of its tree.
        trees: Contents of all the trees in it, by digest.
        files: Where each file or link of it is, by digest.
        parts: What each tree names, by digest.
        beside: Paths that are no part of it and that its tools may still see.
        skipped: Paths that could not be captured, each with the reason.
    """

    root: str
    trees: dict[str, bytes]
    files: dict[str, Path]
    parts: dict[str, tuple[str, ...]]
    beside: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


class Capturer:
    """Captures one folder again and again.

    Args:
        folder: The folder, absolute.
        memory: The file in which it is remembered what files looked like.
    """

    def __init__(self, folder: Path, memory: Path) -> None:
        self._folder = folder
        self._memory = memory
        self._seen: dict[str, Seen] | None = None

    def capture(self) -> Captured:
        """The folder as it is now. Blocking.

        Raises:
            InvalidInput: It holds more files than a snapshot may have.
            StorageError: It cannot be read.
        """
        walk = _Walk(self._folder, self._known())
        root, _ = walk.tree(self._folder, "", Ignore(self._folder))
        if walk.seen != self._seen:
            self._remember(walk.seen)
        return Captured(
            root,
            walk.trees,
            walk.files,
            walk.parts,
            tuple(sorted(walk.beside)),
            tuple(sorted(walk.skipped)),
        )

    def _known(self) -> dict[str, Seen]:
        if self._seen is None:
            try:
                self._seen = msgspec.msgpack.decode(self._memory.read_bytes(), type=dict[str, Seen])
            except (OSError, msgspec.MsgspecError):
                self._seen = {}
        return self._seen

    def _remember(self, seen: dict[str, Seen]) -> None:
        self._seen = seen
        partial = self._memory.with_suffix(".part")
        with suppress(OSError):  # it is only faster with it
            self._memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial.write_bytes(msgspec.msgpack.encode(seen))
            partial.replace(self._memory)


class _Walk:
    """One capture: what was found so far."""

    def __init__(self, folder: Path, known: dict[str, Seen]) -> None:
        self._folder = folder
        self._known = known
        self._limit_ns = time.time_ns() - FRESH_NS
        self.seen: dict[str, Seen] = {}
        self.trees: dict[str, bytes] = {}
        self.files: dict[str, Path] = {}
        self.parts: dict[str, tuple[str, ...]] = {}
        self.beside: list[str] = []
        self.skipped: list[tuple[str, str]] = []
        self._count = 0

    def tree(self, folder: Path, path: str, ignore: Ignore) -> tuple[str, int]:
        """Digest and size of a folder's tree."""
        entries = list(self._entries(folder, path, ignore))
        content = encode(entries)
        digest = codecs.digest(content)
        self.trees[digest] = content
        self.parts[digest] = tuple(dict.fromkeys(entry.digest for entry in entries))
        return digest, sum(entry.size for entry in entries)

    def _entries(self, folder: Path, path: str, ignore: Ignore) -> Iterator[Entry]:
        try:
            found = sorted(os.scandir(folder), key=lambda item: item.name)
        except OSError as error:
            self.skipped.append((path.rstrip("/") or ".", error.strerror or "it cannot be read"))
            return
        for item in found:
            name = item.name
            inside = f"{path}{name}"
            if ignore.hides(name):
                continue
            if not _is_text(name):
                self.skipped.append((repr(inside), "its name is no text in UTF-8"))
                continue
            is_folder = item.is_dir(follow_symlinks=False)
            if ignore.leaves_out(name, is_folder=is_folder):
                self.beside.append(inside)
                continue
            if is_folder:
                below = folder / name
                digest, size = self.tree(below, f"{inside}/", ignore.below(below, name))
                yield Entry(name, "tree", digest, size)
            elif (entry := self._leaf(folder / name, name, inside)) is not None:
                yield entry

    def _leaf(self, file: Path, name: str, path: str) -> Entry | None:
        self._count += 1
        if self._count > MOST_FILES:
            raise InvalidInput(
                f"{self._folder.name} holds more than {MOST_FILES} files",
                hint="Put the program into a folder of its own, or leave some out by .gitignore.",
            )
        try:
            status = file.lstat()
            if stat.S_ISLNK(status.st_mode):
                target = os.readlink(file).encode("utf-8", "surrogateescape")
                digest = codecs.digest(target)
                self.files[digest] = file
                return Entry(name, "link", digest, len(target))
            if not stat.S_ISREG(status.st_mode):
                self.skipped.append((path, "it is no file"))
                return None
            if status.st_size > MOST_BYTES:
                self.beside.append(path)
                return None
            digest = self._digest(file, path, status)
        except OSError as error:
            self.skipped.append((path, error.strerror or "it cannot be read"))
            return None
        self.files[digest] = file
        return Entry(name, "file", digest, status.st_size, bool(status.st_mode & stat.S_IXUSR))

    def _digest(self, file: Path, path: str, status: os.stat_result) -> str:
        """The digest of a file, from memory where it looks as it did."""
        known = self._known.get(path)
        looks = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        if known is not None and looks == (
            known.modified_ns,
            known.changed_ns,
            known.size,
            known.number,
        ):
            self.seen[path] = known
            return known.digest
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if max(status.st_mtime_ns, status.st_ctime_ns) < self._limit_ns:
            self.seen[path] = Seen(*looks, digest)
        return digest


def content_of(file: Path, digest: str) -> bytes:
    """What a captured file or link holds.

    Raises:
        Conflict: It holds something else by now.
        StorageError: It cannot be read.
    """
    try:
        if file.is_symlink():
            content = os.readlink(file).encode("utf-8", "surrogateescape")
        else:
            content = file.read_bytes()
    except OSError as error:
        message = f"{file.name} cannot be read: {error.strerror}"
        raise StorageError(message, hint="Look at its rights, and try again.") from None
    if codecs.digest(content) != digest:
        raise Conflict(f"{file.name} changed while it was captured", hint="Try again.")
    return content


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
