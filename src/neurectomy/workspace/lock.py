"""One process owns a workspace: a lock on a file, and the address at which it answers."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from neurectomy.core import codecs
from neurectomy.core.errors import StorageError, WorkspaceLocked

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ".neurectomy"
"""The folder of a workspace that holds everything of ours."""


class Owner(Struct, frozen=True):
    """The process that owns a workspace; ``address`` is empty where it serves nobody."""

    pid: int
    address: str = ""
    token: str = ""


class WorkspaceLock:
    """Held from `acquire` to `release`, or to the end of the process, however it ends."""

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER
        self._handle: int | None = None

    def acquire(self) -> None:
        """Own the workspace.

        Raises:
            WorkspaceLocked: Another process does; the message names it.
            StorageError: The folder cannot be written.
        """
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            ignore = self._folder / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
            handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(
                f"{self._folder} cannot be written: {error.strerror}",
                hint="Give yourself the right to write there, or choose another folder.",
            ) from None
        if not _locked(handle):
            os.close(handle)
            owner = read_owner(self._folder.parent)
            who = f"process {owner.pid}" if owner else "another process"
            where = f" at {owner.address}" if owner and owner.address else ""
            raise WorkspaceLocked(
                f"{who} owns the workspace{where}",
                hint="Use that one, or stop it first.",
            ) from None
        self._handle = handle
        (self._folder / "owner.json").unlink(missing_ok=True)
        with suppress(OSError):  # on a full disk the log can still be read
            self._write(Owner(os.getpid()))

    def announce(self, address: str, token: str) -> None:
        """Tell other commands where this process answers."""
        self._write(Owner(os.getpid(), address, token))

    def release(self) -> None:
        """Own it no longer."""
        if self._handle is not None:
            (self._folder / "owner.json").unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None

    def _write(self, owner: Owner) -> None:
        path = self._folder / "owner.json"
        partial = path.with_suffix(".part")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(codecs.encode(owner))
        partial.replace(path)


def _locked(handle: int) -> bool:
    """Lock a file for this process alone; a moment's grace, since those who look hold it shared."""
    for _ in range(20):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.005)
        else:
            return True
    return False


def read_owner(root: Path) -> Owner | None:
    """The process that owns a workspace at this moment; null where none does."""
    folder = root / FOLDER
    try:
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        try:
            return msgspec.json.decode((folder / "owner.json").read_bytes(), type=Owner)
        except (OSError, msgspec.MsgspecError):
            return Owner(0)
    finally:
        os.close(handle)
    return None
