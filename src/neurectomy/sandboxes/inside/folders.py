"""The folders in which a worker and its calls work, one each."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def enter(folder: Path) -> None:
    """Make a folder the one where a process works and writes its temporary files."""
    os.chdir(folder)
    os.environ["TMPDIR"] = os.environ["HOME"] = str(folder)
    if "tempfile" in sys.modules:
        vars(sys.modules["tempfile"])["tempdir"] = (
            None  # or it stays with the folder it found first
        )


def remove(path: Path) -> None:
    """Remove a file or folder. What it needs is imported late: each fork copies what is loaded."""
    try:
        path.rmdir()
    except NotADirectoryError:
        path.unlink(missing_ok=True)
    except OSError:
        import shutil

        shutil.rmtree(path, ignore_errors=True)
