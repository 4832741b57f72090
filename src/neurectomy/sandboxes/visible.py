"""What of a program's folder a tool may see: all but what is hidden or ours, such as the log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SETTINGS = "neurectomy.toml"


def is_hidden(name: str) -> bool:
    """Whether an entry at the top of a program's folder is kept from its tools."""
    return name.startswith(".") or name == SETTINGS


def hidden(root: Path) -> list[Path]:
    """The hidden files and folders at the top of ``root``; see `visible` on links."""
    return sorted(path for path in _entries(root) if is_hidden(path.name))


def visible(root: Path) -> list[Path]:
    """The other files and folders at the top of ``root``.

    Links are neither hidden nor visible: what one leads to is, where it lies in the folder, and
    what lies elsewhere is not shown.
    """
    return sorted(path for path in _entries(root) if not is_hidden(path.name))


def reachable(beside: Iterable[Path]) -> list[Path]:
    """Those places that are there and that no link leads away from, as it could to anywhere."""
    return [
        path for path in beside if os.path.lexists(path) and os.path.realpath(path) == str(path)
    ]


def identities(paths: Iterable[Path]) -> frozenset[tuple[str, int]]:
    """What differs when a file or folder was put in the place of another; not when it changed."""
    return frozenset((str(path), path.lstat().st_ino) for path in paths if os.path.lexists(path))


def _entries(root: Path) -> list[Path]:
    return [Path(entry.path) for entry in os.scandir(root) if not entry.is_symlink()]
