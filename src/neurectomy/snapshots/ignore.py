"""What of a folder is no part of its snapshot: hidden names, caches, and what Git ignores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec

if TYPE_CHECKING:
    from pathlib import Path

CACHES = frozenset({"__pycache__"})
"""Names that are made again by themselves, and that nobody needs to see."""

BESIDE = frozenset({"node_modules", "site-packages"})
"""Names of installed dependencies: not captured, and still to be seen."""

PRIVATE = frozenset({"neurectomy.toml"})
"""Names that are nobody's but the user's, besides all that begin with a dot."""


def is_private(name: str) -> bool:
    """Whether a name is the user's own: no tool sees it, and no run writes it."""
    return name.startswith(".") or name in PRIVATE


class Ignore:
    """The rules that hold in one folder of a tree.

    Args:
        folder: Where the folder is.
        rules: Those of the folders around it, each with the path that it is relative to.
        path: The folder's, relative to the root; empty for the root.
    """

    def __init__(
        self, folder: Path, rules: tuple[tuple[str, GitIgnoreSpec], ...] = (), path: str = ""
    ) -> None:
        self._path = path
        self._rules = rules
        try:
            lines = (folder / ".gitignore").read_text("utf-8", "replace").splitlines()
        except OSError:
            return
        spec = GitIgnoreSpec.from_lines(lines)
        if spec.patterns:
            self._rules = (*rules, (path, spec))

    def below(self, folder: Path, name: str) -> Ignore:
        """The rules of a folder in this one."""
        return Ignore(folder, self._rules, f"{self._path}{name}/")

    def hides(self, name: str) -> bool:
        """Whether nobody is to see a name, captured or not."""
        return is_private(name) or name in CACHES

    def refuses(self, name: str) -> str:
        """Why a name is not captured, where that has to be said."""
        return ""

    def leaves_out(self, name: str, *, is_folder: bool) -> bool:
        """Whether a name is seen where it is, and is no part of the snapshot."""
        if is_folder and name in BESIDE:
            return True
        found = False
        path = f"{self._path}{name}{'/' if is_folder else ''}"
        for base, spec in self._rules:
            told = spec.check_file(path.removeprefix(base)).include
            found = found if told is None else told
        return found


class Written(Ignore):
    """The rules of a folder that a tool has worked in: nothing is ignored, and little refused."""

    def __init__(self) -> None:
        self._path, self._rules = "", ()

    def below(self, folder: Path, name: str) -> Ignore:
        return self

    def hides(self, name: str) -> bool:
        return name in CACHES

    def refuses(self, name: str) -> str:
        if is_private(name):
            return "hidden names are not kept"
        return "installed dependencies are not kept" if name in BESIDE else ""

    def leaves_out(self, name: str, *, is_folder: bool) -> bool:
        return False


def rules_of(folder: Path, top: Path) -> Ignore:
    """The rules of a folder, those of the folders around it up to ``top`` among them.

    Where those around it leave the folder itself out, only its own count.
    """
    if not folder.is_relative_to(top):
        return Ignore(folder)
    rules, place = Ignore(top), top
    for name in folder.relative_to(top).parts:
        if rules.leaves_out(name, is_folder=True):
            return Ignore(folder)
        place = place / name
        rules = rules.below(place, name)
    return rules
