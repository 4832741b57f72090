"""Loads a tool's file, and lists which files of the program came with it."""

from __future__ import annotations

import contextlib
import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType


def load(path: str, root: str) -> ModuleType:
    """Import a tool's file, which finds modules beside itself and in the program's folder."""
    folders = [str(Path(path).parent), root]
    sys.path[:0] = folders
    sys.meta_path.append(Unlisted([folder for folder in folders if not _listable(folder)]))
    spec = spec_from_file_location("tool", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["tool"] = module
    spec.loader.exec_module(module)
    return module


def loaded(root: str) -> list[str]:
    """The files below ``root`` that modules were loaded from, but for the interpreter's own."""
    own = tuple(os.path.join(prefix, "") for prefix in {sys.prefix, sys.base_prefix})
    found = set()
    for module in list(sys.modules.values()):
        with contextlib.suppress(Exception):  # a tool may have put anything in there
            path: Any = vars(module)["__file__"]
            if path.startswith(os.path.join(root, "")) and not path.startswith(own):
                found.add(str(path))
    return sorted(found)


class Unlisted:
    """Finds modules in folders that may be read but not listed, where Python finds none.

    A finder as `sys.meta_path` has them.
    """

    def __init__(self, folders: list[str]) -> None:
        self._folders = folders

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        """Where a module lies; only those at the top are looked for, as their folders are."""
        if path is not None:
            return None
        for folder in self._folders:
            place = os.path.join(folder, name)
            for file in (os.path.join(place, "__init__.py"), f"{place}.py"):
                if os.path.isfile(file):
                    return spec_from_file_location(name, file)
            if os.path.isdir(place):
                spec = ModuleSpec(name, None, is_package=True)
                spec.submodule_search_locations = [place]
                return spec
        return None


def _listable(folder: str) -> bool:
    try:
        os.listdir(folder)
    except OSError:
        return False
    return True
