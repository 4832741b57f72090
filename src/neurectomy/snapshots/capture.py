"""Captures a folder as a tree; what has not changed since the last time is not read again."""

from __future__ import annotations

import errno
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
from neurectomy.snapshots.checkout import own_folder
from neurectomy.snapshots.ignore import Written, rules_of
from neurectomy.snapshots.tree import Entry, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neurectomy.snapshots.ignore import Ignore

MOST_BYTES = 32 * 1024 * 1024
"""Size of a file that is captured; a larger one stays where it is."""

MOST_FILES = 100_000
"""Files of one snapshot."""

MOST_TOTAL = 2 * 1024 * 1024 * 1024
"""Bytes of one snapshot."""

DEEPEST = 100
"""Folders in folders; what lies deeper is not captured."""

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
        alien: What of a folder that a tool worked in no tree would have.
        closed: What in it not everybody may write any more.
    """

    root: str
    trees: dict[str, bytes]
    files: dict[str, str]
    parts: dict[str, tuple[str, ...]]
    beside: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    alien: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


class Capturer:
    """Captures one folder again and again.

    Args:
        folder: The folder, absolute.
        memory: The file in which it is remembered what files looked like.
        top: The folder around it whose rules on what to ignore hold too.
    """

    def __init__(self, folder: Path, memory: Path, top: Path | None = None) -> None:
        self._folder = folder
        self._memory = memory
        self._top = top or folder
        self._seen: dict[str, Seen] | None = None

    def capture(self, needed: frozenset[str] = frozenset()) -> Captured:
        """The folder as it is now. Blocking.

        Args:
            needed: Paths of files that are captured even where they are ignored.

        Raises:
            InvalidInput: It holds more files than a snapshot may have.
            StorageError: It cannot be read.
        """
        walk = Walk(self._folder, self._known(), needed=needed)
        captured = walk.captured(rules_of(self._folder, self._top))
        if walk.seen != self._seen:
            self._remember(walk.seen)
        return captured

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
            own_folder(self._memory.parent)
            partial.unlink(missing_ok=True)
            partial.write_bytes(msgspec.msgpack.encode(seen))
            partial.replace(self._memory)


class Walk:
    """One capture: what was found so far.

    Args:
        folder: The folder, absolute.
        known: What files looked like the last time, by path.
        needed: Paths of files that are captured even where they are ignored.
        beside: Paths of links to what is no part of the snapshot, in a folder that was laid out.
        open: Whether a tool has worked in it: what it left must be readable.
    """

    def __init__(
        self,
        folder: Path,
        known: dict[str, Seen],
        *,
        needed: frozenset[str] = frozenset(),
        beside: frozenset[str] = frozenset(),
        open: bool = False,  # noqa: A002 - as the modes are called
    ) -> None:
        self._folder = folder
        self._known = known
        self._needed = needed | {
            path[: place + 1] for path in needed for place, c in enumerate(path) if c == "/"
        }
        self._beside = beside
        self._open = open
        self._limit_ns = time.time_ns() - FRESH_NS
        self.seen: dict[str, Seen] = {}
        self.trees: dict[str, bytes] = {}
        self.files: dict[str, str] = {}
        self.parts: dict[str, tuple[str, ...]] = {}
        self.beside: list[str] = []
        self.skipped: list[tuple[str, str]] = []
        self.alien: list[str] = []
        self.closed: list[str] = []
        self._count = self._bytes = 0

    def captured(self, ignore: Ignore) -> Captured:
        """The folder as it is now.

        Raises:
            InvalidInput: It holds more files than a snapshot may have.
        """
        root, _ = self._tree(str(self._folder), "", ignore)
        return Captured(
            root,
            self.trees,
            self.files,
            self.parts,
            tuple(sorted(self.beside)),
            tuple(sorted(self.skipped)),
            tuple(self.alien),
            tuple(self.closed),
        )

    def _tree(
        self, folder: str, path: str, ignore: Ignore, *, out: bool = False
    ) -> tuple[str, int]:
        """Digest and size of a folder's tree; ``out`` where only what is needed of it counts."""
        entries = list(self._entries(folder, path, ignore, out=out))
        content = encode(entries)
        digest = codecs.digest(content)
        self.trees[digest] = content
        self.parts[digest] = tuple(dict.fromkeys(entry.digest for entry in entries))
        return digest, sum(entry.size for entry in entries)

    def _entries(self, folder: str, path: str, ignore: Ignore, *, out: bool) -> Iterator[Entry]:
        try:
            found = sorted(os.scandir(folder), key=lambda item: item.name)
        except OSError as error:
            self._unreadable(folder, path.rstrip("/") or ".", error)
            return
        for item in found:
            name = item.name
            inside, place = f"{path}{name}", item.path
            if ignore.hides(name):
                self.alien.append(place)
                continue
            if reason := self._refused(item, path, inside, ignore):
                self._skip(place, inside, reason)
                continue
            if inside in self._beside:
                continue
            is_folder = item.is_dir(follow_symlinks=False)
            left_out = out or ignore.leaves_out(name, is_folder=is_folder)
            if left_out and (f"{inside}/" if is_folder else inside) not in self._needed:
                self.beside.append(inside)
                continue
            if is_folder:
                if self._open and item.stat(follow_symlinks=False).st_mode & 0o777 != 0o777:
                    self.closed.append(place)
                rules = ignore.below(Path(place), name)
                digest, size = self._tree(place, f"{inside}/", rules, out=left_out)
                yield Entry(name, "tree", digest, size)
            elif (entry := self._leaf(item, inside)) is not None:
                yield entry

    def _refused(self, item: os.DirEntry[str], path: str, inside: str, ignore: Ignore) -> str:
        """Why an entry is no part of the snapshot and not beside it either; else empty."""
        if not _is_text(item.name):
            return "its name is no text in UTF-8"
        if inside in self._beside and not item.is_symlink():
            return "it lies beside the snapshot, and cannot be replaced"
        if path.count("/") >= DEEPEST and item.is_dir(follow_symlinks=False):
            return f"it lies deeper than {DEEPEST} folders"
        return ignore.refuses(item.name)

    def _skip(self, place: str, path: str, reason: str) -> None:
        self.skipped.append((path if _is_text(path) else repr(path), reason))
        self.alien.append(place)

    def _unreadable(self, place: str, path: str, error: OSError) -> None:
        reason = error.strerror or "it cannot be read"
        if self._open:
            raise InvalidInput(f"{path} cannot be kept: {reason}", hint="Leave it readable.")
        self._skip(place, path, reason)

    def _leaf(self, item: os.DirEntry[str], path: str) -> Entry | None:
        file, name = item.path, item.name
        self._count += 1
        if self._count > MOST_FILES:
            raise self._too_much(f"{MOST_FILES} files")
        try:
            status = item.stat(follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                target = os.readlink(file).encode("utf-8", "surrogateescape")
                digest = codecs.digest(target)
                self.files[digest] = file
                return Entry(name, "link", digest, len(target))
            if not stat.S_ISREG(status.st_mode):
                self._skip(file, path, "it is no file")
                return None
            if status.st_size > MOST_BYTES:
                self.beside.append(path)
                return None
            self._bytes += status.st_size
            if self._bytes > MOST_TOTAL:
                raise self._too_much(f"{MOST_TOTAL // 1024**3} GB")
            if self._open and status.st_mode & 0o7666 != 0o666:
                self.closed.append(file)
            digest, size = self._digest(file, path, status)
        except OSError as error:
            self._unreadable(file, path, error)
            return None
        self.files[digest] = file
        return Entry(name, "file", digest, size, bool(status.st_mode & stat.S_IXUSR))

    def _too_much(self, what: str) -> InvalidInput:
        hint = "Put the program into a folder of its own, or leave some out by .gitignore."
        return InvalidInput(f"{self._folder.name} holds more than {what}", hint=hint)

    def _digest(self, file: str, path: str, status: os.stat_result) -> tuple[str, int]:
        """The digest and size of a file, from memory where it looks as it did."""
        known = self._known.get(path)
        looks = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        if known is not None and looks == (
            known.modified_ns,
            known.changed_ns,
            known.size,
            known.number,
        ):
            self.seen[path] = known
            return known.digest, known.size
        content = read_regular(file)
        digest = codecs.digest(content)
        if max(status.st_mtime_ns, status.st_ctime_ns) < self._limit_ns:
            self.seen[path] = Seen(*looks, digest)
        return digest, len(content)


def written(
    folder: Path, known: dict[str, Seen], beside: frozenset[str]
) -> tuple[Captured, dict[str, Seen]]:
    """A folder that a tool has worked in, as it is now. Blocking.

    Args:
        folder: Laid out for it, so that everybody may write all in it.
        known: What files looked like when it was laid out.
        beside: Paths of links to what is no part of the snapshot.

    Returns:
        The snapshot, and what files look like now.

    Raises:
        InvalidInput: It holds more files than a snapshot may have, or a file that is too large.
    """
    walk = Walk(folder, known, beside=beside, open=True)
    captured = walk.captured(Written())
    if captured.beside:
        message = f"{captured.beside[0]} is larger than {MOST_BYTES // 1024 // 1024} MB"
        raise InvalidInput(message, hint="Write smaller files.")
    return captured, walk.seen


def content_of(file: str, digest: str) -> bytes:
    """What a captured file or link holds.

    Raises:
        Conflict: It holds something else by now.
        StorageError: It cannot be read.
    """
    try:
        if os.path.islink(file):
            content = os.readlink(file).encode("utf-8", "surrogateescape")
        else:
            content = read_regular(file)
    except OSError as error:
        message = f"{os.path.basename(file)} cannot be read: {error.strerror}"
        raise StorageError(message, hint="Look at its rights, and try again.") from None
    if codecs.digest(content) != digest:
        raise Conflict(f"{os.path.basename(file)} changed while it was captured", hint="Try again.")
    return content


def read_regular(file: str) -> bytes:
    """The content of a file, never through a link, and never waiting for a pipe.

    Raises:
        OSError: It is none, or cannot be read.
    """
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as opened:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        content = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, "it grew while it was read")
    return content


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
