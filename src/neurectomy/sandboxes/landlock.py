"""The jail on Linux without bubblewrap: landlock, the system-call filter and limits.

Weaker than namespaces: other processes' numbers and files' names, sizes and times can be seen.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from neurectomy.sandboxes import interpreter, seccomp
from neurectomy.sandboxes.inside import confine
from neurectomy.sandboxes.jail import INSIDE, Jail
from neurectomy.sandboxes.visible import identities, reachable, visible

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.sandboxes.port import SessionSpec

SCOPES = 6
"""The version of landlock that keeps signals inside."""

CONFINE = INSIDE / "confine.py"
_FILES = ("/etc/ld.so.cache", "/etc/localtime")


class Landlock(Jail):
    """Rules of the kernel on files, and the filter on everything else."""

    name = "landlock"

    @property
    def detail(self) -> str:
        told = "without namespaces; bubblewrap is stronger"
        if self.tolerated:
            told += "; on this kernel a tool can send signals to your other processes"
        return told

    @property
    def tolerated(self) -> frozenset[str]:
        return frozenset({"signal"} if confine.version() < SCOPES else ())

    def obstacle(self) -> str:
        if sys.platform != "linux" or seccomp.program(network=False) is None:
            return "landlock is a part of Linux on x86-64 and ARM"
        if confine.version() == 0:
            return "this kernel has no landlock, or it is not turned on"
        return ""

    def shown(self, root: Path) -> frozenset[tuple[str, int]]:
        return identities(visible(root))

    async def launch(self, spec: SessionSpec, folder: str) -> asyncio.subprocess.Process:
        filter_ = seccomp.program(network=False, namespaces=False)
        assert filter_ is not None
        # A rule holds for all below it: the program's folder itself has none and is not listed.
        inside = [spec.root] if spec.whole else visible(spec.root)
        shown = [str(path) for path in (*inside, *reachable(spec.beside))]
        python = interpreter.folders(spec.root)
        places = [*interpreter.SYSTEM, *_FILES, *python, *shown, str(INSIDE)]
        rules = {
            "read": [*places, "/proc/self"],
            "write": [folder, "/dev/null", *([str(spec.root)] if spec.writes else [])],
            "filter": filter_.hex(),
        }
        settings = {
            "code": str(spec.code),
            "root": str(spec.root),
            "user": 0,
            "places": [*places, "/dev/null"],
            "shared": "",
            "writes": spec.writes,
        }
        start = [sys.executable, "-I"]
        return await asyncio.create_subprocess_exec(
            *[*start, str(CONFINE), json.dumps(rules)],
            *[*start, str(INSIDE / "__main__.py"), json.dumps(settings)],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "TMPDIR": folder, "HOME": folder, "LANG": "C.UTF-8"},
            start_new_session=True,
            limit=1 << 20,
        )
