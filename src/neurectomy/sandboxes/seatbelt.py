"""The jail on macOS: ``sandbox-exec`` with a profile that denies by default."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from typing import TYPE_CHECKING

from neurectomy.sandboxes.jail import INSIDE, Jail
from neurectomy.sandboxes.visible import reachable

if TYPE_CHECKING:
    from neurectomy.sandboxes.port import SessionSpec


class Seatbelt(Jail):
    """A profile that denies by default; written from its documentation, not run on a Mac."""

    name = "sandbox-exec"

    def obstacle(self) -> str:
        if sys.platform != "darwin" or shutil.which("sandbox-exec") is None:
            return "sandbox-exec is a part of macOS"
        return ""

    async def launch(self, spec: SessionSpec, folder: str) -> asyncio.subprocess.Process:
        settings = {
            "code": str(spec.code),
            "root": str(spec.root),
            "user": 0,
            "places": [],
            "shared": "",
            "writes": spec.writes,
        }
        return await asyncio.create_subprocess_exec(
            "sandbox-exec",
            "-p",
            profile(spec, folder),
            *[sys.executable, "-I", str(INSIDE / "__main__.py"), json.dumps(settings)],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "TMPDIR": folder, "HOME": folder, "LANG": "C.UTF-8"},
            start_new_session=True,
            limit=1 << 20,
        )


def profile(spec: SessionSpec, folder: str) -> str:
    """The rules: read the system, the interpreter and the program; write ``folder``; no network."""
    places = ["/usr", "/System", "/Library", "/bin", "/private/var/db/timezone", sys.prefix]
    places += [sys.base_prefix, str(spec.root), *map(str, reachable(spec.beside))]
    places += [str(INSIDE), folder]
    writable = [folder, str(spec.root)] if spec.writes else [folder]
    written = " ".join(f"(subpath {json.dumps(place)})" for place in writable)
    readable = " ".join(f"(subpath {json.dumps(place)})" for place in places)
    return "\n".join(
        [
            "(version 1)",
            "(deny default)",
            "(allow process-fork process-exec sysctl-read)",
            "(allow signal (target same-sandbox))",
            f'(allow file-read* {readable} (literal "/") (literal "/dev/urandom"))',
            f'(allow file-write* {written} (literal "/dev/null"))',
            "(allow file-read-metadata)",
        ]
    )
