"""The jail on Linux without bubblewrap: landlock, the system-call filter and limits.

Weaker than namespaces: other processes' numbers can be seen, though neither signalled nor read.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from neurectomy.core.errors import NeurectomyError, Unavailable
from neurectomy.sandboxes import seccomp
from neurectomy.sandboxes.bubblewrap import PROBE, WORKER
from neurectomy.sandboxes.port import Availability, Limits, SessionSpec
from neurectomy.sandboxes.session import WorkerSession, private_folder

if TYPE_CHECKING:
    from neurectomy.sandboxes.port import Session, Tier

EXECUTABLE = Path(sys.executable).resolve()
CONFINE = Path(__file__).with_name("confine.py")
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/proc/self")


class Landlock:
    """Implements `neurectomy.sandboxes.port.Sandbox`."""

    name = "landlock"
    tier: Tier = "jail"

    async def probe(self) -> Availability:
        if sys.platform != "linux" or seccomp.program(network=False) is None:
            return Availability(False, "landlock is a part of Linux on x86-64 and ARM")
        try:
            session = await self.open(SessionSpec(PROBE, PROBE.parent))
        except NeurectomyError as error:
            return Availability(False, f"landlock: {error.message}")
        try:
            outcome = await session.call("probe", {}, Limits(wall_ms=20_000))
        finally:
            await session.close()
        if outcome.value != {"network": False, "written": False}:
            return Availability(False, f"landlock does not hold: {outcome.value or outcome.error}")
        return Availability(True, detail="without namespaces; bubblewrap is stronger")

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
        filter_ = seccomp.program(network=False)
        assert filter_ is not None
        prefixes = {sys.prefix, sys.base_prefix, str(EXECUTABLE.parent.parent)}
        rules = {
            "read": [*_SYSTEM, *sorted(prefixes), str(spec.root), str(WORKER)],
            "write": [folder, "/dev/null"],
            "filter": filter_.hex(),
        }
        settings = {"code": str(spec.code), "root": str(spec.root), "user": 0}
        python = [sys.executable, "-I"]
        return await asyncio.create_subprocess_exec(
            *[*python, str(CONFINE), json.dumps(rules)],
            *[*python, str(WORKER), json.dumps(settings)],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "TMPDIR": folder, "HOME": folder, "LANG": "C.UTF-8"},
            start_new_session=True,
            limit=1 << 20,
        )
