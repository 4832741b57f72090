"""Where the interpreter lies, as far as a jail must show it and no further."""

from __future__ import annotations

import os
import pwd
import sys
from contextlib import suppress
from pathlib import Path

from neurectomy.core.errors import Unavailable
from neurectomy.sandboxes.visible import is_hidden

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32")
"""What every jail shows of the system."""


def folders(root: Path) -> list[str]:
    """The folders of the interpreter and its environment that the system's do not hold.

    None of them holds the home folder or ``root``, of which a tool would see all then.

    Raises:
        Unavailable: The interpreter cannot run with what is left.
    """
    executable = os.path.realpath(sys.executable)
    found = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    found.add(os.path.dirname(os.path.dirname(executable)))
    kept = sorted(
        folder
        for folder in found
        if not _inside(folder, SYSTEM) and _holds_python(folder) and not _holds_home(folder, root)
    )
    for needed in (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), executable):
        if not _inside(needed, (*SYSTEM, *kept)) and not _shown_by(root, needed):
            raise Unavailable(
                f"the interpreter needs {needed}, and a tool would see all that lies in there",
                hint="Run neurectomy in a virtual environment in a folder of its own.",
            )
    return kept


def links(root: Path) -> list[tuple[str, str]]:
    """Links that lead from ``sys.executable`` to the interpreter, each with what it leads to.

    Only those that lie outside of what `folders` and the system hold; the rest of their folders
    is not shown.
    """
    places = (*SYSTEM, *folders(root))
    path, found = sys.executable, {}
    while os.path.islink(path):
        name = os.path.normpath(path)
        if not _inside(name, places) and not _shown_by(root, name):
            found[name] = os.path.realpath(path)
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    return [(target, name) for name, target in found.items()]


def _holds_python(folder: str) -> bool:
    """Whether it is a folder of this version of Python, and not one that has a link to it."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}*"
    return any(Path(folder).glob(f"lib*/{version}"))


def _holds_home(folder: str, root: Path) -> bool:
    homes = {str(root), os.path.expanduser("~")}
    with suppress(KeyError):
        homes.add(pwd.getpwuid(os.getuid()).pw_dir)
    return any(
        _inside(home, (folder,)) or _inside(os.path.realpath(home), (os.path.realpath(folder),))
        for home in homes
    )


def _inside(path: str, places: tuple[str, ...]) -> bool:
    return any(Path(path).is_relative_to(place) for place in places)


def _shown_by(root: Path, path: str) -> bool:
    """Whether the jail shows a path because it lies in the program's folder."""
    if not Path(path).is_relative_to(root):
        return False
    parts = Path(path).relative_to(root).parts
    return not parts or not is_hidden(parts[0])
