"""Programs as the command line names them."""

from __future__ import annotations

import os
from pathlib import Path

from neurectomy.core.errors import InvalidInput, NotFound
from neurectomy.language.hints import closest
from neurectomy.workspace.programs import Programs
from neurectomy.workspace.root import find_root

MOST_LISTED = 1000
"""Programs that are looked at for the one that was meant."""


def program_root(path: Path) -> Path:
    """The workspace of a program or folder.

    Raises:
        NotFound: There is no such program; the hint names those that there are.
    """
    if os.path.exists(path):
        return find_root(path)
    folder = next((above for above in path.absolute().parents if above.is_dir()), None)
    found = []
    for name, _ in zip(
        Programs(folder).paths() if folder else (), range(MOST_LISTED), strict=False
    ):
        found.append(name)
    hint = closest(path.name, found, "" if found else "Start one with: neurectomy new mine")
    raise NotFound(f"there is no program {path}", hint=hint)


def program_path(file: str, root: Path) -> str:
    """The path of a program within the workspace, as operations take it.

    Raises:
        InvalidInput: It lies outside.
    """
    path = Path(os.path.realpath(file))
    if not path.is_relative_to(root):
        raise InvalidInput(f"{file} lies outside of the workspace", hint=f"Move it into {root}.")
    return str(path.relative_to(root))
