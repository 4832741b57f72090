"""Blobs by content: small ones ride in the database's commit, large ones are files."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

from neurectomy.core import codecs
from neurectomy.core.errors import Damaged, StorageError

if TYPE_CHECKING:
    from pathlib import Path

INLINE_BYTES = 65_536
"""Stored size up to which a blob is a row of the database."""

_WORTH = 512
RAW, ZLIB = 0, 1
"""How the bytes of a blob are stored."""


def shrink(content: bytes) -> tuple[int, bytes]:
    """The stored form: compressed where that saves a tenth."""
    if len(content) > _WORTH:
        packed = zlib.compress(content, 1)
        if len(packed) * 10 <= len(content) * 9:
            return ZLIB, packed
    return RAW, content


def expand(digest: str, encoding: int, stored: bytes) -> bytes:
    """The content of a stored form, checked.

    Raises:
        Damaged: It does not match the digest.
    """
    try:
        content = zlib.decompress(stored) if encoding == ZLIB else stored
    except zlib.error:
        content = b""
    if codecs.digest(content) != digest:
        raise Damaged(
            f"the blob {digest[:12]} does not match its hash",
            hint="Restore the folder .neurectomy from a backup, or delete the runs that name it.",
            digest=digest,
        )
    return content


class BlobFiles:
    """A folder of large blobs, two levels deep by digest.

    Args:
        folder: Made when it is missing.
        sync: Whether a written file survives loss of power when `write` returns.
    """

    def __init__(self, folder: Path, *, sync: bool) -> None:
        self._folder = folder
        self._sync = sync
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:]

    def write(self, digest: str, stored: bytes) -> None:
        """Write a blob's file, whole or not at all; nothing happens where it is there already."""
        path = self._path(digest)
        if path.exists():
            return
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with partial.open("wb") as file:
                file.write(stored)
                if self._sync:
                    file.flush()
                    os.fsync(file.fileno())
            partial.replace(path)
            if self._sync:
                for folder in (path.parent, self._folder):
                    _sync_folder(folder)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise StorageError(
                f"a blob could not be written: {error.strerror}",
                hint="Free some space on the disk; nothing that was acknowledged is lost.",
            ) from error

    def read(self, digest: str) -> bytes | None:
        """The stored form; null where there is no such file."""
        try:
            return self._path(digest).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Remove a blob's file, or another one that `names` gave."""
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            message = f"the file of a blob cannot be removed: {error.strerror}"
            hint = "Give yourself the right to write in the folder .neurectomy."
            raise StorageError(message, hint=hint) from error

    def names(self) -> list[str]:
        """Digests of the files that are there, and names of those whose writing broke off."""
        return sorted(
            f"{folder.name}{file.name}"
            for folder in self._folder.iterdir()
            if len(folder.name) == 2 and folder.is_dir()
            for file in folder.iterdir()
        )

    def size(self, name: str) -> int | None:
        """Bytes of a file; null where it is gone."""
        try:
            return self._path(name).stat().st_size
        except OSError:
            return None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
