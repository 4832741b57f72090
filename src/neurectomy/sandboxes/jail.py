"""What every jail shares: it is probed by a real call, and never opens the network."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from neurectomy.core.errors import NeurectomyError, Unavailable
from neurectomy.sandboxes.port import Availability, Limits, SessionSpec
from neurectomy.sandboxes.session import WorkerSession, private_folder
from neurectomy.sandboxes.sources import Sources
from neurectomy.sandboxes.visible import identities, reachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from neurectomy.sandboxes.port import Outcome, Session, Tier

INSIDE = Path(__file__).with_name("inside")
"""The folder of what runs in the jail."""

PROBE = Path(__file__).with_name("probe.py")
SOCKET, FILE = "socket", "file"


class Jail(ABC):
    """Implements `neurectomy.sandboxes.port.Sandbox`; a subclass starts the worker.

    Attributes:
        needs_folder: Whether calls write to a folder of this machine rather than one inside.
    """

    name: str
    tier: Tier = "jail"
    needs_folder = True

    @property
    def detail(self) -> str:
        """What people should know of this jail where it works."""
        return ""

    @property
    def tolerated(self) -> frozenset[str]:
        """What the probe may find open; `detail` says so."""
        return frozenset()

    @abstractmethod
    def obstacle(self) -> str:
        """Why it cannot work on this machine, before anything is tried; else empty."""

    @abstractmethod
    async def launch(self, spec: SessionSpec, folder: str) -> asyncio.subprocess.Process:
        """Start a worker with pipes for its standard input, output and error."""

    def shown(self, root: Path) -> frozenset[tuple[str, int]]:
        """What of ``root`` the jail was built on; where it differs, a new session is needed."""
        return frozenset()

    async def probe(self) -> Availability:
        if reason := self.obstacle():
            return Availability(False, reason)
        async with _victims() as (folder, process):
            try:
                outcome = await self._try(folder, process.pid)
            except NeurectomyError as error:
                return Availability(False, f"{self.name}: {error.message}")
            if outcome.status != "ok":
                return Availability(False, f"{self.name} does not hold: {outcome.error}")
            found = set(outcome.value)
            if "signal" in found and not await _ended(process):
                found.remove("signal")  # it reached a process of the jail with the same number
        if found - self.tolerated:
            ways = ", ".join(sorted(found))
            return Availability(False, f"{self.name} does not hold, ways out: {ways}")
        return Availability(True, detail=self.detail)

    async def _try(self, folder: Path, pid: int) -> Outcome:
        session = await self.open(SessionSpec(PROBE, PROBE.parent))
        try:
            arguments = {"address": str(folder / SOCKET), "file": str(folder / FILE), "pid": pid}
            return await session.call("probe", arguments, Limits(wall_ms=20_000))
        finally:
            await session.close()

    async def open(self, spec: SessionSpec) -> Session:
        if spec.network:
            raise Unavailable(
                f"the jail cannot open the network to {', '.join(spec.network)} only",
                hint="Remove `network` from the tool; this sandbox gives all hosts or none.",
            )
        folder = await asyncio.to_thread(private_folder) if self.needs_folder else ""

        def shown() -> object:
            return self.shown(spec.root) | identities(reachable(spec.beside))

        sources = Sources(spec.code, spec.root, shown)
        session = WorkerSession(lambda: self.launch(spec, folder), sources, folder)
        try:
            await session.start()
        except BaseException:
            await session.close()
            raise
        return session


@asynccontextmanager
async def _victims() -> AsyncIterator[tuple[Path, asyncio.subprocess.Process]]:
    """A folder with a socket that somebody listens on and a file, and a process: all ours."""
    with (
        tempfile.TemporaryDirectory(prefix="neurectomy-probe-", dir="/tmp") as name,
        socket.socket(socket.AF_UNIX) as listening,
    ):
        folder = Path(name)
        listening.bind(str(folder / SOCKET))
        listening.listen()
        (folder / FILE).write_text("whole")
        process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
        try:
            yield folder, process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()


async def _ended(process: asyncio.subprocess.Process) -> bool:
    try:
        async with asyncio.timeout(1):
            await process.wait()
    except TimeoutError:
        return False
    return True
