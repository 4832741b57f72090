"""Space that is kept beside a database, so that it can be opened and read on a full disk."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BYTES = 96 * 1024
"""What SQLite needs to open a database in WAL mode: 32 kB for its index, and some for the log."""


def keep(folder: Path) -> None:
    """Set the space aside, as far as there is so much; blocking."""
    place = _place(folder)
    if place.exists():
        return
    try:
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            whole = os.write(handle, bytes(BYTES)) == BYTES
        finally:
            os.close(handle)
    except OSError:
        whole = False
    if not whole:  # there is no such space
        give(folder)


def give(folder: Path) -> bool:
    """Give the space back; whether there was any; blocking."""
    with suppress(OSError):
        _place(folder).unlink()
        return True
    return False


def _place(folder: Path) -> Path:
    return folder / "reserve"
