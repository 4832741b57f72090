"""What a session was loaded from and shows, and whether that is still as it was."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_FILES = 2000
"""Loaded files that are looked at; each costs a look at the disk for each call."""

_CLOCK_NS = 20_000_000
"""By how much a file system's clock may be behind."""


class Sources:
    """The files of one session.

    Args:
        code: The tool's file.
        root: The program's folder; files elsewhere are not looked at, whatever a worker lists.
        shown: What else the jail depends on.
    """

    def __init__(self, code: Path, root: Path, shown: Callable[[], object]) -> None:
        self._code = code
        self._root = root
        self._shown = shown
        self._stamps: dict[str, tuple[int, int] | None] = {}
        self._seen: object = None
        self._unsure = False
        self._began = 0

    def begin(self) -> None:
        """Note how things are before the file is loaded."""
        self._began = time.time_ns()
        self._seen = self._shown()
        self._stamps = {str(self._code): _stamp(str(self._code))}

    def loaded(self, files: list[str]) -> None:
        """Note which files were loaded, as the worker lists them."""
        root = os.path.join(os.path.realpath(self._root), "")
        for path in files[:MOST_FILES]:
            with suppress(OSError, ValueError):
                if os.path.realpath(path).startswith(root):
                    self._stamps.setdefault(path, _stamp(path))
        written = [stamp[0] for stamp in self._stamps.values() if stamp is not None]
        # A file that changed while it was loaded may have been read before or after that.
        self._unsure = any(self._began - _CLOCK_NS <= at <= time.time_ns() for at in written)

    def changed(self) -> bool:
        """Whether a file that was loaded, or what the jail shows, is not as it was.

        A new file that a module would now be loaded from instead is not noticed.
        """
        if self._unsure or self._shown() != self._seen:
            return True
        return any(_stamp(path) != stamp for path, stamp in self._stamps.items())


def _stamp(path: str) -> tuple[int, int] | None:
    with suppress(OSError):
        status = os.stat(path)
        return status.st_mtime_ns, status.st_size
    return None
