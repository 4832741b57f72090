"""Starts the worker in the jail, where this folder is all that there is of the package.

Run as a script: ``__main__.py SETTINGS``; see `neurectomy.sandboxes.inside.worker.main`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

NAME = "neurectomy_inside"
"""What the folder is called there: a name that no tool's own module has."""


def main() -> None:
    """Make the folder a package, without putting it on the path of the tools' imports."""
    folder = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    sys.modules[NAME] = importlib.util.module_from_spec(spec)
    importlib.import_module(f"{NAME}.worker").main()


if __name__ == "__main__":
    main()
