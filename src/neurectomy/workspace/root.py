"""Which folder is the workspace of a path."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from neurectomy.core.errors import InvalidInput
from neurectomy.workspace.lock import FOLDER


def find_root(path: Path) -> Path:
    """The workspace of a path: the nearest folder above it that has been opened, else its own.

    Folders that everybody may write in, such as the system's for temporary files, and folders of
    ours that somebody else made are nobody's workspace unless they are named themselves: what they
    hold would decide how programs below them run.

    Raises:
        InvalidInput: The path is no folder or file.
    """
    real = Path(os.path.realpath(path))
    if not os.path.exists(real):
        raise InvalidInput(f"there is no {path}", hint="Name a folder, or a program in one.")
    folder = real if real.is_dir() else real.parent
    if (folder / FOLDER).is_dir():
        return folder
    return next((above for above in folder.parents if _is_opened(above)), folder)


def _is_opened(folder: Path) -> bool:
    try:
        ours = (folder / FOLDER).lstat()
        shared = folder.stat().st_mode & stat.S_IWOTH
    except OSError:
        return False
    return stat.S_ISDIR(ours.st_mode) and ours.st_uid == os.geteuid() and not shared
