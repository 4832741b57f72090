"""The jail on macOS: ``sandbox-exec`` with a profile that denies by default."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from typing import TYPE_CHECKING

from neurectomy.core.errors import NeurectomyError, Unavailable
from neurectomy.sandboxes.bubblewrap import PROBE, WORKER
from neurectomy.sandboxes.port import Availability, Limits, SessionSpec
from neurectomy.sandboxes.session import WorkerSession, private_folder

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.sandboxes.port import Session, Tier


class Seatbelt:
    """Implements `neurectomy.sandboxes.port.Sandbox`."""

    name = "sandbox-exec"
    tier: Tier = "jail"

    async def probe(self) -> Availability:
        if sys.platform != "darwin" or shutil.which("sandbox-exec") is None:
            return Availability(False, "sandbox-exec is a part of macOS")
        try:
            session = await self.open(SessionSpec(PROBE, PROBE.parent))
        except NeurectomyError as error:
            return Availability(False, error.message)
        try:
            outcome = await session.call("probe", {}, Limits(wall_ms=20_000))
        finally:
            await session.close()
        if outcome.value != {"network": False, "written": False}:
            return Availability(False, f"the jail does not hold: {outcome.value or outcome.error}")
        return Availability(True)

    async def open(self, spec: SessionSpec) -> Session:
        if spec.network:
            raise Unavailable(
                f"the jail cannot open the network to {', '.join(spec.network)} only",
                hint="Remove `network` from the tool; this sandbox gives all hosts or none.",
            )
        folder = await asyncio.to_thread(private_folder)
        session = WorkerSession(lambda: self._launch(spec, folder), folder)
        await session.start()
        return session

    async def _launch(self, spec: SessionSpec, folder: str) -> asyncio.subprocess.Process:
        settings = {"code": str(spec.code), "root": str(spec.root), "user": 0}
        return await asyncio.create_subprocess_exec(
            "sandbox-exec",
            "-p",
            profile(spec.root, folder),
            *[sys.executable, "-I", str(WORKER), json.dumps(settings)],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "TMPDIR": folder, "HOME": folder, "LANG": "C.UTF-8"},
            start_new_session=True,
            limit=1 << 20,
        )


def profile(root: Path, folder: str) -> str:
    """The rules: read the system, the interpreter and ``root``; write ``folder``; no network."""
    places = ["/usr", "/System", "/Library", "/bin", "/private/var/db/timezone", sys.prefix]
    places += [sys.base_prefix, str(root), str(WORKER), folder]
    readable = " ".join(f"(subpath {json.dumps(place)})" for place in places)
    return "\n".join(
        [
            "(version 1)",
            "(deny default)",
            "(allow process-fork process-exec sysctl-read)",
            "(allow signal (target same-sandbox))",
            f'(allow file-read* {readable} (literal "/") (literal "/dev/urandom"))',
            f'(allow file-write* (subpath {json.dumps(folder)}) (literal "/dev/null"))',
            "(allow file-read-metadata)",
        ]
    )
